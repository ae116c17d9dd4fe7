"""Copies taken out: every file a list was exported to, who took it, what was in it and which of its columns were masked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Count, Flag, Moment, Reference, Size, Tags, Text
from app.engine.records import Created, Record, Tenanted, bigint, choice, flag, integer, moment, ref, text_, texts
from app.engine.resource import Resource


class DataExport(Record, Tenanted, Created):
    __tablename__ = "data_exports"
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    table_name: Mapped[str] = text_()
    label: Mapped[str] = text_()
    address: Mapped[str] = text_()
    filters: Mapped[list[str]] = texts()
    selected: Mapped[str] = choice("all", "page", "these")
    format: Mapped[str] = choice("csv", "xlsx", "json")
    columns: Mapped[list[str]] = texts()
    masked: Mapped[list[str]] = texts()
    own_rows: Mapped[bool] = flag()
    platform_rows: Mapped[bool] = flag()
    file_name: Mapped[str] = text_()
    in_background: Mapped[bool] = flag()
    status: Mapped[str] = choice("waiting", "running", "done", "broken_off", "failed", "cancelled")
    why: Mapped[str | None] = text_()
    rows_expected: Mapped[int | None] = bigint()
    row_count: Mapped[int] = bigint("0")
    byte_count: Mapped[int] = bigint("0")
    sha256: Mapped[str | None] = text_()
    request_id: Mapped[str | None] = text_()
    attempt: Mapped[int] = integer("0")
    beat_at: Mapped[datetime] = moment("clock_timestamp()")
    finished_at: Mapped[datetime | None] = moment()
    expires_at: Mapped[datetime | None] = moment()


def mine(actor: Actor) -> ColumnElement[bool]:
    return DataExport.app_user_id == actor.app_user_id


data_exports = Resource(
    DataExport,
    title="file_name",
    label="Copies taken out",
    singular="copy",
    icon="download",
    nav=("System", 21),
    about="Every list that was taken out as a file: by whom, when, with which filters and columns, and what was masked.",
    area="exports",
    own="app_user_id",
    read_only="A manifest says what was taken out as it was taken; nobody changes it.",
    search=("file_name", "label"),
    sort="-created_at",
    scopes={"Mine": mine, "Under way": DataExport.status.in_(("waiting", "running"))},
    badge="status",
    screen="copies.show",
    fields=(
        Text("file_name", label="File", edit=NEVER, width="l"),
        Text("label", label="List", edit=NEVER, filter=True),
        Reference("app_user_id", label="Taken by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="When", edit=NEVER, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            labels={"done": "Complete", "broken_off": "Broken off", "waiting": "Waiting for a worker"},
            tones={"waiting": "mute dot", "running": "info dot", "done": "ok done", "broken_off": "warn warn",
                   "failed": "danger fail", "cancelled": "mute draft"},
        ),
        Count("row_count", label="Rows", edit=NEVER, filter=True),
        Choice("format", edit=NEVER, filter=True, labels={"csv": "CSV", "xlsx": "Excel", "json": "JSON"}),
        Choice("selected", label="Which rows", edit=NEVER, filter=True,
               labels={"all": "All that matched", "page": "One page", "these": "Selected rows"}),
        Tags("masked", label="Masked columns", edit=NEVER, filter=True),
        Size("byte_count", label="Size", edit=NEVER, list=False),
        Tags("columns", edit=NEVER, list=False),
        Tags("filters", label="Narrowed by", edit=NEVER, list=False),
        Text("address", label="The list as asked", edit=NEVER, list=False, personal=True),
        Flag("own_rows", label="Only one's own rows", edit=NEVER, list=False),
        Flag("platform_rows", label="Rows of the platform too", edit=NEVER, list=False),
        Flag("in_background", label="Made in the background", edit=NEVER, list=False),
        Code("sha256", label="SHA-256", edit=NEVER, list=False, filter=True),
        Code("request_id", label="Request", edit=NEVER, list=False, filter=True),
        Code("table_name", label="Table", edit=NEVER, list=False, filter=True),
        Moment("finished_at", label="Ended", edit=NEVER, list=False),
        Moment("expires_at", label="Expires", edit=NEVER, list=False, planned=True),
        Text("why", label="What went wrong", edit=NEVER, list=False),
    ),
)  # fmt: skip
