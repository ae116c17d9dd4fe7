"""Three months of AI decisions: what was asked, what was chosen, who agreed, and how it turned out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate, islice
from typing import Any

from app.demo.agents import AGENTS, Agent, Kind
from app.demo.calls import COLUMNS as CALL_COLUMNS
from app.demo.calls import Asked, Rate, Sum, calls_of, dollars
from app.demo.neural import Network
from app.demo.unburdened import unburdened
from app.demo.world import Record, World
from app.domains.crm.centerpoint.copying import copy_records, copy_rows, first_free

DAYS = 90
ERROR = CALL_COLUMNS.index("error")
CHUNK = 4000
RISKS = ("low", "medium", "high")
TRIGGERS = ("event", "schedule", "automation", "user", "agent")
TRIGGER_WEIGHTS = (44, 70, 88, 97, 100)
USUAL = {"low": 0.87, "medium": 0.76, "high": 0.68}

COLUMNS = (
    "id", "agent_id", "kind", "trigger", "question", "inputs", "options", "chosen", "reasoning", "confidence", "risk",
    "status", "action_taken", "decided_at", "subject_type", "subject_id", "trace_id", "model", "call_count",
    "input_tokens", "output_tokens", "total_cost", "latency_ms", "error", "reviewed_by", "reviewed_at",
    "review_verdict", "review_note", "overridden_to", "outcome", "outcome_value", "outcome_noted_at", "pathway_id",
    "activations", "created_at",
)  # fmt: skip
NOTES = ("The school needs the visit before term.", "Customer called, they pay on Friday.", "Wrong building.",
         "Too early for a second reminder.", "Photos are of the neighbour's roof.")  # fmt: skip


class Writer:
    """Makes one decision after another, with the dice of its part and subjects that really exist."""

    def __init__(
        self, world: World, agent_ids: dict[str, int], prices: dict[str, Record], network: Network | None = None
    ) -> None:
        self.world, self.agent_ids, self.network = world, agent_ids, network or Network()
        self.dice = world.dice("decisions")
        self.rates = {model: Rate.of(price) for model, price in prices.items()}
        self.subjects = _subjects(world)
        self.reviewers = [
            world.staff[name] for name in ("Samir Haddad", "Dana Whitfield", "Grace Okafor", "Luis Cordova")
        ]
        self.menu: list[tuple[Agent, Kind]] = [(agent, kind) for agent in AGENTS for kind in agent.kinds]
        self.weights = list(accumulate(kind.share for _agent, kind in self.menu))
        self.options = {
            kind.key: [json.dumps([{"option": option, "score": score} for option, score in
                                   zip(kind.options, scores, strict=False)])
                       for scores in ((0.91, 0.44, 0.2, 0.1), (0.78, 0.61, 0.33, 0.2), (0.66, 0.58, 0.41, 0.3))]
            for _agent, kind in self.menu
        }  # fmt: skip

    def decide(self, number: int, at: datetime, with_calls: bool) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
        """One decision taken at `at`, as a row, with the rows of its calls."""
        dice = self.dice
        agent, kind = dice.choices(self.menu, cum_weights=self.weights)[0]
        risk = dice.choices(RISKS, kind.risk)[0]
        confidence = min(0.99, max(0.31, dice.gauss(USUAL[risk], 0.09)))
        chosen = kind.options[0] if dice.random() < confidence else dice.choice(kind.options[1:])
        subject, label, label_json = self._subject(kind)
        failed = dice.random() < 0.016
        day = f"{at:%b} {at.day}"
        trace = f"{dice.getrandbits(128):032x}"
        calls: list[tuple[Any, ...]] = []
        total = Sum(latency_ms=300 + int(dice.random() * 8700))
        if with_calls:
            question = f'"{kind.question.format(label=label_json, day=day)}"'
            asked = Asked(number, self.agent_ids[agent.key], agent.model, trace, kind.key, question, f'"{chosen}"')
            calls, total = calls_of(dice, asked, self.rates, at, failed)
        status, review, overridden, note = self._verdict(risk, failed, confidence, kind, chosen, at)
        outcome, worth, noted = self._outcome(status, confidence, at, subject)
        reviewer, reviewed_at, verdict = review or (None, None, None)
        pathway, said = self.network.of(kind.key, chosen, number, at) if not failed else (None, None)
        row = (
            number, self.agent_ids[agent.key], kind.key, dice.choices(TRIGGERS, cum_weights=TRIGGER_WEIGHTS)[0],
            kind.question.format(label=label, day=day),
            f'{{"subject": "{label_json}", "history": {1 + int(dice.random() * 39)}}}', dice.choice(self.options[kind.key]),
            None if failed else chosen, None if failed else kind.reasoning, f"{confidence:.4f}", risk, status,
            f'{{"action": "{kind.action}", "to": "{chosen}"}}' if status in ("executed", "reverted") else None, at,
            kind.subject if subject else None, subject, trace, agent.model, total.count, total.given, total.written,
            dollars(total.micros), total.latency_ms, calls[-1][ERROR] if calls else None, reviewer, reviewed_at, verdict,
            note, overridden, outcome, worth, noted, pathway, said, at,
        )  # fmt: skip
        return row, calls

    def _subject(self, kind: Kind) -> tuple[int | None, str, str]:
        known = self.subjects[kind.subject]
        return self.dice.choice(known) if known else (None, "the roof", "the roof")

    def _verdict(
        self, risk: str, failed: bool, confidence: float, kind: Kind, chosen: str, at: datetime
    ) -> tuple[str, tuple[int, datetime, str] | None, str | None, str | None]:
        """State and review. What is not low risk is looked at within a day and a half; of the rest, a sample."""
        dice = self.dice
        if risk == "low" and (failed or dice.random() > 0.07):
            return "failed" if failed else "reverted" if dice.random() < 0.006 else "executed", None, None, None
        recent = (self.world.at - at) < timedelta(hours=20)
        if risk != "low" and recent and dice.random() < 0.09 and not failed:
            return "pending_approval" if risk == "high" else "proposed", None, None, None
        when = min(at + timedelta(minutes=dice.expovariate(1 / 150) + 2), self.world.at)
        reviewer = dice.choice(self.reviewers)
        if failed:
            return "failed", (reviewer, when, "disagree"), None, "Failed; done by hand."
        agrees = dice.random() < 0.55 + 0.45 * confidence
        if agrees:
            return "executed", (reviewer, when, "agree"), None, None
        if dice.random() < 0.15:
            return "executed", (reviewer, when, "unsure"), None, None
        note = dice.choice(NOTES)
        other = next(option for option in kind.options if option != chosen)
        if dice.random() < 0.6:
            return "overridden", (reviewer, when, "disagree"), other, note
        return dice.choice(("rejected", "rejected", "reverted")), (reviewer, when, "disagree"), None, note

    def _outcome(
        self, status: str, confidence: float, at: datetime, subject: int | None
    ) -> tuple[str, int | None, datetime | None]:
        """How it turned out, known a week later for what was carried out; the surer the agent, the better it went."""
        dice = self.dice
        noted = at + timedelta(days=dice.uniform(3, 9))
        if status not in ("executed", "reverted", "overridden") or noted > self.world.at or dice.random() < 0.25:
            return "unknown", None, None
        good = 0.12 if status == "reverted" else 0.35 + 0.6 * confidence
        outcome = "good" if dice.random() < good else dice.choices(("neutral", "bad"), (7, 3))[0]
        worth = dice.randrange(20, 1800) if outcome == "good" and subject and dice.random() < 0.3 else None
        return outcome, worth, noted


def _subjects(world: World) -> dict[str, list[tuple[int, str, str]]]:
    """Id, label, and the label as it stands between the quotes of JSON."""
    label = {"customers": "name", "jobs": "number", "invoices": "number", "estimates": "number"}
    return {
        table: [
            (row[0], row[1], json.dumps(row[1])[1:-1])
            for row in world.rows(
                f"SELECT id, {column} FROM {table} WHERE tenant_id = %s AND {column} IS NOT NULL ORDER BY id DESC LIMIT 3000",
                world.tenant_id,
            )
        ]
        for table, column in label.items()
    }


def moments(world: World, dice: random.Random, count: int) -> Iterator[datetime]:
    """`count` moments of the last ninety days, oldest first, thicker by day than by night and on working days."""
    hours = world.at.replace(minute=0, second=0, microsecond=0)
    slots = [hours - timedelta(hours=back) for back in range(DAYS * 24, -1, -1)]
    weights = []
    for slot in slots:
        local = slot.astimezone(world.zone)
        weights.append((1.0 if 6 <= local.hour < 19 else 0.16) * (1.0 if local.weekday() < 5 else 0.3))
    for slot in sorted(dice.choices(slots, weights, k=count)):
        yield min(slot + timedelta(seconds=dice.random() * 3600), world.at - timedelta(seconds=dice.randrange(40, 900)))


def decisions(
    world: World,
    agent_ids: dict[str, int],
    prices: dict[str, Record],
    count: int,
    with_calls: bool = True,
    network: Network | None = None,
) -> None:
    """Write `count` decisions and their calls in portions, so that memory does not grow with them."""
    writer = Writer(world, agent_ids, prices, network)
    number = first_free(world.connection, ["ai_decision_logs"])["ai_decision_logs"]
    told = enumerate(moments(world, world.dice("moments"), count), number)
    with unburdened(world, "ai_decision_logs"), unburdened(world, "ai_calls"):
        while True:
            calls: list[tuple[Any, ...]] = []
            # Made while it is being written, so that server and dice work at the same time.
            portion = _made(writer, islice(told, CHUNK), calls, with_calls)
            if not _store(world, "ai_decision_logs", COLUMNS, portion):
                break
            _store(world, "ai_calls", CALL_COLUMNS, calls)
    world.touched |= {"ai_decision_logs", "ai_calls"}


def _made(
    writer: Writer, told: Iterable[tuple[int, datetime]], calls: list[tuple[Any, ...]], with_calls: bool
) -> Iterator[tuple[Any, ...]]:
    for number, at in told:
        row, mine = writer.decide(number, at, with_calls)
        calls += mine
        yield row


def _store(world: World, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> int:
    if world.spoiler:
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        world.spoiler.spoil(table, records)
        return copy_records(world.connection, table, records, constant={"tenant_id": world.tenant_id})
    return copy_rows(world.connection, table, ("tenant_id", *columns), ((world.tenant_id, *row) for row in rows))
