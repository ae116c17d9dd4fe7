"""Where a lead meets its estimates and its customer: sent quotes it, accepted wins it, and whoever is won pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, literal, or_, select, update

from app.domains.crm.tables import table
from app.engine.access import Actor
from app.engine.apply import next_number
from app.engine.states import Moving

OPEN_LEAD = ("new", "contacted", "qualified", "quoted")
"""Still to be won: neither decided nor put off."""

# -- who pays ---------------------------------------------------------------------------------------------------------


def payer_missing(moving: Moving, lead: Mapping[str, Any]) -> str | None:
    """Why the lead's customer cannot be made: not by this role, and never a second one of the same name or number."""
    if not moving.actor.may("customers.create"):
        return "Pick the customer this lead became; your role does not make new ones."
    customers = table("customers").c
    name = func.lower(literal(lead["company_name"] or lead["contact_name"]))
    bare = func.regexp_replace(name, r"\m(inc|llc|ltd|corp|co|company|the)\M|[^a-z0-9]", "", "g")
    alike = [customers.name_norm == bare]
    if lead["phone_e164"]:
        alike.append(customers.phone_e164 == lead["phone_e164"])
    found = moving.connection.execute(
        select(customers.name, customers.number).where(customers.tenant_id == lead["tenant_id"], or_(*alike)).limit(1)
    ).first()
    if found is None:
        return None
    return f"{found.name} ({found.number}) looks like this lead; pick it on the lead, or create the customer first."


@dataclass(frozen=True)
class NewCustomer:
    """The customer a won lead becomes, made only when the win is written and in the same change set."""

    lead: Mapping[str, Any]

    def __call__(self, connection: Connection, actor: Actor) -> int:
        lead, customers = self.lead, table("customers")
        made = insert(customers).values(
            tenant_id=actor.tenant_id,
            number=next_number(connection, actor.tenant_id, "customer"),
            name=lead["company_name"] or lead["contact_name"],
            kind="company" if lead["company_name"] else "residential",
            status="active",
            account_manager_id=lead["owner_id"],
            source=lead["source"],
            email=lead["email"],
            phone_e164=lead["phone_e164"],
            currency=lead["currency"],
            created_by=actor.app_user_id,
            updated_by=actor.app_user_id,
        )
        return int(connection.execute(made.returning(customers.c.id)).scalar_one())


# -- an estimate for a lead -------------------------------------------------------------------------------------------


def _lead_of(moving: Moving) -> Mapping[str, Any] | None:
    """The lead of an estimate that names no customer of its own."""
    if moving.record["customer_id"] is not None or moving.record["lead_id"] is None:
        return None
    leads = table("leads")
    found = moving.connection.execute(select(leads).where(leads.c.id == moving.record["lead_id"])).mappings().one()
    return dict(found)


def somebody_pays(moving: Moving) -> str | None:
    lead = _lead_of(moving)
    return None if lead is None or lead["customer_id"] else payer_missing(moving, lead)


def its_customer(moving: Moving) -> Mapping[str, Any]:
    """An accepted estimate belongs to who pays for it: the lead's customer, made here if there is none yet."""
    lead = _lead_of(moving)
    return {} if lead is None else {"customer_id": lead["customer_id"] or NewCustomer(lead)}


def carry_on(connection: Connection, estimate: Mapping[str, Any]) -> None:
    """After an estimate was sent or accepted: its lead is quoted, or won. Written only where the lead still waits for it."""
    if estimate.get("status") not in ("sent", "accepted"):
        return
    estimates, leads = table("estimates"), table("leads")
    row = connection.execute(
        select(estimates.c.lead_id, estimates.c.customer_id).where(estimates.c.id == estimate["id"])
    ).first()
    if row is None or row.lead_id is None:
        return
    here = update(leads).where(leads.c.id == row.lead_id)
    if estimate["status"] == "sent":
        moved = {"status": "quoted", "quoted_at": func.now(), "probability_pct": 50, "stage_entered_at": func.now()}
        connection.execute(here.where(leads.c.status == "qualified").values(**moved))
        return
    moved = {"status": "won", "won_at": func.now(), "probability_pct": 100, "next_action_at": None}
    payer = case((leads.c.customer_id.is_(None), row.customer_id), else_=leads.c.customer_id)
    done = connection.execute(
        here.where(leads.c.status.in_(OPEN_LEAD)).values(**moved, stage_entered_at=func.now(), customer_id=payer)
    )
    if done.rowcount:
        close_tasks(connection, row.lead_id)


def close_tasks(connection: Connection, lead_id: int) -> None:
    """What was still to be done to win a lead is moot once it is won."""
    tasks = table("user_tasks")
    connection.execute(
        update(tasks)
        .where(
            tasks.c.subject_type == "leads",
            tasks.c.subject_id == lead_id,
            tasks.c.status.in_(("todo", "in_progress", "blocked")),
        )
        .values(status="cancelled", blocked_reason=None, result_note="The lead was won.")
    )
