"""CenterPoint files: registry of remote CenterPoint files and the state of bringing each over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, Text
from app.engine.records import Record, Standard, bigint, choice, integer, moment, ref, text_
from app.engine.resource import Resource


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


centerpoint_files = Resource(
    CenterpointFile,
    title="file_name",
    label="CenterPoint files",
    icon="table",
    nav=("Files", 30),
    about="Registry of remote CenterPoint files and the state of bringing each over.",
    area="centerpoint",
    search=("file_name",),
    sort="-created_at",
    fields=(
        Code("centerpoint_id", filter=True),
        Text("centerpoint_type", filter=True),
        Text("parent_type", filter=True),
        Code("parent_external_id", filter=True),
        Text("file_name", filter=True),
        Text("remote_url", filter=True),
        Code("mime_type", filter=True),
        Count("size_bytes", filter=True),
        Moment("remote_updated_at", filter=True),
        Code("checksum", filter=True),
        Reference("file_id", to="file_metadata", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Reference("property_id", to="properties", filter=True),
        Reference("job_id", to="jobs", filter=True),
        Choice("sync_status", filter=True),
        Count("attempts", filter=True),
        Moment("last_attempt_at", filter=True),
        Text("error", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
