"""Tenants: the companies that work in this console, each with its zone, currency and settings, kept apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Text
from app.engine.records import Global, Record, choice, code, integer, json_, text_
from app.engine.resource import Resource


class Tenant(Record, Global):
    __tablename__ = "tenants"
    slug: Mapped[str] = text_()
    name: Mapped[str] = text_()
    status: Mapped[str] = choice("active", "suspended", "closed", default="active")
    timezone: Mapped[str] = text_(server_default="UTC")
    currency: Mapped[str] = code(3, "USD")
    locale: Mapped[str] = text_(server_default="en-US")
    fiscal_year_start_month: Mapped[int] = integer("1")
    settings: Mapped[dict[str, Any]] = json_("{}")


def only_this_company(tenant_id: int) -> ColumnElement[bool]:
    return Tenant.id == tenant_id


tenants = Resource(
    Tenant,
    title="name",
    label="Company",
    singular="company",
    icon="building",
    nav=("System", 90),
    about="The company whose data this is: its time zone decides what today means, its currency how money is written.",
    area="tenant",
    within=only_this_company,
    search=("name", "slug"),
    sort="name",
    create=False,
    fields=(
        Text("name", width="l", required=True),
        Code("slug", label="Short name", edit=NEVER),
        Choice("status", edit=NEVER, tones={"active": "ok done", "suspended": "warn pause", "closed": "mute off"}),
        Code("timezone", label="Time zone", help="An IANA name, like America/Denver.", group="Region"),
        Code(
            "currency", help="Three letters, like USD. Documents already made keep theirs.", longest=3, group="Region"
        ),
        Code("locale", label="Language and format", group="Region"),
        Count(
            "fiscal_year_start_month", label="Fiscal year starts in month", least=1, most=12, list=False, group="Region"
        ),
        Json(
            "settings",
            help="Margin floor, dunning days, retention; letterhead for what is printed. Amounts above write_off_limit and money"
            " records above bulk_money_rows at once are decided by a second person.",
            group="Settings",
        ),
        Moment("created_at", label="Created", edit=NEVER, list=False),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)
