"""Documents: business documents with a life of their own: contracts, warranties, permits, certificates, rendered PDFs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Date, Email, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import (
    Archivable,
    Authored,
    PerhapsSubject,
    Record,
    Standard,
    choice,
    day,
    json_,
    moment,
    ref,
    text_,
)
from app.engine.resource import Resource


class Document(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "documents"
    number: Mapped[str | None] = text_()
    title: Mapped[str] = text_()
    kind: Mapped[str] = choice(
        "proposal",
        "contract",
        "change_order",
        "invoice_pdf",
        "statement",
        "warranty",
        "permit",
        "insurance_certificate",
        "tax_exemption",
        "lien_waiver",
        "safety_plan",
        "inspection_report",
        "policy",
        "other",
    )
    status: Mapped[str] = choice("draft", "in_review", "final", "sent", "signed", "expired", "void", default="draft")
    file_id: Mapped[int | None] = ref("file_metadata", "R")
    customer_id: Mapped[int | None] = ref("customers", "R")
    template_key: Mapped[str | None] = text_()
    rendered_from: Mapped[Any] = json_(nullable=True)
    effective_on: Mapped[date | None] = day()
    expires_on: Mapped[date | None] = day()
    signed_at: Mapped[datetime | None] = moment()
    signer_name: Mapped[str | None] = text_()
    signer_email: Mapped[str | None] = text_()
    signature_ip: Mapped[Any] = mapped_column(INET, nullable=True)


documents = Resource(
    Document,
    title="title",
    code="number",
    label="Documents",
    icon="table",
    nav=("Files", 20),
    about="Business documents with a life of their own: contracts, warranties, permits, certificates, rendered PDFs.",
    area="documents",
    search=(
        "number",
        "title",
    ),
    sort="-created_at",
    fields=(
        Code("number", filter=True),
        Text("title", filter=True),
        Choice("kind", filter=True),
        Choice("status", filter=True),
        Reference("file_id", to="file_metadata", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Code("template_key", filter=True),
        Json("rendered_from"),
        Date("effective_on", filter=True),
        Date("expires_on", filter=True),
        Moment("signed_at", filter=True),
        Text("signer_name", filter=True),
        Email("signer_email"),
        Code(
            "signature_ip",
            edit=NEVER,
            list=False,
            personal=True,
            sort=False,
            expr=lambda: func.host(Document.signature_ip),
        ),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
