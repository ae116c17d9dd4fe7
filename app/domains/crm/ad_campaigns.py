"""Campaigns: what we advertise and where, for how much a day, and what the agent suggests to change about it.

Their daily cost, clicks and leads are figures (ads.cost, ads.clicks, ads.conversions), not columns here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.formats import money as as_money
from app.domains.crm.tables import table
from app.engine.actions import Action
from app.engine.fields import INLINE, NEVER, Choice, Code, Date, Json, Moment, Money, Reference, Text
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    moment,
    money,
    ref,
    text_,
)
from app.engine.refusals import NotAllowed
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


class AdCampaign(Record, Standard, Authored, Archivable, External):
    __tablename__ = "ad_campaigns"
    platform: Mapped[str] = choice("google_ads", "meta", "bing", "other", default="google_ads")
    name: Mapped[str] = text_()
    status: Mapped[str] = choice("draft", "enabled", "paused", "removed", default="draft")
    objective: Mapped[str | None] = text_()
    landing_page_id: Mapped[int | None] = ref("landing_pages", "N")
    daily_budget: Mapped[Decimal | None] = money()
    max_daily_budget: Mapped[Decimal | None] = money()
    currency: Mapped[str] = code(3, "USD")
    target_cpl: Mapped[Decimal | None] = money()
    automation_mode: Mapped[str] = choice("manual", "suggest", "auto_with_caps", default="suggest")
    pending_change: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    started_on: Mapped[date | None] = day()
    ended_on: Mapped[date | None] = day()
    last_synced_at: Mapped[datetime | None] = moment()


# -- whether it may run -----------------------------------------------------------------------------------------------


def has_a_budget(moving: Moving) -> str | None:
    return None if moving.record["daily_budget"] else "Say first what it may cost a day."


def leads_somewhere(moving: Moving) -> str | None:
    """Clicks are paid for whether or not the page they lead to is there."""
    key = moving.record["landing_page_id"]
    if key is None:
        return None
    pages = table("landing_pages").c
    title, status = moving.connection.execute(select(pages.title, pages.status).where(pages.id == key)).one()
    return None if status == "published" else f"Its page “{title}” is not published."


def started(moving: Moving) -> Mapping[str, Any]:
    return {"started_on": moving.record["started_on"] or moving.at.date(), "ended_on": None}


def ended(moving: Moving) -> Mapping[str, Any]:
    return {"ended_on": moving.at.date(), "pending_change": None}


# -- what was suggested -----------------------------------------------------------------------------------------------


def suggested(record: Mapping[str, Any]) -> str | None:
    if not record["pending_change"]:
        return "Nothing is suggested at the moment."
    return "It was removed." if record["status"] == "removed" else None


def taken(moving: Moving) -> Mapping[str, Any]:
    """The suggested budget, never above the cap: whoever raises the cap does so knowingly, on the record."""
    record, change = moving.record, moving.record["pending_change"]
    try:
        budget = Decimal(str(change["daily_budget"])).quantize(Decimal("0.01"))
    except (KeyError, TypeError, InvalidOperation):
        raise NotAllowed("The suggestion names no daily budget; change the campaign by hand.") from None
    cap = record["max_daily_budget"]
    if cap is not None and budget > cap:
        asked, allowed = as_money(budget, record["currency"]), as_money(cap, record["currency"])
        raise NotAllowed(f"{asked} a day is above the cap of {allowed}; raise the cap first, or turn it down.")
    return {"daily_budget": budget, "pending_change": None}


lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "enabled"),
    frozen={"removed": ("*",)},
    why_frozen="This campaign was removed; make a new one.",
    transitions=(
        Transition(
            "enable", "Enable campaign", source=("draft", "paused"), to="enabled", may="ads.enable",
            guards=(has_a_budget, leads_somewhere), effects=(started,), done="enabled",
        ),
        Transition("pause", "Pause campaign", source=("enabled",), to="paused", may="ads.enable", done="paused"),
        Transition(
            "remove", "Remove campaign", source=("draft", "enabled", "paused"), to="removed", may="ads.enable",
            effects=(ended,),
            reason=True, danger=True, done="removed",
        ),
    ),
)  # fmt: skip

ad_campaigns = Resource(
    AdCampaign,
    title="name",
    label="Campaigns",
    singular="campaign",
    icon="trendup",
    nav=("Customers", 75),
    about="What we advertise and where, for how much a day, which leads came of it and what is suggested to change.",
    area="ads",
    search=("name", "objective"),
    sort="name",
    lifecycle=lifecycle,
    scopes={
        "Running": AdCampaign.status == "enabled",
        "Change suggested": AdCampaign.pending_change.is_not(None),
        "Paused": AdCampaign.status == "paused",
    },
    facts=(
        "platform", "daily_budget", "max_daily_budget", "target_cpl", "automation_mode", "landing_page_id",
        "started_on", "last_synced_at",
    ),
    related=(
        Related("leads", "campaign_id", fields=("title", "number", "status", "grade", "estimated_value", "created_at")),
    ),
    actions=(
        Action(
            "take", "Take the suggestion", may="ads.approve", intent=taken, when=suggested, done="changed as suggested",
        ),
        Action(
            "turn_down", "Turn it down", may="ads.approve", intent=lambda moving: {"pending_change": None},
            when=suggested,
            reason=True, done="left as it was",
        ),
    ),
    sentences={
        "uq_ad_campaigns_tenant_id_platform_name": ("name", "There is a campaign of that name on this platform."),
        "ck_ad_campaigns_daily_budget": ("daily_budget", "A budget is not below zero."),
        "ck_ad_campaigns_within_cap": ("daily_budget", "The daily budget cannot pass the cap."),
        "ck_ad_campaigns_capped": ("max_daily_budget", "Where budgets change by themselves there has to be a cap."),
        "ck_ad_campaigns_currency": ("currency", "Write the currency as three capital letters, like USD."),
    },
    fields=(
        Text("name", label="Campaign", required=True, edit=INLINE, longest=200, width="l"),
        Choice("platform", filter=True, labels={"google_ads": "Google Ads"}),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            tones={"draft": "mute draft", "enabled": "ok prog", "paused": "warn pause", "removed": "mute off"},
        ),
        Money("daily_budget", label="A day", least=0, edit=INLINE, filter=True, group="Budget"),
        Money(
            "max_daily_budget", label="Cap", least=0, edit=INLINE, filter=True, group="Budget",
            help="No change by itself goes above it.",
        ),
        Money(
            "target_cpl", label="Target per lead", least=0, edit=INLINE, filter=True, group="Budget",
            help="What a lead may cost.",
        ),
        Choice(
            "automation_mode", label="Budget changes", edit=INLINE, filter=True, group="Budget",
            labels={"manual": "By hand", "suggest": "Suggested", "auto_with_caps": "By itself, up to the cap"},
        ),
        Reference("landing_page_id", label="Leads to", to="landing_pages", edit=INLINE, filter=True, width="l"),
        Moment("last_synced_at", label="Last figures", edit=NEVER, list=False, filter=True),
        Text("objective", longest=300, edit=INLINE, list=False, filter=True),
        Date("started_on", label="Since", edit=INLINE, list=False, filter=True),
        Date("ended_on", label="Ended", edit=NEVER, list=False, filter=True),
        Text("suggestion", label="Suggested", long=True, edit=NEVER, list=False, sort=False, group="Suggestion",
             expr=lambda: pairs(AdCampaign.__table__.c.pending_change)),
        Json("pending_change", label="As recorded", edit=NEVER, filter=True, group="Suggestion"),
        Code("currency", longest=3, edit=NEVER, list=False, filter=True, group="Budget"),
        Code("external_source", label="Mirrored from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
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
