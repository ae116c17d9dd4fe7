"""Memory blocks: words that always stand in one agent's prompt, bounded in size, with one step back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.actions import Action
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Count, Flag, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, ref, text_
from app.engine.resource import Resource
from app.engine.states import Moving


class AgentMemory(Record, Standard):
    __tablename__ = "agent_memories"
    agent_id: Mapped[int] = ref("ai_agents", "C")
    block: Mapped[str] = text_()
    value: Mapped[str] = text_(server_default="")
    char_limit: Mapped[int] = integer("4000")
    read_only: Mapped[bool] = flag()
    position: Mapped[int] = integer("0")
    revision: Mapped[int] = integer("1")
    previous_value: Mapped[str | None] = text_()
    changed_by_kind: Mapped[str] = choice("user", "agent", "system", default="user")
    ai_memory_id: Mapped[int | None] = ref("ai_memories", "N")


SIZE = func.char_length(AgentMemory.value)


def name() -> ColumnElement[str]:
    """ "Dispatch Scheduler: persona": every agent has a persona, so a block is known by whose it is."""
    agents = db.metadata.tables["ai_agents"]
    agent = select(agents.c.name).where(agents.c.id == AgentMemory.agent_id).scalar_subquery()
    return func.concat(agent, ": ", AgentMemory.block)


def has_a_step_back(record: Mapping[str, Any]) -> str | None:
    if record.get("previous_value") is None:
        return "It has not been changed yet."
    return (
        None if len(record["previous_value"]) <= record["char_limit"] else "The former words are too long for it now."
    )


def stepped_back(moving: Moving) -> Mapping[str, Any]:
    return {"value": moving.record["previous_value"]}


agent_memories = Resource(
    AgentMemory,
    title="name",
    label="Memory blocks",
    singular="memory block",
    icon="note",
    nav=("Memory", 50),
    about="The words that always stand in an agent's prompt: who it is, what it must keep to, what it is at. Changing one"
    " changes how the agent speaks and decides from its next call on.",
    area="memory",
    search=("block", "value"),
    sort="agent_id,position",
    badge="changed_by_kind",
    scopes={
        "Changed by agents": AgentMemory.changed_by_kind == "agent",
        "Nearly full": AgentMemory.char_limit * 9 <= SIZE * 10,
        "Empty": AgentMemory.value == "",
        "Closed to the agent": AgentMemory.read_only.is_(True),
    },
    facts=("agent_id", "block", "size", "char_limit", "read_only", "revision", "ai_memory_id"),
    actions=(
        Action("step_back", "Take back the last change", "memory.write", stepped_back, when=has_a_step_back,
               done="taken back a step"),
    ),
    sentences={
        "uq_agent_memories_agent_id_block": ("block", "This agent has a block of that name already."),
        "ck_agent_memories_value": ("value", "Shorten it, or raise the limit: it must not be longer than its limit."),
    },
    fields=(
        Text("name", label="Block", edit=NEVER, list=True, sort=False, width="l", expr=name),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=CREATE, filter=True, list=False),
        Code("block", label="Name", edit=CREATE, filter=True, list=False, help="A short name, like persona or policies."),
        Text("value", label="Words", long=True, edit=INLINE, width="xl"),
        Count("size", label="Characters", edit=NEVER, sort=False, width="s", expr=lambda: SIZE),
        Flag("read_only", label="Closed to the agent", filter=True, yes="Closed", no="Open", width="s",
             help="The agent may read it, not change it."),
        Count("revision", edit=NEVER, filter=True, width="s"),
        Choice(
            "changed_by_kind", label="Last changed by", edit=NEVER, filter=True, width="s",
            labels={"user": "A person", "agent": "The agent", "system": "The console"},
            tones={"user": "info dot", "agent": "ai ai", "system": "mute dot"},
        ),
        Moment("updated_at", label="Changed", edit=NEVER, filter=True),
        Text("previous_value", label="Before the last change", long=True, edit=NEVER, list=False),
        Count("char_limit", label="At most", least=1, most=20_000, list=False, filter=True,
              help="Characters; every one of them is paid for with each call."),
        Count("position", label="Place in the prompt", least=0, most=999, edit=INLINE, list=False, filter=True),
        Reference("ai_memory_id", label="Rests on the memory", to="ai_memories", edit=INLINE, list=False, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
