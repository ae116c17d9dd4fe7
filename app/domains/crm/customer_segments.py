"""Customer segments: groups of customers by what they are, kept as a filter and counted from the customers themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.orm import Mapped

from app.domains.crm.conditions import in_words
from app.domains.crm.segments import address, recounted, settle
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Count, Json, Link, Moment, Reference, Text
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


def mine(actor: Actor) -> ColumnElement[bool]:
    return CustomerSegment.owner_id == actor.app_user_id


customer_segments = Resource(
    CustomerSegment,
    title="name",
    code="key",
    label="Customer segments",
    singular="segment",
    icon="split",
    nav=("Customers", 55),
    about="Groups of customers to write to, call or report on: each a filter over customers, counted from them.",
    area="segments",
    search=("key", "name"),
    sort="name",
    follow=(settle,),
    scopes={
        "Mine": mine,
        "Empty": CustomerSegment.member_count == 0,
        "Not counted for a week": func.coalesce(CustomerSegment.refreshed_at, text("'-infinity'::timestamptz"))
        < func.now() - text("interval '7 days'"),
    },
    badge="kind",
    facts=("member_count", "refreshed_at", "members", "owner_id", "finds"),
    actions=(Action("refresh", "Recount", may="segments.refresh", intent=recounted, done="recounted"),),
    sentences={"uq_customer_segments_tenant_id_key": ("key", "There is a segment under this key.")},
    defaults={"filter": {"status": "active"}, "owner_id": lambda actor: actor.app_user_id},
    fields=(
        Text("name", label="Segment", required=True, edit=INLINE, longest=120, width="l"),
        Code("key", required=True, longest=60, filter=True, help="A short name for automations and reports: at-risk."),
        Choice("kind", filter=True, width="s", labels={"rule": "Filter", "rfm": "RFM", "tag": "Tag"}),
        Text(
            "finds", label="Who", edit=NEVER, sort=False,
            expr=lambda: in_words(CustomerSegment.__table__.c.filter), width="l",
        ),
        Count("member_count", label="Customers", edit=NEVER, filter=True, width="s", help="As of the last count."),
        Link(
            "members", label="List", base="/crm/customers?", words="Show them",
            expr=lambda: address(CustomerSegment.__table__.c.filter),
        ),
        Moment("refreshed_at", label="Counted", edit=NEVER, filter=True),
        Reference("owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Json(
            "filter", label="Filter",
            help='As the list of customers takes it: {"status": "active", "rfm_segment.in": "champion,loyal"}.',
        ),
        Text("color", label="Colour", longest=30, list=False, help="How it is marked in reports, like #2f6fde."),
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
