"""Agent memory blocks: editable memory blocks of one agent (persona, policies, scratchpad), bounded in size, with one step of history."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, ref, text_
from app.engine.resource import Resource


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


agent_memories = Resource(
    AgentMemory,
    title="block",
    label="Agent memory blocks",
    icon="agent",
    nav=("Memory", 50),
    about="Editable memory blocks of one agent (persona, policies, scratchpad), bounded in size, with one step of history.",
    area="memory",
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Code("block", filter=True),
        Text("value", long=True, list=False),
        Count("char_limit", filter=True),
        Flag("read_only", filter=True),
        Count("position", filter=True),
        Count("revision", filter=True),
        Text("previous_value", long=True, list=False),
        Choice("changed_by_kind", filter=True),
        Reference("ai_memory_id", to="ai_memories", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
