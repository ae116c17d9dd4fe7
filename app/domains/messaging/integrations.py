"""Connections: each service outside that we exchange data with, whether it works, and whether it is real or simulated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Json, Moment, Secret, Tags, Text
from app.engine.records import Record, Standard, choice, json_, moment, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


class Integration(Record, Standard):
    __tablename__ = "integrations"
    kind: Mapped[str] = choice(
        "stripe", "slack", "smtp", "sms", "google_ads", "centerpoint", "quickbooks", "llm_provider", "storage", "redis"
    )
    name: Mapped[str] = text_()
    mode: Mapped[str] = choice("live", "test", "simulated", default="simulated")
    status: Mapped[str] = choice(
        "not_configured", "connected", "degraded", "error", "disabled", default="not_configured"
    )
    config: Mapped[dict[str, Any]] = json_("{}")
    secret_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_last4: Mapped[str | None] = text_()
    scopes: Mapped[list[str]] = texts()
    last_ok_at: Mapped[datetime | None] = moment()
    last_error_at: Mapped[datetime | None] = moment()
    last_error: Mapped[str | None] = text_()
    last_sync_at: Mapped[datetime | None] = moment()
    sync_cursor: Mapped[str | None] = text_()
    rate_limited_until: Mapped[datetime | None] = moment()


TROUBLED = Integration.status.in_(("degraded", "error"))


def has_its_key(moving: Moving) -> str | None:
    """A simulated connection talks to nobody; any other needs what it signs in with."""
    if moving.record["mode"] == "simulated" or moving.record["secret_enc"] is not None:
        return None
    return f"There is no key for {moving.record['name']} yet; without one only a simulated connection works."


def works(moving: Moving) -> Mapping[str, Any]:
    return {"last_error": None, "rate_limited_until": None}


def failed(moving: Moving) -> Mapping[str, Any]:
    return {"last_error_at": moving.at}


integrations = Resource(
    Integration,
    title="name",
    label="Connections",
    singular="connection",
    icon="link",
    nav=("Messages", 10),
    about="The services we exchange data with: mail, text messages, payments, models, storage. Whether each works, and is real.",
    area="integrations",
    search=("name",),
    sort="name",
    scopes={
        "In trouble": TROUBLED,
        "Connected": Integration.status == "connected",
        "Simulated": Integration.mode == "simulated",
        "Not set up": Integration.status.in_(("not_configured", "disabled")),
    },
    facts=("kind", "mode", "status", "last_ok_at", "last_sync_at", "last_error_at", "secret_last4", "rate_limited_until"),
    related=(
        Related(
            "inbound_events", "integration_id", label="Events received",
            fields=("event_type", "provider_event_id", "status", "created_at"),
        ),
        Related(
            "message_outbox", "integration_id", label="Messages sent through it",
            fields=("subject", "channel", "status", "created_at"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="not_configured",
        transitions=(
            Transition(
                "connect", "Connect", ("not_configured", "disabled", "error", "degraded"), "connected",
                "integrations.connect", guards=(has_its_key,), effects=(works,), done="connected",
            ),
            Transition(
                "disable", "Switch off", ("connected", "degraded", "error"), "disabled", "integrations.disable",
                reason=True, danger=True, done="switched off",
            ),
            Transition(
                "slow", "Note that it struggles", ("connected", "error"), "degraded", "integrations.report",
                asks=("last_error",), effects=(failed,), by_system=True, done="found to struggle",
            ),
            Transition(
                "fail", "Note that it fails", ("connected", "degraded"), "error", "integrations.report",
                asks=("last_error",), requires=("last_error",), effects=(failed,), by_system=True, done="found to fail",
            ),
        ),
    ),
    sentences={
        "uq_integrations_tenant_id_kind_name": ("name", "There is a connection of this kind and name already."),
    },
    fields=(
        Text("name", label="Connection", required=True, edit=INLINE, longest=120, width="l"),
        Choice(
            "kind", edit=CREATE, filter=True,
            labels={
                "smtp": "E-mail (SMTP)", "sms": "SMS", "google_ads": "Google Ads", "centerpoint": "CenterPoint",
                "quickbooks": "QuickBooks", "llm_provider": "Language model", "storage": "File storage",
            },
        ),
        Choice(
            "mode", filter=True, width="s", tones={"live": "ok dot", "test": "warn dot", "simulated": "mute dot"},
            help="Simulated answers like the real service and talks to nobody.",
        ),
        Choice(
            "status", edit=NEVER, filter=True, labels={"not_configured": "Not set up", "disabled": "Switched off"},
            tones={
                "not_configured": "mute draft", "connected": "ok done", "degraded": "warn warn", "error": "danger fail",
                "disabled": "mute off",
            },
        ),
        Moment("last_ok_at", label="Last worked", edit=NEVER, filter=True),
        Moment("last_sync_at", label="Last synchronised", edit=NEVER, filter=True),
        Moment("last_error_at", label="Last failed", edit=NEVER, filter=True),
        Text("last_error", label="Why it failed", edit=NEVER, width="l"),
        Text(
            "settings", long=True, edit=NEVER, list=False, sort=False, group="Settings",
            expr=lambda: pairs(Integration.__table__.c.config),
        ),
        Json("config", label="Settings as data", group="Settings", help="Nothing secret belongs here; keys are kept apart."),
        Tags("scopes", label="May do there", list=False, filter=True, group="Settings"),
        Secret("secret_enc", label="Key", group="Settings"),
        Code("secret_last4", label="Key ends in", edit=NEVER, list=False, group="Settings"),
        Code("sync_cursor", label="Synchronised up to", edit=NEVER, list=False, group="State"),
        Moment("rate_limited_until", label="Held back until", planned=True, edit=NEVER, list=False, filter=True, group="State"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
