"""Synapses: how strongly one neuron hears another. Weights move only in learning cycles somebody approved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, text, update
from sqlalchemy.orm import Mapped

from app.domains.ai.ai_neurons import AiNeuron
from app.engine.fields import CREATE, FORM, INLINE, NEVER, Count, Flag, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, bigint, flag, moment, number, ref
from app.engine.refusals import Rejected
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


LAST_USED = func.coalesce(AiSynapse.last_used_at, AiSynapse.created_at)


def name() -> ColumnElement[str]:
    """ "Days late → Payment risk": an edge has no name of its own."""
    source, target = AiNeuron.__table__.alias("source"), AiNeuron.__table__.alias("target")
    words = source.c.label.op("||")(" → ").op("||")(target.c.label)
    ends = (source.c.id == AiSynapse.from_neuron_id, target.c.id == AiSynapse.to_neuron_id)
    return select(words).where(*ends).scalar_subquery()


_LAYERS = text("""
SELECT source.layer AS source, target.layer AS target
FROM ai_neurons source, ai_neurons target WHERE source.id = :source AND target.id = :target
""")
_CIRCLE = text("""
WITH RECURSIVE ahead (id) AS (
    SELECT CAST(:target AS bigint)
    UNION
    SELECT s.to_neuron_id FROM ahead JOIN ai_synapses s ON s.from_neuron_id = ahead.id
)
SELECT 1 FROM ahead WHERE id = :source
""")


def forward(connection: Connection, synapse: Mapping[str, Any]) -> None:
    """A new edge leads on, never back; what it starts with is kept, so that learning can be measured against it."""
    if "from_neuron_id" not in synapse or "to_neuron_id" not in synapse:
        return
    ends = {"source": synapse["from_neuron_id"], "target": synapse["to_neuron_id"]}
    layers = connection.execute(_LAYERS, ends).first()
    if layers is not None and layers.source == "output":
        raise Rejected({"from_neuron_id": "An outcome is where the network ends; it passes nothing on."})
    if layers is not None and layers.target == "input":
        raise Rejected({"to_neuron_id": "An input reads its own value; it listens to no other neuron."})
    if connection.execute(_CIRCLE, ends).first() is not None:
        raise Rejected({"to_neuron_id": "This would close a circle; the network runs one way."})
    if "weight" in synapse and "initial_weight" not in synapse:
        rows = AiSynapse.__table__
        connection.execute(
            update(rows)
            .where(rows.c.id == synapse["id"], rows.c.last_delta.is_(None))
            .values(initial_weight=rows.c.weight)
        )


ai_synapses = Resource(
    AiSynapse,
    title="name",
    label="Synapses",
    singular="synapse",
    icon="link",
    nav=("AI", 60),
    about="How strongly one neuron hears another. Weights move only in learning cycles somebody approved, within their bounds.",
    area="neural",
    sort="-weight",
    follow=(forward,),
    scopes={
        "Strengthening": AiSynapse.weight > 0,
        "Weakening": AiSynapse.weight < 0,
        "Moved by learning": AiSynapse.weight != AiSynapse.initial_weight,
        "At its bound": AiSynapse.weight.in_((AiSynapse.min_weight, AiSynapse.max_weight)),
        "Switched off": AiSynapse.enabled.is_(False),
        "Unused for 30 days": func.now() - text("interval '30 days'") > LAST_USED,
    },
    facts=(
        "from_neuron_id", "to_neuron_id", "weight", "initial_weight", "learned", "enabled", "use_count",
        "last_used_at",
    ),
    sentences={
        "uq_ai_synapses_from_neuron_id_to_neuron_id": ("to_neuron_id", "These two neurons are connected already."),
        "ck_ai_synapses_not_itself": ("to_neuron_id", "A neuron does not listen to itself."),
        "ck_ai_synapses_weight": ("weight", "The weight lies between its least and its most."),
    },
    fields=(
        Text("name", label="Synapse", edit=NEVER, sort=False, width="l", expr=name),
        Reference("from_neuron_id", label="From", to="ai_neurons", edit=CREATE, filter=True, list=False),
        Reference("to_neuron_id", label="To", to="ai_neurons", edit=CREATE, filter=True, list=False),
        Quantity("weight", places=6, least=-1000, most=1000, edit=CREATE, filter=True, required=True),
        Quantity("initial_weight", label="Started at", places=6, edit=NEVER, filter=True),
        Quantity(
            "learned", label="Learned", places=6, edit=NEVER, sort=False,
            expr=lambda: AiSynapse.weight - AiSynapse.initial_weight, help="How far learning has moved it since.",
        ),
        Flag("enabled", label="In use", edit=INLINE, filter=True, no="Switched off"),
        Count("use_count", label="Used", edit=NEVER, filter=True),
        Moment("last_used_at", label="Last used", edit=NEVER, filter=True),
        Quantity("last_delta", label="Last step", places=6, edit=NEVER, filter=True, list=False, group="Learning"),
        Quantity(
            "min_weight", label="Least", places=6, least=-1000, most=1000, edit=CREATE, list=False,
            group="Learning",
        ),
        Quantity(
            "max_weight", label="Most", places=6, least=-1000, most=1000, edit=CREATE, list=False, group="Learning",
        ),
        Quantity(
            "plasticity", label="Learning rate", places=5, least=0, most=1, edit=FORM, list=False, group="Learning",
            help="The largest step a cycle may propose at once.",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Learning"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Learning"),
    ),
)  # fmt: skip
