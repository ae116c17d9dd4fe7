"""Tables: every table and view in the database, ours and other people's, with a verdict and the evidence for it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.atlas import VERDICTS
from app.engine.fields import NEVER, Choice, Code, Count, Flag, Link, Moment, Quantity, Size, Tags
from app.engine.fields import Text as Words
from app.engine.records import Record, bigint, choice, flag, integer, moment, number, text_
from app.engine.resource import Resource


class AtlasEntry(Record):
    __tablename__ = "atlas_entries"
    qualified: Mapped[str] = text_()
    schema_name: Mapped[str] = text_()
    table_name: Mapped[str] = text_()
    domain: Mapped[str] = text_()
    kind: Mapped[str] = choice("table", "partitioned", "partition", "view", "matview", "foreign")
    verdict: Mapped[str] = choice(*VERDICTS)
    evidence: Mapped[str] = text_()
    about: Mapped[str | None] = text_()
    rows_estimate: Mapped[int | None] = bigint()
    bytes: Mapped[int | None] = bigint()
    column_count: Mapped[int] = integer("0")
    last_write_at: Mapped[datetime | None] = moment()
    last_write_from: Mapped[str | None] = text_()
    writes_per_day: Mapped[Decimal | None] = number(14, 1)
    reads: Mapped[int | None] = bigint()
    refs_out: Mapped[int] = integer("0")
    refs_in: Mapped[int] = integer("0")
    unused_indexes: Mapped[int] = integer("0")
    missing_indexes: Mapped[int] = integer("0")
    look_alikes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    is_declared: Mapped[bool] = flag()
    is_governed: Mapped[bool] = flag()
    is_ours: Mapped[bool] = flag()
    is_readable: Mapped[bool] = flag()
    automations: Mapped[int] = integer("0")
    shown_on: Mapped[str | None] = text_()
    owner: Mapped[str | None] = text_()
    extension: Mapped[str | None] = text_()
    seen_at: Mapped[datetime] = moment("clock_timestamp()")
    surveyed_at: Mapped[datetime] = moment("clock_timestamp()")


atlas_entries = Resource(
    AtlasEntry,
    title="qualified",
    label="Tables",
    singular="table",
    icon="table",
    nav=("System", 5),
    at="/explorer",
    named_by="qualified",
    screen="atlas.entry",
    about="Every table and view in the database: what it is, whether anybody uses it, and how one knows.",
    area="explorer",
    search=("qualified", "about", "domain"),
    sign="#",
    sort="-bytes",
    read_only="The atlas is computed from the database itself; change a table there, and it shows here.",
    badge="verdict",
    scopes={
        "Live": AtlasEntry.verdict == "live",
        "Quiet": AtlasEntry.verdict == "quiet",
        "Empty": AtlasEntry.verdict == "empty",
        "Look-alike": AtlasEntry.verdict == "look_alike",
        "Broken": AtlasEntry.verdict == "broken",
        "Undeclared": AtlasEntry.is_declared.is_(False) & AtlasEntry.is_ours.is_(False),
        "Ungoverned": AtlasEntry.is_governed.is_(False)
        & AtlasEntry.kind.in_(("table", "partitioned"))
        & (AtlasEntry.is_declared | AtlasEntry.is_ours.is_(False)),
    },
    facts=("rows_estimate", "bytes", "last_write_at", "writes_per_day", "reads", "refs_in", "refs_out"),
    fields=(
        Code("qualified", label="Table", edit=NEVER, filter=True, width="l"),
        Choice(
            "verdict",
            edit=NEVER,
            filter=True,
            labels={"look_alike": "Look-alike"},
            tones={
                "live": "ok done",
                "quiet": "mute pause",
                "empty": "mute open",
                "look_alike": "warn part",
                "broken": "danger fail",
            },
        ),
        Link("why", label="Evidence", expr=lambda: AtlasEntry.id.expression, base="/explorer/", words="Why"),
        Code("domain", edit=NEVER, filter=True),
        Choice(
            "kind",
            edit=NEVER,
            filter=True,
            labels={"matview": "Materialised view", "foreign": "Foreign table", "partitioned": "Partitioned table"},
        ),
        Count("rows_estimate", label="Rows, about", edit=NEVER, filter=True),
        Size("bytes", label="Size", edit=NEVER, filter=True),
        Moment("last_write_at", label="Last write", edit=NEVER, filter=True),
        Quantity("writes_per_day", label="Writes a day", edit=NEVER, places=1, filter=True),
        Count(
            "reads", edit=NEVER, filter=True, help="Scans since PostgreSQL's counters began, without the console's own."
        ),
        Count("missing_indexes", label="Indexes missing", edit=NEVER, filter=True, list=False),
        Count("unused_indexes", label="Indexes unused", edit=NEVER, filter=True, list=False),
        Count("refs_in", label="Referred to by", edit=NEVER, filter=True, list=False),
        Count("refs_out", label="Refers to", edit=NEVER, filter=True, list=False),
        Tags("look_alikes", label="Looks like", edit=NEVER, list=False),
        Flag("is_declared", label="Declared", edit=NEVER, filter=True, list=False),
        Flag("is_governed", label="Governed", edit=NEVER, filter=True, list=False),
        Count("automations", label="In automations", edit=NEVER, filter=True, list=False),
        Words("shown_on", label="Shown on", edit=NEVER, list=False),
        Words("evidence", label="Evidence in words", edit=NEVER, list=False, width="xl"),
        Words("about", edit=NEVER, list=False, width="xl"),
        Count("column_count", label="Columns", edit=NEVER, list=False),
        Code("schema_name", label="Schema", edit=NEVER, filter=True, list=False),
        Code("table_name", label="Name", edit=NEVER, list=False),
        Code("last_write_from", label="Last write known", edit=NEVER, list=False),
        Flag("is_ours", label="The console's own", edit=NEVER, filter=True, list=False),
        Flag("is_readable", label="Readable", edit=NEVER, list=False),
        Code("owner", label="Owned by", edit=NEVER, filter=True, list=False),
        Code("extension", edit=NEVER, list=False),
        Moment("seen_at", label="First seen", edit=NEVER, list=False),
        Moment("surveyed_at", label="Surveyed", edit=NEVER, list=False),
    ),
)
