"""Rules people make on the screen: the conditions of a list, looked at with the eyes of whoever made the rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import ARRAY, BigInteger, Connection, any_, bindparam, select, text

from app.engine import listing
from app.engine.access import Actor
from app.engine.approval_rules import person
from app.engine.listing import ListQuery
from app.engine.projection import projection
from app.engine.quality.rules import Rule
from app.engine.refusals import BadQuery, NotAllowed, Refusal, Rejected
from app.engine.registry import REGISTRY

PREFIX = "OWN-"
NARROWING = ("sort", "cols", "limit", "after", "before", "count", "kept", "from", "at", "view")
"""Parts of a list's address that say how it is shown, or whose selection it is, and narrow nothing for others."""


def pairs(conditions: str) -> list[tuple[str, str]]:
    """The conditions as a list's address holds them."""
    given = parse_qsl(conditions.strip().removeprefix("?"), keep_blank_values=True)
    return [(name, value) for name, value in given if name not in NARROWING]


def query(table: str, conditions: str, actor: Actor) -> ListQuery:
    """The list a rule accuses, as this actor may ask for it.

    Raises Rejected with a sentence beside the field where the table is closed to them or a condition is none of its.
    """
    resource = REGISTRY.get(table)
    if resource is None or not resource.declared or not projection(resource, actor).reads:
        raise Rejected({"table_name": "Choose one of the tables you read."})
    asked = pairs(conditions)
    if not asked:
        raise Rejected({"conditions": "Say what is wrong: a rule without a condition would accuse every record."})
    try:
        read = listing.read_query(asked, projection(resource, actor), actor.timezone)
    except BadQuery as fault:
        raise Rejected({"conditions": fault.sentence}) from None
    if not (read.clauses or read.q or read.scope):
        raise Rejected({"conditions": "Say what is wrong: a rule without a condition would accuse every record."})
    return read


def shows(row: Any, actor: Actor) -> bool:
    """Whether this actor may know whom a rule accuses: they could ask for that very list themselves."""
    try:
        query(row.table_name, row.conditions, actor)
    except Refusal:
        return False
    return True


def made(row: Any) -> Rule:
    """A stored rule as the engine runs it."""
    return Rule(
        f"{PREFIX}{row.id}",
        row.title,
        (row.table_name,),
        row.severity,
        lambda only: "",
        group="own",
        whole="Its conditions may speak of other records and of today, so every record is looked at.",
        unfixed="Open them as a list and put them right together there.",
        about=row.about or "",
    )


def rows(connection: Connection, tenant_id: int) -> list[Any]:
    """The rules made in a company that still run."""
    return list(connection.execute(_ROWS, {"tenant": tenant_id}))


def rules(connection: Connection, tenant_id: int) -> list[Rule]:
    """The same as the engine runs them."""
    return [made(row) for row in rows(connection, tenant_id) if row.table_name in REGISTRY]


def row_of(connection: Connection, tenant_id: int, key: str) -> Any:
    """The stored rule of a key, None where there is none."""
    number = key.removeprefix(PREFIX)
    if not number.isdigit() or len(number) > 18:
        return None
    return next((row for row in rows(connection, tenant_id) if row.id == int(number)), None)


def _statement(connection: Connection, rule: Rule, tenant: int, only: bool) -> tuple[str, dict[str, Any]]:
    """SQL and values of the keys it accuses, cut to what its maker may see at this moment."""
    row = row_of(connection, tenant, rule.key)
    if row is None:
        raise NotAllowed("This rule was given up.")
    maker = person(connection, row.created_by)
    if maker is None:
        raise NotAllowed("Whoever made this rule may not work here any more; make it anew.")
    try:
        asked = query(row.table_name, row.conditions, maker)
    except Rejected as refused:
        raise NotAllowed(f"It cannot be asked any more: {refused.sentence}") from None
    table = asked.resource.table
    statement = select(table.c.id).where(*listing.conditions(asked, maker))
    if only:
        statement = statement.where(table.c.id == any_(bindparam("those", type_=ARRAY(BigInteger))))
    sql, constants = listing.compiled(statement)
    return sql, constants | listing.values(asked, maker)


def fill(connection: Connection, rule: Rule, values: dict[str, Any], some: bool) -> None:
    """Put every record it accuses into `found_now`."""
    sql, asked = _statement(connection, rule, values["tenant"], some)
    listing.run(
        connection,
        "WITH w AS ("
        + sql
        + "), i AS (INSERT INTO found_now SELECT %(rule_table)s, w.id, NULL, NULL, '{}', %(rule_severity)s FROM w"
        " RETURNING 1) SELECT count(*) FROM i",
        asked | {"rule_table": rule.tables[0], "rule_severity": rule.severity, "those": values["only"]},
    )


def still(connection: Connection, rule: Rule, values: dict[str, Any]) -> set[int]:
    """Those of some records it accuses still."""
    sql, asked = _statement(connection, rule, values["tenant"], True)
    return {key for (key,) in listing.run(connection, sql, asked | {"those": values["only"]})}


def pointed_at(connection: Connection, table: str, column: str, keys: Iterable[int]) -> set[int]:
    """The records that these rows of a table point at with one column."""
    rows = REGISTRY[table].table
    wanted = select(rows.c[column]).where(rows.c.id == any_(bindparam("keys", type_=ARRAY(BigInteger)))).distinct()
    return {key for key in connection.scalars(wanted, {"keys": list(keys)}) if key is not None}


def pointing_at(connection: Connection, table: str, column: str, keys: Iterable[int]) -> set[int]:
    """The records of a table that point with one column at these."""
    rows = REGISTRY[table].table
    wanted = select(rows.c.id).where(rows.c[column] == any_(bindparam("keys", type_=ARRAY(BigInteger))))
    return set(connection.scalars(wanted, {"keys": list(keys)}))


_ROWS = text(
    "SELECT id, title, about, table_name, conditions, severity, owner_id, created_by, created_at, version"
    " FROM quality_rules WHERE tenant_id = :tenant AND archived_at IS NULL ORDER BY id"
)
