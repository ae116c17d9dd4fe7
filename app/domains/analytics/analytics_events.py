"""Events: behavioural events: page views, submissions, exposures, NPS answers, feature use."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, String, Uuid, cast, text
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Json, Moment, Quantity, Reference, Secret, SubjectLink, Text
from app.engine.records import Log, PerhapsSubject, Record, choice, json_, moment, number, ref, text_
from app.engine.resource import Resource


class AnalyticsEvent(Record, Log, PerhapsSubject):
    __tablename__ = "analytics_events"
    event_uuid: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    name: Mapped[str] = text_()
    source: Mapped[str] = choice("console", "landing_page", "public_site", "api", "agent", "system", default="console")
    occurred_at: Mapped[datetime] = moment("now()")
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    customer_id: Mapped[int | None] = ref("customers", "N")
    lead_id: Mapped[int | None] = ref("leads", "N")
    anonymous_id: Mapped[str | None] = text_()
    path: Mapped[str | None] = text_()
    referrer: Mapped[str | None] = text_()
    utm: Mapped[Any] = json_(nullable=True)
    props: Mapped[dict[str, Any]] = json_("{}")
    value: Mapped[Decimal | None] = number(18, 4)
    ab_test_id: Mapped[int | None] = ref("ab_tests", "N")
    ab_variant: Mapped[str | None] = text_()
    ip_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    user_agent: Mapped[str | None] = text_()


analytics_events = Resource(
    AnalyticsEvent,
    title="name",
    label="Events",
    icon="pulse",
    nav=("Monitoring", 55),
    about="Behavioural events: page views, submissions, exposures, NPS answers, feature use.",
    area="events",
    search=("name",),
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Code(
            "event_uuid",
            edit=NEVER,
            list=False,
            filter=False,
            sort=False,
            expr=lambda: cast(AnalyticsEvent.event_uuid, String),
        ),
        Text("name", edit=NEVER, filter=True),
        Choice("source", edit=NEVER, filter=True),
        Moment("occurred_at", edit=NEVER, filter=True),
        Reference("app_user_id", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("customer_id", to="customers", edit=NEVER, filter=True),
        Reference("lead_id", to="leads", edit=NEVER, filter=True),
        Code("anonymous_id", edit=NEVER, filter=True),
        Text("path", edit=NEVER, filter=True),
        Text("referrer", edit=NEVER, filter=True),
        Json("utm", edit=NEVER),
        Json("props", edit=NEVER),
        Quantity("value", places=4, edit=NEVER, filter=True),
        Reference("ab_test_id", to="ab_tests", edit=NEVER, filter=True),
        Text("ab_variant", edit=NEVER, filter=True),
        Secret("ip_hash"),
        Text("user_agent", edit=NEVER, filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
