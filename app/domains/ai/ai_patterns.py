"""Patterns: what the agents noticed keeps happening, how often and how surely; a person says whether it is true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import (
    CREATE,
    FORM,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Json,
    Moment,
    Percent,
    Quantity,
    Reference,
    Text,
)
from app.engine.records import Record, Standard, choice, integer, json_, moment, number, probability, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


class AiPattern(Record, Standard):
    __tablename__ = "ai_patterns"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    domain: Mapped[str] = choice("sales", "operations", "billing", "customer", "ai", "system")
    description: Mapped[str] = text_()
    expression: Mapped[dict[str, Any]] = json_("{}")
    support: Mapped[int] = integer("0")
    confidence: Mapped[Decimal] = probability("0")
    lift: Mapped[Decimal | None] = number(10, 4)
    occurrences: Mapped[int] = integer("0")
    status: Mapped[str] = choice("candidate", "confirmed", "rejected", "stale", default="candidate")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    first_seen_at: Mapped[datetime] = moment("now()")
    last_seen_at: Mapped[datetime] = moment("now()")
    reviewed_by: Mapped[int | None] = ref("app_users", "N")
    reviewed_at: Mapped[datetime | None] = moment()


LEAST_SUPPORT = 5


def seen_often_enough(moving: Moving) -> str | None:
    seen = moving.record["support"]
    if seen < LEAST_SUPPORT:
        return f"It rests on {seen} cases; {LEAST_SUPPORT} are the least to call something a pattern."
    return None


def reviewed(moving: Moving) -> Mapping[str, Any]:
    return {"reviewed_by": moving.actor.app_user_id, "reviewed_at": moving.at}


def unreviewed(_: Moving) -> Mapping[str, Any]:
    return {"reviewed_by": None, "reviewed_at": None}


ai_patterns = Resource(
    AiPattern,
    title="name",
    code="key",
    label="Patterns",
    singular="pattern",
    icon="copy",
    nav=("AI", 85),
    about="What keeps happening: noticed by an agent, with the cases it rests on. A person confirms or rejects it.",
    area="patterns",
    search=("name", "key"),
    sort="-last_seen_at",
    scopes={
        "To review": AiPattern.status == "candidate",
        "Confirmed": AiPattern.status == "confirmed",
        "Stale": AiPattern.status == "stale",
        "Sure": AiPattern.confidence >= Decimal("0.8"),
    },
    facts=("status", "domain", "confidence", "support", "lift", "agent_id", "last_seen_at", "reviewed_by"),
    related=(
        Related(
            "ai_insights", via="pattern_id", label="Insights that rest on it", sort="-created_at",
            fields=("title", "severity", "status", "impact_amount", "assignee_id", "created_at"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="candidate",
        stages=("candidate", "confirmed"),
        frozen={"rejected": ("*",)},
        why_frozen="A rejected pattern is kept so that it is not proposed again; take it up again first.",
        transitions=(
            Transition(
                "confirm", "Confirm pattern", ("candidate", "stale"), "confirmed", "patterns.review",
                guards=(seen_often_enough,), effects=(reviewed,), done="confirmed",
            ),
            Transition(
                "reject", "Reject pattern", ("candidate", "confirmed", "stale"), "rejected", "patterns.review", reason=True,
                effects=(reviewed,), danger=True, done="rejected",
            ),
            Transition(
                "lapse", "Call it stale", ("confirmed",), "stale", "patterns.review", effects=(reviewed,), done="called stale",
            ),
            Transition(
                "reconsider", "Look at it again", ("rejected",), "candidate", "patterns.review", effects=(unreviewed,),
                done="taken up again",
            ),
        ),
    ),
    sentences={"uq_ai_patterns_tenant_id_key": ("key", "Another pattern has this key already.")},
    fields=(
        Text("name", label="Pattern", required=True, longest=200, edit=INLINE, width="xl"),
        Code("key", edit=CREATE, list=False),
        Choice("domain", label="About", edit=FORM, filter=True, labels={"ai": "AI"}),
        Percent(
            "confidence", edit=CREATE, share=True, most=1, filter=True,
            help="How often it held where it could: 0 to 1.",
        ),
        Count("support", label="Cases", edit=CREATE, least=0, filter=True),
        Quantity(
            "lift", edit=CREATE, least=0, places=4, filter=True, help="How many times likelier than without it; 1 means no link.",
        ),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"candidate": "ai ai", "confirmed": "ok done", "rejected": "mute off", "stale": "warn pause"},
        ),
        Reference("agent_id", label="Noticed by", to="ai_agents", as_="agent", edit=CREATE, filter=True),
        Moment("last_seen_at", label="Last seen", edit=NEVER, filter=True),
        Text("description", long=True, required=True, list=False, edit=FORM),
        Text(
            "rule", label="When it holds", long=True, edit=NEVER, list=False, sort=False, group="Evidence",
            expr=lambda: pairs(AiPattern.__table__.c.expression),
        ),
        Json("expression", label="Rule as data", edit=CREATE, group="Evidence"),
        Count("occurrences", label="Seen so often", edit=CREATE, least=0, list=False, filter=True, group="Evidence"),
        Moment("first_seen_at", label="First seen", edit=NEVER, list=False, filter=True, group="Evidence"),
        Reference(
            "reviewed_by", label="Judged by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Review",
        ),
        Moment("reviewed_at", label="Judged", edit=NEVER, list=False, filter=True, group="Review"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Review"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Review"),
    ),
)  # fmt: skip
