"""What keeps the company honest: obligations with their evidence, and what two people decide."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.world import Record, World, pick_weighted

# Code, obligation, category, who sees to it, state, due in days, every so many months, kind of document that proves it.
OBLIGATIONS: tuple[tuple[str, str, str, str, str, int | None, int | None, str | None], ...] = (
    ("LIC-DEN-RC", "Denver roofing contractor licence", "licence", "Dana Whitfield", "compliant", 142, 12, "other"),
    ("LIC-AUR-RC", "Aurora contractor registration", "licence", "Dana Whitfield", "compliant", 63, 12, "other"),
    ("LIC-BLD-C", "Boulder class C contractor licence", "licence", "Dana Whitfield", "in_progress", 19, 12, None),
    ("LIC-FTC-RC", "Fort Collins roofing licence", "licence", "Dana Whitfield", "waived", None, 12, None),
    ("LIC-MFR-TPO", "Manufacturer certification, single-ply", "licence", "Wes Lindqvist", "compliant", 201, 24, "other"),
    ("LIC-CRANE", "Crane operators' cards", "licence", "Miriam Castellano", "at_risk", 8, 60, None),
    ("INS-GL", "General liability, $2m per occurrence", "insurance", "Grace Okafor", "compliant", 98, 12,
     "insurance_certificate"),
    ("INS-WC", "Workers' compensation", "insurance", "Grace Okafor", "compliant", 97, 12, "insurance_certificate"),
    ("INS-AUTO", "Commercial auto", "insurance", "Grace Okafor", "compliant", 160, 12, "insurance_certificate"),
    ("INS-UMB", "Umbrella policy, $5m", "insurance", "Grace Okafor", "in_progress", 27, 12, None),
    ("INS-SUB", "Certificates of every subcontractor", "insurance", "Dale Iverson", "non_compliant", -12, 6, None),
    ("SAF-OSHA300", "OSHA 300 log, posted February to April", "safety", "Dana Whitfield", "compliant", 68, 12, "safety_plan"),
    ("SAF-OSHA10", "OSHA 10 for everybody on a roof", "safety", "Miriam Castellano", "in_progress", 44, None, None),
    ("SAF-FALL", "Fall protection plan reviewed", "safety", "Miriam Castellano", "compliant", 51, 6, "safety_plan"),
    ("SAF-HARNESS", "Harnesses and lanyards inspected", "safety", "Leo Ortega", "compliant", 23, 3, "inspection_report"),
    ("SAF-TOOLBOX", "Toolbox talks held every week", "safety", "Sofia Duran", "at_risk", -3, 1, None),
    ("SAF-FIRE", "Hot work permits on torch jobs", "safety", "Thanh Nguyen", "compliant", 75, 6, "permit"),
    ("SAF-SILICA", "Silica exposure assessment", "safety", "Dana Whitfield", "not_started", 80, 24, None),
    ("TAX-SALES", "Sales tax returns, state and home-rule cities", "tax", "Grace Okafor", "compliant", 25, 1, "other"),
    ("TAX-941", "Payroll tax deposits", "tax", "Grace Okafor", "compliant", 20, 3, "other"),
    ("TAX-EXEMPT", "Exemption certificates of tax-exempt customers", "tax", "Grace Okafor", "at_risk", -21, 12, "tax_exemption"),
    ("TAX-1099", "1099s for subcontractors", "tax", "Grace Okafor", "not_started", 67, 12, None),
    ("PRI-CPA", "Privacy notice under the Colorado Privacy Act", "privacy", "Priya Raman", "compliant", 210, 12, "policy"),
    ("PRI-REQUESTS", "Requests to see or delete personal data answered in 45 days", "privacy", "Priya Raman", "compliant",
     58, 3, "policy"),
    ("PRI-TEXTS", "Written consent to text messages on file", "privacy", "Owen Prescott", "in_progress", 33, 6, None),
    ("SEC-MFA", "Second factor for everybody who administers", "security", "Priya Raman", "in_progress", 12, 3, None),
    ("SEC-ACCESS", "Who may do what, reviewed", "security", "Priya Raman", "compliant", 40, 3, "policy"),
    ("SEC-RESTORE", "Backup restored and looked at", "security", "Priya Raman", "at_risk", -6, 3, None),
    ("CON-RETAIN", "Lien deadlines of open jobs watched", "contract", "Grace Okafor", "compliant", 14, 1, "lien_waiver"),
    ("CON-WARRANTY", "Manufacturer warranties registered in 30 days", "contract", "Dale Iverson", "non_compliant", -30, 1,
     None),
    ("CON-SUBS", "Master agreements with subcontractors signed", "contract", "Dale Iverson", "compliant", 120, 24, "contract"),
    ("AI-INVENTORY", "List of agents, what they do and who answers for each", "ai_governance", "Samir Haddad", "compliant",
     36, 3, "policy"),
    ("AI-REVIEW", "Sample of agents' decisions reviewed by a person", "ai_governance", "Samir Haddad", "compliant", 9, 1,
     "policy"),
    ("AI-BUDGET", "What each agent may spend, confirmed", "ai_governance", "Samir Haddad", "in_progress", 16, 3, None),
    ("AI-BIAS", "Lead scores looked at for unfair weight", "ai_governance", "Samir Haddad", "not_started", 72, 6, None),
)  # fmt: skip
REMARKS = {
    "at_risk": "Will not be ready in time unless somebody makes the call this week.",
    "non_compliant": "Missing for three of them; nobody starts on a roof without it.",
    "in_progress": "Papers are with the office; waiting for the signature.",
}


def obligations(world: World) -> None:
    """Licences, insurance, taxes, safety, privacy and the control of AI: met, due, at risk, and one given up on purpose."""
    world.chapter("obligations", "Demonstration company: what it has to keep to")
    dice = world.dice("obligations")
    proofs: dict[str, list[int]] = {}
    for key, kind in world.rows(
        "SELECT id, kind FROM documents WHERE tenant_id = %s AND status IN ('final', 'sent', 'signed') ORDER BY id",
        world.tenant_id,
    ):
        proofs.setdefault(kind, []).append(key)
    records: list[Record] = []
    for code, title, category, owner, status, days, months, proof in OBLIGATIONS:
        found = proofs.get(proof or "") or (proofs.get("other") if proof else None)
        if status == "compliant" and not found:  # nothing counts as met without what proves it
            status = "in_progress"
        looked_at = world.at - timedelta(days=dice.uniform(0.5, 80)) if status != "not_started" else None
        records.append({
            "code": code, "title": title, "category": category, "owner_id": world.staff[owner], "status": status,
            "due_on": None if days is None else world.local(days).date(), "review_every_months": months,
            "last_reviewed_at": looked_at, "evidence_document_id": dice.choice(found) if found else None,
            "waiver_reason": "We do no work in Fort Collins since the branch closed." if status == "waived" else None,
            "notes": REMARKS.get(status), "created_by": world.staff["Dana Whitfield"],
            "created_at": world.at - timedelta(days=dice.uniform(300, 640)),
        })  # fmt: skip
    world.write("compliance_items", records)


@dataclass(frozen=True)
class Asked:
    """A kind of request: what it says, about which records, who asks and who decides.

    `source` selects id, label, amount, and perhaps what became of the request, the agent that asked, and when.
    """

    kind: str
    title: str
    about: str
    source: str
    decides: str
    risk: tuple[int, int, int]
    askers: tuple[str, ...]
    count: int


# Of what would show in the books, nothing was carried out: there it would have to stand too.
NOT_DONE = {"rejected": 48, "expired": 16, "cancelled": 22, "failed": 14}
ANYHOW = {"executed": 60, "rejected": 20, "expired": 10, "cancelled": 7, "failed": 3}
IN_THE_BOOKS = ("write_off", "refund", "credit_note", "role_grant")

ASKED = (
    Asked("write_off", "Write off {amount} of {label}", "invoices",
          "SELECT id, number, balance FROM invoices WHERE status = 'open' AND balance BETWEEN 1 AND 900 ORDER BY due_date, id",
          "billing", (6, 3, 1), ("Grace Okafor", "Owen Prescott"), 11),
    Asked("refund", "Pay {amount} back on {label}", "payments",
          "SELECT id, number, least(unallocated, amount) FROM payments WHERE unallocated > 0 ORDER BY id", "billing",
          (2, 5, 3), ("Grace Okafor",), 8),
    Asked("credit_note", "Credit {amount} on {label}: hours billed twice", "invoices",
          "SELECT id, number, round(total * 0.1, 2) FROM invoices WHERE status = 'open' AND total > 4000 ORDER BY id DESC"
          " LIMIT 300", "billing", (4, 5, 1), ("Grace Okafor", "Miriam Castellano", "Jonah Feldman"), 9),
    Asked("estimate_margin", "Send {label} below the margin floor", "estimates",
          "SELECT id, number, total, CASE WHEN status IN ('draft', 'internal_review') THEN 'pending' ELSE 'executed' END FROM"
          " estimates WHERE status IN ('draft', 'internal_review', 'sent', 'accepted') ORDER BY margin_pct, id LIMIT 60",
          "ops", (1, 6, 3), ("Wes Lindqvist", "Noor Aziz", "Caleb Thornton"), 12),
    Asked("spend", "Rent the 60-ton crane for {label}", "jobs",
          "SELECT id, number, round(2400 + id %% 37 * 110, 2) FROM jobs WHERE status IN ('scheduled', 'in_progress', 'approved')"
          " ORDER BY id", "ops", (5, 4, 1), ("Miriam Castellano", "Dale Iverson"), 9),
    Asked("data_export", "Take all customers with their telephone numbers out of the console", "tenants",
          "SELECT id, name, NULL FROM tenants WHERE id = %(tenant)s", "ops", (0, 3, 7), ("Tara McAllister",), 1),
    Asked("role_grant", "Give {label} the Billing role until the end of the month", "app_users",
          "SELECT id, display_name, NULL FROM app_users WHERE employee_kind = 'sales' AND status = 'active' ORDER BY id", "ops",
          (0, 6, 4), ("Priya Raman",), 3),
    Asked("agent_activation", "Let {label} act on its own up to its budget", "ai_agents",
          "SELECT id, name, daily_budget, CASE status WHEN 'active' THEN 'executed' WHEN 'draft' THEN 'pending'"
          " ELSE 'rejected' END FROM ai_agents ORDER BY id", "ai", (0, 5, 5), ("Luis Cordova", "Owen Prescott"), 8),
    Asked("ai_action", "{label}", "ai_decision_logs",
          "SELECT id, left(question, 90), NULL, CASE WHEN status = 'proposed' AND decided_at > %(at)s - interval '40 h'"
          " THEN 'pending' WHEN status = 'proposed' THEN 'expired' WHEN status IN ('rejected', 'overridden') THEN 'rejected'"
          " WHEN status = 'failed' THEN 'failed' ELSE 'executed' END, agent_id, decided_at FROM ai_decision_logs"
          " WHERE risk = 'high' AND id %% 19 = 0 OR status = 'proposed' ORDER BY decided_at DESC, id LIMIT 30",
          "ai", (0, 2, 8), (), 30),
    Asked("bulk_fix", "Make follow-up tasks for leads lying still, beginning with {label}", "leads",
          "SELECT id, number, NULL FROM leads WHERE status IN ('new', 'contacted') AND next_action_at IS NULL"
          " ORDER BY id LIMIT 40",
          "ops", (3, 6, 1), ("Dana Whitfield", "Grace Okafor"), 3),
)  # fmt: skip
DECIDERS = {
    "ops": ("Dana Whitfield", "Marcus Brandt"),
    "billing": ("Marcus Brandt", "Grace Okafor"),
    "ai": ("Samir Haddad", "Marcus Brandt"),
}
YES = (None, "Fine, as discussed.", "Only this once.", "Agreed; tell the customer today.")
NO = ("Call them first, then ask again.", "Too much for what it brings.", "We wait until the quarter is closed.",
      "The margin is too thin; take the travel out.")  # fmt: skip
RISKS = ("low", "medium", "high")
BROKEN = ("The invoice was paid in the meantime.", "The mail server did not answer three times running.")


def approvals(world: World) -> None:
    """A quarter of requests: what waits for a second person today, and what was decided, carried out, missed or broken."""
    world.chapter("approvals", "Demonstration company: what needs a second person")
    dice = world.dice("approvals")
    records: list[Record] = []
    for asked in ASKED:
        found = world.connection.execute(asked.source, {"tenant": world.tenant_id, "at": world.at}).fetchall()
        for place, (key, label, amount, *more) in enumerate(dice.sample(found, min(len(found), asked.count))):
            fate, agent, made = (*more, None, None, None)[:3]
            pending = fate == "pending" or (fate is None and place < max(1, asked.count // 4))
            made = made or world.at - (
                timedelta(hours=dice.uniform(0.3, 40)) if pending else timedelta(days=dice.uniform(3, 88))
            )
            weights = NOT_DONE if asked.kind in IN_THE_BOOKS else ANYHOW
            status = "pending" if pending else fate or pick_weighted(dice, weights)
            asker = None if agent else world.staff[dice.choice(asked.askers)]
            records.append(
                _request(asked, key, label, amount, made, status)
                | {"requested_by": asker, "requested_by_agent_id": agent, "risk": dice.choices(RISKS, asked.risk)[0]}
                | _decision(world, dice, asked, status, made, asker)
            )
    world.write("approval_requests", sorted(records, key=lambda record: record["created_at"]))
    world.connection.execute(
        "UPDATE estimates e SET approval_request_id = a.id FROM approval_requests a WHERE a.tenant_id = %s"
        " AND a.subject_type = 'estimates' AND a.subject_id = e.id AND e.approval_request_id IS NULL",
        (world.tenant_id,),
    )


def _request(asked: Asked, key: int, label: str, amount: Any, made: datetime, status: str) -> Record:
    words = f"${amount:,.2f}" if amount is not None else ""
    payload: dict[str, Any] = {"do": asked.kind.replace("_", " "), "with": label}
    if amount is not None:
        payload |= {"amount": f"{amount:.2f}", "currency": "USD"}
    return {
        "kind": asked.kind, "title": asked.title.format(label=label, amount=words), "payload": Jsonb(payload),
        "payload_hash": hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).digest(), "amount": amount,
        "currency": "USD" if amount is not None else None, "status": status,
        "approver_permission": f"approvals.decide.{asked.decides}", "expires_at": made + timedelta(days=2),
        "subject_type": asked.about, "subject_id": key, "created_at": made,
    }  # fmt: skip


def _decision(
    world: World, dice: random.Random, asked: Asked, status: str, made: datetime, asker: int | None
) -> Record:
    """By the first of those who may and did not ask; carried out or found impossible two minutes later."""
    decided = min(world.at, made + timedelta(hours=dice.uniform(0.4, 44)))
    is_decided = status in ("executed", "rejected", "failed")
    decider = next(world.staff[name] for name in DECIDERS[asked.decides] if world.staff[name] != asker)
    note = dice.choice(NO if status == "rejected" else YES)
    return {
        "decided_by": decider if is_decided else None, "decided_at": decided if is_decided else None,
        "decision_note": note if is_decided else None,
        "executed_at": min(world.at, decided + timedelta(minutes=2)) if status == "executed" else None,
        "error": dice.choice(BROKEN) if status == "failed" else None,
    }  # fmt: skip
