"""Webhooks: addresses of customers and partners that we call when something happens, and how well they answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Numeric, cast, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.messaging.webhook_deliveries import WebhookDelivery
from app.engine.fields import INLINE, NEVER, Choice, Count, Moment, Percent, Reference, Secret, Tags, Text, Url
from app.engine.records import Archivable, Authored, Record, Standard, choice, integer, moment, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class WebhookEndpoint(Record, Standard, Authored, Archivable):
    __tablename__ = "webhook_endpoints"
    url: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    events: Mapped[list[str]] = texts()
    secret_enc: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_rotated_at: Mapped[datetime | None] = moment()
    status: Mapped[str] = choice("enabled", "disabled", "auto_disabled", default="enabled")
    failure_streak: Mapped[int] = integer("0")
    first_failure_at: Mapped[datetime | None] = moment()
    disabled_at: Mapped[datetime | None] = moment()
    rate_limit_per_min: Mapped[int] = integer("60")


FAILING_FROM = 5  # failures in a row, as the health check counts them


def delivered_lately() -> ColumnElement[Any]:
    """Of the deliveries of seven days that came to an end, the share that arrived; nothing where none ended."""
    sent = WebhookDelivery.__table__.alias("lately")
    arrived = func.count().filter(sent.c.status == "delivered")
    ended = func.count().filter(sent.c.status.in_(("delivered", "exhausted")))
    return (
        select(func.round(cast(100 * arrived, Numeric) / func.nullif(ended, 0), 1))
        .where(
            sent.c.endpoint_id == WebhookEndpoint.__table__.c.id,
            sent.c.created_at >= func.now() - func.make_interval(0, 0, 1),
        )
        .scalar_subquery()
    )


def afresh(_: Moving) -> Mapping[str, Any]:
    return {"failure_streak": 0, "first_failure_at": None, "disabled_at": None}


def off(moving: Moving) -> Mapping[str, Any]:
    return {"disabled_at": moving.at}


def failed_too_long(moving: Moving) -> str | None:
    return None if moving.record["failure_streak"] >= FAILING_FROM else "It has not failed often enough to be shut off."


webhook_endpoints = Resource(
    WebhookEndpoint,
    title="url",
    label="Webhooks",
    singular="webhook",
    icon="bolt",
    nav=("Messages", 20),
    about="Addresses of customers and partners that we call when something happens: which events, and how well they answer.",
    area="webhooks",
    create=False,
    search=("url", "description"),
    sort="url",
    scopes={
        "Failing": (WebhookEndpoint.failure_streak >= FAILING_FROM) & (WebhookEndpoint.status == "enabled"),
        "Shut off by failures": WebhookEndpoint.status == "auto_disabled",
        "Enabled": WebhookEndpoint.status == "enabled",
    },
    facts=("status", "delivered_lately", "failure_streak", "first_failure_at", "rate_limit_per_min", "secret_rotated_at"),
    related=(
        Related(
            "webhook_deliveries", "endpoint_id", label="Deliveries",
            fields=("event_type", "created_at", "status", "attempts", "last_status_code", "last_latency_ms"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="enabled",
        transitions=(
            Transition(
                "enable", "Enable webhook", ("disabled", "auto_disabled"), "enabled", "webhooks.enable", effects=(afresh,),
                done="enabled",
            ),
            Transition(
                "disable", "Disable webhook", ("enabled", "auto_disabled"), "disabled", "webhooks.enable", reason=True,
                effects=(off,), danger=True, done="disabled",
            ),
            Transition(
                "shut_off", "Shut off after failures", ("enabled",), "auto_disabled", "webhooks.deliver",
                guards=(failed_too_long,), effects=(off,), by_system=True, done="shut off",
            ),
        ),
    ),
    sentences={
        "ck_webhook_endpoints_url": ("url", "Give an address that begins with https://; events are not sent in the open."),
    },
    fields=(
        Url("url", label="Address", required=True, width="xl"),
        Text("description", label="What for", edit=INLINE, longest=300, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"auto_disabled": "Shut off by failures"},
            tones={"enabled": "ok done", "disabled": "mute off", "auto_disabled": "danger fail"},
        ),
        Tags("events", required=True, filter=True, help="Kinds of events, like invoice.paid; * means every one."),
        Percent(
            "delivered_lately", label="Delivered, 7 days", edit=NEVER, sort=False, filter=True, expr=delivered_lately,
            help="Of the deliveries that came to an end.",
        ),
        Count("failure_streak", label="Failures in a row", edit=NEVER, filter=True),
        Moment("first_failure_at", label="Failing since", edit=NEVER, filter=True),
        Count(
            "rate_limit_per_min", label="Calls a minute", least=1, most=6_000, edit=INLINE, list=False, filter=True,
            group="Limits",
        ),
        Moment("disabled_at", label="Off since", edit=NEVER, list=False, filter=True, group="Limits"),
        Secret("secret_enc", label="Signing secret", group="Signature"),
        Secret("previous_secret_enc", label="Former secret, good for a day", group="Signature"),
        Moment("secret_rotated_at", label="Secret changed", edit=NEVER, list=False, filter=True, group="Signature"),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
