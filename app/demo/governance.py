"""What keeps the company honest: obligations with their evidence, problems the rules found, and what two people decide."""

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
class Rule:
    """A rule as the demonstration breaks it: which records, what stands in them, and what would put it right."""

    key: str
    severity: str
    table: str
    broken: str
    """SELECT of id, label and a jsonb of particulars, of records that are wrong today."""
    fix: str
    most: int = 30


RULES = (
    Rule("DQ-03", "critical", "jobs", """
         SELECT j.id, j.number, jsonb_build_object('completed', j.completed_at::date, 'contract_value', j.contract_value)
         FROM jobs j WHERE j.is_billable AND j.status IN ('completed', 'authorized') AND j.completed_at < %(at)s - interval '3 d'
         AND NOT EXISTS (SELECT FROM invoices i WHERE i.job_id = j.id AND i.status <> 'void')""",
         "Draft an invoice from {}"),
    Rule("DQ-05", "warn", "customers", """
         SELECT c.id, c.name, jsonb_build_object('contacts', (SELECT count(*) FROM contacts k WHERE k.customer_id = c.id))
         FROM customers c WHERE c.email IS NULL AND c.phone_e164 IS NULL AND NOT EXISTS (SELECT FROM contacts k
         WHERE k.customer_id = c.id AND (k.email IS NOT NULL OR k.phone_e164 IS NOT NULL))""",
         "Ask the account manager for somebody at {}", 25),
    Rule("DQ-10", "warn", "payments", """
         SELECT p.id, p.number, jsonb_build_object('unallocated', p.unallocated, 'customer', c.name)
         FROM payments p JOIN customers c ON c.id = p.customer_id WHERE p.status = 'succeeded' AND p.unallocated > 0
         AND EXISTS (SELECT FROM invoices i WHERE i.customer_id = p.customer_id AND i.status = 'open' AND i.balance > 0)""",
         "Allocate {} to what is due longest"),
    Rule("DQ-11", "critical", "payments", """
         SELECT id, number, jsonb_build_object('amount', amount, 'reference', reference, 'days_apart', days) FROM (
         SELECT id, number, amount, reference, received_on - lag(received_on) OVER (PARTITION BY customer_id, amount, reference
         ORDER BY received_on, id) AS days FROM payments WHERE reference IS NOT NULL) AS paired WHERE days <= 3""",
         "Ask for approval to pay {} back, or mark it as another payment"),
    Rule("DQ-13", "warn", "estimates", """
         SELECT e.id, e.number, jsonb_build_object('valid_until', e.valid_until, 'total', e.total) FROM estimates e
         WHERE e.status IN ('sent', 'viewed') AND e.valid_until < %(today)s""",
         "Let {} expire, or extend it by 30 days"),
    Rule("DQ-16", "info", "leads", """
         SELECT l.id, l.number, jsonb_build_object('stage', l.status, 'since', l.stage_entered_at::date, 'value',
         l.estimated_value)
         FROM leads l WHERE l.status IN ('new', 'contacted', 'qualified', 'quoted') AND l.archived_at IS NULL
         AND l.stage_entered_at < %(at)s - interval '14 d' AND (l.next_action_at IS NULL OR l.next_action_at < %(at)s)""",
         "Make a follow-up task for {} tomorrow", 45),
    Rule("DQ-06", "warn", "customers", """
         SELECT id, name, jsonb_build_object('same_as', before) FROM (SELECT id, name, lag(name) OVER (PARTITION BY phone_e164,
         bill_postal ORDER BY id) AS before FROM customers WHERE phone_e164 IS NOT NULL AND status <> 'merged') AS alike
         WHERE before IS NOT NULL""",
         "Merge {} into the older of the two", 15),
)  # fmt: skip
# What was found and dealt with earlier: rule, table, what it said, and the fix.
DEALT_WITH = (
    (
        "DQ-08",
        "contacts",
        {"field": "email", "was": "j.smith@@example.com"},
        "Write the address in lower case, with one @",
    ),
    ("DQ-01", "invoices", {"subtotal": "4,180.00", "lines": "4,108.00"}, "Recompute the draft from its lines"),
    ("DQ-14", "jobs", {"scheduled_for": "last Tuesday", "coming_visits": 0}, "Open the scheduler filled in"),
    ("DQ-18", "user_tasks", {"assignee": "Gloria Pennington", "left": "in May"}, "Give it to the manager"),
    ("DQ-24", "crm_activities", {"subject": "a job that was cancelled"}, "Link it by its number there"),
)
LEFT_ALONE = ("Agreed with the customer.", "Known; the books of that year are closed.", "Two companies at one address.",
              "Kept open on purpose until spring.")  # fmt: skip


def problems(world: World) -> None:
    """Open problems that really are there, with the record at fault; and some of three months that are dealt with."""
    world.chapter("problems", "Demonstration company: what the rules found")
    dice = world.dice("problems")
    records: list[Record] = []
    today = {"at": world.at, "today": world.local().date()}
    for rule in RULES:
        wrong = world.connection.execute(
            f"SELECT * FROM ({rule.broken}) AS wrong (id, label, details) ORDER BY id", today
        )
        for key, label, details in wrong.fetchall()[: rule.most]:
            ignored = dice.random() < 0.08
            records.append(_finding(world, dice, rule.key, rule.table, key, rule.severity) | {
                "details": Jsonb({"record": label, **details}), "suggested_fix": f"{rule.fix.format(label).rstrip('.')}.",
                "status": "ignored" if ignored else "open",
                "ignore_reason": dice.choice(LEFT_ALONE) if ignored else None,
                "ignored_until": world.local(dice.randrange(20, 90)) if ignored and dice.random() < 0.6 else None,
            })  # fmt: skip
    people = [world.staff[name] for name in ("Dana Whitfield", "Grace Okafor")]
    for rule_key, table, details, fix in DEALT_WITH:
        keys = [
            row[0]
            for row in world.rows(f"SELECT id FROM {table} WHERE tenant_id = %s ORDER BY id LIMIT 200", world.tenant_id)
        ]
        for key in dice.sample(keys, min(len(keys), 14)):
            by_itself = dice.random() < 0.3
            made = _finding(world, dice, rule_key, table, key, "warn", ended=True)
            made["status"] = "auto_resolved" if by_itself else "fixed"
            if not by_itself:
                made["fixed_by"] = dice.choice(people)
                made["fixed_at"] = min(world.at, made["last_seen_at"] + timedelta(hours=dice.uniform(1, 60)))
            records.append(made | {"details": Jsonb(details), "suggested_fix": f"{fix}."})
    world.write("data_quality_findings", sorted(records, key=lambda record: record["first_seen_at"]))


def _finding(
    world: World, dice: random.Random, rule_key: str, table: str, key: int, severity: str, ended: bool = False
) -> Record:
    """Seen first some night, and every night since; the rules run at ten past two."""
    nights = 1 + int(88 * dice.random() ** 2)
    last = world.local(-dice.randrange(nights) if ended else 0, 2, 10)
    first = world.local(-nights, 2, 10)
    return {
        "rule_key": rule_key, "severity": severity, "details": None, "suggested_fix": None, "status": "open",
        "first_seen_at": first, "last_seen_at": max(first, min(last, world.at)), "fixed_by": None, "fixed_at": None,
        "ignored_until": None, "ignore_reason": None, "subject_type": table, "subject_id": key, "created_at": first,
    }  # fmt: skip


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
    Asked("bulk_fix", "Make follow-up tasks for leads lying still, beginning with {label}", "data_quality_findings",
          "SELECT id, details ->> 'record', NULL FROM data_quality_findings WHERE status = 'open' AND rule_key = 'DQ-16'"
          " ORDER BY id", "ops", (3, 6, 1), ("Dana Whitfield", "Grace Okafor"), 3),
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
