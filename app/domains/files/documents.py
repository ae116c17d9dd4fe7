"""Documents: papers with a life of their own: contracts, warranties, permits, certificates and what was printed for customers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.engine.access import Actor
from app.engine.fields import INLINE, NEVER, Choice, Code, Date, Email, Json, Moment, Reference, SubjectLink, Text
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
from app.engine.states import Lifecycle, Moving, Transition


class Document(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "documents"
    number: Mapped[str | None] = text_()
    title: Mapped[str] = text_()
    kind: Mapped[str] = choice(
        "proposal", "contract", "change_order", "invoice_pdf", "statement", "warranty", "permit",
        "insurance_certificate",
        "tax_exemption", "lien_waiver", "safety_plan", "inspection_report", "policy", "other",
    )  # fmt: skip
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


IN_FORCE = Document.status.in_(("final", "sent", "signed"))


def expiring(actor: Actor) -> ColumnElement[bool]:
    day = today(actor.timezone)
    return and_(IN_FORCE, Document.expires_on >= day, Document.expires_on < day + timedelta(days=60))


def run_out(actor: Actor) -> ColumnElement[bool]:
    """Past its last day and still standing as if it were good."""
    return and_(IN_FORCE, Document.expires_on < today(actor.timezone))


def has_its_file(moving: Moving) -> str | None:
    """From here on others rely on it, so there has to be something to look at."""
    if (moving.asked.get("file_id") or moving.record["file_id"]) is None:
        return "Choose the file it is in first."
    return None


def somebody_else(moving: Moving) -> str | None:
    me = moving.actor.app_user_id
    if moving.record["status"] == "in_review" and me is not None and me == moving.record["created_by"]:
        return "You wrote this document; somebody else reviews it."
    return None


def in_time(moving: Moving) -> str | None:
    until = moving.record["expires_on"]
    if until is not None and until < today(moving.actor.timezone):
        return f"This document ended on {until:%b} {until.day}, {until.year}; make a new one."
    return None


def over(moving: Moving) -> str | None:
    until = moving.record["expires_on"]
    return "This document is still good." if until is None or until >= today(moving.actor.timezone) else None


def signed(moving: Moving) -> Mapping[str, Any]:
    return {"signed_at": moving.at}


_AS_IT_WENT_OUT = (
    "number", "title", "kind", "file_id", "customer_id", "template_key", "rendered_from", "effective_on", "subject_id",
)  # fmt: skip

lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "in_review", "final", "sent", "signed"),
    frozen={
        **dict.fromkeys(("final", "sent"), _AS_IT_WENT_OUT),
        **dict.fromkeys(("signed", "expired", "void"), ("*",)),
    },
    why_frozen="What others rely on stays as it is; make a new document that replaces it.",
    transitions=(
        Transition(
            "submit", "Submit for review", source=("draft",), to="in_review", may="documents.review",
            done="submitted for review",
        ),
        Transition(
            "send_back", "Send back to draft", source=("in_review",), to="draft", may="documents.review", reason=True,
            done="sent back to draft",
        ),
        Transition(
            "finalize", "Make final", source=("draft", "in_review"), to="final", may="documents.finalize",
            asks=("file_id",),
            guards=(has_its_file, somebody_else), done="made final",
        ),
        Transition(
            "send", "Mark as sent", source=("final",), to="sent", may="documents.send", guards=(in_time,),
            done="marked as sent",
        ),
        Transition(
            "sign", "Record signature", source=("final", "sent"), to="signed", may="documents.sign",
            asks=("signer_name", "signer_email"), requires=("signer_name",), guards=(in_time,), effects=(signed,),
            done="signed",
        ),
        Transition(
            "expire", "Let it expire", source=("final", "sent", "signed"), to="expired", may="documents.send",
            guards=(over,),
            by_system=True, done="expired",
        ),
        Transition(
            "void", "Void document", source=("final", "sent", "signed"), to="void", may="documents.void", reason=True,
            danger=True, done="voided",
        ),
    ),
)  # fmt: skip

documents = Resource(
    Document,
    title="title",
    code="number",
    label="Documents",
    singular="document",
    icon="note",
    nav=("Files", 20),
    about="Contracts, warranties, permits, certificates: which are in force, which wait for a signature, which run out.",
    search=("number", "title", "signer_name"),
    sort="-created_at",
    numbered="document",
    lifecycle=lifecycle,
    scopes={
        "Drafts": Document.status == "draft",
        "In review": Document.status == "in_review",
        "Waiting for signature": and_(
            Document.status == "sent", Document.kind.in_(("proposal", "contract", "change_order", "lien_waiver"))
        ),
        "Expiring in 60 days": expiring,
        "Run out": run_out,
        "Contracts": Document.kind.in_(("contract", "change_order")),
        "Warranties": Document.kind == "warranty",
    },
    facts=("kind", "customer_id", "subject_id", "file_id", "effective_on", "expires_on", "signed_at"),
    sentences={
        "uq_documents_tenant_id_number": ("number", "Another document already has this number."),
        "ck_documents_signed": ("signer_name", "A signed document names who signed and when."),
        "ck_documents_has_file": ("file_id", "A document that left the draft has its file."),
        "ck_documents_expires_on": ("expires_on", "A document cannot end before it begins."),
    },
    fields=(
        Text("title", label="Document", required=True, edit=INLINE, longest=300, width="l"),
        Code("number", edit=NEVER, filter=True, width="s"),
        Choice(
            "kind", edit=INLINE, filter=True,
            labels={"invoice_pdf": "Invoice (PDF)", "tax_exemption": "Tax exemption", "lien_waiver": "Lien waiver"},
        ),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            tones={
                "draft": "mute draft", "in_review": "warn pause", "final": "info sched", "sent": "info open",
                "signed": "ok done", "expired": "mute off", "void": "danger off",
            },
        ),
        Reference("customer_id", to="customers", edit=INLINE, filter=True, width="l"),
        SubjectLink("subject_id", label="About", filter=True),
        Date("expires_on", label="Ends", due=True, edit=INLINE, filter=True, help="The last day it is good for."),
        Moment("created_at", label="Made", edit=NEVER, filter=True),
        Reference("file_id", to="file_metadata", list=False, filter=True, help="The stored file it is in."),
        Date("effective_on", label="Begins", edit=INLINE, list=False, filter=True),
        Moment("signed_at", label="Signed", edit=NEVER, list=False, filter=True, group="Signature"),
        Text(
            "signer_name", label="Signed by", edit=NEVER, longest=200, list=False, filter=True, personal=True,
            group="Signature",
        ),
        Email("signer_email", label="Signer’s e-mail", edit=NEVER, list=False, group="Signature"),
        Text(
            "signed_from", label="Signed from", edit=NEVER, list=False, sort=False, personal=True, group="Signature",
            expr=lambda: func.host(Document.signature_ip),
        ),
        Code("template_key", label="Made from template", edit=NEVER, list=False, filter=True, group="Origin"),
        Json("rendered_from", label="What it was filled with", edit=NEVER, personal=True, group="Origin"),
        Reference("created_by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
