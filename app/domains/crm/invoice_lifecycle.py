"""How an invoice becomes final, is settled, or is withdrawn; and what may still be done to a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, select

from app.core.clock import today
from app.core.formats import money
from app.domains.crm import totals
from app.domains.crm.tables import table
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import next_number
from app.engine.approval_rules import Approval
from app.engine.states import Lifecycle, Moving, Transition


@dataclass(frozen=True)
class NextNumber:
    """A number taken only when the row is written, inside its transaction: a finalization that fails leaves no gap."""

    kind: str

    def __call__(self, connection: Connection, actor: Actor) -> str:
        return next_number(connection, actor.tenant_id, self.kind)

    def __str__(self) -> str:
        return "the next number"


def proven(moving: Moving) -> str | None:
    return totals.unproven(moving.connection, "invoice_lines", "invoice_id", moving.record)


def finalized(moving: Moving) -> Mapping[str, Any]:
    """The number, the dates, and the names and address as they are today: what was sent must not change when a customer moves."""
    day = today(moving.actor.timezone)
    return {
        "number": moving.record["number"] or NextNumber(moving.record["kind"]),
        "issue_date": day,
        "due_date": day + timedelta(days=moving.record["terms_days"]),
        "finalized_at": moving.at,
        "billing_snapshot": _snapshot(moving),
    }


_BILLED_TO = (
    "number", "name", "legal_name", "bill_line1", "bill_line2", "bill_city", "bill_region", "bill_postal", "bill_country",
    "tax_exempt", "invoice_delivery",
)  # fmt: skip


def _snapshot(moving: Moving) -> dict[str, Any]:
    customers, properties, contacts = table("customers").c, table("properties").c, table("contacts").c
    record = moving.record
    customer = moving.connection.execute(
        select(*(customers[name] for name in _BILLED_TO)).where(customers.id == record["customer_id"])
    )
    snapshot: dict[str, Any] = {"customer": dict(customer.mappings().one())}
    if record["property_id"]:
        site = moving.connection.execute(
            select(properties.name, properties.line1, properties.line2, properties.city, properties.region, properties.postal)
            .where(properties.id == record["property_id"])
        )  # fmt: skip
        snapshot["site"] = dict(site.mappings().one())
    if record["contact_id"]:
        person = moving.connection.execute(
            select(contacts.full_name, contacts.email).where(contacts.id == record["contact_id"])
        )
        snapshot["contact"] = dict(person.mappings().one())
    return snapshot


def nothing_owed(moving: Moving) -> str | None:
    left = moving.record["balance"]
    return f"{money(left, moving.record['currency'])} is still to be paid." if left else None


def nothing_received(moving: Moving) -> str | None:
    """Money that arrived cannot be unmade with the paper it was paid on."""
    invoice = moving.record
    if invoice["amount_paid"] or invoice["amount_credited"]:
        settled = money(invoice["amount_paid"] + invoice["amount_credited"], invoice["currency"])
        return f"{settled} has been paid or credited on it; reverse that first, or correct it with a credit note."
    return None


def something_owed(moving: Moving) -> str | None:
    return None if moving.record["balance"] else "Nothing is left to write off."


def takes_two(moving: Moving) -> str:
    return f"Writing off {money(moving.record['balance'], moving.record['currency'])} needs a second person."


def paid(moving: Moving) -> Mapping[str, Any]:
    return {"paid_at": moving.at}


def reopened(_: Moving) -> Mapping[str, Any]:
    return {"paid_at": None}


def voided(moving: Moving) -> Mapping[str, Any]:
    return {"voided_at": moving.at}


def given_up(moving: Moving) -> Mapping[str, Any]:
    return {
        "uncollectible_at": moving.at,
        "amount_written_off": moving.record["amount_written_off"] + moving.record["balance"],
    }


def drafts_only(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] == "draft" else "Only a draft's amounts change; correct it with a credit note."


def finalized_only(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] == "open" else "Only an open invoice is sent; finalize it first."


def recalculate(moving: Moving) -> Mapping[str, Any]:
    return totals.header_of(moving.connection, "invoice_lines", "invoice_id", moving.record)


def discount(moving: Moving) -> Mapping[str, Any]:
    row = moving.record
    return totals.header(row["subtotal"], row["tax_total"], moving.asked["discount_total"])


def retain(moving: Moving) -> Mapping[str, Any]:
    share = moving.asked["retainage_pct"]
    held = (moving.record["total"] * share / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {"retainage_pct": share, "retainage_withheld": held}


def sent(moving: Moving) -> Mapping[str, Any]:
    return {"sent_at": moving.at}


_FINAL = (
    "number", "kind", "billing_kind", "credit_of_id", "customer_id", "job_id", "property_id", "estimate_id", "issue_date",
    "terms_days", "period_start", "period_end", "application_no", "percent_complete", "currency", "subtotal",
    "discount_total", "tax_total", "total", "retainage_pct", "retainage_withheld", "billing_snapshot", "memo",
)  # fmt: skip

lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "open", "paid"),
    frozen={
        "open": _FINAL,
        "paid": (*_FINAL, "due_date", "po_number", "promise_to_pay_on"),
        "void": ("*",),
        "uncollectible": (*_FINAL, "due_date", "po_number"),
    },
    why_frozen="A finalized invoice stays as it was sent; correct it with a credit note.",
    transitions=(
        Transition(
            "finalize", "Finalize invoice", source=("draft",), to="open", may="invoices.finalize", guards=(proven,),
            effects=(finalized,), done="finalized",
        ),
        Transition(
            "settle", "Mark as paid", source=("open",), to="paid", may="payments.allocate", guards=(nothing_owed,),
            effects=(paid,), by_system=True, done="paid",
        ),
        Transition(
            "reopen", "Reopen invoice", source=("paid",), to="open", may="payments.allocate", effects=(reopened,),
            by_system=True, done="reopened",
        ),
        Transition(
            "void", "Void invoice", source=("open",), to="void", may="invoices.void", asks=("void_reason",),
            requires=("void_reason",), guards=(nothing_received,), effects=(voided,), danger=True, done="voided",
        ),
        Transition(
            "write_off", "Write off as uncollectible", source=("open",), to="uncollectible", may="invoices.write_off",
            reason=True, guards=(something_owed,), effects=(given_up,), danger=True, done="written off",
            approval=Approval("write_off", amount="balance", when=takes_two),
        ),
        Transition(
            "recover", "Reopen after a late payment", source=("uncollectible",), to="open", may="payments.allocate",
            by_system=True, done="reopened",
        ),
    ),
)  # fmt: skip

actions = (
    Action(
        "mark_sent", "Mark as sent", may="invoices.send", intent=sent, when=finalized_only, done="marked as sent",
    ),
    Action(
        "recalculate", "Recalculate totals", may="invoices.write", intent=recalculate, when=drafts_only, done="recalculated",
    ),
    Action(
        "discount", "Give a discount", may="invoices.write", intent=discount, when=drafts_only,
        asks=("discount_total",), requires=("discount_total",), done="discounted",
    ),
    Action(
        "retain", "Withhold retainage", may="invoices.write", intent=retain, when=drafts_only,
        asks=("retainage_pct",), requires=("retainage_pct",), done="given a retainage",
    ),
)  # fmt: skip
