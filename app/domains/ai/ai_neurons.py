"""Neurons: nodes of the decision network: input signals, features, rules, outcomes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, json_, moment, number, ref, text_
from app.engine.resource import Resource


class AiNeuron(Record, Standard):
    __tablename__ = "ai_neurons"
    key: Mapped[str] = text_()
    label: Mapped[str] = text_()
    layer: Mapped[str] = choice("input", "hidden", "output")
    kind: Mapped[str] = choice("signal", "feature", "rule", "aggregate", "outcome")
    activation: Mapped[str] = choice("linear", "relu", "sigmoid", "tanh", "step", default="sigmoid")
    bias: Mapped[Decimal] = number(10, 6, "0")
    threshold: Mapped[Decimal] = number(10, 6, "0.5")
    expression: Mapped[Any] = json_(nullable=True)
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    status: Mapped[str] = choice("active", "muted", "retired", default="active")
    pos_x: Mapped[Decimal] = number(8, 2, "0")
    pos_y: Mapped[Decimal] = number(8, 2, "0")
    last_activation: Mapped[Decimal | None] = number(12, 6)
    last_fired_at: Mapped[datetime | None] = moment()
    fire_count: Mapped[int] = bigint("0")


ai_neurons = Resource(
    AiNeuron,
    title="label",
    label="Neurons",
    icon="agent",
    nav=("AI", 40),
    about="Nodes of the decision network: input signals, features, rules, outcomes.",
    area="neural",
    search=(
        "key",
        "label",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("label", filter=True),
        Choice("layer", filter=True),
        Choice("kind", filter=True),
        Choice("activation", filter=True),
        Quantity("bias", places=6, filter=True),
        Quantity("threshold", places=6, filter=True),
        Json("expression"),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Choice("status", filter=True),
        Quantity("pos_x", places=2, filter=True),
        Quantity("pos_y", places=2, filter=True),
        Quantity("last_activation", places=6, filter=True),
        Moment("last_fired_at", filter=True),
        Count("fire_count", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
