"""Neurons: what the decision network looks at, what it makes of it, and what it can come to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, any_, cast, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Count, Json, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, json_, moment, number, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


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


def hears() -> ColumnElement[str]:
    """What it listens to with the weight of each, strongest first: "Days late × 1.4"."""
    synapses, source = db.metadata.tables["ai_synapses"], AiNeuron.__table__.alias("source")
    weight = cast(func.trim_scale(func.round(synapses.c.weight, 3)), SqlText)
    words = source.c.label.op("||")(" × ").op("||")(weight)
    strength = aggregate_order_by(
        literal("\n", SqlText), func.abs(cast(synapses.c.weight, Numeric)).desc(), synapses.c.id
    )
    return (
        select(func.string_agg(words, strength))
        .select_from(synapses.join(source, source.c.id == synapses.c.from_neuron_id))
        .where(synapses.c.to_neuron_id == AiNeuron.id, synapses.c.enabled)
        .scalar_subquery()
    )


def in_no_pathway(moving: Moving) -> str | None:
    """A route that decisions still take would end in the open."""
    pathways = db.metadata.tables["ai_neural_pathways"].c
    used = moving.connection.scalars(
        select(pathways.name)
        .where(
            pathways.tenant_id == moving.record["tenant_id"],
            pathways.status != "deprecated",
            literal(moving.record["id"]) == any_(pathways.neuron_ids),
        )
        .order_by(pathways.id)
        .limit(1)
    ).first()
    return None if used is None else f"The pathway “{used}” still runs through it; deprecate that one first."


def silent(_: Moving) -> Mapping[str, Any]:
    return {"last_activation": 0}


ai_neurons = Resource(
    AiNeuron,
    title="label",
    code="key",
    label="Neurons",
    singular="neuron",
    icon="bolt",
    nav=("AI", 55),
    about="The nodes of the decision network: signals it reads, features it makes of them, outcomes it comes to.",
    area="neural",
    search=("label", "key"),
    sort="label",
    scopes={
        "Inputs": AiNeuron.layer == "input",
        "Hidden": AiNeuron.layer == "hidden",
        "Outcomes": AiNeuron.layer == "output",
        "Muted": AiNeuron.status == "muted",
        "Never fired": AiNeuron.fire_count == 0,
    },
    facts=("status", "layer", "kind", "agent_id", "last_activation", "last_fired_at", "fire_count"),
    related=(
        Related(
            "ai_synapses", via="from_neuron_id", label="Passes on to", sort="-weight",
            fields=("to_neuron_id", "weight", "initial_weight", "enabled", "use_count", "last_used_at"),
        ),
        Related(
            "ai_neural_pathways", via="outcome_neuron_id", label="Pathways that end here", sort="-strength",
            fields=("name", "strength", "success_rate", "traversals", "status"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="active",
        frozen={"retired": ("*",)},
        why_frozen="A retired neuron is kept so that old decisions can still be read; make a new one instead.",
        transitions=(
            Transition(
                "mute", "Mute neuron", ("active",), "muted", "neural.mute", reason=True, effects=(silent,), done="muted",
            ),
            Transition("unmute", "Let it speak again", ("muted",), "active", "neural.mute", done="unmuted"),
            Transition(
                "retire", "Retire neuron", ("active", "muted"), "retired", "neural.retire", guards=(in_no_pathway,),
                reason=True, danger=True, done="retired",
            ),
        ),
    ),
    sentences={
        "uq_ai_neurons_tenant_id_key": ("key", "Another neuron has this key already."),
        "ck_ai_neurons_input_reads": ("expression", "Say how an input reads its value."),
    },
    fields=(
        Text("label", label="Neuron", required=True, longest=120, edit=INLINE, width="l"),
        Code("key", edit=CREATE, help="A short name for programs, like days_late. It stays as given."),
        Choice(
            "layer", edit=CREATE, filter=True, labels={"output": "Outcome"},
            tones={"input": "info dot", "hidden": "mute dot", "output": "ai ai"},
        ),
        Choice("kind", edit=CREATE, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"active": "ok done", "muted": "warn pause", "retired": "mute off"},
        ),
        Quantity("last_activation", label="Last value", places=6, edit=NEVER, filter=True),
        Count("fire_count", label="Fired", edit=NEVER, filter=True, help="How often its value passed its threshold."),
        Moment("last_fired_at", label="Last fired", edit=NEVER, filter=True),
        Reference("agent_id", label="Works for", to="ai_agents", as_="agent", edit=INLINE, filter=True, list=False),
        Choice(
            "activation", edit=CREATE, filter=True, list=False, group="Arithmetic",
            labels={"relu": "ReLU", "tanh": "Tanh"}, help="How the sum it hears is bent into its value.",
        ),
        Quantity("bias", places=6, least=-100, most=100, edit=CREATE, list=False, group="Arithmetic"),
        Quantity(
            "threshold", places=6, least=-100, most=100, edit=CREATE, list=False, group="Arithmetic",
            help="From here on it counts as fired. Later only a learning cycle moves it.",
        ),
        Text(
            "hears", label="Listens to", long=True, edit=NEVER, list=False, sort=False, group="Arithmetic",
            expr=hears,
        ),
        Text(
            "reads", label="Reads", long=True, edit=NEVER, list=False, sort=False, group="Arithmetic",
            expr=lambda: pairs(AiNeuron.__table__.c.expression),
        ),
        Json(
            "expression", label="Reading rule", edit=CREATE, group="Arithmetic",
            help='How an input gets its value, like {"table": "invoices", "field": "days_past_due", "divide_by": 90}.',
        ),
        Quantity("pos_x", label="Across", places=2, least=-9999, most=9999, list=False, group="Place on the map"),
        Quantity("pos_y", label="Down", places=2, least=-9999, most=9999, list=False, group="Place on the map"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Place on the map"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Place on the map"),
    ),
)  # fmt: skip
