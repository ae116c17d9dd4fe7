"""Three months of conversations: with customers and leads on every channel, in the office, and of the board.

Answers are given by agents, and cost what the calls behind them cost; the latest conversations wait for a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.agents import AGENTS
from app.demo.calls import COLUMNS as CALL_COLUMNS
from app.demo.calls import Asked, Rate, calls_of
from app.demo.talks import OFFICE, TALKS, Fact, Talk
from app.demo.world import Record, World
from app.domains.crm.centerpoint.copying import first_free

ROLES = {"c": "customer", "a": "assistant", "u": "user", "h": "human_agent", "t": "tool", "s": "system"}
STEP = CALL_COLUMNS.index("operation")
COST = CALL_COLUMNS.index("total_cost")
GAPS = {"email": (1800, 20_000), "voice": (6, 25), "api": (2, 9), "slack": (20, 400)}
REMOVED = "[Removed]"


@dataclass
class Held:
    """A conversation that took place, with what is remembered of it."""

    record: Record
    fact: Fact
    words: str
    said: Record
    """The message it was said in."""
    about: tuple[str, int] | None


@dataclass
class Talking:
    """Gathers conversations with their messages and calls, under ids of their own so that they can name each other."""

    world: World
    agent_ids: dict[str, int]
    prices: dict[str, Record]
    conversations: list[Record] = field(default_factory=list)
    messages: list[Record] = field(default_factory=list)
    calls: list[Record] = field(default_factory=list)
    recalls: list[tuple[Record, str, datetime]] = field(default_factory=list)
    """Calls in which memory was looked into: the call, the question, and when."""
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = self.world.dice("talks")
        self.rates = {model: Rate.of(price) for model, price in self.prices.items()}
        self.models = {agent.key: agent.model for agent in AGENTS}
        self.next = dict(first_free(self.world.connection, ["conversations", "conversation_history", "ai_calls"]))

    def id(self, table: str) -> int:
        self.next[table] += 1
        return self.next[table] - 1

    def hold(self, talk: Talk, names: dict[str, str], who: Record, begun: datetime, status: str) -> None:
        """Hold one talk; `who` are the columns that say with whom, and `about` what its fact is about."""
        key, dice, agent = self.id("conversations"), self.dice, self.agent_ids[talk.agent]
        about = who.pop("about", None)
        contact, person = who.pop("contact_id", None), self.world.staff[talk.person]
        least, most = GAPS.get(talk.channel, (30, 240))
        gaps = [dice.uniform(least, most) for _ in talk.turns]
        at = min(begun, self.world.at - timedelta(seconds=sum(gaps) + 120))
        record: Record = {
            "id": key, "channel": talk.channel, "title": talk.title.format_map(names), "status": status, "app_user_id": None,
            "agent_id": agent, "customer_id": None, "lead_id": None, "handoff_to_id": None,
            "thread_id": f"{talk.channel}-{dice.getrandbits(48):012x}", "summary": None, "message_count": 0,
            "total_cost": Decimal(), "last_message_at": None, "subject_type": None, "subject_id": None, "created_at": at, **who,
        }  # fmt: skip
        if talk.with_ == "staff":
            record["app_user_id"] = person
        first_message, said = len(self.messages), names
        for turn, gap in zip(talk.turns, gaps, strict=True):
            letter, text = turn[0], turn[2:].format_map(names)
            at += timedelta(seconds=gap)
            place = len(self.messages) - first_message
            self._say(record, talk, letter, text, at, {"contact_id": contact, "person": person}, place)
        mine = self.messages[first_message:]
        spoken = any(each["role"] == "human_agent" for each in mine)
        if status == "waiting_human" or (spoken and talk.with_ != "staff"):
            record["handoff_to_id"] = None if status == "waiting_human" and dice.random() < 0.4 else person
        words = talk.fact.words.format_map(said)
        record.update(
            message_count=len(mine), last_message_at=mine[-1]["created_at"], summary=words if status == "closed" else None,
        )  # fmt: skip
        self.conversations.append(record)
        self.held.append(Held(record, talk.fact, words, mine[talk.fact.turn], about))

    def _say(
        self, record: Record, talk: Talk, letter: str, text: str, at: datetime, who: dict[str, Any], place: int
    ) -> None:
        asked = [{"tool": text.partition("|")[0], "what": text.partition("|")[2]}] if letter == "t" else None
        message: Record = {
            "id": self.id("conversation_history"), "conversation_id": record["id"], "seq": place + 1, "role": ROLES[letter],
            "content": f"Looked up {text.partition('|')[2]}." if letter == "t" else text,
            "agent_id": record["agent_id"] if letter in "at" else None,
            "app_user_id": who["person"] if letter in "uh" else None,
            "contact_id": who["contact_id"] if letter == "c" else None,
            "tool_calls": Jsonb(asked) if asked else None,
            "tool_result": Jsonb({"found": 1 + self.dice.randrange(9)}) if asked else None,
            "ai_call_id": None, "tokens": len(text) // 4 + 1, "feedback": None, "feedback_note": None, "redacted_at": None,
            "created_at": at,
        }  # fmt: skip
        if letter == "a":
            self._answer(record, talk, message, at)
        self.messages.append(message)

    def _answer(self, record: Record, talk: Talk, message: Record, at: datetime) -> None:
        """The calls behind an answer, the last of which gave it; some look into memory first."""
        dice, before = self.dice, self.messages[-1] if self.messages else None
        same = before is not None and before["conversation_id"] == record["id"]
        question = before["content"] if same and before is not None else f"Begin: {record['title']}"
        asked = Asked(
            None, record["agent_id"], self.models[talk.agent], f"{dice.getrandbits(128):032x}", "conversation.answer",
            json.dumps(question), json.dumps(message["content"]),
        )  # fmt: skip
        rows, total = calls_of(dice, asked, self.rates, at - timedelta(seconds=6), False)
        for row in rows:
            call: Record = {"id": self.id("ai_calls"), **dict(zip(CALL_COLUMNS, row, strict=True))}
            call["conversation_id"] = record["id"]
            self.calls.append(call)
            if row[STEP] == "retrieval":
                self.recalls.append((call, question, call["started_at"]))
            record["total_cost"] += Decimal(row[COST])
        message.update(ai_call_id=self.calls[-1]["id"], tokens=total.written or message["tokens"])
        if dice.random() < 0.12:
            good = dice.random() < 0.8
            message.update(
                feedback="up" if good else "down",
                feedback_note=None if good else "It asked what we had told it already.",
            )

    def board(self) -> dict[int, int]:
        """What was said in the latest meetings of the board, from the votes cast there; returns session -> conversation."""
        found: dict[int, int] = {}
        votes = self.world.rows(
            "SELECT s.id, s.title, s.chair_agent_id, s.started_at, s.ended_at, s.total_cost, s.summary, m.question, v.agent_id,"
            " v.choice, v.rationale, v.cast_at, v.call_id FROM (SELECT * FROM ai_board_sessions WHERE tenant_id = %s"
            " AND status = 'concluded' ORDER BY started_at DESC, id DESC LIMIT 9) AS s"
            " JOIN ai_consensus_decisions m ON m.board_session_id = s.id"
            " JOIN ai_board_votes v ON v.consensus_decision_id = m.id WHERE v.cast_at IS NOT NULL"
            " ORDER BY s.started_at, s.id, m.position, v.round, v.cast_at, v.id",
            self.world.tenant_id,
        )
        for row in votes:
            session, title, chair, begun, ended, cost, summary, question, agent, choice, why, at, call = row
            if session not in found:
                found[session] = self.id("conversations")
                self.conversations.append({
                    **dict.fromkeys(self.conversations[0]), "id": found[session], "channel": "board", "title": title,
                    "status": "closed", "agent_id": chair, "thread_id": f"board-{session:06d}", "summary": summary,
                    "message_count": 0, "total_cost": cost, "created_at": begun, "last_message_at": ended,
                })  # fmt: skip
                asked = ""
            if question != asked:
                self._speak(found[session], "system", question, None, None, min(at, ended) - timedelta(seconds=15))
                asked = question
            self._speak(found[session], "assistant", f"{choice or 'I abstain'}. {why}", agent, call, at)
        return found

    def _speak(self, key: int, role: str, text: str, agent: int | None, call: int | None, at: datetime) -> None:
        record = next(each for each in reversed(self.conversations) if each["id"] == key)
        record["message_count"] += 1
        record["last_message_at"] = at
        self.messages.append({
            **dict.fromkeys(self.messages[0]), "id": self.id("conversation_history"), "conversation_id": key,
            "seq": record["message_count"], "role": role, "content": text, "agent_id": agent, "ai_call_id": call,
            "tokens": len(text) // 4 + 1, "created_at": at,
        })  # fmt: skip

    def remove_some(self) -> None:
        """Two customers typed a card number; its words were taken out the same day."""
        typed = [each for each in self.messages if each["role"] == "customer" and each["seq"] == 3][:40:20]
        for message in typed:
            message.update(content=REMOVED, redacted_at=message["created_at"] + timedelta(hours=2))

    def write(self) -> None:
        world = self.world
        world.write("conversations", self.conversations)
        world.write("ai_calls", self.calls)
        world.write("conversation_history", self.messages)


def partners(world: World) -> Iterator[tuple[dict[str, str], Record, Record]]:
    """Customers somebody can be reached at: their names, the columns of a conversation, and what can be remembered of them."""
    rows = world.rows(
        "SELECT c.id, c.name, k.id, k.full_name, p.id, p.name, i.number FROM customers c"
        " JOIN LATERAL (SELECT id, full_name FROM contacts WHERE customer_id = c.id"
        " ORDER BY is_primary DESC, id LIMIT 1) k ON true"
        " JOIN LATERAL (SELECT id, name FROM properties WHERE customer_id = c.id ORDER BY id LIMIT 1) p ON true"
        " LEFT JOIN LATERAL (SELECT number FROM invoices WHERE customer_id = c.id AND kind = 'invoice' AND status <> 'draft'"
        " ORDER BY issue_date DESC, id DESC LIMIT 1) i ON true"
        " WHERE c.tenant_id = %s AND c.status = 'active' ORDER BY c.lifetime_revenue DESC, c.id LIMIT 120",
        world.tenant_id,
    )
    for customer, name, contact, person, site, place, invoice in rows:
        names = {
            "customer": name, "first": (person.split() or ["them"])[0], "site": f"{place} ({name})",
            "invoice": invoice or "of last month", "title": name,
        }  # fmt: skip
        yield (
            names,
            {"customer_id": customer, "contact_id": contact},
            {"customer": ("customers", customer), "property": ("properties", site)},
        )


def talks(world: World, agent_ids: dict[str, int], prices: dict[str, Record]) -> Talking:
    """Three months of conversations, up to those of this morning that wait for a person."""
    talking, dice = Talking(world, agent_ids, prices), world.dice("talks.when")
    known = list(partners(world))
    leads = world.rows(
        "SELECT id, title, contact_name FROM leads WHERE tenant_id = %s AND contact_name IS NOT NULL AND contact_name <> ''"
        " ORDER BY created_at DESC, id LIMIT 40",
        world.tenant_id,
    )
    latest = 0
    for place in range(112):
        talk = TALKS[place % len(TALKS)]
        begun = world.at - timedelta(days=92 * dice.random() ** 1.5 + 0.02)
        if place % 9 == 4:
            begun, latest = world.at - timedelta(hours=dice.uniform(0.5, 40)), latest + 1
        fresh = world.at - begun < timedelta(days=2)
        status = "closed" if not fresh else ("waiting_human", "open", "closed")[latest % 3]
        if talk.with_ == "lead":
            if not leads:
                continue
            lead, title, name = leads[place % len(leads)]
            names = {
                "title": title,
                "first": (name.split() or ["you"])[0],
                "customer": title,
                "site": title,
                "invoice": "",
            }
            talking.hold(talk, names, {"lead_id": lead, "about": ("leads", lead)}, begun, status)
        elif known:
            names, who, about = known[place % min(56, len(known))]
            talking.hold(talk, names, dict(who) | {"about": about[talk.fact.about]}, begun, status)
    for place, talk in enumerate(OFFICE):
        begun = world.at - timedelta(days=4 + 9 * place + dice.random())
        talking.hold(talk, {}, {"about": None}, begun, "closed")
    return talking
