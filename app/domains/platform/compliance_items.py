"""Obligations: licences, insurance, taxes, safety and the control of AI - who sees to each, until when, and what proves it."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.orm import Mapped

from app.core.clock import today
from app.engine.access import Actor
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Count, Date, Moment, Reference, SubjectLink, Text
from app.engine.records import (
    Archivable,
    Authored,
    PerhapsSubject,
    Record,
    Standard,
    choice,
    day,
    integer,
    moment,
    ref,
    text_,
)
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


class ComplianceItem(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "compliance_items"
    code: Mapped[str] = text_()
    title: Mapped[str] = text_()
    category: Mapped[str] = choice(
        "safety", "licence", "insurance", "tax", "privacy", "security", "contract", "ai_governance"
    )
    owner_id: Mapped[int | None] = ref("app_users", "N")
    status: Mapped[str] = choice(
        "not_started", "in_progress", "compliant", "at_risk", "non_compliant", "waived", default="not_started"
    )
    due_on: Mapped[date | None] = day()
    review_every_months: Mapped[int | None] = integer()
    last_reviewed_at: Mapped[datetime | None] = moment()
    evidence_document_id: Mapped[int | None] = ref("documents", "N")
    waiver_reason: Mapped[str | None] = text_()
    notes: Mapped[str | None] = text_()


UNMET = ("not_started", "in_progress", "at_risk", "non_compliant")
OPEN = ComplianceItem.status.in_(UNMET)
KEPT = ComplianceItem.status != "waived"


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(KEPT, ComplianceItem.owner_id == actor.app_user_id)


def in_months(start: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def reviewed(moving: Moving) -> Mapping[str, Any]:
    """Met today, and due again after its interval, so that nobody has to remember the next time."""
    months = moving.record["review_every_months"]
    again = {"due_on": in_months(today(moving.actor.timezone), months)} if months else {}
    return {"last_reviewed_at": moving.at, "waiver_reason": None, **again}


def looked_at(moving: Moving) -> Mapping[str, Any]:
    return {"last_reviewed_at": moving.at}


def taken_up(moving: Moving) -> Mapping[str, Any]:
    return {"waiver_reason": None, "owner_id": moving.record["owner_id"] or moving.actor.app_user_id}


compliance_items = Resource(
    ComplianceItem,
    title="title",
    code="code",
    label="Obligations",
    singular="obligation",
    icon="shield",
    nav=("System", 55),
    about="What the company must keep to, from licences to the control of its agents: who sees to it, by when, what proves it.",
    area="compliance",
    search=("code", "title"),
    sort="due_on",
    scopes={
        "Due in 30 days": and_(KEPT, ComplianceItem.due_on <= func.current_date() + 30),
        "Overdue": and_(KEPT, ComplianceItem.due_on < func.current_date()),
        "Missing evidence": and_(KEPT, ComplianceItem.evidence_document_id.is_(None)),
        "Not met": OPEN,
        "At risk": ComplianceItem.status.in_(("at_risk", "non_compliant")),
        "Mine": mine,
        "Waived": ComplianceItem.status == "waived",
    },
    facts=("category", "owner_id", "due_on", "last_reviewed_at", "review_every_months", "evidence_document_id", "subject_id"),
    lifecycle=Lifecycle(
        "status",
        initial="not_started",
        stages=("not_started", "in_progress", "compliant"),
        transitions=(
            Transition(
                "start", "Start on it", ("not_started", "at_risk", "non_compliant"), "in_progress", "compliance.assess",
                effects=(taken_up,), done="started",
            ),
            Transition(
                "confirm", "Confirm as met", (*UNMET, "compliant"), "compliant", "compliance.assess",
                asks=("evidence_document_id", "notes"), requires=("evidence_document_id",), effects=(reviewed,),
                done="confirmed as met",
            ),
            Transition(
                "warn", "Mark as at risk", ("not_started", "in_progress", "compliant"), "at_risk", "compliance.assess",
                asks=("notes",), requires=("notes",), effects=(looked_at,), done="marked as at risk",
            ),
            Transition(
                "breach", "Mark as not met", ("in_progress", "compliant", "at_risk"), "non_compliant", "compliance.assess",
                asks=("notes",), requires=("notes",), effects=(looked_at,), danger=True, done="marked as not met",
            ),
            Transition(
                "waive", "Waive obligation", UNMET, "waived", "compliance.waive", asks=("waiver_reason",),
                requires=("waiver_reason",), effects=(looked_at,), danger=True, done="waived",
            ),
            Transition(
                "reinstate", "Take up again", ("waived",), "in_progress", "compliance.waive", effects=(taken_up,),
                done="taken up again",
            ),
        ),
    ),
    sentences={
        "uq_compliance_items_tenant_id_code": ("code", "Another obligation already has this code."),
        "ck_compliance_items_waived": ("waiver_reason", "Say why it is waived."),
    },
    defaults={"owner_id": lambda actor: actor.app_user_id},
    fields=(
        Text("title", label="Obligation", required=True, edit=INLINE, longest=200, width="xl"),
        Code("code", required=True, longest=40, filter=True, width="s", help="Short and unique, like INS-GL-2026."),
        Choice("category", edit=BULK, filter=True, labels={"ai_governance": "Control of AI"}),
        Choice(
            "status", edit=NEVER, filter=True, labels={"compliant": "Met", "non_compliant": "Not met"},
            tones={
                "not_started": "mute draft", "in_progress": "info prog", "compliant": "ok done", "at_risk": "warn warn",
                "non_compliant": "danger fail", "waived": "mute off",
            },
        ),
        Reference("owner_id", label="Seen to by", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Date("due_on", label="Due", due=True, edit=INLINE | BULK, filter=True),
        Moment("last_reviewed_at", label="Last looked at", edit=NEVER, filter=True),
        Reference("evidence_document_id", label="Evidence", to="documents", edit=INLINE, filter=True),
        Count(
            "review_every_months", label="Every so many months", least=1, most=120, edit=INLINE, list=False, filter=True,
            help="Once met, it is due again after so long; blank means once is enough.",
        ),
        SubjectLink("subject_id", label="About", list=False),
        Text("notes", long=True, list=False, group="Notes"),
        Text("waiver_reason", label="Waived because", long=True, edit=NEVER, list=False, group="Notes"),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
