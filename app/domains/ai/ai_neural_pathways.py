"""Pathways: the routes the network takes from what it sees to what it chooses, and how well each has done."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, cast, func
from sqlalchemy.orm import Mapped

from app.domains.ai.ai_neurons import AiNeuron
from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Moment, Percent, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, moment, numbers, probability, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import chain

ENOUGH = 30
"""Judged decisions below which a share of successes says little."""
STRONG = Decimal("0.6")


class AiNeuralPathway(Record, Standard):
    __tablename__ = "ai_neural_pathways"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    decision_kind: Mapped[str] = text_()
    entry_neuron_id: Mapped[int] = ref("ai_neurons", "R")
    outcome_neuron_id: Mapped[int] = ref("ai_neurons", "R")
    neuron_ids: Mapped[list[int]] = numbers()
    synapse_ids: Mapped[list[int]] = numbers()
    strength: Mapped[Decimal] = probability("0.5")
    traversals: Mapped[int] = bigint("0")
    successes: Mapped[int] = bigint("0")
    failures: Mapped[int] = bigint("0")
    status: Mapped[str] = choice("learning", "established", "deprecated", default="learning")
    last_traversed_at: Mapped[datetime | None] = moment()


def route() -> ColumnElement[str]:
    return chain(AiNeuralPathway.__table__.c.neuron_ids, AiNeuron.__table__.alias("step"), "label")


def success_rate() -> ColumnElement[Any]:
    """Successes of those decisions whose outcome is known; none where none is."""
    judged = AiNeuralPathway.successes + AiNeuralPathway.failures
    return func.round(cast(AiNeuralPathway.successes * 100, Numeric) / func.nullif(judged, 0), 1)


def proven(moving: Moving) -> str | None:
    path = moving.record
    judged = path["successes"] + path["failures"]
    if judged < ENOUGH:
        return f"The outcome of {judged} of its decisions is known; wait for {ENOUGH} before relying on it."
    if path["strength"] < STRONG:
        return f"Its strength is {path['strength']:.2f}; {STRONG} or more is relied on."
    return None


ai_neural_pathways = Resource(
    AiNeuralPathway,
    title="name",
    code="key",
    label="Pathways",
    singular="pathway",
    icon="arrow",
    nav=("AI", 50),
    about="The routes the network takes from what it sees to what it chooses, recorded the first time a decision takes one.",
    area="neural",
    create=False,
    search=("name", "key"),
    sort="-strength",
    scopes={
        "Established": AiNeuralPathway.status == "established",
        "Learning": AiNeuralPathway.status == "learning",
        "Losing": AiNeuralPathway.failures > AiNeuralPathway.successes,
        "Deprecated": AiNeuralPathway.status == "deprecated",
    },
    facts=(
        "status", "decision_kind", "strength", "success_rate", "traversals", "successes", "failures",
        "last_traversed_at",
    ),
    related=(
        Related(
            "ai_decision_logs", via="pathway_id", label="Decisions that took it", sort="-decided_at",
            fields=("decided_at", "question", "chosen", "confidence", "status", "outcome"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="learning",
        stages=("learning", "established"),
        transitions=(
            Transition(
                "establish", "Rely on it", ("learning",), "established", "neural.write", guards=(proven,), done="established",
            ),
            Transition(
                "deprecate", "Deprecate pathway", ("learning", "established"), "deprecated", "neural.deprecate",
                reason=True, danger=True, done="deprecated",
            ),
            Transition(
                "relearn", "Learn it again", ("deprecated",), "learning", "neural.deprecate", done="set to learn again",
            ),
        ),
    ),
    sentences={"uq_ai_neural_pathways_tenant_id_key": ("key", "Another pathway has this key already.")},
    fields=(
        Text("name", label="Pathway", required=True, longest=160, edit=INLINE, width="l"),
        Code("key", edit=NEVER, list=False, filter=True),
        Code("decision_kind", label="For decisions of kind", edit=NEVER, filter=True),
        Reference("entry_neuron_id", label="From", to="ai_neurons", edit=NEVER, filter=True),
        Reference("outcome_neuron_id", label="To", to="ai_neurons", edit=NEVER, filter=True),
        Percent("strength", edit=NEVER, share=True, filter=True, help="What the network trusts it with: 0 to 1."),
        Percent("success_rate", label="Successes", edit=NEVER, sort=False, expr=success_rate),
        Count("traversals", label="Taken", edit=NEVER, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"learning": "info prog", "established": "ok done", "deprecated": "mute off"},
        ),
        Moment("last_traversed_at", label="Last taken", edit=NEVER, filter=True),
        Text("route", long=True, edit=NEVER, list=False, sort=False, group="Route", expr=route),
        Count("successes", label="Turned out well", edit=NEVER, list=False, filter=True, group="Record"),
        Count("failures", label="Turned out badly", edit=NEVER, list=False, filter=True, group="Record"),
        Moment("created_at", label="First taken", edit=NEVER, list=False, filter=True, group="Record"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Record"),
    ),
)  # fmt: skip
