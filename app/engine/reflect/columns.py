"""One column of a table nobody declared -> the engine's field for it and the type it is read and written as."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Text
from sqlalchemy.types import TypeEngine

from app.engine.fields import (
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Day,
    Edit,
    Exact,
    Field,
    Flag,
    Instant,
    Maybe,
    Plain,
    Secret,
    Verbatim,
    Whole,
)  # fmt: skip
from app.engine.fields.plain import COMPARED, MATCHED
from app.engine.forms import RecordForm
from app.engine.listing import OURS
from app.engine.reflect.describe import Column
from app.engine.typed import Summary, Typed

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}").fullmatch
_IN_WORDS = re.compile(r"[a-z][a-z0-9_]*").fullmatch
# Words an address or a form uses itself, so that no column can be called so there.
_TAKEN = (
    OURS
    | set(dir(RecordForm))
    | {
        "add",
        "op",
        "value",
        "value2",
        "rel",
        "find",
        "show",
        "next",
        "csrf_token",
        "path",
        "pairs",
        "drop",
        "ctid",
        "tableoid",
        "xmin",
    }
)

_SHORT = {"int2": 16, "int4": 32, "int8": 64}
# Never sorted by, though an order exists: it says nothing to a person.
_UNORDERED = frozenset({"json", "jsonb", "xml", "tsvector", "tsquery", "record", "vector", "bytea"})
_LONG = frozenset({"json", "jsonb", "xml", "tsvector", "tsquery", "jsonpath", "path", "polygon"})
_KNOWN_SHAPES = frozenset({"point", "line", "lseg", "box", "path", "polygon", "circle"})
_NO_EQUALITY = _KNOWN_SHAPES | {"json", "xml", "xid", "cid", "aclitem", "jsonpath"}


@dataclass(frozen=True)
class Place:
    """A column in the engine: the name it has in addresses and forms, its type there, its field."""

    column: Column
    name: str
    kind: TypeEngine[Any]
    field: Field
    why_fixed: str | None
    """Why nobody edits it, as a sentence; None where it can be."""


def names(columns: Iterable[Column]) -> dict[str, str]:
    """Column -> its name in addresses: the same where that is possible, so that links can be read."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for each in columns:
        name = each.name
        if not _PLAIN_NAME(name):
            name = "c_" + "".join(ch if ch.isascii() and ch.isalnum() else f"_{ord(ch):x}_" for ch in name)[:50]
        elif name in _TAKEN:
            name = f"c_{name}"
        plain, number = name, 2
        while name in used:
            name, number = f"{plain}_{number}", number + 1
        used.add(name)
        found[each.name] = name
    return found


def label(name: str) -> str:
    """snake_case in words; any other name as it stands, since people look for just that."""
    if not _IN_WORDS(name):
        return name if name.strip() else f"“{name}”"
    return (name[:1].upper() + name[1:].replace("_", " ")).strip()


def place(column: Column, name: str, hidden: str | None, is_key: bool) -> Place:
    """The column's place. `hidden` is its class where that keeps it from sight, `is_key` that it is part of the key."""
    why = why_fixed(column)
    edit = NEVER if why else CREATE if is_key else INLINE
    kind, made = _made(column, name, edit, is_key)
    if hidden == "secret":
        made = Secret(name, label(column.name), help=_about(column))
    return Place(column, name, kind, made, why)


def why_fixed(column: Column) -> str | None:
    """Why a value of this column is not edited here."""
    if column.generated:
        return "The database computes it from other columns."
    if column.identity == "a":
        return "The database gives out this number itself."
    if column.base == "bytea":
        return "Bytes are shown by their size and digest; they are changed by the program that wrote them."
    if column.base in ("tsvector", "tsquery"):
        return "It is kept for searching, by whatever writes the row."
    if column.base_kind == "c" or column.element_kind == "c":
        return "It holds a whole row of its own, which is changed by SQL alone."
    if column.base_kind == "b" and column.category == "U" and column.base not in _EDITED_AS_TEXT:
        return f"The console does not know the type {column.type} well enough to change it safely."
    if column.base_kind == "p":
        return "It is of a type that only the server uses."
    return None


_EDITED_AS_TEXT = frozenset(
    (
        "uuid", "json", "jsonb", "jsonpath", "xml", "macaddr", "macaddr8", "pg_lsn", "hstore", "ltree", "pg_snapshot",
        "txid_snapshot", "xid8", "tid",
    )
)  # fmt: skip


def _about(column: Column) -> str:
    return column.comment.strip() if column.comment and column.comment.strip() else ""


def _made(column: Column, name: str, edit: Edit, is_key: bool) -> tuple[TypeEngine[Any], Field]:
    ordered = is_ordered(column)
    said: dict[str, Any] = {
        "label": label(column.name),
        "edit": edit,
        "sort": ordered,
        "help": _about(column),
        "list": not (column.base in _LONG or column.base == "vector"),
        "filter": is_key or bool(column.labels),
    }
    typed = Typed(column.spec)
    if column.is_array:
        return typed, Plain(name, **said, kind=column.type, operators=COMPARED if ordered else MATCHED)
    if column.base in _SHORT:
        return BigInteger(), Whole(name, **said, bits=_SHORT[column.base])
    if column.base == "bool":
        return Boolean(), (Maybe if column.nullable else Flag)(name, **said)
    if column.labels:
        kind = Text() if column.base in ("text", "varchar") else typed
        return kind, Choice(name, **said, values=column.labels, labels={word: word for word in column.labels})
    if column.category == "S":
        return _texts(column, name, said, typed)
    if column.base in ("numeric", "float4", "float8", "oid"):
        return typed, Exact(name, **said, kind=column.type)
    if column.base in ("date", "timestamp"):
        return typed, Day(name, **said)
    if column.base == "timestamptz":
        return typed, Instant(name, **said)
    if column.base == "bytea":
        operators: tuple[str, ...] = ("null",)
        return (typed if is_key else Summary(column.spec)), Plain(name, **said, kind=column.type, operators=operators)
    if column.base in ("json", "jsonb", "xml"):
        return typed, Plain(name, **said, kind=column.type, long=True, operators=MATCHED)
    return typed, Plain(name, **said, kind=column.type, operators=_operators(column, ordered))


def _operators(column: Column, ordered: bool) -> tuple[str, ...]:
    if ordered:
        return COMPARED
    return (
        MATCHED
        if column.base in _NO_EQUALITY or column.base_kind == "c" or column.category == "U"
        else ("eq", "contains", "null")
    )


def _texts(column: Column, name: str, said: dict[str, Any], typed: Typed) -> tuple[TypeEngine[Any], Field]:
    plain = column.base in ("text", "varchar")
    operators = ("eq", "ne", "in", "null") if column.blind else Verbatim.operators
    longest = column.longest or (63 if column.base == "name" else 1 if column.base == "char" else 1_000_000)
    # A short one is surely one line; of others nobody knows, and a single line would lose the rest.
    long = plain and column.longest is None and edit_needs_lines(column)
    return (Text() if plain else typed), Verbatim(name, **said, operators=operators, longest=longest, long=long)


def edit_needs_lines(column: Column) -> bool:
    """Whether a text may well have several lines, by what it is called."""
    said = column.name.lower()
    return any(
        word in said
        for word in ("note", "description", "body", "content", "comment", "message", "text", "address", "summary")
    )


def is_ordered(column: Column) -> bool:
    """Whether rows can be put in its order, and a page begun after one of its values."""
    if column.base in _UNORDERED or column.base_kind == "c":
        return False
    if column.is_array:
        return column.element_kind in ("e", "r", "m") or (column.ordered and column.element not in _UNORDERED)
    # An order of its own, or that of the type it is one with.
    return column.base_kind in ("e", "r", "m") or column.category == "S" or column.base == "cidr" or column.ordered
