"""Votes: what one agent said in one round, how sure it was and why. Every outcome can be counted again from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.domains.ai.ai_agents import AiAgent
from app.engine.fields import NEVER, Choice, Count, Moment, Percent, Quantity, Reference, Text
from app.engine.records import Record, Standard, integer, moment, number, probability, ref, text_
from app.engine.records import choice as choice_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


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


def name() -> ColumnElement[str]:
    """ "Invoice Auditor: Hold the price": a vote is known by who said what."""
    agent = AiAgent.__table__.alias("voter")
    said = case(
        (AiBoardVote.stance == "vote", AiBoardVote.choice),
        (AiBoardVote.stance == "abstain", "abstains"),
        else_="to vote",
    )
    return select(func.concat(agent.c.name, ": ", said)).where(agent.c.id == AiBoardVote.agent_id).scalar_subquery()


def while_it_is_open(moving: Moving) -> str | None:
    motions = db.metadata.tables["ai_consensus_decisions"].c
    motion = moving.connection.execute(
        select(motions.status, motions.options).where(motions.id == moving.record["consensus_decision_id"])
    ).one()
    if motion.status != "voting":
        return "The vote on this motion is closed."
    given = moving.asked.get("choice")
    if given is not None and given not in motion.options:
        return f"Choose one of the options: {', '.join(motion.options)}."
    return None


def cast(moving: Moving) -> Mapping[str, Any]:
    return {"cast_at": moving.at}


ai_board_votes = Resource(
    AiBoardVote,
    title="name",
    label="Votes",
    singular="vote",
    icon="finger",
    nav=("AI", 72),
    about="What each agent said in each round, and why. A vote once cast stays; a changed mind votes in the next round.",
    area="boards",
    create=False,
    sort="-created_at",
    badge="stance",
    scopes={
        "To be cast": AiBoardVote.stance == "pending",
        "Abstained": AiBoardVote.stance == "abstain",
        "Unsure": AiBoardVote.confidence < Decimal("0.6"),
    },
    facts=("consensus_decision_id", "agent_id", "round", "choice", "confidence", "weight", "cast_at"),
    lifecycle=Lifecycle(
        field="stance",
        initial="pending",
        frozen={"pending": ("*",), "vote": ("*",), "abstain": ("*",)},
        why_frozen="A vote is kept as it was cast.",
        transitions=(
            Transition(
                "cast", "Cast vote", ("pending",), "vote", "boards.vote", guards=(while_it_is_open,), effects=(cast,),
                asks=("choice", "confidence", "rationale"), requires=("choice", "rationale"), done="cast",
            ),
            Transition(
                "abstain", "Abstain", ("pending",), "abstain", "boards.vote", guards=(while_it_is_open,), effects=(cast,),
                asks=("rationale",), done="recorded as abstaining",
            ),
        ),
    ),
    sentences={
        "uq_ai_board_votes_consensus_decision_id_agent_id_round": ("agent_id", "This agent has a vote in this round already."),
        "ck_ai_board_votes_choice": ("choice", "A vote names its choice; whoever abstains names none."),
    },
    fields=(
        Text("name", label="Vote", edit=NEVER, sort=False, width="l", expr=name),
        Reference(
            "consensus_decision_id", label="Motion", to="ai_consensus_decisions", edit=NEVER, filter=True,
            width="l",
        ),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True, list=False),
        Count("round", edit=NEVER, filter=True, width="xs"),
        Choice(
            "stance", edit=NEVER, filter=True, labels={"pending": "To be cast", "vote": "Voted", "abstain": "Abstained"},
            tones={"pending": "ai ai", "vote": "ok done", "abstain": "mute off"},
        ),
        Text("choice", edit=NEVER, filter=True, longest=300, list=False),
        Percent("confidence", edit=NEVER, share=True, most=1, filter=True),
        Quantity("weight", places=3, edit=NEVER, filter=True),
        Moment("cast_at", label="Cast", edit=NEVER, filter=True),
        Text("rationale", label="Why", long=True, edit=NEVER, list=False),
        Reference("call_id", label="Model call", to="ai_calls", as_="code", edit=NEVER, list=False, filter=True),
        Moment("created_at", label="Opened", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
