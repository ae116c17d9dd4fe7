"""Persistent context: small values kept from one run or conversation to the next, for a customer, a job, an agent or all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, case, cast, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Resource
from app.engine.wording import items, pairs


class PersistentContext(Record, Standard):
    __tablename__ = "persistent_context"
    scope: Mapped[str] = choice("tenant", "user", "agent", "conversation", "customer", "job", "workflow")
    scope_id: Mapped[int | None] = bigint()
    key: Mapped[str] = text_()
    value: Mapped[Any] = json_()
    expires_at: Mapped[datetime | None] = moment()
    last_read_at: Mapped[datetime | None] = moment()
    read_count: Mapped[int] = bigint("0")
    written_by: Mapped[int | None] = ref("app_users", "N")
    written_by_agent_id: Mapped[int | None] = ref("ai_agents", "N")


NAMED = {
    "user": ("app_users", "display_name"), "agent": ("ai_agents", "name"), "conversation": ("conversations", "title"),
    "customer": ("customers", "name"), "job": ("jobs", "number"),
}  # fmt: skip
"""What a value belongs to, by its scope: the table and the column that names its records."""


def belongs_to() -> ColumnElement[str]:
    """The record it is kept for, by name."""
    words = {}
    for scope, (table_name, title) in NAMED.items():
        table = db.metadata.tables[table_name]
        mine = (table.c.id == PersistentContext.scope_id, table.c.tenant_id == PersistentContext.tenant_id)
        words[scope] = select(table.c[title]).where(*mine).scalar_subquery()
    rest = case(
        (PersistentContext.scope == "tenant", "The whole company"),
        else_=func.concat("Run ", PersistentContext.scope_id),
    )
    return case(words, value=PersistentContext.scope, else_=rest)


def in_words() -> ColumnElement[str]:
    """The value as lines a person reads, whatever its shape."""
    value = PersistentContext.__table__.c.value
    plain = value.op("#>>", return_type=SqlText())(cast(literal("{}", SqlText), ARRAY(SqlText)))
    return func.coalesce(pairs(value), items(value, "what"), plain, type_=SqlText)


persistent_context = Resource(
    PersistentContext,
    title="key",
    label="Persistent context",
    singular="context value",
    icon="db",
    nav=("Memory", 60),
    about="Small values agents and workflows keep from one run to the next: where they stopped, what was agreed, what holds"
    " until when.",
    area="memory",
    search=("key",),
    sort="key",
    badge="scope",
    scopes={
        "Of the whole company": PersistentContext.scope == "tenant",
        "Of customers": PersistentContext.scope == "customer",
        "Of agents": PersistentContext.scope == "agent",
        "Over": PersistentContext.expires_at < func.now(),
        "Never read": PersistentContext.read_count == 0,
    },
    facts=("belongs_to", "expires_at", "last_read_at", "read_count", "written_by", "written_by_agent_id"),
    defaults={"scope": "tenant", "written_by": lambda actor: actor.app_user_id},
    sentences={
        "uq_persistent_context_tenant_id_scope_scope_id_key": ("key", "There is a value of this name here already."),
        "ck_persistent_context_belongs": (
            "scope_id", "Name the record it is kept for; for the whole company leave it empty.",
        ),
    },
    fields=(
        Code("key", label="Name", required=True, longest=200, edit=CREATE, filter=True, width="l"),
        Choice("scope", label="Kept for", edit=CREATE, filter=True, width="s", labels={
            "tenant": "Company", "user": "Person", "workflow": "Workflow run",
        }),
        Text("belongs_to", label="Which", edit=NEVER, sort=False, expr=belongs_to),
        Text("in_words", label="Value", edit=NEVER, long=True, sort=False, personal=True, width="l", expr=in_words),
        Count("read_count", label="Reads", edit=NEVER, filter=True, width="s"),
        Moment("last_read_at", label="Last read", edit=NEVER, filter=True),
        Moment("expires_at", label="Holds until", planned=True, edit=INLINE, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, filter=True),
        Count("scope_id", label="Number of the record", least=1, edit=CREATE, list=False, filter=True,
              help="Of the person, agent, conversation, customer, job or workflow run; empty for the whole company."),
        Json("value", label="Value, as data", personal=True),
        Reference("written_by", label="Written by", to="app_users", as_="person", edit=CREATE, list=False, filter=True),
        Reference("written_by_agent_id", label="Written by the agent", to="ai_agents", as_="agent", edit=CREATE, list=False,
                  filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
