"""Saved views: lists people keep under a name, with their filters, columns, order and density."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Reference, Tags, Text
from app.engine.records import Record, Standard, choice, flag, integer, json_, ref, text_, texts
from app.engine.resource import Resource


class SavedView(Record, Standard):
    __tablename__ = "saved_views"
    app_user_id: Mapped[int | None] = ref("app_users", "C")
    screen: Mapped[str] = text_()
    name: Mapped[str] = text_()
    filters: Mapped[list[Any]] = json_("[]")
    columns: Mapped[list[str]] = texts()
    sort: Mapped[list[str]] = texts()
    is_default: Mapped[bool] = flag()
    position: Mapped[int] = integer("0")
    kind: Mapped[str] = choice("view", "layout", default="view")
    density: Mapped[str | None] = choice("comfortable", "compact", "roomy", nullable=True)
    rows_per_page: Mapped[int | None] = integer(nullable=True)
    role_keys: Mapped[list[str]] = texts()


saved_views = Resource(
    SavedView,
    title="name",
    label="Saved views",
    icon="star",
    nav=("System", 95),
    about="Lists people keep: open one from the tabs above the table it belongs to. One without a person is shared.",
    area="views",
    own="app_user_id",
    shares=True,
    search=("name", "screen"),
    sort="screen,position",
    create=False,
    scopes={"Shared": SavedView.app_user_id.is_(None), "Opened first": SavedView.is_default.is_(True)},
    sentences={
        "uq_saved_views_tenant_id_screen_app_user_id_name": ("name", "There is a view of this name over this list."),
        "uq_saved_views_tenant_id_screen_app_user_id": (
            "",
            "Another view was made the first one meanwhile. Try again.",
        ),
    },
    fields=(
        Text("name", required=True, width="l", longest=60),
        Code("screen", label="List", edit=NEVER, filter=True),
        Reference("app_user_id", label="Belongs to", to="app_users", as_="person", edit=NEVER, filter=True),
        Flag("is_default", label="Opened first", edit=NEVER, filter=True),
        Tags("role_keys", label="Opens for roles", edit=NEVER, filter=True),
        Count("position", label="Place", least=0),
        Choice("kind", edit=NEVER, filter=True, list=False, labels={"layout": "Columns of one person"}),
        Tags("columns", edit=NEVER, list=False),
        Tags("sort", label="Order", edit=NEVER, list=False),
        Choice("density", edit=NEVER, list=False),
        Count("rows_per_page", edit=NEVER, list=False),
        Json("filters", edit=NEVER, list=False),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)
