"""Import refusals: rows of a file the tables could not take, with the reason, so that nothing is dropped silently."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Count, Json, Moment, Text
from app.engine.records import Log, Record, bigint, integer, json_, text_
from app.engine.resource import Resource


class ImportRefusal(Record, Log):
    __tablename__ = "import_refusals"
    source: Mapped[str] = text_()
    file: Mapped[str] = text_()
    row_no: Mapped[int | None] = integer()
    record_key: Mapped[str | None] = text_()
    reason: Mapped[str] = text_()
    raw: Mapped[dict[str, Any]] = json_("{}")
    import_id: Mapped[int | None] = bigint()


import_refusals = Resource(
    ImportRefusal,
    title="reason",
    label="Refused import rows",
    singular="refused row",
    icon="warn",
    nav=("System", 94),
    about="Every row an import could not take, word for word, with file, line and the reason.",
    area="imports",
    search=("reason", "record_key", "file"),
    sort="-id",
    read_only="A refused row shows what the file held; correct it at its source and import that file again.",
    facts=("source", "file", "row_no", "record_key", "created_at"),
    fields=(
        Text("reason", edit=NEVER, width="xl"),
        Code("source", edit=NEVER, filter=True),
        Code("file", edit=NEVER, filter=True),
        Count("row_no", label="Row", edit=NEVER),
        Code("record_key", label="Key in the file", edit=NEVER, filter=True),
        Json("raw", label="The row as it was", edit=NEVER, personal=True),
        Moment("created_at", label="Refused", edit=NEVER, filter=True),
    ),
)
