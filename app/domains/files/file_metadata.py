"""Files: one logical file: name, type, size, hash, where it is stored, who may see it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, LargeBinary, String, Uuid, cast, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Date, Flag, Moment, Reference, Secret, SubjectLink, Tags, Text
from app.engine.records import (
    Archivable,
    Authored,
    PerhapsSubject,
    Record,
    Standard,
    bigint,
    choice,
    day,
    flag,
    integer,
    moment,
    text_,
    texts,
)
from app.engine.resource import Resource


class FileMetadata(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "file_metadata"
    public_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    name: Mapped[str] = text_()
    folder: Mapped[str] = text_(server_default="/")
    category: Mapped[str] = choice(
        "photo",
        "drawing",
        "proposal",
        "contract",
        "invoice",
        "warranty",
        "permit",
        "safety",
        "report",
        "export",
        "other",
        default="other",
    )
    mime_type: Mapped[str] = text_()
    size_bytes: Mapped[int] = bigint()
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    storage: Mapped[str] = choice("local", "s3", "centerpoint", "external_url", default="local")
    storage_key: Mapped[str] = text_()
    current_version_no: Mapped[int] = integer("1")
    visibility: Mapped[str] = choice("internal", "customer", "public", default="internal")
    scan_status: Mapped[str] = choice("pending", "clean", "infected", "skipped", "error", default="pending")
    tags: Mapped[list[str]] = texts()
    text_content: Mapped[str | None] = text_()
    search: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("to_tsvector('english', name || ' ' || coalesce(text_content, ''))", persisted=True)
    )
    retention_until: Mapped[date | None] = day()
    legal_hold: Mapped[bool] = flag()
    deleted_at: Mapped[datetime | None] = moment()
    download_count: Mapped[int] = integer("0")


file_metadata = Resource(
    FileMetadata,
    title="name",
    label="Files",
    icon="table",
    nav=("Files", 10),
    about="One logical file: name, type, size, hash, where it is stored, who may see it.",
    area="files",
    search=("name",),
    sort="-created_at",
    fields=(
        Code(
            "public_id",
            edit=NEVER,
            list=False,
            filter=False,
            sort=False,
            expr=lambda: cast(FileMetadata.public_id, String),
        ),
        Text("name", filter=True),
        Text("folder", filter=True),
        Choice("category", filter=True),
        Code("mime_type", filter=True),
        Count("size_bytes", filter=True),
        Secret("sha256"),
        Choice("storage", filter=True),
        Code("storage_key", filter=True),
        Count("current_version_no", filter=True),
        Choice("visibility", filter=True),
        Choice("scan_status", filter=True),
        Tags("tags", list=False, filter=True),
        Text("text_content", long=True, list=False),
        Date("retention_until", filter=True),
        Flag("legal_hold", filter=True),
        Moment("deleted_at", filter=True),
        Count("download_count", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
