"""Visits: the appointments of a job. Crews, hours and material belong here; a job has one visit or many."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, String, and_, any_, cast, func, literal, select
from sqlalchemy.orm import Mapped

from app.core.clock import today, zone_of
from app.domains.crm.tables import table
from app.engine.access import Actor
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Count,
    Flag,
    Moment,
    Money,
    Quantity,
    Reference,
    Text,
)
from app.engine.records import Record, Standard, choice, flag, integer, moment, money, number, numbers, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


class JobVisit(Record, Standard):
    __tablename__ = "job_visits"
    job_id: Mapped[int] = ref("jobs", "C")
    visit_no: Mapped[int] = integer("1")
    status: Mapped[str] = choice(
        "scheduled", "dispatched", "working", "paused", "done", "no_access", "cancelled", default="scheduled"
    )
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime] = moment()
    crew_lead_id: Mapped[int | None] = ref("app_users", "N")
    crew_ids: Mapped[list[int]] = numbers()
    arrived_at: Mapped[datetime | None] = moment()
    departed_at: Mapped[datetime | None] = moment()
    labor_hours: Mapped[Decimal] = number(8, 2, "0")
    travel_hours: Mapped[Decimal] = number(8, 2, "0")
    material_cost: Mapped[Decimal] = money("0")
    findings: Mapped[str | None] = text_()
    work_performed: Mapped[str | None] = text_()
    needs_return: Mapped[bool] = flag()
    signature_name: Mapped[str | None] = text_()


COMING = JobVisit.status.in_(("scheduled", "dispatched"))


def starting(actor: Actor, days: int) -> ColumnElement[bool]:
    """Visits that start within `days` calendar days from today on, by the viewer's clock."""
    midnight = datetime.combine(today(actor.timezone), time(), zone_of(actor.timezone))
    return and_(JobVisit.starts_at >= midnight, JobVisit.starts_at < midnight + timedelta(days=days))


def name() -> ColumnElement[Any]:
    """J-24817, visit 2: a visit is spoken of by its job."""
    jobs = table("jobs").c
    number = select(jobs.number).where(jobs.id == JobVisit.job_id).scalar_subquery()
    return cast(func.concat(number, literal(", visit "), JobVisit.visit_no), String)


def crew() -> ColumnElement[Any]:
    """The names of who goes along, in one cell."""
    people = table("app_users").c
    names = select(func.string_agg(people.display_name, literal(", "))).where(people.id == any_(JobVisit.crew_ids))
    return cast(names.scalar_subquery(), String)


def has_crew(moving: Moving) -> str | None:
    return None if moving.record["crew_lead_id"] is not None else "Give the visit a crew lead first."


def arrived(moving: Moving) -> Mapping[str, Any]:
    return {"arrived_at": moving.record["arrived_at"] or moving.at}


def departed(moving: Moving) -> Mapping[str, Any]:
    return {"arrived_at": moving.record["arrived_at"] or moving.at, "departed_at": moving.at}


def as_new(_: Moving) -> Mapping[str, Any]:
    return {"arrived_at": None, "departed_at": None}


lifecycle = Lifecycle(
    field="status",
    initial="scheduled",
    stages=("scheduled", "dispatched", "working", "done"),
    frozen={"done": ("job_id", "visit_no", "starts_at", "ends_at"), "cancelled": ("*",)},
    why_frozen="This visit is over; plan another one.",
    transitions=(
        Transition(
            "dispatch", "Dispatch crew", source=("scheduled",), to="dispatched", may="visits.dispatch", guards=(has_crew,),
            done="dispatched",
        ),
        Transition(
            "start", "Start work", source=("scheduled", "dispatched"), to="working", may="visits.work", effects=(arrived,),
            done="started",
        ),
        Transition("pause", "Pause work", source=("working",), to="paused", may="visits.work", done="paused"),
        Transition("resume", "Resume work", source=("paused",), to="working", may="visits.work", done="resumed"),
        Transition(
            "finish", "Finish visit", source=("working", "paused"), to="done", may="visits.work",
            asks=("work_performed", "findings", "labor_hours", "needs_return"), requires=("work_performed",),
            effects=(departed,), done="finished",
        ),
        Transition(
            "no_access", "Report no access", source=("scheduled", "dispatched", "working"), to="no_access",
            may="visits.work", asks=("findings",), requires=("findings",), effects=(departed,), done="reported without access",
        ),
        Transition(
            "cancel", "Cancel visit", source=("scheduled", "dispatched"), to="cancelled", may="visits.cancel", reason=True,
            danger=True, done="cancelled",
        ),
        Transition(
            "reschedule", "Reschedule visit", source=("no_access", "cancelled"), to="scheduled", may="visits.dispatch",
            asks=("starts_at", "ends_at", "crew_lead_id"), requires=("starts_at", "ends_at"), effects=(as_new,),
            done="rescheduled",
        ),
    ),
)  # fmt: skip

job_visits = Resource(
    JobVisit,
    title="name",
    label="Visits",
    icon="calendar",
    nav=("Field", 20),
    about="Who is on which roof when, and what they found and did there.",
    area="visits",
    sort="-starts_at",
    lifecycle=lifecycle,
    scopes={
        "Today": lambda actor: starting(actor, 1),
        "Next 7 days": lambda actor: starting(actor, 7),
        "No crew lead": and_(COMING, JobVisit.crew_lead_id.is_(None)),
        "Past, still open": and_(COMING, JobVisit.ends_at < func.now()),
        "Needs return": JobVisit.needs_return.is_(True),
    },
    facts=("job_id", "starts_at", "ends_at", "crew_lead_id", "labor_hours", "material_cost"),
    sentences={
        "uq_job_visits_job_id_visit_no": ("visit_no", "This job already has a visit with that number."),
        "ck_job_visits_ends_at": ("ends_at", "A visit ends after it starts."),
        "ck_job_visits_departed_at": ("departed_at", "A crew leaves after it arrives."),
        "ck_job_visits_hours": ("labor_hours", "Hours are zero or more."),
    },
    fields=(
        Text("name", label="Visit", edit=NEVER, sort=False, expr=name, width="m"),
        Reference("job_id", to="jobs", required=True, edit=CREATE, filter=True, width="l"),
        Moment("starts_at", label="Starts", planned=True, required=True, edit=INLINE, filter=True),
        Moment("ends_at", label="Ends", planned=True, required=True, edit=INLINE, filter=True),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            tones={
                "scheduled": "info sched", "dispatched": "info prog", "working": "accent prog", "paused": "warn pause",
                "done": "ok done", "no_access": "warn warn", "cancelled": "mute off",
            },
        ),
        Reference("crew_lead_id", label="Crew lead", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Moment("arrived_at", label="Arrived", edit=NEVER, filter=True),
        Quantity("labor_hours", label="Hours", unit="h", places=2, least=0, edit=INLINE),
        Flag("needs_return", edit=INLINE, filter=True, help="Somebody must come back for this roof."),
        Count("visit_no", label="Visit no.", edit=CREATE, least=1, list=False, help="Counts up within the job."),
        Text("crew", edit=NEVER, list=False, sort=False, expr=crew),
        Moment("departed_at", label="Left", edit=NEVER, list=False, filter=True),
        Quantity("travel_hours", unit="h", places=2, least=0, edit=INLINE, list=False, group="Work"),
        Money("material_cost", least=0, edit=INLINE, list=False, group="Work"),
        Text("findings", long=True, list=False, group="Work"),
        Text("work_performed", long=True, list=False, group="Work"),
        Text("signature_name", label="Signed by", longest=200, list=False, group="Work"),
        Moment("created_at", label="Planned", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
