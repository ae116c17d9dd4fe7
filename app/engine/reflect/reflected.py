"""A table nobody declared as a resource: the same value the engine knows, filled from what the catalogue says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, bindparam, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from app.engine import tablename
from app.engine.reflect.columns import Place
from app.engine.reflect.describe import Described, ForeignKey
from app.engine.refusals import NotFound, Rejected
from app.engine.resource import Resource, Write
from app.engine.typed import Summary, Typed

_WORDS_OF_ADDRESSES = frozenset(
    ("new", "filters", "columns", "history", "structure", "edit", "delete", "govern", "classify", "open", "export")
)
SECRET_VALUE = "[secret]"


@dataclass(frozen=True)
class Opened:
    """That somebody opened a table for editing, when and why."""

    reason: str
    by: str | None
    at: datetime


@dataclass(frozen=True)
class Link:
    """A foreign key of several columns, which no single field can show."""

    key: ForeignKey
    label: str
    target: Resource
    pairs: tuple[tuple[str, str], ...]
    """Our field and theirs."""


@dataclass(frozen=True, eq=False)
class Reflected(Resource):
    """Records go by their key as addresses write it: its parts escaped and joined by commas."""

    described: Described = None  # type: ignore[assignment]
    places: Mapping[str, Place] = field(default_factory=dict)
    """By field name, in the table's order."""
    key: tuple[str, ...] = ()
    lasting: bool = False
    """Whether the key is one by which a record can be found again, not just its place on disk."""
    no_key: str | None = None
    """Why rows have no pages of their own."""
    suspected: frozenset[str] = frozenset()
    """Fields that look personal and that nobody has classified: masked for everyone."""
    personal: frozenset[str] = frozenset()
    classes: Mapping[str, str] = field(default_factory=dict)
    """Column -> what somebody said it holds."""
    guesses: Mapping[str, str] = field(default_factory=dict)
    """Column -> what its name suggests."""
    opened: Opened | None = None
    tenanted: bool = False
    notices: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    role: str = ""
    """The database role the console works as, to whom a missing right would be granted."""
    serial: int = 0
    """Another one each time the table is described anew."""

    # -- what it is called -----------------------------------------------------------------------------------------

    @property
    def declared(self) -> bool:
        return False

    @property
    def path(self) -> str:
        return tablename.path(self.described.schema, self.described.name)

    @property
    def crumbs(self) -> list[tuple[str, str | None]]:
        return [("Tables", "/explorer")]

    @property
    def many(self) -> str:
        return "rows"

    @property
    def identity(self) -> Any:
        return (self.described.oid, self.serial)

    @property
    def regclass(self) -> str:
        return f"{quoted(self.described.schema)}.{quoted(self.described.name)}"

    @property
    def ledger_name(self) -> str:
        return self.described.name if self.described.is_ours else self.described.qualified

    def permission(self, action: str) -> str:
        """Who may write rows may also add and remove them: nobody splits hairs about a table he knows nothing of."""
        return f"explorer.{'write' if action in ('create', 'delete') else action}"

    def column_name(self, name: str) -> str:
        return self.places[name].column.name if name in self.places else name

    def field_of(self, column: str) -> str:
        return next((name for name, place in self.places.items() if place.column.name == column), "")

    @property
    def fixed_fields(self) -> Mapping[str, str]:
        return {
            name: place.why_fixed or "It is part of the key, by which the record is known."
            for name, place in self.places.items()
            if place.why_fixed or name in self.key
        }

    # -- what of ours it has not -----------------------------------------------------------------------------------

    @property
    def archivable(self) -> bool:
        return False

    @property
    def authored(self) -> bool:
        return False

    @property
    def versioned(self) -> bool:
        return False

    @property
    def row_version(self) -> str:
        return "xmin" if "xmin" in self.table.c else ""

    @property
    def recorded(self) -> bool:
        return self.lasting

    def in_tenant(self, tenant_id: ColumnElement[int] | int, platform: bool) -> ColumnElement[bool] | None:
        """Rows of other companies only for those who may see the whole platform."""
        if not self.tenanted or platform:
            return None
        mine: ColumnElement[bool] = self.table.c[self.field_of("tenant_id")] == tenant_id
        return mine

    def masked(self, holds: Callable[[str], bool]) -> frozenset[str]:
        return self.suspected if holds("explorer.reveal") else self.suspected | self.personal

    # -- keys ------------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[str, ...]:
        return self.key

    @property
    def opens_records(self) -> bool:
        return self.lasting

    def is_record(self, columns: Any = None) -> list[ColumnElement[bool]]:
        here = self.table.c if columns is None else columns
        return [here[name] == bindparam(f"_key{n}", type_=self.table.c[name].type) for n, name in enumerate(self.key)]

    def key_values(self, key: Any) -> dict[str, Any]:
        try:
            parts = [tablename.unescape(part) for part in str(key).split(",")]
            if not self.lasting or len(parts) != len(self.key):
                raise ValueError
            typed = [
                int(part) if isinstance(self.table.c[name].type, BigInteger) else part
                for name, part in zip(self.key, parts, strict=True)
            ]
            if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in typed):
                raise ValueError
        except ValueError:
            raise NotFound("There is no such row, or your role does not show it.") from None
        return {f"_key{n}": value for n, value in enumerate(typed)}

    def key_of(self, values: Mapping[str, Any]) -> str:
        return written([values[name] for name in self.key])

    def address_of_row(self, places: tuple[int, ...]) -> Callable[[tuple[Any, ...]], str]:
        if not self.lasting:
            return lambda _row: ""
        if len(places) == 1:
            only = places[0]
            return lambda row: written((row[only],))
        return lambda row: written([row[place] for place in places])

    # -- the ledger ------------------------------------------------------------------------------------------------

    def ledger_key(self, connection: Connection, key: Any) -> str:
        values = list(self.key_values(key).values())
        kinds = [self.table.c[name].type for name in self.key]
        if any(isinstance(kind, Typed) for kind in kinds):
            asked = [
                func.ledger_text(cast(literal(value, Text), kind))
                if isinstance(kind, Typed)
                else literal(str(value), Text)
                for value, kind in zip(values, kinds, strict=True)
            ]
            try:
                values = list(connection.execute(select(*asked)).one())
            except DBAPIError:
                raise NotFound("There is no such row, or your role does not show it.") from None
        return str(values[0]) if len(values) == 1 else json.dumps(list(map(str, values)), ensure_ascii=False)

    def key_from_ledger(self, record_id: str) -> Any:
        try:
            parts = [record_id] if len(self.key) == 1 else json.loads(record_id)
        except ValueError:
            return None
        fits = isinstance(parts, list) and len(parts) == len(self.key) and all(isinstance(part, str) for part in parts)
        return written(parts) if fits and self.lasting else None

    def said_of(self, record_id: str) -> str:
        """A record of the ledger in words."""
        try:
            parts = [record_id] if len(self.key) < 2 else json.loads(record_id)
        except ValueError:
            return record_id
        return ", ".join(map(str, parts)) if isinstance(parts, list) else record_id

    def from_ledger(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        names = {place.column.name: name for name, place in self.places.items()}
        return {names[column]: value for column, value in values.items() if column in names}

    def restored(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
        """The database itself turns an entry's JSON back into a row; no other program knows all its types."""
        known = self.from_ledger(values)
        secret = {name: SECRET_VALUE for name, value in known.items() if value == SECRET_VALUE}
        names = [name for name in known if name not in secret]
        if not names:
            return dict(secret)
        plain = {column: value for column, value in values.items() if value != SECRET_VALUE}
        columns = [column(self.table.c[name].name, _kept_as(self.table.c[name].type)) for name in names]
        row = (
            func.jsonb_to_record(cast(literal(json.dumps(plain, default=str), Text), JSONB))
            .table_valued(*columns)
            .render_derived(name="row", with_types=True)
        )
        found = connection.execute(select(*(row.c[each.name] for each in columns))).one()
        return {**dict(zip(names, found, strict=True)), **secret}

    # -- writing ---------------------------------------------------------------------------------------------------

    @property
    def writes(self) -> Write | None:
        from app.engine.reflect.writing import write

        return write

    def settled(self, connection: Connection, wanted: dict[str, Any]) -> dict[str, Any]:
        """Values of types the console does not know, as PostgreSQL reads them; what it cannot read is said beside the field."""
        settled, errors = dict(wanted), {}
        for name, value in wanted.items():
            kind = self.table.c[name].type if name in self.table.c else None
            if value is None or not isinstance(kind, Typed):
                continue
            try:
                settled[name] = connection.execute(select(cast(cast(literal(value, Text), kind), Text))).scalar()
            except DBAPIError as fault:
                message = getattr(getattr(fault.orig, "diag", None), "message_primary", None)
                errors[name] = f"{(message or 'The database cannot read this')[:1].upper()}{(message or '.')[1:]}."
        if errors:
            raise Rejected(errors)
        return settled


def _kept_as(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type of a value that is to be written back whole, where the column shows but a summary."""
    return Typed(kind.spec) if isinstance(kind, Summary) else kind


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def written(parts: Any) -> str:
    """The parts of a key as an address."""
    words = [_text(part) for part in parts]
    key = ",".join(map(tablename.escape, words))
    return f"~{ord(key[0]):02x}{key[1:]}" if key in _WORDS_OF_ADDRESSES else key


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
