"""The board of agents: what it met about in half a year, how it voted and why, and what people made of that.

Every outcome, agreement and tally is counted from the votes by the console's own arithmetic; every session costs what the
calls cost in which its members made up their minds.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from app.demo.agents import AGENTS
from app.demo.calls import COLUMNS as CALL_COLUMNS
from app.demo.calls import Asked, Rate, calls_of
from app.demo.world import Record, World
from app.domains.ai.consensus import Ballot, Count, count
from app.domains.crm.centerpoint.copying import first_free


@dataclass(frozen=True)
class Motion:
    """A question: its options with the reason each is voted for, the method, and the kind of decision it settles."""

    question: str
    reasons: dict[str, str]
    method: str = "majority"
    kind: str | None = None


@dataclass(frozen=True)
class Topic:
    """What a session is about."""

    title: str
    purpose: str
    trigger: str
    chair: str
    agenda: tuple[str, ...]
    motions: tuple[Motion, ...]


TOPICS: tuple[Topic, ...] = (
    Topic("Price level for the spring", "pricing", "schedule", "estimate-drafter",
          ("Win rate by price level", "Cost of membrane", "What to offer schools"), (
        Motion("Which price level do recovers start from this spring?", {
            "Book price": "Eleven of fourteen recovers closed at book price; the last rise cost us two schools.",
            "Book price plus 4 %": "Membrane is up six per cent since autumn and the margin floor is close.",
            "Book price less 2 %": "Two competitors bid below us in Aurora.",
        }, "weighted", "estimate.price"),
        Motion("Offer schools the off-season discount again?", {
            "Yes, for July and August": "Crews stood idle eight days last July; a school roof fills two weeks.",
            "No": "They asked for the same price in October and got it.",
        }, "majority", "estimate.price"),
    )),
    Topic("When reminders become calls", "policy", "threshold", "ar-follow-up",
          ("Replies by reminder", "Complaints in the last quarter"), (
        Motion("After which reminder does a person call?", {
            "The second": "Four of five who ignore the second ignore the third as well.",
            "The third": "Calling early cost us a property manager in March.",
        }, "majority", "ar.reminder"),
        Motion("Offer instalments above which balance?", {
            "$5,000": "Half the plans over five thousand were paid in full.",
            "$10,000": "Below ten thousand the paperwork costs more than it brings.",
            "Never": "Three plans were broken since June.",
        }, "supermajority", "ar.payment_plan"),
    )),
    Topic("Wind limit for crane days", "risk", "incident", "dispatch-scheduler",
          ("The lift of the eleventh", "Gusts against forecasts"), (
        Motion("At which forecast gust is a crane day moved?", {
            "28 mph": "The lift of the eleventh was stopped at 31 with the forecast at 29.",
            "32 mph": "At 28 every fifth day of spring would be moved.",
        }, "unanimous", "dispatch.move_visit"),
    )),
    Topic("Invoices above the limit agreed", "operations", "threshold", "invoice-auditor",
          ("Forty invoices over their limit", "Who asked whom"), (
        Motion("What happens to an invoice above the limit agreed with the customer?", {
            "Hold and ask the project manager": "Nine of ten had a reason nobody had written down.",
            "Send with a note": "Customers pay those with a note as fast as any.",
            "Hold and ask the customer": "It is their limit, not ours.",
        }, "majority", "invoice.check"),
    )),
    Topic("Which customers get a yearly inspection", "strategy", "manual", "customer-segmenter",
          ("Cost of an inspection", "Repairs found in time"), (
        Motion("Who is offered a free yearly inspection?", {
            "Champions and loyal": "They give two jobs in three; an inspection costs us ninety dollars.",
            "Everyone with a roof over 15 years": "Old roofs are where inspections turn into work.",
            "Those at risk": "Seven of ten we visited came back within a year.",
        }, "weighted", "customer.segment"),
    )),
    Topic("Leak calls after six in the evening", "operations", "manual", "inbox-triage",
          ("Calls by hour", "What a night visit costs"), (
        Motion("Who answers a leak call after six?", {
            "The service lead on duty": "Half can wait until morning, and only somebody on the roof can tell.",
            "The answering service": "The lead was woken four times in May for a dripping tap.",
        }, "majority", "message.route"),
        Motion("Charge the night rate from when?", {
            "From eight": "Nobody complained about eight; six felt like a trick.",
            "From six": "The crew is paid double from six.",
        }, "majority"),
    )),
    Topic("Photos that are too poor to read", "policy", "schedule", "inspection-reader",
          ("Share of blurred sets", "Second visits they caused"), (
        Motion("What is done with a photo set that cannot be read?", {
            "Ask the crew the same day": "They still stand on the roof at three in the afternoon.",
            "Mark it and go on": "Asking stops the crew; the next visit brings better ones.",
        }, "majority", "inspection.classify"),
    )),
    Topic("Spending of the agents next quarter", "strategy", "schedule", "invoice-auditor",
          ("Cost by agent", "Decisions a dollar buys"), (
        Motion("How is the budget of the agents set?", {
            "By decisions of the last quarter": "Use is what shows need.",
            "Equal for all": "The triage agent starves whenever mail is slow.",
        }, "human"),
        Motion("Move the auditor to the smaller model?", {
            "Yes": "It agreed with the large one on 97 of 100 invoices, at a tenth of the cost.",
            "No": "The three it missed were the expensive ones.",
        }, "supermajority"),
    )),
)  # fmt: skip

MEMBERS = tuple(agent for agent in AGENTS if agent.status == "active")
HELD = 22
AGAIN = ("", ", a second look", ", after the quarter", ", once more")
VETOES = ("The crews were not asked.", "Too risky before the audit.", "We promised this customer otherwise.")


class Room:
    """Gathers what a board leaves behind, with ids of its own so that votes and calls can name each other."""

    def __init__(self, world: World, agent_ids: dict[str, int], prices: dict[str, Record]) -> None:
        self.world, self.agents, self.dice = world, agent_ids, world.dice("board")
        self.rates = {model: Rate.of(price) for model, price in prices.items()}
        free = first_free(world.connection, ["ai_board_sessions", "ai_consensus_decisions", "ai_calls"])
        self.next = dict(free)
        self.sessions: list[Record] = []
        self.motions: list[Record] = []
        self.votes: list[Record] = []
        self.calls: list[Record] = []
        self.settled: list[tuple[int, str, datetime]] = []

    def _id(self, table: str) -> int:
        self.next[table] += 1
        return self.next[table] - 1

    def hold(self, topic: Topic, number: int, at: datetime, status: str) -> None:
        """One session as it stands: planned, under way, done or cancelled."""
        key, dice = self._id("ai_board_sessions"), self.dice
        session: Record = {
            "id": key, "number": f"BS-{number:04d}", "title": topic.title + AGAIN[(number - 1) // len(TOPICS)],
            "purpose": topic.purpose, "status": status,
            "agenda": Jsonb([{"topic": each, "minutes": dice.choice((5, 10, 15))} for each in topic.agenda]),
            "trigger": topic.trigger, "chair_agent_id": self._chair(topic),
            "convened_by": self.world.staff["Samir Haddad" if topic.trigger != "manual" else "Marcus Brandt"],
            "scheduled_for": at if status != "draft" else None,
            "started_at": at if status in ("in_session", "voting", "concluded") else None, "ended_at": None,
            "quorum_pct": 60, "max_rounds": 3, "round": 0, "summary": None, "budget": Decimal("0.50"), "total_cost": Decimal(),
            "cancel_reason": dice.choice(("Settled on the telephone before.", "The figures were not ready."))
            if status == "cancelled" else None,
            "created_at": min(at, self.world.at) - timedelta(days=dice.uniform(1, 6)),
        }  # fmt: skip
        first_call, ended = len(self.calls), at
        for place, motion in enumerate(topic.motions, 1):
            rounds, ended = self._put(session, motion, place, ended, status)
            session["round"] = max(session["round"], rounds)
        if status == "concluded":
            mine = self.motions[-len(topic.motions) :]
            told = [f"{each['question']} {each['outcome'] or 'Left to a person'}." for each in mine]
            session.update(ended_at=ended, summary="\n".join(told))
        session["total_cost"] = sum((Decimal(call["total_cost"]) for call in self.calls[first_call:]), Decimal())
        self.sessions.append(session)

    def _chair(self, topic: Topic) -> int:
        """Its chair by name where that agent is active, else the first of the board."""
        return self.agents[topic.chair if any(each.key == topic.chair for each in MEMBERS) else MEMBERS[0].key]

    def _put(self, session: Record, motion: Motion, place: int, at: datetime, status: str) -> tuple[int, datetime]:
        """One motion through its rounds; returns how many there were and when the last vote was cast."""
        record: Record = {
            "id": self._id("ai_consensus_decisions"), "board_session_id": session["id"], "position": place,
            "question": motion.question, "options": list(motion.reasons), "method": motion.method, "threshold_pct": 50,
            "quorum_pct": 60, "status": "open", "deadline_at": at + timedelta(days=3), "outcome": None, "agreement_pct": None,
            "tally": Jsonb({}), "dissent": None, "ratified_by": None, "ratified_at": None, "veto_reason": None,
            "created_at": session["created_at"] + timedelta(minutes=5 * place),
        }  # fmt: skip
        self.motions.append(record)
        if status not in ("voting", "concluded"):
            record["status"] = "expired" if status == "cancelled" else "open"
            return 0, at
        if motion.method == "human":
            record["status"] = "escalated"
            return 0, self._judged(record, motion, None, at, status)
        favourite = self.dice.choice(list(motion.reasons))
        found: Count | None = None
        held = 0
        while held < 3 and (found is None or not found.agreed):
            held += 1
            ballots, at = self._round(record, motion, held, favourite, at, unfinished=status == "voting")
            found = count(ballots, record["options"], motion.method, Decimal(50), Decimal(60))
            if status == "voting":
                record["status"] = "voting"
                return held, at
        assert found is not None
        against = [vote["rationale"] for vote in self.votes if vote["consensus_decision_id"] == record["id"]
                   and vote["round"] == held and vote["choice"] not in (None, found.leader)]  # fmt: skip
        if not found.agreed and self.dice.random() < 0.2:
            record.update(status="expired", agreement_pct=found.share_pct, tally=Jsonb(found.tally))
            return held, at
        record.update(
            status="reached" if found.agreed else "escalated", outcome=found.leader if found.agreed else None,
            agreement_pct=found.share_pct, tally=Jsonb(found.tally), dissent="\n".join(dict.fromkeys(against)) or None,
        )  # fmt: skip
        return held, self._judged(record, motion, found, at, status)

    def _round(
        self, record: Record, motion: Motion, number: int, favourite: str, at: datetime, unfinished: bool
    ) -> tuple[list[Ballot], datetime]:
        """A ballot for every member; from round to round more of them come round to the favourite."""
        dice, ballots, opened = self.dice, [], at
        for place, member in enumerate(MEMBERS):
            at += timedelta(seconds=dice.uniform(20, 90))
            leans = favourite if dice.random() < 0.5 + 0.2 * number else dice.choice(list(motion.reasons))
            stance = "pending" if unfinished and place >= 3 else "abstain" if dice.random() < 0.06 else "vote"
            choice = leans if stance == "vote" else None
            sure = Decimal(str(round(min(0.98, max(0.42, dice.gauss(0.74, 0.12))), 4))) if choice else None
            why = (
                motion.reasons[leans]
                if choice
                else "My records say nothing about this."
                if stance == "abstain"
                else None
            )
            call = self._thought(member.key, record, choice, at) if stance != "pending" else None
            self.votes.append({
                "consensus_decision_id": record["id"], "agent_id": self.agents[member.key], "round": number, "stance": stance,
                "choice": choice, "confidence": sure, "weight": Decimal(1), "rationale": why,
                "cast_at": at if stance != "pending" else None, "call_id": call, "created_at": opened,
            })  # fmt: skip
            ballots.append(Ballot(stance, choice, Decimal(1), sure))
        return ballots, at

    def _thought(self, agent: str, record: Record, choice: str | None, at: datetime) -> int:
        """The calls in which the agent made up its mind; returns the last, in which it said so."""
        model = next(each.model for each in MEMBERS if each.key == agent)
        question, answer = json.dumps(record["question"]), json.dumps(choice or "abstain")
        trace = f"{self.dice.getrandbits(128):032x}"
        asked = Asked(None, self.agents[agent], model, trace, "board.vote", question, answer)
        rows, _total = calls_of(self.dice, asked, self.rates, at - timedelta(seconds=15), False)
        for row in rows:
            self.calls.append({"id": self._id("ai_calls"), **dict(zip(CALL_COLUMNS, row, strict=True))})
        return int(self.calls[-1]["id"])

    def _judged(self, record: Record, motion: Motion, found: Count | None, at: datetime, status: str) -> datetime:
        """What a person made of it, within two days; what is from the last two still waits, and one in nine is stopped."""
        dice = self.dice
        when = at + timedelta(hours=dice.uniform(1, 40))
        undecided = record["status"] == "escalated" and self.world.at - at < timedelta(days=20)
        if status == "voting" or when > self.world.at or (undecided and dice.random() < 0.5):
            return at
        options = list(motion.reasons)
        if dice.random() < 0.11:
            record.update(status="vetoed", veto_reason=dice.choice(VETOES))
            return at
        record.update(
            status="ratified", outcome=record["outcome"] or dice.choice(options),
            ratified_by=self.world.staff[dice.choice(("Samir Haddad", "Marcus Brandt"))], ratified_at=when,
        )  # fmt: skip
        if motion.kind:
            self.settled.append((record["id"], motion.kind, when))
        return at


def sessions(world: World, agent_ids: dict[str, int], prices: dict[str, Record]) -> None:
    """Half a year of sessions, every eight days or so, up to one under way and the next ones planned."""
    world.chapter("board", "Demonstration company: the board of agents")
    room = Room(world, agent_ids, prices)
    for number, (topic, at, status) in enumerate(_calendar(world, room.dice), 1):
        room.hold(topic, number, at, status)
    world.write("ai_calls", room.calls)
    world.write("ai_board_sessions", room.sessions)
    world.write("ai_consensus_decisions", room.motions)
    world.write("ai_board_votes", room.votes)
    world.numbered("board_session", "BS-", 4, len(room.sessions))
    _carried_out(world, room.settled)


def _calendar(world: World, dice: random.Random) -> list[tuple[Topic, datetime, str]]:
    held = []
    for place in range(HELD):
        at = world.local(-8 * (HELD - place) + dice.randrange(-1, 2) + 6, 10, 15 * dice.randrange(4))
        status = "cancelled" if place in (5, 13) else "concluded"
        held.append((TOPICS[place % len(TOPICS)], min(at, world.at - timedelta(hours=20)), status))
    ahead = (
        (world.at - timedelta(hours=5), "concluded"), (world.at - timedelta(minutes=25), "voting"),
        (world.at - timedelta(minutes=8), "in_session"), (world.local(1, 10), "scheduled"), (world.local(5, 14), "scheduled"),
        (world.at, "draft"),
    )  # fmt: skip
    return held + [(TOPICS[(HELD + place) % len(TOPICS)], at, status) for place, (at, status) in enumerate(ahead)]


def _carried_out(world: World, settled: list[tuple[int, str, datetime]]) -> None:
    """The next two decisions of that kind were made as the board had settled it."""
    for motion, kind, when in settled:
        world.connection.execute(
            """
            UPDATE ai_decision_logs SET consensus_decision_id = %(motion)s, trigger = 'board' WHERE id IN (
                SELECT id FROM ai_decision_logs
                WHERE tenant_id = %(tenant)s AND kind = %(kind)s AND decided_at > %(when)s AND consensus_decision_id IS NULL
                ORDER BY decided_at, id LIMIT 2)
            """,
            {"motion": motion, "tenant": world.tenant_id, "kind": kind, "when": when},
        )
