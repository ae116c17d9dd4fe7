"""Saved views: lists people keep under a name, with their filters, columns and order."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Count, Flag, Json, Moment, Reference, Tags, Text
from app.engine.records import Record, Standard, flag, integer, json_, ref, text_, texts
from app.engine.resource import Resource


class SavedView(Record, Standard):
    __tablename__ = "saved_views"
    app_user_id: Mapped[int | None] = ref("app_users", "C")
    screen: Mapped[str] = text_()
    name: Mapped[str] = text_()
    filters: Mapped[dict[str, Any]] = json_("{}")
    columns: Mapped[list[str]] = texts()
    sort: Mapped[list[str]] = texts()
    is_default: Mapped[bool] = flag()
    position: Mapped[int] = integer("0")


saved_views = Resource(
    SavedView,
    title="name",
    label="Saved views",
    icon="star",
    nav=("System", 95),
    about="Lists people keep: open one from the tabs above the table it belongs to. One without a person is shared.",
    area="views",
    own="app_user_id",
    search=("name", "screen"),
    sort="screen,position",
    create=False,
    scopes={"Shared": SavedView.app_user_id.is_(None), "Opened first": SavedView.is_default.is_(True)},
    fields=(
        Text("name", required=True, width="l"),
        Code("screen", label="List", edit=NEVER, filter=True),
        Reference("app_user_id", label="Belongs to", to="app_users", as_="person", edit=NEVER, filter=True),
        Flag("is_default", label="Opened first", filter=True),
        Count("position", label="Place", least=0),
        Tags("columns", edit=NEVER, list=False),
        Tags("sort", label="Order", edit=NEVER, list=False),
        Json("filters", edit=NEVER),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)
