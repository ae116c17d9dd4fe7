"""The declaration: one frozen value that says what is special about a table; the engine does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam

from app.engine.fields.field import Edit, Field
from app.engine.fields.reference import Reference
from app.engine.values import typed_row

if TYPE_CHECKING:
    from app.engine.access import Actor
    from app.engine.actions import Action
    from app.engine.duplicates.likeness import Likeness
    from app.engine.merging.declared import Merging
    from app.engine.states import Lifecycle

Condition = Callable[["Actor"], ColumnElement[bool]]
Write = Callable[[Connection, Any, "Actor"], Any]
"""Given the unit of work's connection, a Change and who asks; returns the record's key."""
Follow = Callable[[Connection, Mapping[str, Any]], None]
"""Given the unit of work's connection and the record's values after the write (before it, for a delete)."""


@dataclass(frozen=True)
class Related:
    """A list of another resource's records that point here, shown on the record page and paged on its own."""

    to: str
    via: str
    label: str | None = None
    fields: tuple[str, ...] = ()
    """Columns shown in the panel, in this order; none means the other list's first few."""
    sort: str | None = None
    closed: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a record with these values takes no new ones here now, as a sent invoice takes no more lines."""
    target: Resource | None = None
    """The other resource itself, where it is none that a name finds."""
    on: tuple[tuple[str, str], ...] = ()
    """Pairs of their field and ours, where they do not point at our key by one field."""
    id: str = ""
    """Tells two lists of the same table apart."""
    about: str = ""
    """Our table's name, where they point at us as what they are about; `via` is then their `subject_id`."""

    @property
    def name(self) -> str:
        return self.id or self.to

    def fixed(self, values: Mapping[str, Any], key: Any) -> dict[str, Any]:
        """Their fields with the values that make them this record's."""
        if self.about:
            return {"subject_type": self.about, self.via: key}
        return {theirs: values[ours] for theirs, ours in self.on} if self.on else {self.via: key}

    def reaches(self, values: Mapping[str, Any]) -> bool:
        """Whether anything can point here: nothing does where what they would point at is empty or not shown."""
        return all(values.get(ours) is not None for _theirs, ours in self.on)


@dataclass(frozen=True, eq=False)
class Resource:
    """A declared table. Checked at start against the database (`console check`), never changed afterwards."""

    model: type[Any]
    title: str
    """The field that names a record to a person: shown as its link, in references and in crumbs."""
    fields: tuple[Field, ...]
    label: str = ""
    """Plural, sentence case: "Customers". Default: the table's name in words."""
    singular: str = ""
    code: str | None = None
    """The field with the human number (C-00417), shown beside the title and found by search."""
    icon: str = "table"
    nav: tuple[str, int] | None = None
    """Group and place in the navigation; None leaves it to links from other pages."""
    letter: str = ""
    """The key by which one gets there: G then it opens the list, C then it begins a new record."""
    about: str = ""
    """One sentence for the head of an empty list and the atlas."""
    search: tuple[str, ...] = ()
    sign: str = ""
    """The sign that narrows a search over everything to such records, as @ does to people."""
    unsought: bool = False
    """Left out of the search over everything unless it is named: what repeats its title by the thousand."""
    sort: str = "-id"
    """Default order in the list grammar: `-updated_at` or `due_at,name`."""
    scopes: Mapping[str, Condition | ColumnElement[bool]] = field(default_factory=dict)
    """Ready-made lists by label; conditions over the model's columns, or a function of the actor for "mine"."""
    opens: str | None = None
    """The ready-made list its address opens for who chose no other, where all there ever was is not what people come for."""
    related: tuple[Related, ...] = ()
    badge: str | None = None
    """The field shown beside the title; by default the one the life cycle moves."""
    facts: tuple[str, ...] = ()
    """Up to eight fields in the strip at the head of the record."""
    area: str = ""
    """Permission area: `<area>.read`, `.write`, `.create`, `.delete`, `.export`. Default: the table's name."""
    own: str | None = None
    """The field that makes a record one's own: who holds only `<area>.own` reads and works just these."""
    shares: bool = False
    """Whether a record that is nobody's own is everyone's to read."""
    read_only: str | None = None
    """Why nobody edits this here, as a sentence; None means it can be edited."""
    create: bool = True
    lifecycle: Lifecycle | None = None
    actions: tuple[Action, ...] = ()
    numbered: str | None = None
    """The kind in `number_sequences` that gives new records their number."""
    by_subject: bool = False
    """Whether a row says something of the record it is about, and is seen by whoever sees that record and nobody else."""
    seen: Callable[[Actor], ColumnElement[bool]] | None = None
    """Which of the rows this actor sees, where that is not all of them; it may look at permissions alone."""
    within: Callable[[int], ColumnElement[bool]] | None = None
    """Which rows belong to a tenant, for a table without tenant_id."""
    sentences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Constraint name -> (field, sentence) for what the database refuses and no field rule can know beforehand."""
    of_money: bool = False
    """Whether its rows are money owed, offered or paid: many of them changed at once are decided by a second person."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values a new record's form opens with; a callable is asked with the actor."""
    taken_back: Callable[[], Mapping[str, Any]] | None = None
    """What undoing the making of such a record writes into it, where it is never deleted: it is reversed instead."""
    follow: tuple[Follow, ...] = ()
    """What must be brought in line in the same change set when a record of this table is written: header totals after a line."""
    alike: Likeness | None = None
    """By what two of its records may be one and the same; None where nobody looks for such."""
    merging: Merging | None = None
    """How several of its records are made one, where they can be."""
    yields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Unique index -> what its record is given so that another may have that place, when a merge brings both together."""
    screen: str | None = None
    """Endpoint of a hand-made record page, where a domain deserves one."""
    printed: bool = False
    """Whether its records go out on paper, as an invoice does; `<record>/print` then shows the sheet."""
    open_title: bool = False
    """Whether a record's title may be shown to anyone of the tenant wherever it is referred to, as a colleague's name is."""
    at: str = ""
    """The address of its list, where that is not `/<domain>/<table>`."""
    named_by: str = ""
    """The field that stands in the addresses its rows lead to instead of the key, where people know a record by it."""
    domain: str = ""
    """Set by the registry from where the file stands."""

    @property
    def table(self) -> Table:
        return self.model.__table__  # type: ignore[no-any-return]

    @property
    def declared(self) -> bool:
        """Whether somebody wrote this down; else it is reflected from the database."""
        return True

    @property
    def fixed_fields(self) -> Mapping[str, str]:
        """Fields that are shown but never edited, each with the reason, where a form says so."""
        return {}

    def field_of(self, column: str) -> str:
        """The field of a column by the database's own name for it."""
        return column

    @property
    def crumbs(self) -> list[tuple[str, str | None]]:
        """What stands before it in the trail of crumbs."""
        return []

    # -- how its records are known: ours by the number `id`, a table nobody declared by whatever key it has ----------

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that close every order and tell two rows apart; none where there is nothing of the kind."""
        return ("id",)

    @property
    def opens_records(self) -> bool:
        """Whether a row leads to a record page, for which it needs a key that lasts."""
        return True

    def is_record(self, columns: Any = None) -> list[ColumnElement[bool]]:
        """Conditions for the one record whose key `key_values` fills in; over `columns` of an alias where given."""
        return [(self.table.c if columns is None else columns)["id"] == bindparam("key")]

    def key_values(self, key: Any) -> dict[str, Any]:
        """The parameters of `is_record` for a key as addresses and forms carry it."""
        return {"key": key}

    def key_of(self, values: Mapping[str, Any]) -> Any:
        """The key of a row whose values by name are given."""
        return values["id"]

    def address_of_row(self, places: tuple[int, ...]) -> Callable[[tuple[Any, ...]], str] | None:
        """A function from a row to its key as addresses carry it, where that is not simply the value itself."""
        return None

    @property
    def row_version(self) -> str:
        """The column by which the database tells that a row has been changed since; "" where it keeps none."""
        return "version" if self.versioned else ""

    @property
    def recorded(self) -> bool:
        """Whether changes of its records are in the ledger."""
        return self.versioned

    @property
    def identity(self) -> Any:
        """By which compiled statements over this table are kept."""
        return self.name

    @property
    def regclass(self) -> str:
        """Its name as PostgreSQL reads it on our search path."""
        return self.name

    @property
    def ledger_name(self) -> str:
        """Its name in the ledger."""
        return self.name

    def column_name(self, name: str) -> str:
        """What the database calls a field, where the address of a list could not."""
        return name

    def ledger_key(self, connection: Connection, key: Any) -> str:
        """How the ledger writes a key."""
        return str(key)

    def key_from_ledger(self, record_id: str) -> Any:
        """The key an entry names, None where it can be none of this table."""
        return int(record_id) if record_id.isascii() and record_id.isdigit() and len(record_id) < 19 else None

    def from_ledger(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """A ledger entry's values by the names of this table's columns here, as they are shown."""
        return values

    def restored(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same as the columns take them."""
        return typed_row(self.table, values)

    def settled(self, connection: Connection, wanted: dict[str, Any]) -> dict[str, Any]:
        """Wanted values as the database would write them. Raises Rejected for those it cannot read."""
        return wanted

    @property
    def writes(self) -> Write | None:
        """How one change of this table is written, where that is not how ours are; `apply` calls it and commits."""
        return None

    def masked(self, holds: Callable[[str], bool]) -> frozenset[str]:
        """Personal fields, for those who can neither change such records nor were trusted with personal data."""
        if holds(self.permission("write")) or holds(self.permission("reveal")):
            return frozenset()
        return frozenset(each.name for each in self.fields if each.personal)

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def path(self) -> str:
        """The address of the list."""
        return self.at or f"/{self.domain}/{self.name}"

    @property
    def permission_area(self) -> str:
        return self.area or self.name

    def permission(self, action: str) -> str:
        return f"{self.permission_area}.{action}"

    @property
    def plural(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def many(self) -> str:
        """What a number of its records is followed by: "1,089 customers"."""
        return self.plural

    @property
    def one(self) -> str:
        """The singular in running text: "customer"."""
        return self.singular or self.plural.lower().removesuffix("s")

    @property
    def merged_into(self) -> str:
        """The column by which a merged record names the one that was kept; "" where records are not merged."""
        return self.merging.into if self.merging else ""

    @property
    def archivable(self) -> bool:
        return "archived_at" in self.table.c

    @property
    def authored(self) -> bool:
        return "updated_by" in self.table.c

    @property
    def versioned(self) -> bool:
        return "version" in self.table.c

    def field(self, name: str) -> Field:
        """The declared field of that name; KeyError where there is none."""
        return self._by_name[name]

    def has(self, name: str) -> bool:
        return name in self._by_name

    @property
    def _by_name(self) -> dict[str, Field]:
        cached = self.__dict__.get("_fields_by_name")
        if cached is None:
            cached = {each.name: each for each in self.fields}
            object.__setattr__(self, "_fields_by_name", cached)
        return cached  # type: ignore[no-any-return]

    def expression(self, name: str) -> ColumnElement[Any]:
        """The SQL of a field: its column, or what a derived field computes."""
        each = self._by_name.get(name)
        if each is not None and each.expr is not None:
            return each.expr()
        return self.table.c[name]

    def in_tenant(self, tenant_id: ColumnElement[int] | int, platform: bool) -> ColumnElement[bool] | None:
        """The rows of one tenant; rows of the platform itself only for those who may see them."""
        if self.within is not None:
            return self.within(tenant_id)  # type: ignore[arg-type]
        column = self.table.c.get("tenant_id")
        if column is None:
            return None
        mine: ColumnElement[bool] = column == tenant_id
        return (mine | column.is_(None)) if column.nullable and platform else mine


__all__ = ["Condition", "Edit", "Field", "Reference", "Related", "Resource"]
