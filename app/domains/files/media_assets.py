"""Photos and videos: photo and video facts: size, capture time and place, before/after, derivatives, AI labels."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, json_, moment, number, ref, text_
from app.engine.resource import Resource


class MediaAsset(Record, Standard):
    __tablename__ = "media_assets"
    file_id: Mapped[int] = ref("file_metadata", "C")
    kind: Mapped[str] = choice("image", "video", "audio", "panorama", "drone_ortho", default="image")
    width: Mapped[int | None] = integer()
    height: Mapped[int | None] = integer()
    duration_ms: Mapped[int | None] = integer()
    taken_at: Mapped[datetime | None] = moment()
    gps_lat: Mapped[Decimal | None] = number(9, 6)
    gps_lng: Mapped[Decimal | None] = number(9, 6)
    phase: Mapped[str] = choice("before", "during", "after", "general", default="general")
    job_id: Mapped[int | None] = ref("jobs", "N")
    property_id: Mapped[int | None] = ref("properties", "N")
    roof_section_id: Mapped[int | None] = ref("roof_sections", "N")
    caption: Mapped[str | None] = text_()
    alt_text: Mapped[str | None] = text_()
    thumb_key: Mapped[str | None] = text_()
    preview_key: Mapped[str | None] = text_()
    derivative_status: Mapped[str] = choice("pending", "ready", "failed", default="pending")
    ai_labels: Mapped[list[Any]] = json_("[]")
    ai_labelled_at: Mapped[datetime | None] = moment()
    is_cover: Mapped[bool] = flag()


media_assets = Resource(
    MediaAsset,
    title="kind",
    label="Photos and videos",
    icon="table",
    nav=("Files", 25),
    about="Photo and video facts: size, capture time and place, before/after, derivatives, AI labels.",
    area="files",
    sort="-created_at",
    fields=(
        Reference("file_id", to="file_metadata", filter=True),
        Choice("kind", filter=True),
        Count("width", filter=True),
        Count("height", filter=True),
        Duration("duration_ms", filter=True),
        Moment("taken_at", filter=True),
        Quantity("gps_lat", places=6, filter=True),
        Quantity("gps_lng", places=6, filter=True),
        Choice("phase", filter=True),
        Reference("job_id", to="jobs", filter=True),
        Reference("property_id", to="properties", filter=True),
        Reference("roof_section_id", to="roof_sections", filter=True),
        Text("caption", filter=True),
        Text("alt_text", long=True, list=False),
        Code("thumb_key", filter=True),
        Code("preview_key", filter=True),
        Choice("derivative_status", filter=True),
        Json("ai_labels"),
        Moment("ai_labelled_at", filter=True),
        Flag("is_cover", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
