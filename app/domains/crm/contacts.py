"""Contacts: the people at a customer or site. A customer without one cannot be called, billed or asked for approval."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Computed, and_
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.duplicates.likeness import Likeness
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Email, Flag, Moment, Phone, Reference, Text
from app.engine.merging.declared import Merging
from app.engine.records import Archivable, Authored, External, Record, Standard, choice, flag, moment, ref, text_
from app.engine.resource import Related, Resource


class Contact(Record, Standard, Authored, Archivable, External):
    __tablename__ = "contacts"
    customer_id: Mapped[int | None] = ref("customers", "C")
    property_id: Mapped[int | None] = ref("properties", "N")
    full_name: Mapped[str] = text_()
    title: Mapped[str | None] = text_()
    role: Mapped[str] = choice(
        "primary", "billing", "site", "facility_manager", "owner", "tenant", "other", default="other"
    )
    is_primary: Mapped[bool] = flag()
    is_billing: Mapped[bool] = flag()
    email: Mapped[str | None] = text_()
    email_norm: Mapped[str | None] = mapped_column(SqlText, Computed("lower(btrim(email))", persisted=True))
    phone_e164: Mapped[str | None] = text_()
    mobile_e164: Mapped[str | None] = text_()
    preferred_channel: Mapped[str] = choice("email", "phone", "sms", default="email")
    email_opt_in: Mapped[bool] = flag("true")
    sms_opt_in: Mapped[bool] = flag()
    sms_consent_at: Mapped[datetime | None] = moment()
    bounced_at: Mapped[datetime | None] = moment()
    notes: Mapped[str | None] = text_()
    merged_into_id: Mapped[int | None] = ref("contacts", "N")


contacts = Resource(
    Contact,
    title="full_name",
    label="Contacts",
    icon="users",
    nav=("Customers", 20),
    about="The people we call, write to and bill: each at a customer, some at one of its sites.",
    area="customers",
    search=("full_name", "email", "phone_e164", "mobile_e164"),
    sign="@",
    sort="full_name",
    alike=Likeness(name=("full_name",), phones=("phone_e164", "mobile_e164"), emails=("email",), beside="customer_id"),
    merging=Merging(
        latest=("email", "phone_e164", "mobile_e164", "title"), ranks={"is_primary": (True, False)},
        keeps=("sms_consent_at", "sms_opt_in"),
    ),
    yields={"uq_contacts_customer_id": {"is_primary": False}},
    scopes={
        "Primary": Contact.is_primary.is_(True),
        "Billing": Contact.is_billing.is_(True),
        "E-mail bounced": Contact.bounced_at.is_not(None),
        "No e-mail": Contact.email.is_(None),
        "Unreachable": and_(
            Contact.email.is_(None), Contact.phone_e164.is_(None), Contact.mobile_e164.is_(None)
        ),
    },
    facts=("customer_id", "property_id", "role", "preferred_channel", "is_primary", "is_billing"),
    related=(
        Related(
            "crm_activities", "contact_id", label="Activities", fields=("subject", "kind", "occurred_at", "outcome"),
        ),
        Related("jobs", "contact_id", fields=("title", "number", "status", "due_by")),
        Related(
            "conversation_history", "contact_id", label="Said to us", fields=("content", "conversation_id", "created_at"),
        ),
        Related("message_outbox", "contact_id", fields=("subject", "channel", "status", "created_at")),
    ),
    sentences={
        "uq_contacts_customer_id": ("is_primary", "This customer already has a primary contact; unmark that one first."),
        "ck_contacts_sms_consent": ("sms_consent_at", "Text messages need consent: enter when it was given."),
    },
    fields=(
        Text("full_name", label="Name", required=True, edit=INLINE, longest=200, width="l"),
        Reference("customer_id", to="customers", filter=True, width="l"),
        Choice("role", edit=INLINE | BULK, filter=True, labels={"primary": "Main contact", "site": "On site"}),
        Text("title", label="Job title", edit=INLINE, longest=200),
        Email("email", label="E-mail", edit=INLINE, width="l", group="Reach"),
        Phone("phone_e164", label="Phone", edit=INLINE, group="Reach"),
        Phone("mobile_e164", label="Mobile", edit=INLINE, list=False, group="Reach"),
        Choice(
            "preferred_channel", label="Prefers", edit=INLINE | BULK, filter=True, group="Reach",
            labels={"email": "E-mail", "phone": "Phone call", "sms": "Text message"},
        ),
        Flag("is_primary", label="Primary", filter=True, help="The one to ask first; a customer has one."),
        Flag("is_billing", label="Billing", edit=INLINE, filter=True, help="Gets invoices and reminders."),
        Reference("property_id", label="Site", to="properties", list=False, filter=True),
        Flag("email_opt_in", label="Takes e-mail", edit=BULK, list=False, filter=True, group="Consent"),
        Flag("sms_opt_in", label="Takes text messages", list=False, filter=True, group="Consent"),
        Moment(
            "sms_consent_at", label="Consent given", list=False, group="Consent",
            help="When the person agreed to text messages; without it none may be sent.",
        ),
        Moment("bounced_at", label="E-mail bounced", edit=NEVER, list=False, filter=True, group="Consent"),
        Text("notes", long=True, list=False, group="Notes"),
        Reference("merged_into_id", label="Merged into", to="contacts", edit=NEVER, list=False),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
