"""Motions: one motion of a board session: options, voting method, tally, outcome, human ratification."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Json, Moment, Percent, Reference, Tags, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, percent, ref, text_, texts
from app.engine.resource import Resource


class AiConsensusDecision(Record, Standard):
    __tablename__ = "ai_consensus_decisions"
    board_session_id: Mapped[int] = ref("ai_board_sessions", "C")
    position: Mapped[int] = integer("1")
    question: Mapped[str] = text_()
    options: Mapped[list[str]] = texts()
    method: Mapped[str] = choice("majority", "supermajority", "unanimous", "weighted", "human", default="majority")
    threshold_pct: Mapped[Decimal] = percent("50")
    quorum_pct: Mapped[Decimal] = percent("60")
    status: Mapped[str] = choice(
        "open", "voting", "reached", "not_reached", "escalated", "ratified", "vetoed", "expired", default="open"
    )
    deadline_at: Mapped[datetime | None] = moment()
    outcome: Mapped[str | None] = text_()
    agreement_pct: Mapped[Decimal | None] = percent()
    tally: Mapped[dict[str, Any]] = json_("{}")
    dissent: Mapped[str | None] = text_()
    ratified_by: Mapped[int | None] = ref("app_users", "N")
    ratified_at: Mapped[datetime | None] = moment()
    veto_reason: Mapped[str | None] = text_()
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")


ai_consensus_decisions = Resource(
    AiConsensusDecision,
    title="question",
    label="Motions",
    icon="agent",
    nav=("AI", 60),
    about="One motion of a board session: options, voting method, tally, outcome, human ratification.",
    area="boards",
    search=("question",),
    sort="-created_at",
    fields=(
        Reference("board_session_id", to="ai_board_sessions", filter=True),
        Count("position", filter=True),
        Text("question", long=True, list=False),
        Tags("options", list=False, filter=True),
        Choice("method", filter=True),
        Percent("threshold_pct", filter=True),
        Percent("quorum_pct", filter=True),
        Choice("status", filter=True),
        Moment("deadline_at", filter=True),
        Text("outcome", filter=True),
        Percent("agreement_pct", filter=True),
        Json("tally"),
        Text("dissent", long=True, list=False),
        Reference("ratified_by", to="app_users", as_="person", filter=True),
        Moment("ratified_at", filter=True),
        Text("veto_reason", long=True, list=False),
        Reference("approval_request_id", to="approval_requests", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
