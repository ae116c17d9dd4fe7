"""Landing pages: lead capture pages and their counters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Resource


class LandingPage(Record, Standard, Authored, Archivable):
    __tablename__ = "landing_pages"
    slug: Mapped[str] = text_()
    title: Mapped[str] = text_()
    headline: Mapped[str] = text_()
    body_html: Mapped[str | None] = text_()
    form_fields: Mapped[list[Any]] = json_("[]")
    thank_you_text: Mapped[str | None] = text_()
    status: Mapped[str] = choice("draft", "published", "archived", default="draft")
    published_at: Mapped[datetime | None] = moment()
    service_interest: Mapped[str | None] = text_()
    ab_test_id: Mapped[int | None] = ref("ab_tests", "N")
    views: Mapped[int] = bigint("0")
    submissions: Mapped[int] = bigint("0")


landing_pages = Resource(
    LandingPage,
    title="title",
    label="Landing pages",
    icon="building",
    nav=("Customers", 80),
    about="Lead capture pages and their counters.",
    area="landing",
    search=(
        "slug",
        "title",
    ),
    sort="-created_at",
    fields=(
        Code("slug", filter=True),
        Text("title", filter=True),
        Text("headline", filter=True),
        Text("body_html", long=True, list=False),
        Json("form_fields"),
        Text("thank_you_text", long=True, list=False),
        Choice("status", filter=True),
        Moment("published_at", filter=True),
        Text("service_interest", filter=True),
        Reference("ab_test_id", to="ab_tests", filter=True),
        Count("views", filter=True),
        Count("submissions", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
