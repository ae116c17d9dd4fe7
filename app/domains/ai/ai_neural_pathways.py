"""Pathways: named routes from entry to outcome neuron for one kind of decision, with their success record."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, moment, numbers, probability, ref, text_
from app.engine.resource import Resource


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


ai_neural_pathways = Resource(
    AiNeuralPathway,
    title="name",
    label="Pathways",
    icon="agent",
    nav=("AI", 50),
    about="Named routes from entry to outcome neuron for one kind of decision, with their success record.",
    area="neural",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Text("decision_kind", filter=True),
        Reference("entry_neuron_id", to="ai_neurons", filter=True),
        Reference("outcome_neuron_id", to="ai_neurons", filter=True),
        Quantity("strength", places=4, filter=True),
        Count("traversals", filter=True),
        Count("successes", filter=True),
        Count("failures", filter=True),
        Choice("status", filter=True),
        Moment("last_traversed_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
