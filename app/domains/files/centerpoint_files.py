"""CenterPoint files: what the old CRM holds, and how far each file has been brought over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Mapped

from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Moment, Reference, Size, Text, Url
from app.engine.records import Record, Standard, bigint, choice, integer, moment, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


class CenterpointFile(Record, Standard):
    __tablename__ = "centerpoint_files"
    centerpoint_id: Mapped[str] = text_()
    centerpoint_type: Mapped[str] = text_()
    parent_type: Mapped[str | None] = text_()
    parent_external_id: Mapped[str | None] = text_()
    file_name: Mapped[str] = text_()
    remote_url: Mapped[str | None] = text_()
    mime_type: Mapped[str | None] = text_()
    size_bytes: Mapped[int | None] = bigint()
    remote_updated_at: Mapped[datetime | None] = moment()
    checksum: Mapped[str | None] = text_()
    file_id: Mapped[int | None] = ref("file_metadata", "N")
    customer_id: Mapped[int | None] = ref("customers", "N")
    property_id: Mapped[int | None] = ref("properties", "N")
    job_id: Mapped[int | None] = ref("jobs", "N")
    sync_status: Mapped[str] = choice(
        "discovered", "queued", "downloaded", "linked", "skipped", "failed", "gone", default="discovered"
    )
    attempts: Mapped[int] = integer("0")
    last_attempt_at: Mapped[datetime | None] = moment()
    error: Mapped[str | None] = text_()


STUCK = 3
"""After so many failures somebody has to look: the fourth time it will fail as well."""


def belongs_somewhere(moving: Moving) -> str | None:
    if not any(moving.record[name] for name in ("customer_id", "property_id", "job_id")):
        return "Say which customer, site or job it belongs to first."
    return None


def again(_: Moving) -> Mapping[str, Any]:
    return {"attempts": 0, "error": None}


def tried(moving: Moving) -> Mapping[str, Any]:
    return {"attempts": moving.record["attempts"] + 1, "last_attempt_at": moving.at}


lifecycle = Lifecycle(
    field="sync_status",
    initial="discovered",
    stages=("discovered", "queued", "downloaded", "linked"),
    transitions=(
        Transition(
            "queue", "Bring it over", source=("discovered", "failed", "skipped"), to="queued", may="centerpoint.sync",
            effects=(again,), done="queued",
        ),
        Transition(
            "skip", "Leave it there", source=("discovered", "queued", "failed"), to="skipped", may="centerpoint.sync",
            reason=True,
            done="left in CenterPoint",
        ),
        Transition(
            "lose", "Mark as gone", source=("discovered", "failed"), to="gone", may="centerpoint.sync", danger=True,
            done="marked as gone",
        ),
        Transition(
            "link", "Link it", source=("downloaded",), to="linked", may="centerpoint.sync", guards=(belongs_somewhere,),
            done="linked",
        ),
        Transition(
            "download", "Store what was fetched", source=("queued",), to="downloaded", may="centerpoint.sync",
            effects=(tried,),
            by_system=True, done="fetched",
        ),
        Transition(
            "fail", "Note the failure", source=("queued",), to="failed", may="centerpoint.sync", effects=(tried,),
            by_system=True,
            done="marked as failed",
        ),
    ),
)  # fmt: skip

centerpoint_files = Resource(
    CenterpointFile,
    title="file_name",
    label="Files in CenterPoint",
    singular="file in CenterPoint",
    icon="box",
    nav=("Files", 50),
    about="What CenterPoint still holds and how far it has been brought over: found, fetched, linked, failed or gone.",
    area="centerpoint",
    search=("file_name", "centerpoint_id", "parent_external_id"),
    sort="-remote_updated_at",
    create=False,
    lifecycle=lifecycle,
    scopes={
        "To bring over": CenterpointFile.sync_status.in_(("discovered", "queued")),
        "Failed": CenterpointFile.sync_status == "failed",
        "Stuck": and_(CenterpointFile.sync_status == "failed", CenterpointFile.attempts >= STUCK),
        "Not matched": and_(
            CenterpointFile.customer_id.is_(None), CenterpointFile.property_id.is_(None), CenterpointFile.job_id.is_(None)
        ),
        "Gone": CenterpointFile.sync_status == "gone",
    },
    facts=(
        "centerpoint_type", "size_bytes", "job_id", "customer_id", "file_id", "attempts", "last_attempt_at", "error",
    ),
    sentences={
        "uq_centerpoint_files_tenant_id_centerpoint_type_centerpoint_id": (
            "centerpoint_id", "This file of CenterPoint is known already.",
        ),
        "ck_centerpoint_files_fetched": ("file_id", "What was fetched is stored under a file of ours."),
    },
    fields=(
        Text("file_name", label="File", edit=NEVER, filter=True, width="l"),
        Choice(
            "sync_status", label="State", edit=NEVER, filter=True, width="s",
            tones={
                "discovered": "mute open", "queued": "info sched", "downloaded": "info part", "linked": "ok done",
                "skipped": "mute off", "failed": "danger fail", "gone": "mute off",
            },
        ),
        Choice(
            "centerpoint_type", label="Kind there", edit=NEVER, filter=True,
            values=("model_file", "building_photo", "job_report"), labels={"model_file": "File of the building"},
        ),
        Reference("job_id", to="jobs", edit=INLINE, filter=True, width="l"),
        Reference("customer_id", to="customers", edit=INLINE, filter=True, width="l"),
        Size("size_bytes", label="Size", edit=NEVER, filter=True, width="s"),
        Moment("remote_updated_at", label="Changed there", edit=NEVER, filter=True),
        Count("attempts", label="Tries", edit=NEVER, filter=True, width="xs"),
        Text("error", label="What went wrong", edit=NEVER, filter=True, list=False, width="l"),
        Moment("last_attempt_at", label="Last tried", edit=NEVER, list=False, filter=True),
        Reference("property_id", label="Site", to="properties", edit=INLINE, list=False, filter=True),
        Reference("file_id", label="Stored as", to="file_metadata", edit=NEVER, list=False, filter=True),
        Code("centerpoint_id", label="ID there", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
        Text("parent_type", label="Attached to", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
        Code("parent_external_id", label="ID of that", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
        Url("remote_url", label="Address", edit=NEVER, list=False, group="In CenterPoint"),
        Code("mime_type", label="Type", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
        Code("checksum", edit=NEVER, list=False, group="In CenterPoint"),
        Moment("created_at", label="Found", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
        Moment("updated_at", label="Changed here", edit=NEVER, list=False, filter=True, group="In CenterPoint"),
    ),
)  # fmt: skip
