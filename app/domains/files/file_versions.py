"""File versions: every stored version of a file. Restoring an old one adds it again as the newest."""

from __future__ import annotations

from sqlalchemy import ColumnElement, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, Secret, Size, Text
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


def named() -> ColumnElement[str]:
    return func.concat("Version ", FileVersion.version_no)


file_versions = Resource(
    FileVersion,
    title="name",
    label="File versions",
    singular="version",
    icon="history",
    nav=("Files", 40),
    about="Every version of every file as it was stored, with who brought it and why.",
    area="files",
    read_only="A stored version stays as it is; a correction is the next version.",
    search=("change_note",),
    sort="-created_at",
    scopes={
        "Restored": FileVersion.restored_from_no.is_not(None),
        "Not clean": FileVersion.scan_status.in_(("infected", "error")),
    },
    badge="scan_status",
    facts=("file_id", "version_no", "size_bytes", "uploaded_by", "created_at", "restored_from_no"),
    fields=(
        Text("name", label="Version", edit=NEVER, sort=False, expr=named, width="s"),
        Reference("file_id", to="file_metadata", edit=NEVER, filter=True, width="l"),
        Text("change_note", label="Why", edit=NEVER, filter=True, width="l"),
        Size("size_bytes", label="Size", edit=NEVER, filter=True, width="s"),
        Reference("uploaded_by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="Stored", edit=NEVER, filter=True),
        Choice(
            "scan_status", label="Scan", edit=NEVER, filter=True, width="s",
            tones={
                "pending": "warn pause", "clean": "ok done", "infected": "danger fail", "skipped": "mute off",
                "error": "danger warn",
            },
        ),
        Count("version_no", label="Number", edit=NEVER, list=False, filter=True),
        Count("restored_from_no", label="Restored from version", edit=NEVER, list=False, filter=True),
        Code("mime_type", label="Type", edit=NEVER, list=False, filter=True),
        Code("storage_key", longest=1000, edit=NEVER, list=False),
        Secret("sha256", label="Fingerprint"),
    ),
)  # fmt: skip
