"""The column bundles of the data dictionary (schema.md section 1), so that a model lists only what is special about its table."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    CHAR,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column
from sqlalchemy.types import UserDefinedType

from app.core.db import db


class Record(db.Model):  # type: ignore[name-defined, misc]
    """A table of ours: keyed by a number the database gives out, never by us."""

    __abstract__ = True
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, sort_order=-100)


class Created:
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"), sort_order=900)


class Versioned(Created):
    """The database keeps `version` and `updated_at` by trigger; nobody writes them."""

    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"), sort_order=901)
    version: Mapped[int] = mapped_column(Integer, server_default="1", sort_order=902)


class Tenanted:
    tenant_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tenants.id", ondelete="RESTRICT"), sort_order=-99)


class PerhapsTenanted:
    """A row without a tenant belongs to the platform itself."""

    tenant_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("tenants.id", ondelete="RESTRICT"), sort_order=-99
    )


class Standard(Tenanted, Versioned):
    """Bundle S."""


class Log(Tenanted, Created):
    """Bundle L: grows, and is not edited but for the columns its entry names."""


class Global(Versioned):
    """Bundle G."""


class PlatformStandard(PerhapsTenanted, Versioned):
    """Bundle S°."""


class PlatformLog(PerhapsTenanted, Created):
    """Bundle L°."""


class Authored:
    """Bundle A: the apply path fills both."""

    created_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("app_users.id", ondelete="SET NULL"), sort_order=910
    )
    updated_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("app_users.id", ondelete="SET NULL"), sort_order=911
    )


class Archivable:
    """Bundle X: archived rows leave the lists and stay in the database."""

    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), sort_order=912)


class External:
    """Bundle E: where the row came from and its key there."""

    external_source: Mapped[str | None] = mapped_column(Text, sort_order=920)
    external_id: Mapped[str | None] = mapped_column(Text, sort_order=921)


class Subject:
    """Bundle J: what a row is about, by table name and key."""

    subject_type: Mapped[str] = mapped_column(Text, sort_order=930)
    subject_id: Mapped[int] = mapped_column(BigInteger, sort_order=931)


class PerhapsSubject:
    """Bundle J?: as Subject, both or neither."""

    subject_type: Mapped[str | None] = mapped_column(Text, sort_order=930)
    subject_id: Mapped[int | None] = mapped_column(BigInteger, sort_order=931)


# -- short types of schema.md ------------------------------------------------------------------------------------


def text_(**kw: Any) -> MappedColumn[Any]:
    return mapped_column(Text, **kw)


def choice(*values: str, default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """A text column with a CHECK list; the declaration's Choice field reads its values from here."""
    return mapped_column(Text, server_default=default, info={"choices": values}, **kw)


def money(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """numeric(14,2), in the row's currency; never a float."""
    return mapped_column(Numeric(14, 2), server_default=default, **kw)


def cost(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """numeric(14,6), US dollars: unit costs of models and messages, where cents are too coarse."""
    return mapped_column(Numeric(14, 6), server_default=default, **kw)


def number(precision: int, scale: int, default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    return mapped_column(Numeric(precision, scale), server_default=default, **kw)


def quantity(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    return number(14, 4, default, **kw)


def percent(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """0 to 100, not 0 to 1."""
    return number(7, 4, default, **kw)


def probability(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """0 to 1."""
    return number(5, 4, default, **kw)


def integer(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    return mapped_column(Integer, server_default=default, **kw)


def bigint(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    return mapped_column(BigInteger, server_default=default, **kw)


def flag(default: str | None = "false", **kw: Any) -> MappedColumn[Any]:
    return mapped_column(Boolean, server_default=default, **kw)


def moment(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """timestamptz, stored in UTC; pass default="now()" where the database sets it."""
    return mapped_column(DateTime(timezone=True), server_default=text(default) if default else None, **kw)


def day(**kw: Any) -> MappedColumn[Any]:
    return mapped_column(Date, **kw)


def json_(default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    return mapped_column(JSONB, server_default=default, **kw)


def texts(default: str | None = "{}", **kw: Any) -> MappedColumn[Any]:
    return mapped_column(ARRAY(Text), server_default=default, **kw)


def numbers(default: str = "{}", **kw: Any) -> MappedColumn[Any]:
    return mapped_column(ARRAY(BigInteger), server_default=default, **kw)


def code(length: int, default: str | None = None, **kw: Any) -> MappedColumn[Any]:
    """A fixed code such as a country or a currency."""
    return mapped_column(CHAR(length), server_default=default, **kw)


def ref(target: str, on_delete: str, **kw: Any) -> MappedColumn[Any]:
    """A foreign key to `target`.id; `on_delete` is R restrict, C cascade or N set null, as in schema.md."""
    rule = {"R": "RESTRICT", "C": "CASCADE", "N": "SET NULL"}[on_delete]
    return mapped_column(BigInteger, ForeignKey(f"{target}.id", ondelete=rule), **kw)


class Vector(UserDefinedType[Any]):
    """pgvector's type; a server without it holds the same numbers in a plain array, and search by meaning is off."""

    cache_ok = True

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def get_col_spec(self, **_: Any) -> str:
        return f"vector({self.dimensions})"


def embedding(dimensions: int = 384) -> MappedColumn[Any]:
    """What a text means, as numbers; never shown, only compared."""
    return mapped_column(Vector(dimensions), nullable=True)


class MoneyHeader:
    """Bundle DOC: the totals of a priced document; total = subtotal - discount_total + tax_total."""

    currency: Mapped[str] = mapped_column(CHAR(3), server_default="USD", sort_order=800)
    subtotal: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=801)
    discount_total: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=802)
    tax_total: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=803)
    total: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=804)


class MoneyLine:
    """Bundle LINE: line_total = round(quantity * unit_price, 2) - discount_amount, rounded half up."""

    position: Mapped[int] = mapped_column(Integer, server_default="0", sort_order=-50)
    product_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("products.id", ondelete="SET NULL"), sort_order=-49
    )
    description: Mapped[str] = mapped_column(Text, sort_order=-48)
    quantity: Mapped[Decimal] = mapped_column(Numeric(14, 4), server_default="1", sort_order=-47)
    unit: Mapped[str] = mapped_column(Text, server_default="each", sort_order=-46)
    unit_price: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=-45)
    unit_cost: Mapped[Decimal | None] = mapped_column(Numeric(14, 2), sort_order=-44)
    discount_amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=-43)
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(7, 4), server_default="0", sort_order=-42)
    tax_amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=-41)
    line_total: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0", sort_order=-40)
    cost_type: Mapped[str] = mapped_column(
        Text,
        server_default="material",
        info={"choices": ("labor", "material", "travel", "equipment", "subcontract", "other")},
        sort_order=-39,
    )
