"""Landing pages: pages that turn visitors into leads, with how many came and how many asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Numeric, and_, case, cast, func
from sqlalchemy.orm import Mapped

from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Json, Moment, Percent, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items


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


def rate() -> ColumnElement[Any]:
    """Of a hundred visitors, how many asked; nothing while nobody has come."""
    return case(
        (LandingPage.views > 0, func.round(100 * cast(LandingPage.submissions, Numeric) / LandingPage.views, 2))
    )


def can_be_answered(moving: Moving) -> str | None:
    """A page that asks for neither address nor number brings nobody we could call back."""
    asked = moving.record["form_fields"]
    names = {str(each.get("name")) for each in asked if isinstance(each, Mapping)} if isinstance(asked, list) else set()
    if not names & {"email", "phone"}:
        return "The form has to ask for an e-mail address or a telephone number: a field named email or phone."
    if not (moving.record["thank_you_text"] or "").strip():
        return "Write first what visitors read once they have asked."
    return None


def published(moving: Moving) -> Mapping[str, Any]:
    return {"published_at": moving.at}


lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "published"),
    frozen={"published": ("slug",), "archived": ("*",)},
    why_frozen="People have this address; take the page down first.",
    transitions=(
        Transition(
            "publish", "Publish page", source=("draft",), to="published", may="landing.publish",
            guards=(can_be_answered,),
            effects=(published,), done="published",
        ),
        Transition(
            "take_down", "Take down", source=("published",), to="draft", may="landing.publish", done="taken down",
        ),
        Transition(
            "retire", "Retire page", source=("draft", "published"), to="archived", may="landing.archive", danger=True,
            done="retired",
        ),
        Transition(
            "revive", "Work on it again", source=("archived",), to="draft", may="landing.archive", done="a draft again",
        ),
    ),
)  # fmt: skip

landing_pages = Resource(
    LandingPage,
    title="title",
    code="slug",
    label="Landing pages",
    singular="landing page",
    icon="inbox",
    nav=("Customers", 70),
    about="Pages that turn visitors into leads: what each promises and asks for, how many came and how many asked.",
    area="landing",
    search=("slug", "title", "headline"),
    sort="title",
    lifecycle=lifecycle,
    scopes={
        "Published": LandingPage.status == "published",
        "Drafts": LandingPage.status == "draft",
        "Nobody asks": and_(LandingPage.status == "published", LandingPage.views >= 200, rate() < 2),
        "In an experiment": LandingPage.ab_test_id.is_not(None),
    },
    facts=("slug", "service_interest", "views", "submissions", "rate", "ab_test_id", "published_at"),
    related=(
        Related(
            "leads", "landing_page_id", fields=("title", "number", "status", "grade", "estimated_value", "created_at"),
        ),
        Related(
            "ad_campaigns", "landing_page_id", label="Campaigns", fields=("name", "platform", "status", "daily_budget"),
        ),
    ),
    sentences={
        "uq_landing_pages_tenant_id_slug": ("slug", "Another page already has this address."),
        "ck_landing_pages_slug": ("slug", "Use small letters, digits and hyphens, at most 80 of them: leak-repair."),
    },
    fields=(
        Text("title", label="Page", required=True, edit=INLINE, longest=200, width="l"),
        Code(
            "slug", label="Address", required=True, longest=80, filter=True,
            help="What stands behind our name in the address: leak-repair.",
        ),
        Text("headline", required=True, edit=INLINE, longest=200, filter=True, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, width="s", labels={"archived": "Retired"},
            tones={"draft": "mute draft", "published": "ok done", "archived": "mute off"},
        ),
        Count("views", label="Visitors", edit=NEVER, filter=True, width="s"),
        Count("submissions", label="Asked", edit=NEVER, filter=True, width="s"),
        Percent(
            "rate", label="Share", edit=NEVER, sort=False, filter=True, expr=rate, width="s",
            help="Of a hundred visitors, how many asked.",
        ),
        Choice(
            "service_interest", label="Wants", edit=INLINE, list=False, filter=True, help="What its leads are taken to want.",
            values=(
                "leak_repair", "maintenance", "inspection", "reroof", "new_construction", "coating", "emergency", "other",
            ),
            labels={"reroof": "Re-roof"},
        ),
        Reference("ab_test_id", label="Experiment", to="ab_tests", list=False, filter=True),
        Moment("published_at", label="Published", edit=NEVER, filter=True),
        Text(
            "body_html", label="Text", long=True, list=False, group="Page",
            help="Shown here as written, tags and all; cleaned before it is published.",
        ),
        Text("asks_for", label="Asks for", long=True, edit=NEVER, list=False, sort=False, group="Form",
             expr=lambda: items(LandingPage.__table__.c.form_fields, "label", "type")),
        Json(
            "form_fields", label="Fields of the form", group="Form",
            help='Like [{"name": "email", "label": "E-mail", "type": "email"}].',
        ),
        Text(
            "thank_you_text", label="Thanks", long=True, list=False, group="Form",
            help="What visitors read once they have asked.",
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
