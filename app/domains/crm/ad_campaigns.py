"""Campaigns: advertising campaigns mirrored from Google Ads and others."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Date, Json, Moment, Money, Reference, Text
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    json_,
    moment,
    money,
    ref,
    text_,
)
from app.engine.resource import Resource


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
    pending_change: Mapped[Any] = json_(nullable=True)
    started_on: Mapped[date | None] = day()
    ended_on: Mapped[date | None] = day()
    last_synced_at: Mapped[datetime | None] = moment()


ad_campaigns = Resource(
    AdCampaign,
    title="name",
    label="Campaigns",
    icon="building",
    nav=("Customers", 85),
    about="Advertising campaigns mirrored from Google Ads and others.",
    area="ads",
    search=("name",),
    sort="-created_at",
    fields=(
        Choice("platform", filter=True),
        Text("name", filter=True),
        Choice("status", filter=True),
        Text("objective", filter=True),
        Reference("landing_page_id", to="landing_pages", filter=True),
        Money("daily_budget", filter=True),
        Money("max_daily_budget", filter=True),
        Code("currency", list=False, filter=True),
        Money("target_cpl", filter=True),
        Choice("automation_mode", filter=True),
        Json("pending_change"),
        Date("started_on", filter=True),
        Date("ended_on", filter=True),
        Moment("last_synced_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
        Code("external_source", filter=True),
        Code("external_id", filter=True),
    ),
)
