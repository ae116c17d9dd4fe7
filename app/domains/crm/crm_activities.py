"""Activities: the dated calls, mails, meetings and notes that make up the time-line of a customer or a lead."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.core.clock import now
from app.domains.crm.lead_scoring import noticed
from app.engine.access import Actor
from app.engine.fields import CREATE, FORM, INLINE, NEVER, Choice, Count, Flag, Moment, Reference, Text
from app.engine.records import Authored, Record, Standard, choice, flag, integer, moment, ref, text_
from app.engine.resource import Resource


class CrmActivity(Record, Standard, Authored):
    __tablename__ = "crm_activities"
    kind: Mapped[str] = choice("call", "email", "sms", "meeting", "note", "site_visit", "status_change", "system")
    direction: Mapped[str | None] = choice("in", "out")
    subject: Mapped[str] = text_()
    body: Mapped[str | None] = text_()
    customer_id: Mapped[int | None] = ref("customers", "C")
    lead_id: Mapped[int | None] = ref("leads", "C")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    job_id: Mapped[int | None] = ref("jobs", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    message_id: Mapped[int | None] = ref("message_outbox", "N")
    occurred_at: Mapped[datetime] = moment("now()")
    duration_minutes: Mapped[int | None] = integer()
    outcome: Mapped[str | None] = text_()
    is_pinned: Mapped[bool] = flag()
    is_internal: Mapped[bool] = flag("true")


def mine(actor: Actor) -> ColumnElement[bool]:
    return CrmActivity.app_user_id == actor.app_user_id


crm_activities = Resource(
    CrmActivity,
    title="subject",
    label="Activities",
    singular="activity",
    icon="note",
    nav=("Customers", 50),
    about="Calls, mails, meetings and notes with a date: what was said, by whom, and what came of it.",
    area="customers",
    search=("subject",),
    sort="-occurred_at",
    follow=(noticed,),
    scopes={
        "Mine": mine,
        "Calls": CrmActivity.kind == "call",
        "Notes": CrmActivity.kind == "note",
        "Pinned": CrmActivity.is_pinned.is_(True),
    },
    facts=("kind", "customer_id", "contact_id", "occurred_at", "app_user_id", "outcome"),
    sentences={"ck_crm_activities_customer_or_lead": ("customer_id", "Say which customer or lead this was about.")},
    defaults={"app_user_id": lambda actor: actor.app_user_id, "occurred_at": lambda actor: now(), "kind": "call"},
    fields=(
        Text("subject", required=True, edit=INLINE, longest=300, width="xl"),
        Choice(
            "kind", filter=True, width="s",
            labels={"email": "E-mail", "sms": "Text message"},
            tones={
                "call": "info dot", "email": "info dot", "sms": "info dot", "meeting": "accent dot", "note": "mute dot",
                "site_visit": "accent dot", "status_change": "mute dot", "system": "mute dot",
            },
        ),
        Moment("occurred_at", label="When", filter=True),
        Reference("customer_id", to="customers", edit=CREATE, filter=True, width="l"),
        Reference("lead_id", to="leads", edit=CREATE, list=False, filter=True),
        Reference("contact_id", to="contacts", edit=FORM, filter=True),
        Reference("job_id", to="jobs", filter=True),
        Reference("app_user_id", label="By", to="app_users", as_="person", filter=True),
        Choice("direction", filter=True, labels={"in": "From them", "out": "From us"}),
        Text("outcome", edit=INLINE, longest=300),
        Count("duration_minutes", label="Minutes", least=0, most=1440, list=False),
        Reference("agent_id", label="By agent", to="ai_agents", as_="agent", edit=NEVER, list=False, filter=True),
        Reference("message_id", label="Message", to="message_outbox", edit=NEVER, list=False, filter=True),
        Text("body", label="Notes", long=True, list=False, group="Notes"),
        Flag("is_pinned", label="Pinned", edit=INLINE, list=False, filter=True, help="Stays on top of the time-line."),
        Flag(
            "is_internal", label="Internal", list=False, filter=True,
            help="Internal notes never appear on anything a customer can open.",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False),
    ),
)  # fmt: skip
