"""App users: the people of the company - office, crews, subcontractors - whether or not they sign in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Email,
    Moment,
    Money,
    Phone,
    Reference,
    Tags,
    Text,
)
from app.engine.records import Archivable, External, Record, Standard, choice, moment, money, ref, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class AppUser(Record, Standard, Archivable, External):
    __tablename__ = "app_users"
    user_id: Mapped[int | None] = ref("users", "R")
    display_name: Mapped[str] = text_()
    email: Mapped[str | None] = text_()
    phone_e164: Mapped[str | None] = text_()
    job_title: Mapped[str | None] = text_()
    employee_kind: Mapped[str] = choice(
        "office",
        "sales",
        "estimator",
        "field_tech",
        "crew_lead",
        "project_manager",
        "subcontractor",
        "service_account",
        default="office",
    )
    status: Mapped[str] = choice("invited", "active", "suspended", "deactivated", default="invited")
    manager_id: Mapped[int | None] = ref("app_users", "N")
    labor_cost_hour: Mapped[Decimal | None] = money()
    skills: Mapped[list[str]] = texts()
    color: Mapped[str | None] = text_()
    last_seen_at: Mapped[datetime | None] = moment()
    deactivated_at: Mapped[datetime | None] = moment()


def without_a_sign_in(moving: Moving) -> str | None:
    """Shutting out someone who signs in must also end their sessions and leave an owner; the People page does both."""
    if moving.record["user_id"] is not None:
        return "This person signs in; change their access on the People page, which also ends their sessions."
    return None


def stamp_leaving(moving: Moving) -> Mapping[str, Any]:
    return {"deactivated_at": moving.at}


def clear_leaving(moving: Moving) -> Mapping[str, Any]:
    return {"deactivated_at": None}


app_users = Resource(
    AppUser,
    title="display_name",
    label="Staff",
    singular="person",
    icon="users",
    nav=("People and access", 80),
    about=(
        "Everyone who works here, with or without a sign-in: what jobs, tasks and changes point at."
        " The sign-in behind a person (Sign-ins) may serve several companies and can go without losing the person."
    ),
    area="users",
    search=("display_name", "email", "job_title"),
    sign="@",
    sort="display_name",
    open_title=True,
    scopes={
        "Active": AppUser.status == "active",
        "Crews": AppUser.employee_kind.in_(("field_tech", "crew_lead", "subcontractor")),
        "Without a sign-in": AppUser.user_id.is_(None),
        "Left": AppUser.status == "deactivated",
    },
    facts=("status", "employee_kind", "job_title", "manager_id", "last_seen_at"),
    related=(
        Related(
            "app_user_roles",
            via="app_user_id",
            label="Roles",
            fields=("role_id", "granted_by", "expires_at", "created_at"),
        ),
        Related("app_users", via="manager_id", label="Reports to this person", sort="display_name"),
        Related("user_api_keys", via="app_user_id", fields=("name", "prefix", "status", "last_used_at", "expires_at")),
    ),
    sentences={"uq_app_users_tenant_id_user_id": ("user_id", "This sign-in belongs to another person here already.")},
    fields=(
        Text("display_name", label="Name", required=True, edit=INLINE, width="l", longest=200),
        Text("job_title", edit=INLINE, longest=120),
        Choice(
            "employee_kind",
            label="Works as",
            edit=INLINE | BULK,
            filter=True,
            labels={"field_tech": "Field technician"},
        ),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            tones={"invited": "info draft", "active": "ok done", "suspended": "warn pause", "deactivated": "mute off"},
        ),
        Email("email", label="E-mail", edit=INLINE, group="Contact"),
        Phone("phone_e164", label="Phone", edit=INLINE, group="Contact"),
        Reference("manager_id", label="Manager", to="app_users", as_="person", edit=BULK, filter=True, group="Work"),
        Tags("skills", list=False, group="Work"),
        Code("color", label="Calendar colour", list=False, longest=20, group="Work"),
        Money("labor_cost_hour", label="Loaded cost per hour", may="users.costs", least=0, list=False, group="Work"),
        Reference("user_id", label="Signs in as", to="users", edit=NEVER, list=False, filter=True, group="Sign-in"),
        Moment("last_seen_at", label="Last seen", edit=NEVER, filter=True, group="Sign-in"),
        Moment("deactivated_at", label="Left", edit=NEVER, list=False, filter=True, group="Sign-in"),
        Code("external_source", label="Came from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="Key there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, group="Origin"),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="invited",
        stages=("invited", "active"),
        transitions=(
            Transition(
                "activate",
                "Activate",
                ("invited",),
                "active",
                "users.write",
                guards=(without_a_sign_in,),
                done="activated",
            ),
            Transition(
                "deactivate",
                "Deactivate",
                ("invited", "active", "suspended"),
                "deactivated",
                "users.deactivate",
                guards=(without_a_sign_in,),
                effects=(stamp_leaving,),
                reason=True,
                danger=True,
                done="deactivated",
            ),
            Transition(
                "return",
                "Bring back",
                ("suspended", "deactivated"),
                "active",
                "users.deactivate",
                guards=(without_a_sign_in,),
                effects=(clear_leaving,),
                reason=True,
                done="brought back",
            ),
        ),
    ),
)
