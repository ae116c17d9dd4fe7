"""The frame every panel is counted in: the company's day, zone and currency, and what the person looking may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, TextClause, text

from app.core import clock
from app.core.db import reading
from app.engine.access import Actor
from app.engine.projection import projection
from app.engine.registry import REGISTRY

_COMPANY = text("SELECT timezone, currency FROM tenants WHERE id = :tenant")


@dataclass(frozen=True)
class Count:
    """How many rows, and the address of the list that shows exactly those."""

    number: int
    href: str
    more: bool = False
    """There are more than were counted: the number is where counting stopped."""

    @property
    def words(self) -> str:
        return f"over {self.number:,}" if self.more else f"{self.number:,}"


@dataclass(frozen=True)
class Frame:
    """One look at the company: figures are per tenant, in its zone and currency (KPIS.md section 2)."""

    connection: Connection
    actor: Actor
    zone: str
    currency: str
    now: datetime
    today: date

    @property
    def midnight(self) -> datetime:
        return self.start_of(self.today)

    @property
    def next_midnight(self) -> datetime:
        return self.start_of(self.today + timedelta(days=1))

    def start_of(self, day: date) -> datetime:
        """Midnight of a day where the company is, as a moment."""
        return datetime.combine(day, time(), clock.zone_of(self.zone))

    def sees(self, table: str, *fields: str) -> bool:
        """Whether the actor reads every row of a table, and these fields of it: a sum must not tell what a list hides."""
        resource = REGISTRY.get(table)
        if resource is None:
            return False
        view = projection(resource, self.actor)
        return view.reads_all and all(name in view.by_name and name not in view.masked for name in fields)

    def works(self, table: str) -> bool:
        """Whether the actor reads the table, if only the rows that are theirs."""
        resource = REGISTRY.get(table)
        return resource is not None and projection(resource, self.actor).reads

    def rows(self, statement: TextClause, **values: Any) -> list[Any]:
        """One statement, with the company and the person filled in."""
        given = {"tenant": self.actor.tenant_id, "me": self.actor.app_user_id, "currency": self.currency, **values}
        return list(self.connection.execute(statement, given))

    def list(self, table: str, asked: Mapping[str, Any] | None = None) -> str:
        """The address of a list, in the list grammar."""
        path = REGISTRY[table].path
        return f"{path}?{urlencode(asked, safe=',:')}" if asked else path

    def record(self, table: str, key: int) -> str:
        return f"{REGISTRY[table].path}/{key}"

    def on(self, name: str, first: date, last: date) -> dict[str, str]:
        """Filter a moment by whole days of the company: in words where the viewer's clock agrees, else by instants."""
        if self.zone == self.actor.timezone:
            if first == last:
                return {name: "today" if first == self.today else first.isoformat()}
            return {f"{name}.between": f"{first},{last}"}
        end = self.start_of(last + timedelta(days=1))
        return {f"{name}.gte": self.start_of(first).isoformat(), f"{name}.lt": end.isoformat()}

    def since(self, name: str, first: date) -> dict[str, str]:
        """Filter a moment from a day of the company on."""
        same = self.zone == self.actor.timezone
        return {f"{name}.gte": first.isoformat() if same else self.start_of(first).isoformat()}

    def before(self, name: str, day: date) -> dict[str, str]:
        """Filter a moment to before a day of the company."""
        same = self.zone == self.actor.timezone
        return {f"{name}.lt": day.isoformat() if same else self.start_of(day).isoformat()}


def frame(actor: Actor) -> Frame:
    connection = reading()
    company = connection.execute(_COMPANY, {"tenant": actor.tenant_id}).first()
    zone, currency = (company.timezone, company.currency) if company else (actor.timezone, "USD")
    return Frame(connection, actor, zone, currency, clock.now(), clock.today(zone))
