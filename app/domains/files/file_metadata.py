"""Files: one entry per stored file, whatever its versions: its name, where it lies, what it belongs to, who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Computed, LargeBinary, String, Uuid, and_, cast, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Date,
    Flag,
    Moment,
    Reference,
    Secret,
    Size,
    SubjectLink,
    Tags,
    Text,
)
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
from app.engine.refusals import NotAllowed
from app.engine.resource import Related, Resource
from app.engine.states import Moving


class FileMetadata(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "file_metadata"
    public_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    name: Mapped[str] = text_()
    folder: Mapped[str] = text_(server_default="/")
    category: Mapped[str] = choice(
        "photo", "drawing", "proposal", "contract", "invoice", "warranty", "permit", "safety", "report", "export",
        "other",
        default="other",
    )  # fmt: skip
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


KEPT = FileMetadata.deleted_at.is_(None)


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(KEPT, FileMetadata.created_by == actor.app_user_id)


def expiring(actor: Actor) -> ColumnElement[bool]:
    """Whose time of keeping ends within a month, and which nobody has put on hold."""
    soon = today(actor.timezone) + timedelta(days=30)
    return and_(KEPT, ~FileMetadata.legal_hold, FileMetadata.retention_until <= soon)


# -- who may see it, and whether it may go ----------------------------------------------------------------------------


def in_use(record: Mapping[str, Any]) -> str | None:
    return "This file is in the trash; restore it first." if record["deleted_at"] else None


def to_be_shared(record: Mapping[str, Any]) -> str | None:
    return in_use(record) or ("It is open to others already." if record["visibility"] != "internal" else None)


def open_to_others(record: Mapping[str, Any]) -> str | None:
    return "Only our own people see it already." if record["visibility"] == "internal" else None


def shared(moving: Moving) -> Mapping[str, Any]:
    """A file that was never found clean goes to nobody outside: what a customer catches from us is ours."""
    if moving.record["scan_status"] == "infected":
        raise NotAllowed("This file is infected; it cannot be shared.")
    wanted = moving.asked["visibility"]
    if wanted == "public" and moving.record["scan_status"] != "clean":
        raise NotAllowed("Only a file that was scanned and found clean can be public.")
    return {"visibility": wanted}


def free_to_go(record: Mapping[str, Any]) -> str | None:
    if record["legal_hold"]:
        return "This file is on legal hold; it cannot be deleted until the hold is lifted."
    return in_use(record)


def trashed(moving: Moving) -> Mapping[str, Any]:
    until = moving.record["retention_until"]
    if until is not None and until > today(moving.actor.timezone):
        raise NotAllowed(f"It has to be kept until {until:%b} {until.day}, {until.year}.")
    return {"deleted_at": moving.at, "visibility": "internal"}


def in_trash(record: Mapping[str, Any]) -> str | None:
    return None if record["deleted_at"] else "This file is not in the trash."


def not_held(record: Mapping[str, Any]) -> str | None:
    return "It is on legal hold already." if record["legal_hold"] else in_use(record)


def held(record: Mapping[str, Any]) -> str | None:
    return None if record["legal_hold"] else "It is not on legal hold."


file_metadata = Resource(
    FileMetadata,
    title="name",
    label="Files",
    singular="file",
    icon="file",
    nav=("Files", 10),
    about="Every stored file: what it is, what it belongs to, who may see it and how long it is kept.",
    area="files",
    search=("name", "folder"),
    sort="-created_at",
    opens="In use",
    create=False,
    scopes={
        "In use": KEPT,
        "Mine": mine,
        "Unlinked": and_(KEPT, FileMetadata.subject_id.is_(None)),
        "Expiring": expiring,
        "Infected": FileMetadata.scan_status == "infected",
        "Not scanned": and_(KEPT, FileMetadata.scan_status.in_(("pending", "error"))),
        "Shared": and_(KEPT, FileMetadata.visibility != "internal"),
        "Trash": ~KEPT,
    },
    badge="scan_status",
    facts=(
        "category", "size_bytes", "current_version_no", "subject_id", "visibility", "created_by", "created_at",
        "download_count",
    ),
    related=(
        Related(
            "file_versions", "file_id", label="Versions", sort="-version_no",
            fields=("name", "change_note", "size_bytes", "uploaded_by", "created_at", "scan_status"),
        ),
        Related("documents", "file_id", fields=("title", "number", "kind", "status")),
        Related("media_assets", "file_id", label="As a photo", fields=("name", "kind", "phase", "taken_at")),
        Related(
            "centerpoint_files", "file_id", label="In CenterPoint",
            fields=("file_name", "sync_status", "remote_updated_at"),
        ),
    ),
    actions=(
        Action(
            "share", "Share", may="files.share", intent=shared, when=to_be_shared, asks=("visibility",),
            requires=("visibility",),
            done="shared",
        ),
        Action(
            "unshare", "Stop sharing", may="files.share", intent=lambda moving: {"visibility": "internal"},
            when=open_to_others,
            done="shared with nobody outside",
        ),
        Action(
            "hold", "Put on legal hold", may="files.hold", intent=lambda moving: {"legal_hold": True}, when=not_held,
            reason=True,
            done="put on legal hold",
        ),
        Action(
            "lift", "Lift the hold", may="files.hold", intent=lambda moving: {"legal_hold": False}, when=held,
            reason=True,
            done="released from hold",
        ),
        Action(
            "trash", "Move to trash", may="files.trash", intent=trashed, when=free_to_go, danger=True,
            done="moved to the trash",
        ),
        Action(
            "restore", "Take out of the trash", may="files.restore", intent=lambda moving: {"deleted_at": None},
            when=in_trash,
            done="restored",
        ),
    ),
    sentences={
        "ck_file_metadata_kept_on_hold": ("legal_hold", "A file on legal hold cannot be in the trash."),
        "ck_file_metadata_public_is_clean": ("visibility", "Only a file that was scanned and found clean can be public."),
    },
    fields=(
        Text("name", label="File", required=True, edit=INLINE, longest=255, width="l"),
        Choice("category", edit=INLINE | BULK, filter=True),
        Size("size_bytes", label="Size", edit=NEVER, filter=True, width="s"),
        Count("current_version_no", label="Version", edit=NEVER, filter=True, width="xs"),
        SubjectLink("subject_id", label="Belongs to", filter=True),
        Reference("created_by", label="Uploaded by", to="app_users", as_="person", edit=NEVER, filter=True),
        Choice(
            "scan_status", label="Scan", edit=NEVER, filter=True, width="s",
            tones={
                "pending": "warn pause", "clean": "ok done", "infected": "danger fail", "skipped": "mute off",
                "error": "danger warn",
            },
        ),
        Choice(
            "visibility", label="Seen by", edit=NEVER, filter=True, width="s",
            labels={"internal": "Us", "customer": "Customer", "public": "Everyone"},
            tones={"internal": "mute dot", "customer": "info open", "public": "warn open"},
        ),
        Moment("created_at", label="Uploaded", edit=NEVER, filter=True),
        Text("folder", longest=500, edit=INLINE | BULK, list=False, filter=True),
        Tags("tags", edit=INLINE | BULK, list=False, filter=True),
        Count("download_count", label="Downloads", edit=NEVER, list=False, filter=True),
        Date(
            "retention_until", label="Keep until", edit=INLINE | BULK, list=False, filter=True, group="Keeping",
            help="Until then it cannot be deleted.",
        ),
        Flag(
            "legal_hold", edit=NEVER, list=False, filter=True, group="Keeping",
            help="Needed in a dispute: kept whatever its time of keeping says.",
        ),
        Moment("deleted_at", label="In the trash since", edit=NEVER, list=False, filter=True, group="Keeping"),
        Text("text_content", label="Text in it", long=True, edit=NEVER, list=False, personal=True, group="Text"),
        Code("mime_type", label="Type", edit=NEVER, list=False, filter=True, group="Storage"),
        Choice(
            "storage", label="Stored in", edit=NEVER, list=False, filter=True, group="Storage",
            labels={"local": "This server", "s3": "S3", "centerpoint": "CenterPoint", "external_url": "Elsewhere"},
        ),
        Code("storage_key", longest=1000, edit=NEVER, list=False, group="Storage"),
        Secret("sha256", label="Fingerprint", group="Storage"),
        Code(
            "public_id", label="Public name", edit=NEVER, list=False, sort=False, group="Storage",
            expr=lambda: cast(FileMetadata.public_id, String),
        ),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Storage",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Storage"),
    ),
)  # fmt: skip
