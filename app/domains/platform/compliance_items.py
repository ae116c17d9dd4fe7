"""Obligations: obligations and controls with owner, due date and evidence."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Date, Moment, Reference, SubjectLink, Text
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


compliance_items = Resource(
    ComplianceItem,
    title="title",
    label="Obligations",
    icon="gear",
    nav=("System", 55),
    about="Obligations and controls with owner, due date and evidence.",
    area="compliance",
    search=(
        "code",
        "title",
    ),
    sort="-created_at",
    fields=(
        Code("code", filter=True),
        Text("title", filter=True),
        Choice("category", filter=True),
        Reference("owner_id", to="app_users", as_="person", filter=True),
        Choice("status", filter=True),
        Date("due_on", filter=True),
        Count("review_every_months", filter=True),
        Moment("last_reviewed_at", filter=True),
        Reference("evidence_document_id", to="documents", filter=True),
        Text("waiver_reason", long=True, list=False),
        Text("notes", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
