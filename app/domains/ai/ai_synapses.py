"""Synapses: weighted directed edges between neurons."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Count, Flag, Moment, Quantity, Reference
from app.engine.records import Record, Standard, bigint, flag, moment, number, ref
from app.engine.resource import Resource


class AiSynapse(Record, Standard):
    __tablename__ = "ai_synapses"
    from_neuron_id: Mapped[int] = ref("ai_neurons", "C")
    to_neuron_id: Mapped[int] = ref("ai_neurons", "C")
    weight: Mapped[Decimal] = number(10, 6, "0")
    initial_weight: Mapped[Decimal] = number(10, 6, "0")
    min_weight: Mapped[Decimal] = number(10, 6, "-5")
    max_weight: Mapped[Decimal] = number(10, 6, "5")
    plasticity: Mapped[Decimal] = number(6, 5, "0.05")
    enabled: Mapped[bool] = flag("true")
    use_count: Mapped[int] = bigint("0")
    last_used_at: Mapped[datetime | None] = moment()
    last_delta: Mapped[Decimal | None] = number(10, 6)


ai_synapses = Resource(
    AiSynapse,
    title="from_neuron_id",
    label="Synapses",
    icon="agent",
    nav=("AI", 45),
    about="Weighted directed edges between neurons.",
    area="neural",
    sort="-created_at",
    fields=(
        Reference("from_neuron_id", to="ai_neurons", filter=True),
        Reference("to_neuron_id", to="ai_neurons", filter=True),
        Quantity("weight", places=6, filter=True),
        Quantity("initial_weight", places=6, filter=True),
        Quantity("min_weight", places=6, filter=True),
        Quantity("max_weight", places=6, filter=True),
        Quantity("plasticity", places=5, filter=True),
        Flag("enabled", filter=True),
        Count("use_count", filter=True),
        Moment("last_used_at", filter=True),
        Quantity("last_delta", places=6, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
