"""Memory feedback: what a person or agent thinks of a memory, and what was done to the memory because of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.domains.memory.remembering import carried_out
from app.engine.actions import Action
from app.engine.fields import CREATE, NEVER, Choice, Json, Moment, Reference, Text
from app.engine.records import Log, Record, choice, json_, moment, ref, text_
from app.engine.resource import Resource
from app.engine.states import Moving
from app.engine.wording import pairs


class AiMemoryFeedback(Record, Log):
    __tablename__ = "ai_memory_feedback"
    memory_id: Mapped[int] = ref("ai_memories", "C")
    recall_id: Mapped[int | None] = ref("memory_recalls", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    verdict: Mapped[str] = choice("helpful", "irrelevant", "wrong", "outdated", "harmful")
    comment: Mapped[str | None] = text_()
    correction: Mapped[str | None] = text_()
    applied_at: Mapped[datetime | None] = moment()
    applied_change: Mapped[Any] = json_(nullable=True)


WAITING = AiMemoryFeedback.applied_at.is_(None)


def finding() -> ColumnElement[str]:
    """ "Outdated, says Grace Okafor": a verdict is known by what and whose it is."""
    people, agents = db.metadata.tables["app_users"], db.metadata.tables["ai_agents"]
    person = select(people.c.display_name).where(people.c.id == AiMemoryFeedback.app_user_id).scalar_subquery()
    agent = select(agents.c.name).where(agents.c.id == AiMemoryFeedback.agent_id).scalar_subquery()
    who = func.coalesce(person, agent, "somebody who left")
    return func.initcap(AiMemoryFeedback.verdict).op("||")(", says ").op("||")(who)


def standing() -> ColumnElement[str]:
    return case((WAITING, "waiting"), else_="applied")


def not_yet_applied(record: Mapping[str, Any]) -> str | None:
    return None if record.get("applied_at") is None else "It has been applied already."


def applied(moving: Moving) -> Mapping[str, Any]:
    feedback, at = dict(moving.record), moving.at
    return {
        "applied_at": at,
        "applied_change": lambda connection, actor: carried_out(connection, actor, feedback, at),
    }


def left_alone(moving: Moving) -> Mapping[str, Any]:
    return {"applied_at": moving.at, "applied_change": {"nothing": "looked at and left as it is"}}


ai_memory_feedback = Resource(
    AiMemoryFeedback,
    title="finding",
    label="Memory feedback",
    singular="feedback",
    icon="star",
    nav=("Memory", 45),
    about="What people and agents think of memories: helpful, wrong, outdated. Applying it strengthens, replaces or retires the"
    " memory.",
    area="memory",
    sort="-created_at",
    opens="Waiting",
    badge="standing",
    scopes={
        "Waiting": WAITING,
        "Wrong or outdated": WAITING & AiMemoryFeedback.verdict.in_(("wrong", "outdated", "harmful")),
        "With a correction": WAITING & AiMemoryFeedback.correction.is_not(None),
        "Of people": AiMemoryFeedback.app_user_id.is_not(None),
        "Applied": AiMemoryFeedback.applied_at.is_not(None),
    },
    facts=("memory_id", "verdict", "app_user_id", "agent_id", "recall_id", "created_at", "applied_at"),
    actions=(
        Action("apply", "Apply to the memory", "memory.verify", applied, when=not_yet_applied, done="applied"),
        Action("leave", "Leave the memory as it is", "memory.verify", left_alone, when=not_yet_applied, done="put aside"),
    ),
    defaults={"app_user_id": lambda actor: actor.app_user_id},
    sentences={
        "ck_ai_memory_feedback_one_judge": ("agent_id", "Feedback is a person's or an agent's, not both."),
    },
    fields=(
        Text("finding", label="Feedback", edit=NEVER, sort=False, width="l", expr=finding),
        Reference("memory_id", label="Memory", to="ai_memories", edit=CREATE, filter=True, width="xl"),
        Choice(
            "verdict", edit=CREATE, filter=True, width="s",
            tones={
                "helpful": "ok done", "irrelevant": "mute off", "wrong": "danger fail", "outdated": "warn pause",
                "harmful": "danger warn",
            },
        ),
        Text("comment", long=True, longest=2000, edit=CREATE, personal=True, width="l"),
        Choice(
            "standing", edit=NEVER, sort=False, values=("waiting", "applied"), expr=standing, width="s",
            labels={"applied": "Dealt with"}, tones={"waiting": "ai ai", "applied": "ok done"},
        ),
        Moment("created_at", label="Given", edit=NEVER, filter=True),
        Text(
            "correction", label="What is right instead", long=True, longest=2000, edit=CREATE, list=False, personal=True,
            help="Applied, it replaces the memory's words.",
        ),
        Moment("applied_at", label="Dealt with", edit=NEVER, filter=True, list=False),
        Text(
            "change", label="What was done", long=True, edit=NEVER, list=False, sort=False,
            expr=lambda: pairs(AiMemoryFeedback.__table__.c.applied_change),
        ),
        Reference("app_user_id", label="Person", to="app_users", as_="person", edit=CREATE, list=False, filter=True,
                  group="Origin"),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=CREATE, list=False, filter=True,
                  group="Origin"),
        Reference("recall_id", label="Recall", to="memory_recalls", edit=CREATE, list=False, filter=True, group="Origin"),
        Json("applied_change", label="What was done, as data", edit=NEVER, group="Origin"),
    ),
)  # fmt: skip
