"""Declarations against code and against the live database: each fault has a code and a sentence (`console check`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import ARRAY, Connection, text

from app.core.db import db
from app.engine.fields import NEVER, Choice, Reference
from app.engine.records import Vector
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

_CHECK_LIST = re.compile(r"'((?:[^']|'')*)'::text")


@dataclass(frozen=True)
class Fault:
    """C1xx declarations, C2xx the database, C3xx routes."""

    code: str
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code} {self.where}: {self.sentence}"


def run(app: Flask) -> list[Fault]:
    """Every fault there is; an empty list means declarations, database and routes agree."""
    faults = [fault for resource in REGISTRY for fault in declaration(resource)]
    faults += list(routes(app))
    with app.app_context(), db.engine.connect() as connection:
        faults += [fault for resource in REGISTRY for fault in database(resource, connection)]
    return faults


def declaration(resource: Resource) -> Iterator[Fault]:
    """What can be said without a database: every name used in a declaration exists."""
    where, names = resource.name, {each.name for each in resource.fields}
    columns = set(resource.table.c.keys())
    if len(names) != len(resource.fields):
        yield Fault("C101", where, "declares a field twice.")
    for each in resource.fields:
        if each.expr is None and each.name not in columns:
            yield Fault("C102", where, f"declares “{each.name}”, which its table does not have.")
        if each.expr is not None and each.edit is not NEVER:
            yield Fault("C103", where, f"lets “{each.name}” be edited, but it is computed.")
        if isinstance(each, Choice) and not each.values:
            yield Fault("C104", where, f"offers no values for the choice “{each.name}”.")
        if isinstance(each, Reference) and REGISTRY.get(each.to) is None:
            yield Fault("C105", where, f"“{each.name}” refers to “{each.to}”, which is not declared.")
    for kind, used in (
        ("title", (resource.title,)),
        ("code", (resource.code,) if resource.code else ()),
        ("search", resource.search),
        ("facts", resource.facts),
        ("badge", (resource.badge,) if resource.badge else ()),
        ("own", (resource.own,) if resource.own else ()),
    ):
        for name in used:
            if name not in names and name != "id":
                yield Fault("C106", where, f"names “{name}” as {kind}, which is not among its fields.")
    if resource.opens and resource.opens not in resource.scopes:
        yield Fault("C106", where, f"opens with “{resource.opens}”, which is not among its ready-made lists.")
    for part in resource.sort.split(","):
        name = part.removeprefix("-")
        if name != "id" and name not in names:
            yield Fault("C107", where, f"is sorted by “{name}”, which is not among its fields.")
    for related in resource.related:
        target = REGISTRY.get(related.to)
        if target is None:
            yield Fault("C108", where, f"shows related “{related.to}”, which is not declared.")
        elif related.via not in target.table.c:
            yield Fault("C109", where, f"finds {related.to} by “{related.via}”, which that table does not have.")
    yield from _lifecycle(resource, names)


def _lifecycle(resource: Resource, names: set[str]) -> Iterator[Fault]:
    lifecycle = resource.lifecycle
    if lifecycle is None:
        return
    states = set(resource.table.c[lifecycle.field].info.get("choices", ()))
    for move in lifecycle.transitions:
        for state in (*move.source, *(() if move.to.startswith("{") else (move.to,))):
            if state not in states:
                yield Fault(
                    "C110", resource.name, f"the move “{move.key}” names the state “{state}”, which does not exist."
                )
        for name in (*move.asks, *move.requires):
            if name not in names:
                yield Fault(
                    "C111", resource.name, f"the move “{move.key}” asks for “{name}”, which is not among its fields."
                )


def database(resource: Resource, connection: Connection) -> Iterator[Fault]:
    """The model against the live catalogue: columns, types, emptiness, and the words of its CHECK lists."""
    live = {
        name: (kind, not_null)
        for name, kind, not_null in connection.execute(
            text(
                "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
                " WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped"
            ),
            {"table": resource.name},
        )
    }
    if not live:
        yield Fault("C201", resource.name, "has no table in the database; run `console migrate`.")
        return
    for column in resource.table.c:
        if column.name not in live:
            yield Fault("C202", resource.name, f"the database lacks the column “{column.name}”.")
            continue
        kind, not_null = live[column.name]
        wanted = column.type.compile(dialect=connection.dialect)
        if isinstance(column.type, Vector) and kind == "real[]":
            continue  # a server without pgvector
        if _plain(wanted) != _plain(kind):
            yield Fault(
                "C203", resource.name, f"“{column.name}” is {kind} in the database, {wanted.lower()} in the model."
            )
        if column.computed is None and not_null == bool(column.nullable):
            yield Fault(
                "C204",
                resource.name,
                f"“{column.name}” {'cannot' if not_null else 'can'} be empty in the database only.",
            )
    for name in live.keys() - set(resource.table.c.keys()):
        yield Fault("C205", resource.name, f"the model lacks the column “{name}”.")
    yield from _words(resource, connection)


def _words(resource: Resource, connection: Connection) -> Iterator[Fault]:
    lists = connection.execute(
        text(
            "SELECT a.attname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_attribute a"
            " ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
            " WHERE c.conrelid = to_regclass(:table) AND c.contype = 'c' AND cardinality(c.conkey) = 1"
        ),
        {"table": resource.name},
    )
    live = {name: set(_CHECK_LIST.findall(definition)) for name, definition in lists if "ARRAY[" in definition}
    for column in resource.table.c:
        words = set(column.info.get("choices", ()))
        if words and isinstance(column.type, ARRAY) is False and words != live.get(column.name):
            yield Fault("C206", resource.name, f"the words of “{column.name}” differ between model and database.")


_SAME = {
    "decimal": "numeric",
    "timestamp with time zone": "timestamptz",
    "character": "char",
    "varchar": "text",
    "int": "integer",
}


def _plain(kind: str) -> str:
    kind = kind.lower().replace(", ", ",")
    for long, short in _SAME.items():
        kind = re.sub(rf"\b{long}\b", short, kind)
    return kind


def routes(app: Flask) -> Iterator[Fault]:
    """Every rule declares the permission it needs; one that does not is closed at run time and a fault here."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.endpoint != "static" and getattr(view, "permission", None) is None:
            yield Fault("C301", rule.rule, "declares no permission, so nobody can open it.")
