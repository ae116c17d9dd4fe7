"""Photos and videos: what a picture shows, where and when it was taken, before, during or after the work."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlalchemy.orm import Mapped

from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Duration,
    Flag,
    Json,
    Moment,
    Quantity,
    Reference,
    Text,
)
from app.engine.records import Record, Standard, choice, flag, integer, json_, moment, number, ref, text_
from app.engine.resource import Resource
from app.engine.wording import items


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


def named() -> ColumnElement[str]:
    """Its caption, or what kind of picture it is where nobody has written one."""
    return func.coalesce(
        func.nullif(MediaAsset.caption, ""),
        func.initcap(func.replace(MediaAsset.kind, "_", " ")),
        type_=MediaAsset.caption.type,
    )


def pixels() -> ColumnElement[Any]:
    size = func.concat(MediaAsset.width, " × ", MediaAsset.height)
    return case((and_(MediaAsset.width.is_not(None), MediaAsset.height.is_not(None)), size))


media_assets = Resource(
    MediaAsset,
    title="name",
    label="Photos and videos",
    singular="photo or video",
    icon="image",
    nav=("Files", 30),
    about="What the crews photographed: on which roof, before, during or after the work, and what is to be seen.",
    area="files",
    search=("caption",),
    sort="-taken_at",
    scopes={
        "Before": MediaAsset.phase == "before",
        "After": MediaAsset.phase == "after",
        "No caption": or_(MediaAsset.caption.is_(None), MediaAsset.caption == ""),
        "Not linked": and_(MediaAsset.job_id.is_(None), MediaAsset.property_id.is_(None)),
        "Covers": MediaAsset.is_cover.is_(True),
        "Without preview": MediaAsset.derivative_status != "ready",
    },
    badge="phase",
    facts=("job_id", "property_id", "roof_section_id", "taken_at", "kind", "pixels", "file_id"),
    sentences={
        "uq_media_assets_file_id": ("file_id", "What this file shows is described already."),
        "ck_media_assets_place": ("gps_lat", "A place on earth lies between -90 and 90 north and -180 and 180 east."),
    },
    fields=(
        Text("name", label="Photo", edit=NEVER, sort=False, expr=named, width="l"),
        Choice(
            "phase", edit=INLINE | BULK, filter=True, width="s",
            tones={"before": "warn dot", "during": "info prog", "after": "ok done", "general": "mute dot"},
        ),
        Reference("job_id", to="jobs", edit=INLINE, filter=True, width="l"),
        Reference("property_id", label="Site", to="properties", edit=INLINE, filter=True, width="l"),
        Reference("roof_section_id", label="Section", to="roof_sections", edit=INLINE, filter=True),
        Moment("taken_at", label="Taken", filter=True),
        Choice("kind", filter=True, width="s", labels={"drone_ortho": "Drone map"}),
        Flag(
            "is_cover", label="Cover", edit=INLINE, filter=True, width="xs",
            help="Stands for its job or site in lists.",
        ),
        Reference("file_id", to="file_metadata", required=True, edit=CREATE, list=False, filter=True),
        Text("caption", longest=300, edit=INLINE, list=False, filter=True),
        Text(
            "alt_text", label="Description", longest=500, list=False,
            help="What is to be seen, for those who cannot see it.",
        ),
        Text("labels", label="Seen in it", long=True, edit=NEVER, list=False, sort=False, group="What the agent saw",
             expr=lambda: items(MediaAsset.__table__.c.ai_labels, "label", "confidence")),
        Json("ai_labels", label="As recorded", edit=NEVER, group="What the agent saw"),
        Moment("ai_labelled_at", label="Looked at", edit=NEVER, list=False, filter=True, group="What the agent saw"),
        Text("pixels", label="Pixels", edit=NEVER, list=False, sort=False, expr=pixels, group="Picture"),
        Count("width", edit=NEVER, list=False, filter=True, group="Picture"),
        Count("height", edit=NEVER, list=False, filter=True, group="Picture"),
        Duration("duration_ms", label="Length", edit=NEVER, list=False, filter=True, group="Picture"),
        Quantity("gps_lat", label="Latitude", places=6, least=-90, most=90, list=False, group="Picture"),
        Quantity("gps_lng", label="Longitude", places=6, least=-180, most=180, list=False, group="Picture"),
        Choice(
            "derivative_status", label="Preview", edit=NEVER, list=False, filter=True, group="Picture",
            tones={"pending": "warn pause", "ready": "ok done", "failed": "danger fail"},
        ),
        Code("thumb_key", label="Small picture", edit=NEVER, list=False, group="Picture"),
        Code("preview_key", label="Preview picture", edit=NEVER, list=False, group="Picture"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Picture"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Picture"),
    ),
)  # fmt: skip
