"""Votes: one agent's vote in one round."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, integer, moment, number, probability, ref, text_
from app.engine.records import choice as choice_
from app.engine.resource import Resource


class AiBoardVote(Record, Standard):
    __tablename__ = "ai_board_votes"
    consensus_decision_id: Mapped[int] = ref("ai_consensus_decisions", "C")
    agent_id: Mapped[int] = ref("ai_agents", "R")
    round: Mapped[int] = integer("1")
    stance: Mapped[str] = choice_("pending", "vote", "abstain", default="pending")
    choice: Mapped[str | None] = text_()
    confidence: Mapped[Decimal | None] = probability()
    weight: Mapped[Decimal] = number(6, 3, "1")
    rationale: Mapped[str | None] = text_()
    cast_at: Mapped[datetime | None] = moment()
    call_id: Mapped[int | None] = ref("ai_calls", "N")


ai_board_votes = Resource(
    AiBoardVote,
    title="consensus_decision_id",
    label="Votes",
    icon="agent",
    nav=("AI", 65),
    about="One agent's vote in one round.",
    area="boards",
    sort="-created_at",
    fields=(
        Reference("consensus_decision_id", to="ai_consensus_decisions", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Count("round", filter=True),
        Choice("stance", filter=True),
        Text("choice", filter=True),
        Quantity("confidence", places=4, filter=True),
        Quantity("weight", places=3, filter=True),
        Text("rationale", long=True, list=False),
        Moment("cast_at", filter=True),
        Reference("call_id", to="ai_calls", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
