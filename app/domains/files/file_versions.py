"""File versions: every stored version."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, Secret, Text
from app.engine.records import Log, Record, bigint, choice, integer, ref, text_
from app.engine.resource import Resource


class FileVersion(Record, Log):
    __tablename__ = "file_versions"
    file_id: Mapped[int] = ref("file_metadata", "C")
    version_no: Mapped[int] = integer()
    storage_key: Mapped[str] = text_()
    size_bytes: Mapped[int] = bigint()
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    mime_type: Mapped[str] = text_()
    uploaded_by: Mapped[int | None] = ref("app_users", "N")
    change_note: Mapped[str | None] = text_()
    restored_from_no: Mapped[int | None] = integer()
    scan_status: Mapped[str] = choice("pending", "clean", "infected", "skipped", "error", default="pending")


file_versions = Resource(
    FileVersion,
    title="file_id",
    label="File versions",
    icon="table",
    nav=("Files", 15),
    about="Every stored version.",
    area="files",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("file_id", to="file_metadata", edit=NEVER, filter=True),
        Count("version_no", edit=NEVER, filter=True),
        Code("storage_key", edit=NEVER, filter=True),
        Count("size_bytes", edit=NEVER, filter=True),
        Secret("sha256"),
        Code("mime_type", edit=NEVER, filter=True),
        Reference("uploaded_by", to="app_users", as_="person", edit=NEVER, filter=True),
        Text("change_note", long=True, edit=NEVER, list=False),
        Count("restored_from_no", edit=NEVER, filter=True),
        Choice("scan_status", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
