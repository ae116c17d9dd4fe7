"""Source conflicts: fields that a source and we both changed to different values, until a person decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference
from app.engine.records import Record, Standard, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Resource


class SourceConflict(Record, Standard):
    __tablename__ = "source_conflicts"
    source: Mapped[str] = text_()
    table_name: Mapped[str] = text_()
    record_id: Mapped[int] = bigint()
    column: Mapped[str] = text_()
    said_before: Mapped[Any | None] = json_()
    theirs: Mapped[Any | None] = json_()
    ours: Mapped[Any | None] = json_()
    state: Mapped[str] = choice("open", "theirs", "ours", default="open")
    import_id: Mapped[int | None] = bigint()
    decided_by: Mapped[int | None] = ref("app_users", "N")
    decided_at: Mapped[datetime | None] = moment()


# What was said and what stands in the record is shown on the queue alone, to whoever may see that very record.
source_conflicts = Resource(
    SourceConflict,
    title="column",
    label="Source conflicts",
    singular="source conflict",
    icon="columns",
    about="Fields that a source and we both changed to different values; somebody decides whose stands.",
    area="imports",
    sort="-created_at",
    read_only="A conflict is decided in its queue, under Imports, where both values are shown.",
    facts=("state", "source", "table_name", "decided_by", "decided_at"),
    fields=(
        Code("column", label="Field", edit=NEVER, width="m"),
        Code("table_name", label="Table", edit=NEVER),
        Count("record_id", label="Record", edit=NEVER),
        Code("source", edit=NEVER),
        Choice(
            "state",
            edit=NEVER,
            labels={"theirs": "Theirs was taken", "ours": "Ours was kept"},
            tones={"open": "warn warn", "theirs": "ok done", "ours": "ok done"},
        ),
        Reference("decided_by", to="app_users", as_="person", edit=NEVER),
        Moment("decided_at", label="Decided", edit=NEVER),
        Moment("created_at", label="Found", edit=NEVER, filter=True),
    ),
)
