"""Events: what visitors, customers and staff did: pages seen, forms sent, variants shown, questions answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, cast, text
from sqlalchemy import Text as SqlText
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
    singular="event",
    icon="pulse",
    nav=("Monitoring", 55),
    about="What visitors, customers and staff did: pages seen, forms sent, variants shown, questions answered.",
    area="events",
    read_only="Events are a log of what happened; they are kept as they happened.",
    sort="-occurred_at",
    scopes={
        "Of visitors": AnalyticsEvent.anonymous_id.is_not(None),
        "Of staff": AnalyticsEvent.app_user_id.is_not(None),
        "In experiments": AnalyticsEvent.ab_test_id.is_not(None),
        "With a value": AnalyticsEvent.value.is_not(None),
    },
    facts=("occurred_at", "source", "path", "app_user_id", "customer_id", "lead_id", "ab_test_id", "value"),
    fields=(
        Moment("occurred_at", label="When", edit=NEVER, filter=True),
        Code("name", label="Event", edit=NEVER, filter=True, width="m"),
        Choice("source", label="From", edit=NEVER, filter=True, labels={"api": "API"}),
        Code("path", label="Page", edit=NEVER, filter=True, width="l"),
        Reference("app_user_id", label="Member of staff", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("customer_id", label="Customer", to="customers", edit=NEVER, filter=True),
        Reference("ab_test_id", label="Experiment", to="ab_tests", edit=NEVER, filter=True),
        Code("ab_variant", label="Variant", edit=NEVER, filter=True, width="xs"),
        Quantity("value", places=4, edit=NEVER, filter=True),
        Reference("lead_id", label="Lead", to="leads", edit=NEVER, filter=True, list=False),
        SubjectLink("subject_id", label="About", list=False),
        Json("props", label="Details", edit=NEVER, personal=True),
        Code("anonymous_id", label="Visitor", edit=NEVER, personal=True, filter=True, list=False, group="Visitor"),
        Text("referrer", label="Came from", edit=NEVER, personal=True, filter=True, list=False, group="Visitor"),
        Json("utm", label="Campaign tags", edit=NEVER, group="Visitor"),
        Text("user_agent", label="Browser", edit=NEVER, personal=True, list=False, group="Visitor"),
        Secret("ip_hash", label="Address, as a digest", group="Visitor"),
        Code(
            "uuid", label="Sent as", edit=NEVER, list=False, sort=False, group="Arrival",
            expr=lambda: cast(AnalyticsEvent.event_uuid, SqlText),
            help="Given by the sender; the same event sent twice counts once.",
        ),
        Moment("created_at", label="Arrived", edit=NEVER, list=False, filter=True, group="Arrival"),
    ),
)  # fmt: skip
