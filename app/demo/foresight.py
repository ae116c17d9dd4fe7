"""What the agents foresee about invoices, leads, jobs, customers, roofs and months, and how near they came.

What is resolved was measured against the company's own rows: when the invoice was really paid, whether the lead was really
won, what the month really brought.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.world import Record, World
from app.domains.ai.scoring import score


class Seer:
    """Makes predictions of one shape, some long resolved by what the rows say, some still open."""

    def __init__(self, world: World, agent_ids: dict[str, int]) -> None:
        self.world, self.agents, self.dice = world, agent_ids, world.dice("predictions")
        self.today = world.local().date()
        self.records: list[Record] = []

    def probability(self, truth: bool | None, sure: float = 0.24) -> float:
        """Nearer to what will happen than chance, as a model of some worth is; half-blind where nobody knows yet."""
        centre = 0.45 if truth is None else 0.72 if truth else 0.27
        return round(min(0.98, max(0.02, self.dice.gauss(centre, sure))), 4)

    def add(
        self, agent: str, model: str, target: str, about: tuple[str, int] | None, words: str, made: datetime, horizon: date,
        value: dict[str, Any], features: dict[str, Any], known: dict[str, Any] | None = None, at: datetime | None = None,
    ) -> None:  # fmt: skip
        """One prediction; `known` is what happened, as a person would enter it, and `at` when."""
        kind = next(iter(value))
        record: Record = {
            "agent_id": self.agents[agent], "model_name": model, "model_version": "2026.09" if model[0] < "n" else "2026.10",
            "target": target, "value_kind": {"predicted_date": "date"}.get(kind, kind), "probability": None, "amount": None,
            "currency": "USD" if kind == "amount" else None, "category": None, "predicted_date": None, "low": None, "high": None,
            **value, "features": Jsonb(features), "explanation": words, "horizon_on": horizon, "status": "open",
            "actual_value": None, "actual_category": None, "was_correct": None, "abs_error": None, "brier": None,
            "resolved_at": None, "resolution_source": None, "void_reason": None,
            "subject_type": about[0] if about else None, "subject_id": about[1] if about else None, "created_at": made,
        }  # fmt: skip
        if known is not None:
            exact = {name: Decimal(str(record[name])) if record[name] is not None else None
                     for name in ("probability", "amount", "low", "high")}  # fmt: skip
            record |= {"status": "resolved", "resolution_source": "auto", "resolved_at": at or made, **known}
            record |= score(record | exact, known)
        elif horizon < self.today - timedelta(days=30):
            record["status"] = "expired"
        self.records.append(record)


def predictions(world: World, agent_ids: dict[str, int]) -> None:
    """A couple of hundred forecasts about invoices, leads, jobs, customers, roofs and the months."""
    seer = Seer(world, agent_ids)
    for part in (_late_invoices, _leads, _jobs, _churn, _months, _roofs):
        part(world, seer)
    _voided(seer)
    seer.records.sort(key=lambda each: each["created_at"])
    world.write("ai_predictions", seer.records)


def _moment(world: World, day: date, hour: int = 9) -> datetime:
    return min(datetime.combine(day, time(hour), world.zone), world.at - timedelta(minutes=7))


def _late_invoices(world: World, seer: Seer) -> None:
    """Foreseen when it went out; known once it was paid, or ten days after it fell due."""
    rows = world.rows(
        "SELECT i.id, i.number, i.issue_date, i.due_date, i.balance > 0, max(a.allocated_on), i.total FROM invoices i"
        " LEFT JOIN payment_allocations a ON a.invoice_id = i.id AND a.reversed_at IS NULL"
        " WHERE i.tenant_id = %s AND i.status IN ('open', 'paid') AND i.kind = 'invoice' AND i.due_date IS NOT NULL"
        " AND i.issue_date IS NOT NULL AND i.issue_date > %s GROUP BY i.id ORDER BY i.issue_date DESC, i.id DESC LIMIT 90",
        world.tenant_id, seer.today - timedelta(days=150),
    )  # fmt: skip
    for key, number, issued, due, is_open, paid, total in rows:
        horizon = due + timedelta(days=10)
        late: bool | None = None if is_open and horizon >= seer.today else is_open or (paid or issued) > horizon
        known_on = min(horizon + timedelta(days=1), paid or horizon + timedelta(days=1))
        likely = seer.probability(late)
        words = f"{number} is paid more than ten days late"
        seer.add(
            "ar-follow-up", "late-payment", "invoice_late", ("invoices", key), words, _moment(world, issued), horizon,
            {"probability": likely},
            {"total": f"${total:,.0f}", "terms_days": (due - issued).days, "late_before": seer.dice.randrange(6)},
            None if late is None else {"actual_value": int(late)},
            None if late is None else _moment(world, max(known_on, issued), 23),
        )  # fmt: skip


def _leads(world: World, seer: Seer) -> None:
    rows = world.rows(
        "SELECT id, number, status, created_at, coalesce(won_at, lost_at), grade, score FROM leads WHERE tenant_id = %s"
        " AND created_at > %s ORDER BY created_at DESC, id DESC LIMIT 50",
        world.tenant_id, world.at - timedelta(days=200),
    )  # fmt: skip
    for key, number, status, created, decided, grade, points in rows:
        won = {"won": True, "lost": False}.get(status)
        made = min(created + timedelta(hours=2), world.at - timedelta(minutes=9))
        horizon = made.date() + timedelta(days=60)
        likely = seer.probability(won)
        words = f"{number} is won"
        at = max(decided, made) if won is not None and decided else None
        seer.add(
            "inbox-triage", "lead-win", "lead_win", ("leads", key), words, made, horizon, {"probability": likely},
            {"grade": grade or "none yet", "score": points, "answered_within_the_hour": seer.dice.random() < 0.4},
            {"actual_value": int(bool(won))} if at else None, at,
        )  # fmt: skip


def _jobs(world: World, seer: Seer) -> None:
    """What a job will bring, foreseen as an amount with a range."""
    rows = world.rows(
        "SELECT id, number, contract_value + approved_changes, act_labor_cost + act_material_cost + act_other_cost, est_cost,"
        " completed_at FROM jobs WHERE tenant_id = %s AND contract_value > 2000 AND status <> 'cancelled'"
        " ORDER BY completed_at DESC NULLS FIRST, id DESC LIMIT 40",
        world.tenant_id,
    )  # fmt: skip
    for key, number, worth, spent, planned, completed in rows:
        made = min(completed or world.at, world.at) - timedelta(days=seer.dice.uniform(8, 30))
        horizon = (completed or world.at + timedelta(days=30)).astimezone(world.zone).date()
        real = worth - spent if completed and spent else None
        base = float(real if real is not None else worth - (planned or worth * Decimal("0.68")))
        amount = Decimal(round(base * seer.dice.gauss(1, 0.14)))
        spread = abs(amount) * Decimal("0.2") + 250
        seer.add(
            "estimate-drafter", "job-margin", "job_margin", ("jobs", key), f"{number} brings a margin of ${amount:,.0f}", made,
            horizon, {"amount": amount, "low": amount - spread, "high": amount + spread},
            {"contract": f"${worth:,.0f}", "similar_jobs": seer.dice.randrange(2, 9)},
            {"actual_value": real} if real is not None else None, completed if real is not None else None,
        )  # fmt: skip


def _churn(world: World, seer: Seer) -> None:
    """Customers who have not called for long; whether they come back is known only later, or never."""
    rows = world.rows(
        "SELECT c.id, c.name, max(j.requested_at) FROM customers c JOIN jobs j ON j.customer_id = c.id WHERE c.tenant_id = %s"
        " GROUP BY c.id HAVING max(j.requested_at) < %s ORDER BY max(j.requested_at) DESC, c.id LIMIT 34",
        world.tenant_id, world.at - timedelta(days=150),
    )  # fmt: skip
    for place, (key, name, last) in enumerate(rows):
        made = world.at - timedelta(days=seer.dice.uniform(1, 25) if place % 4 else seer.dice.uniform(130, 160))
        months = max(1, (world.at - last).days // 30)
        seer.add(
            "customer-segmenter", "churn", "customer_churn", ("customers", key), f"{name} does not come back",
            made, made.date() + timedelta(days=90), {"probability": seer.probability(None, 0.16)},
            {"months_without_a_job": months, "manager_changed": seer.dice.random() < 0.3},
        )  # fmt: skip


def _months(world: World, seer: Seer) -> None:
    """Billed revenue by month, foreseen on the month's first day."""
    first = seer.today.replace(day=1)
    rows: dict[Any, Any] = dict(
        world.rows(
            "SELECT date_trunc('month', issue_date)::date, sum(total - tax_total) FROM invoices WHERE tenant_id = %s"
            " AND status IN ('open', 'paid', 'uncollectible') AND kind = 'invoice' AND issue_date IS NOT NULL"
            " GROUP BY 1 ORDER BY 1 DESC LIMIT 9",
            world.tenant_id,
        )
    )
    for month in (*sorted(rows)[-8:], (first + timedelta(days=32)).replace(day=1)):
        after = (month + timedelta(days=32)).replace(day=1)
        done = after <= seer.today
        base = rows.get(month) if done else max(rows.values(), default=Decimal(150_000)) * Decimal("0.8")
        amount = Decimal(round(float(base or 0) * seer.dice.gauss(1, 0.07), -2))
        seer.add(
            "invoice-auditor", "revenue", "revenue_month", None, f"{month:%B %Y} brings ${amount:,.0f} before tax",
            _moment(world, min(month, seer.today)), after - timedelta(days=1),
            {"amount": amount, "low": amount * Decimal("0.9"), "high": amount * Decimal("1.1")},
            {"working_days": 20 + month.month % 3, "backlog_weeks": round(seer.dice.uniform(3, 7), 1)},
            {"actual_value": rows[month]} if done and month in rows else None, _moment(world, after),
        )  # fmt: skip


DEFECTS = ("Open seam", "Ponding", "Puncture", "No defect")


def _roofs(world: World, seer: Seer) -> None:
    """Where a roof gives way next, and when."""
    rows = world.rows("SELECT id, name FROM properties WHERE tenant_id = %s ORDER BY id DESC LIMIT 30", world.tenant_id)
    for place, (key, name) in enumerate(rows):
        made = world.at - timedelta(days=seer.dice.uniform(2, 110))
        if place % 3 == 0:
            day = made.date() + timedelta(days=seer.dice.randrange(60, 400))
            value: dict[str, Any] = {"predicted_date": day}
            words = f"{name} leaks again about {day:%B %Y}"
            known: dict[str, Any] | None = None
        else:
            defect = seer.dice.choices(DEFECTS, (5, 4, 2, 3))[0]
            words, value = f"The next inspection of {name} finds: {defect.lower()}", {"category": defect}
            real = defect if seer.dice.random() < 0.7 else seer.dice.choice(DEFECTS)
            known = {"actual_category": real} if place % 2 else None
        seer.add(
            "inspection-reader", "roof-failure", "roof_failure", ("properties", key), words, made,
            made.date() + timedelta(days=120), value,
            {"roof_age_years": seer.dice.randrange(4, 24), "last_repair_months": seer.dice.randrange(2, 40)}, known,
            min(made + timedelta(days=40), world.at - timedelta(hours=3)) if known else None,
        )  # fmt: skip


def _voided(seer: Seer) -> None:
    """Four that were about something which turned out not to be."""
    for record in [each for each in seer.records if each["status"] == "open"][3::11][:4]:
        record.update(
            status="voided", void_reason=seer.dice.choice(("The customer was merged.", "Made from the wrong terms."))
        )
