"""Motions: one question put to the board, how the votes fell, and the person who made the outcome binding or stopped it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Mapped

from app.domains.ai.ai_board_sessions import AiBoardSession, open_ballots
from app.domains.ai.ai_board_votes import AiBoardVote
from app.domains.ai.consensus import Ballot
from app.domains.ai.consensus import Count as Counted
from app.domains.ai.consensus import count as count_votes
from app.engine.fields import CREATE, FORM, INLINE, NEVER, Choice, Count, Json, Moment, Percent, Reference, Tags, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, percent, ref, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


class AiConsensusDecision(Record, Standard):
    __tablename__ = "ai_consensus_decisions"
    board_session_id: Mapped[int] = ref("ai_board_sessions", "C")
    position: Mapped[int] = integer("1")
    question: Mapped[str] = text_()
    options: Mapped[list[str]] = texts(None)
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


# -- counting ---------------------------------------------------------------------------------------------------------


def last_round(moving: Moving) -> list[Any]:
    """The votes of the latest round, in the order of the board."""
    rows = AiBoardVote.__table__.c
    every = moving.connection.execute(
        select(rows.round, rows.stance, rows.choice, rows.weight, rows.confidence, rows.rationale)
        .where(rows.consensus_decision_id == moving.record["id"])
        .order_by(rows.agent_id)
    ).all()
    latest = max((each.round for each in every), default=0)
    return [each for each in every if each.round == latest]


def counted(moving: Moving) -> Counted:
    motion = moving.record
    ballots = [Ballot(each.stance, each.choice, each.weight, each.confidence) for each in last_round(moving)]
    return count_votes(ballots, motion["options"], motion["method"], motion["threshold_pct"], motion["quorum_pct"])


def agreed(moving: Moving) -> str | None:
    found = counted(moving)
    if found.agreed:
        return None
    share, quorum = moving.record["threshold_pct"], moving.record["quorum_pct"]
    return f"{found.in_words} It takes more than {share:.0f} %, and a quorum of {quorum:.0f} %."


def not_agreed(moving: Moving) -> str | None:
    found = counted(moving)
    return f"{found.in_words} The board has agreed; close the vote as agreed." if found.agreed else None


def result(moving: Moving) -> Mapping[str, Any]:
    """What the votes came to, and what those said who voted otherwise."""
    found = counted(moving)
    outcome = found.leader if found.agreed else None
    against = [each.rationale for each in last_round(moving) if each.stance == "vote" and each.choice != found.leader]
    return {
        "tally": found.tally,
        "outcome": outcome,
        "agreement_pct": found.share_pct,
        "dissent": "\n".join(each for each in against if each) or None,
    }


# -- a person's part --------------------------------------------------------------------------------------------------


def by_a_person(moving: Moving) -> str | None:
    """Agents advise; whoever makes it binding has to be somebody who can be asked about it."""
    if moving.actor.app_user_id is None or moving.actor.kind != "user":
        return "Only a person makes a board's outcome binding."
    return None


def one_of_the_options(moving: Moving) -> str | None:
    outcome = moving.asked.get("outcome") or moving.record["outcome"]
    if outcome is None:
        return "The board came to no outcome; choose one of the options."
    if outcome not in moving.record["options"]:
        return f"Choose one of the options: {', '.join(moving.record['options'])}."
    return None


def rounds_left(moving: Moving) -> str | None:
    held = max((each.round for each in last_round(moving)), default=0)
    most = moving.connection.scalar(
        select(AiBoardSession.max_rounds).where(AiBoardSession.id == moving.record["board_session_id"])
    )
    if held >= (most or 0):
        return f"The board has held all its {held} rounds; a person decides now."
    return None


def past_its_deadline(moving: Moving) -> str | None:
    deadline = moving.record["deadline_at"]
    if deadline is None:
        return "This motion has no deadline; close the vote instead."
    return None if deadline <= moving.at else "Its deadline lies ahead."


def ratified(moving: Moving) -> Mapping[str, Any]:
    return {
        "outcome": moving.asked.get("outcome") or moving.record["outcome"],
        "ratified_by": moving.actor.app_user_id,
        "ratified_at": moving.at,
    }


_LAST_ROUND = text("SELECT coalesce(max(round), 0) FROM ai_board_votes WHERE consensus_decision_id = :motion")
_ROUND = text("""
UPDATE ai_board_sessions SET round = :round
WHERE id = (SELECT board_session_id FROM ai_consensus_decisions WHERE id = :motion) AND round < :round
""")


def another_round(connection: Connection, motion: Mapping[str, Any]) -> None:
    """Put to the vote again: new ballots for everybody, the earlier ones stay as they were cast."""
    if motion.get("status") != "voting":
        return
    following = connection.execute(_LAST_ROUND, {"motion": motion["id"]}).scalar_one() + 1
    open_ballots(connection, motion["id"], following)
    connection.execute(_ROUND, {"motion": motion["id"], "round": following})


_BINDING = "boards.ratify"
lifecycle = Lifecycle(
    field="status",
    initial="open",
    stages=("open", "voting", "reached", "ratified"),
    frozen={
        "voting": ("*",),
        "reached": ("*",),
        "not_reached": ("*",),
        "escalated": ("*",),
        "ratified": ("*",),
        "vetoed": ("*",),
        "expired": ("*",),
    },
    why_frozen="The board has voted on this question as it stands; put another motion to change it.",
    transitions=(
        Transition(
            "put", "Put to the vote", ("open",), "voting", "boards.vote", by_system=True, done="put to the vote",
        ),
        Transition(
            "reach", "Close as agreed", ("voting",), "reached", "boards.conclude", guards=(agreed,), effects=(result,),
            done="closed as agreed",
        ),
        Transition(
            "miss", "Close as not agreed", ("voting",), "not_reached", "boards.conclude", guards=(not_agreed,),
            effects=(result,), done="closed as not agreed",
        ),
        Transition(
            "vote_again", "Vote another round", ("not_reached",), "voting", "boards.vote", guards=(rounds_left,),
            done="put to the vote again",
        ),
        Transition(
            "escalate", "Leave to a person", ("not_reached", "voting"), "escalated", "boards.conclude", done="escalated",
        ),
        Transition(
            "expire", "Let expire", ("open", "voting", "not_reached"), "expired", "boards.conclude",
            guards=(past_its_deadline,), done="expired",
        ),
        Transition(
            "ratify", "Ratify outcome", ("reached", "escalated"), "ratified", _BINDING,
            guards=(by_a_person, one_of_the_options), effects=(ratified,), asks=("outcome",), done="ratified",
        ),
        Transition(
            "veto", "Veto outcome", ("reached", "escalated"), "vetoed", "boards.veto", guards=(by_a_person,),
            asks=("veto_reason",), requires=("veto_reason",), danger=True, done="vetoed",
        ),
    ),
)  # fmt: skip

ai_consensus_decisions = Resource(
    AiConsensusDecision,
    title="question",
    label="Motions",
    singular="motion",
    icon="check",
    nav=("AI", 71),
    about="One question put to the board: the options, how the votes fell, and the person who made the outcome binding.",
    area="boards",
    search=("question",),
    sort="-created_at",
    lifecycle=lifecycle,
    follow=(another_round,),
    scopes={
        "To ratify": AiConsensusDecision.status.in_(("reached", "escalated")),
        "Escalated": AiConsensusDecision.status == "escalated",
        "Being voted on": AiConsensusDecision.status == "voting",
        "Not agreed": AiConsensusDecision.status == "not_reached",
        "Vetoed": AiConsensusDecision.status == "vetoed",
    },
    facts=(
        "board_session_id", "method", "threshold_pct", "quorum_pct", "outcome", "agreement_pct", "ratified_by",
        "deadline_at",
    ),
    related=(
        Related(
            "ai_board_votes", via="consensus_decision_id", label="Votes", sort="-round",
            fields=("name", "round", "stance", "confidence", "weight", "rationale"),
        ),
        Related(
            "ai_decision_logs", via="consensus_decision_id", label="Decisions made by it", sort="-decided_at",
            fields=("decided_at", "question", "chosen", "status", "outcome"),
        ),
    ),
    sentences={
        "uq_ai_consensus_decisions_board_session_id_position": ("position", "Another motion of this session has this place."),
        "ck_ai_consensus_decisions_options": ("options", "Give at least two options to choose from."),
        "ck_ai_consensus_decisions_outcome": ("outcome", "Say which option it came to."),
        "ck_ai_consensus_decisions_vetoed": ("veto_reason", "Say why it is vetoed."),
    },
    fields=(
        Text("question", label="Motion", required=True, longest=500, edit=INLINE, width="xl"),
        Reference("board_session_id", label="Session", to="ai_board_sessions", edit=CREATE, filter=True, width="m"),
        Choice(
            "method", edit=FORM, filter=True, list=False, group="Rules",
            labels={"human": "A person decides", "weighted": "Weighted by confidence"},
        ),
        Choice(
            "status", edit=NEVER, filter=True, labels={"reached": "Agreed", "not_reached": "Not agreed"},
            tones={
                "open": "mute open", "voting": "ai ai", "reached": "info part", "not_reached": "warn part",
                "escalated": "warn warn", "ratified": "ok done", "vetoed": "danger off", "expired": "mute off",
            },
        ),
        Text("outcome", edit=NEVER, width="l"),
        Percent("agreement_pct", label="Agreement", edit=NEVER, filter=True),
        Reference("ratified_by", label="Ratified by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("deadline_at", label="Deadline", planned=True, edit=FORM, filter=True, list=False, group="Rules"),
        Count("position", label="Place", least=1, most=999, list=False, group="Rules"),
        Tags(
            "options", edit=FORM, required=True, list=False, filter=True, group="Rules",
            help="At least two, between commas.",
        ),
        Percent(
            "threshold_pct", label="Needs more than", list=False, filter=True, group="Rules",
            help="Share of the weight that voted.",
        ),
        Percent(
            "quorum_pct", label="Quorum", list=False, filter=True, group="Rules",
            help="Share of the weight that has to vote.",
        ),
        Text(
            "votes", label="Weight by option", long=True, edit=NEVER, list=False, sort=False, group="Result",
            expr=lambda: pairs(AiConsensusDecision.__table__.c.tally),
        ),
        Json("tally", label="Tally as data", edit=NEVER, group="Result"),
        Text("dissent", label="What the others said", long=True, edit=NEVER, list=False, group="Result"),
        Moment("ratified_at", label="Ratified", edit=NEVER, list=False, filter=True, group="Result"),
        Text("veto_reason", label="Vetoed because", long=True, edit=NEVER, list=False, group="Result"),
        Reference(
            "approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True,
            group="Result",
        ),
        Moment("created_at", label="Put", edit=NEVER, filter=True, group="Result"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Result"),
    ),
)  # fmt: skip
