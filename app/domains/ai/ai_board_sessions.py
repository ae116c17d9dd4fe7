"""Board sessions: the agents meet over a question, argue it in rounds and vote; a person ratifies what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, text
from sqlalchemy.orm import Mapped

from app.domains.ai.ai_agents import AiAgent
from app.engine.fields import (
    BULK,
    FORM,
    INLINE,
    NEVER,
    Choice,
    Code,
    Cost,
    Count,
    Json,
    Moment,
    Percent,
    Reference,
    SubjectLink,
    Text,
)
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    choice,
    cost,
    integer,
    json_,
    moment,
    percent,
    ref,
    text_,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import phrases

LEAST_MEMBERS = 3


class AiBoardSession(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_board_sessions"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    purpose: Mapped[str] = choice("strategy", "pricing", "risk", "operations", "incident", "policy")
    status: Mapped[str] = choice(
        "draft", "scheduled", "in_session", "voting", "concluded", "cancelled", default="draft"
    )
    agenda: Mapped[list[Any]] = json_("[]")
    trigger: Mapped[str] = choice("manual", "schedule", "threshold", "incident", default="manual")
    chair_agent_id: Mapped[int | None] = ref("ai_agents", "R")
    convened_by: Mapped[int | None] = ref("app_users", "N")
    scheduled_for: Mapped[datetime | None] = moment()
    started_at: Mapped[datetime | None] = moment()
    ended_at: Mapped[datetime | None] = moment()
    quorum_pct: Mapped[Decimal] = percent("60")
    max_rounds: Mapped[int] = integer("3")
    round: Mapped[int] = integer("0")
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    summary: Mapped[str | None] = text_()
    budget: Mapped[Decimal | None] = cost()
    total_cost: Mapped[Decimal] = cost("0")
    cancel_reason: Mapped[str | None] = text_()


UPCOMING = AiBoardSession.status.in_(("draft", "scheduled"))
UNDER_WAY = AiBoardSession.status.in_(("in_session", "voting"))


def topics() -> ColumnElement[str]:
    return phrases(AiBoardSession.__table__.c.agenda, "{topic}, {minutes} min")


# -- what a meeting needs ---------------------------------------------------------------------------------------------


def members(tenant_id: int) -> ColumnElement[bool]:
    """The board: every agent that runs and whose word has weight."""
    return (AiAgent.tenant_id == tenant_id) & (AiAgent.status == "active") & (AiAgent.vote_weight > 0)


def has_a_chair(moving: Moving) -> str | None:
    chair = moving.asked.get("chair_agent_id") or moving.record["chair_agent_id"]
    if chair is None:
        return "Name the agent that chairs the session."
    status = moving.connection.scalar(select(AiAgent.status).where(AiAgent.id == chair))
    return None if status == "active" else "The agent that chairs it is not active; choose another or resume it."


def enough_members(moving: Moving) -> str | None:
    there = moving.connection.scalar(select(func.count()).where(members(moving.record["tenant_id"]))) or 0
    if there < LEAST_MEMBERS:
        return f"Only {there} active agents have a vote; a board needs {LEAST_MEMBERS}."
    return None


def something_to_decide(moving: Moving) -> str | None:
    found = moving.connection.execute(_MOTION, {"session": moving.record["id"]}).first()
    return None if found else "Add at least one motion first; a session without a question decides nothing."


def has_a_budget(moving: Moving) -> str | None:
    budget = moving.asked.get("budget") or moving.record["budget"]
    return None if budget else "Say what the session may cost."


def all_counted(moving: Moving) -> str | None:
    left = moving.connection.execute(_UNDECIDED, {"session": moving.record["id"]}).scalar_one()
    if not left:
        return None
    first = "One motion is" if left == 1 else f"{left} motions are"
    return f"{first} still to be counted, voted again, escalated or let expire."


_MOTION = text("SELECT 1 FROM ai_consensus_decisions WHERE board_session_id = :session LIMIT 1")
_UNDECIDED = text("""
SELECT count(*) FROM ai_consensus_decisions
WHERE board_session_id = :session AND status IN ('open', 'voting', 'not_reached')
""")
_COST = text("""
SELECT coalesce(sum(total_cost), 0) FROM ai_calls WHERE trace_id IN (
    SELECT c.trace_id FROM ai_consensus_decisions m
    JOIN ai_board_votes v ON v.consensus_decision_id = m.id JOIN ai_calls c ON c.id = v.call_id
    WHERE m.board_session_id = :session)
""")


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.at}


def first_round(_: Moving) -> Mapping[str, Any]:
    return {"round": 1}


def ended(moving: Moving) -> Mapping[str, Any]:
    """The cost is that of the calls in which the agents made up their minds."""
    spent = moving.connection.execute(_COST, {"session": moving.record["id"]}).scalar_one()
    return {"ended_at": moving.at, "total_cost": spent}


# -- what follows for the motions --------------------------------------------------------------------------------------

# A question kept for a person skips the vote; every other gets a ballot for each member, with the weight it has today.
_TO_A_PERSON = text("""
UPDATE ai_consensus_decisions SET status = 'escalated' WHERE board_session_id = :session AND status = 'open' AND method = 'human'
""")
_TO_THE_VOTE = text("""
UPDATE ai_consensus_decisions SET status = 'voting' WHERE board_session_id = :session AND status = 'open' RETURNING id
""")
_CALLED_OFF = text("""
UPDATE ai_consensus_decisions SET status = 'expired' WHERE board_session_id = :session AND status = 'open'
""")
_BALLOTS = text("""
INSERT INTO ai_board_votes (tenant_id, consensus_decision_id, agent_id, round, weight)
SELECT m.tenant_id, m.id, a.id, :round, a.vote_weight
FROM ai_consensus_decisions m JOIN ai_agents a ON a.tenant_id = m.tenant_id AND a.status = 'active' AND a.vote_weight > 0
WHERE m.id = :motion ORDER BY a.id ON CONFLICT DO NOTHING
""")


def open_ballots(connection: Connection, motion_id: int, round_no: int) -> None:
    """One waiting vote for every member of the board."""
    connection.execute(_BALLOTS, {"motion": motion_id, "round": round_no})


def carry_on(connection: Connection, session: Mapping[str, Any]) -> None:
    """Calling the vote opens the ballots; a session that is called off leaves no question open."""
    if session.get("status") == "cancelled":
        connection.execute(_CALLED_OFF, {"session": session["id"]})
    if session.get("status") != "voting":
        return
    connection.execute(_TO_A_PERSON, {"session": session["id"]})
    for motion in connection.scalars(_TO_THE_VOTE, {"session": session["id"]}).all():
        open_ballots(connection, motion, 1)


lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "scheduled", "in_session", "voting", "concluded"),
    frozen={
        "voting": ("purpose", "agenda", "chair_agent_id", "quorum_pct", "max_rounds", "scheduled_for", "trigger"),
        "concluded": ("*",),
        "cancelled": ("*",),
    },
    why_frozen="The board has begun to vote on this as it stands; convene another session to change it.",
    transitions=(
        Transition(
            "schedule", "Schedule session", ("draft",), "scheduled", "boards.schedule",
            guards=(has_a_chair, enough_members, something_to_decide, has_a_budget),
            asks=("scheduled_for", "chair_agent_id", "budget"), requires=("scheduled_for",), done="scheduled",
        ),
        Transition(
            "open", "Open session", ("scheduled",), "in_session", "boards.open",
            guards=(has_a_chair, enough_members, something_to_decide), effects=(begun,), done="opened",
        ),
        Transition(
            "call_vote", "Call the vote", ("in_session",), "voting", "boards.vote", guards=(something_to_decide,),
            effects=(first_round,), done="put to the vote",
        ),
        Transition(
            "conclude", "Conclude session", ("voting",), "concluded", "boards.conclude", guards=(all_counted,),
            effects=(ended,), asks=("summary",), requires=("summary",), done="concluded",
        ),
        Transition(
            "cancel", "Cancel session", ("draft", "scheduled", "in_session"), "cancelled", "boards.cancel",
            asks=("cancel_reason",), requires=("cancel_reason",), danger=True, done="cancelled",
        ),
    ),
)  # fmt: skip

ai_board_sessions = Resource(
    AiBoardSession,
    title="title",
    code="number",
    label="Board sessions",
    singular="board session",
    icon="board",
    nav=("AI", 70),
    about="The agents meet over a question, argue it in rounds and vote. Nothing happens until a person ratifies the outcome.",
    area="boards",
    search=("title", "number"),
    sort="-created_at",
    numbered="board_session",
    lifecycle=lifecycle,
    follow=(carry_on,),
    scopes={
        "Upcoming": UPCOMING,
        "Under way": UNDER_WAY,
        "Concluded": AiBoardSession.status == "concluded",
        "Over budget": AiBoardSession.total_cost > AiBoardSession.budget,
    },
    facts=("purpose", "chair_agent_id", "scheduled_for", "round", "quorum_pct", "total_cost", "budget", "subject_id"),
    related=(
        Related(
            "ai_consensus_decisions", via="board_session_id", label="Motions", sort="position",
            fields=("question", "method", "status", "outcome", "agreement_pct", "ratified_by"),
            closed=lambda session: session["status"] not in ("draft", "scheduled", "in_session"),
        ),
    ),
    defaults={"convened_by": lambda actor: actor.app_user_id},
    sentences={
        "uq_ai_board_sessions_tenant_id_number": ("number", "Another session has this number already."),
        "ck_ai_board_sessions_round": ("max_rounds", "More rounds have been held already."),
        "ck_ai_board_sessions_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    fields=(
        Text("title", label="Session", required=True, longest=200, edit=INLINE, width="xl"),
        Code("number", edit=NEVER, width="s"),
        Choice("purpose", edit=INLINE | BULK, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "draft": "mute draft", "scheduled": "info sched", "in_session": "accent prog", "voting": "ai ai",
                "concluded": "ok done", "cancelled": "mute off",
            },
        ),
        Reference("chair_agent_id", label="Chair", to="ai_agents", as_="agent", edit=FORM, filter=True),
        Moment("scheduled_for", label="Planned for", planned=True, edit=FORM, filter=True),
        Count("round", label="Round", edit=NEVER, filter=True),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Moment("ended_at", label="Ended", edit=NEVER, filter=True),
        Text("summary", long=True, list=False, edit=NEVER, group="Outcome"),
        Text("cancel_reason", label="Cancelled because", long=True, edit=NEVER, list=False, group="Outcome"),
        Text("topics", label="Agenda", long=True, edit=NEVER, list=False, sort=False, group="Agenda", expr=topics),
        Json(
            "agenda", label="Agenda as data",
            help='Topics in order, like [{"topic": "Price level", "minutes": 10}].', group="Agenda",
        ),
        Percent(
            "quorum_pct", label="Quorum", list=False, filter=True, group="Rules",
            help="Share of the weight that has to vote.",
        ),
        Count("max_rounds", label="Rounds at most", least=1, most=10, list=False, group="Rules"),
        Cost("budget", label="May cost", least=0, list=False, filter=True, group="Rules"),
        SubjectLink("subject_id", label="About", list=False, group="Origin"),
        Choice("trigger", label="Convened through", list=False, filter=True, group="Origin"),
        Reference(
            "convened_by", label="Convened by", to="app_users", as_="person", edit=FORM, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "conversation_id", label="Transcript", to="conversations", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("started_at", label="Opened", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
