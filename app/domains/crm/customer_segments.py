"""Customer segments: saved audiences over customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class CustomerSegment(Record, Standard, Authored, Archivable):
    __tablename__ = "customer_segments"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    kind: Mapped[str] = choice("rule", "rfm", "tag", default="rule")
    filter: Mapped[dict[str, Any]] = json_("{}")
    member_count: Mapped[int] = integer("0")
    refreshed_at: Mapped[datetime | None] = moment()
    color: Mapped[str | None] = text_()
    owner_id: Mapped[int | None] = ref("app_users", "N")


customer_segments = Resource(
    CustomerSegment,
    title="name",
    label="Customer segments",
    icon="building",
    nav=("Customers", 70),
    about="Saved audiences over customers.",
    area="segments",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Choice("kind", filter=True),
        Json("filter"),
        Count("member_count", filter=True),
        Moment("refreshed_at", filter=True),
        Text("color", filter=True),
        Reference("owner_id", to="app_users", as_="person", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
