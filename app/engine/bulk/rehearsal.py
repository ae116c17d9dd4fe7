"""The rehearsal: the real statements, in transactions that are taken back, and what was seen of every record meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, any_, bindparam, select, text

from app.engine.access import Actor
from app.engine.apply import rehearsal, transaction
from app.engine.bulk import plans
from app.engine.bulk.plans import BATCH, LIFE, BulkPlan
from app.engine.bulk.work import Item, Outcome, Work, of, refused, write_what_can_be
from app.engine.fields import Money
from app.engine.listing import row_scope
from app.engine.long_work import Stopped
from app.engine.projection import Projection, projection
from app.engine.registry import REGISTRY
from app.engine.resource import Resource


def rehearse(number: int, actor: Actor) -> BulkPlan:
    """Rehearse every row of a plan whose edits were chosen. Safe to begin anew: what an attempt found, the next finds again.

    Raises Stopped when told to, and what `work.of` raises for edits this actor may not make any more.
    """
    with transaction() as connection:
        plan = plans.find(connection, number, actor.tenant_id)
        attempt = LIFE.prepare(connection, number)
        if attempt is None:
            raise Stopped("This rehearsal was stopped or ended already.")
        work = of(connection, plan.resource, plan.edits or {}, actor, plan.reason or "")
        places = connection.execute(_PLACES, {"plan": number}).all()
    effects = Effects(whole=len(places) <= BATCH)
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]
        with rehearsal(actor, work.action) as connection:
            found = _look(connection, work, batch, actor)
            effects.take(connection, connection.info["change_set"], work)
        with transaction() as connection:
            LIFE.seen(connection, number, attempt, len(batch))
            plans.note(connection, plan, found)
    with transaction() as connection:
        return _end(connection, plan, attempt, effects)


def _end(connection: Connection, plan: BulkPlan, attempt: int, effects: Effects) -> BulkPlan:
    counted = plans.counts(connection, plan)
    values = {
        "id": plan.id,
        "attempt": attempt,
        "changing": counted.get("changes", 0),
        "already": counted.get("already", 0),
        "refused": counted.get("refused", 0),
        "effects": effects.json(),
        "sha256": plans.digest(connection, plan),
    }
    if connection.execute(_END, values).rowcount != 1:
        raise Stopped("The rehearsal was stopped.")
    return plans.find(connection, plan.id, plan.tenant_id)


_PLACES = text("SELECT n, record_id FROM bulk_plan_rows WHERE plan_id = :plan ORDER BY n")
_END = text("""
UPDATE bulk_plans SET state = 'ready', changing = :changing, already = :already, refused = :refused,
    effects = CAST(:effects AS jsonb), sha256 = :sha256, rehearsed_at = clock_timestamp(),
    expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND attempt = :attempt AND state = 'rehearsing' AND NOT stop_asked
""")

BUSY = "Somebody is changing it at this very moment."
GONE = "It is gone, or your role does not see it any more."


def _look(
    connection: Connection, work: Work, batch: Sequence[Any], actor: Actor
) -> list[tuple[int, int | None, Outcome, Mapping[str, Any]]]:
    """What becomes of each row of a batch: by the rules first, then by the database, which is asked in earnest."""
    held = hold(connection, work, [key for _n, key in batch], actor)
    missing = held.missing(connection)
    found: dict[int, tuple[int | None, Outcome, Mapping[str, Any]]] = {}
    items: list[Item] = []
    for n, key in batch:
        row = held.rows.get(key)
        if row is None:
            found[n] = (None, missing[key], {})
            continue
        version = row.get("version")
        outcome = work.outcome(connection, row)
        before: Mapping[str, Any] = {name: row[name] for name in outcome.after or ()}
        found[n] = (version, outcome, before)
        if outcome.outcome == "changes":
            items.append(Item(n, key, version, row, outcome.after or {}))
    for n, (kind, why) in write_what_can_be(connection, work, items).items():
        version, tried, before = found[n]
        found[n] = (version, Outcome("refused", tried.after, tried.given, kind, why), before)
    return [(n, *found[n]) for n, _key in batch]


@dataclass(frozen=True)
class Held:
    """Rows that are locked for this transaction, as they stand."""

    view: Projection
    actor: Actor
    keys: Sequence[int]
    rows: Mapping[int, Mapping[str, Any]]

    def missing(self, connection: Connection) -> dict[int, Outcome]:
        """Why each of the others is not held: somebody else holds it, or it is not there for this actor."""
        gone = [key for key in self.keys if key not in self.rows]
        if not gone:
            return {}
        column = self.view.resource.table.c.id
        there = select(column).where(column == any_(bindparam("keys", type_=ARRAY(BigInteger))))
        asked = {"keys": gone, "tenant": self.actor.tenant_id, "me": self.actor.app_user_id}
        seen = set(connection.scalars(there.where(*row_scope(self.view, self.actor)), asked))
        return {key: refused("busy", BUSY) if key in seen else refused("gone", GONE) for key in gone}


def hold(connection: Connection, work: Work, keys: Sequence[int], actor: Actor) -> Held:
    """Lock and read the rows of these keys this actor may see; those somebody else holds are not waited for."""
    resource = work.resource
    view, table = projection(resource, actor), resource.table
    names = list(table.c.keys()) if work.columns is None else list(dict.fromkeys(("id", *work.columns)))
    if resource.versioned and "version" not in names:
        names.append("version")
    statement = (
        select(*(table.c[name] for name in names))
        .where(table.c.id == any_(bindparam("keys", type_=ARRAY(BigInteger))), *row_scope(view, actor))
        .order_by(table.c.id)
        .with_for_update(skip_locked=True, key_share=True, of=table)
    )
    asked = {"keys": list(keys), "tenant": actor.tenant_id, "me": actor.app_user_id}
    rows = connection.execute(statement, asked)
    return Held(view, actor, keys, {row[names.index("id")]: dict(zip(names, row, strict=True)) for row in rows})


# -- what else it moves ------------------------------------------------------------------------------------------------


@dataclass
class Effects:
    """What the statements moved besides the rows of the plan, read from the ledger entries that are about to go."""

    whole: bool
    """Whether everything was rehearsed in one piece, so that sums are of the whole and not of parts of it."""
    touched: dict[tuple[str, str], int] = field(default_factory=dict)
    money: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)

    def take(self, connection: Connection, set_id: int, work: Work) -> None:
        tables = set()
        for table, operation, records in connection.execute(_TOUCHED, {"set": set_id}):
            tables.add(table)
            if table != work.resource.ledger_name:
                self.touched[table, operation] = self.touched.get((table, operation), 0) + records
        for table in sorted(tables):
            resource = REGISTRY.get(table)
            if resource is not None:
                self._amounts(connection, set_id, resource)

    def _amounts(self, connection: Connection, set_id: int, resource: Resource) -> None:
        for each in resource.fields:
            if not isinstance(each, Money) or each.name not in resource.table.c or each.expr is not None:
                continue
            named = each.currency in resource.table.c
            statement = _AMOUNTS.format(
                currency=f"coalesce(m.now ->> :currency, m.was ->> :currency, t.\"{each.currency}\"::text, 'USD')"
                if named
                else "'USD'",
                there=f'LEFT JOIN "{resource.name}" t ON t.id = m.record_id::bigint' if named else "",
            )
            asked = {"set": set_id, "table": resource.ledger_name, "field": each.name}
            if named:
                asked["currency"] = each.currency
            for currency, records, before, after in connection.execute(text(statement), asked):
                line = self.money.setdefault((resource.name, each.name, currency.strip()), [0, Decimal(0), Decimal(0)])
                for place, value in enumerate((records, before, after)):
                    line[place] += value

    def json(self) -> str:
        from app.engine.bulk.work import jsoned

        return jsoned(
            {
                "whole": self.whole,
                "touched": [
                    {"table": table, "operation": operation, "records": records}
                    for (table, operation), records in sorted(self.touched.items())
                ],
                "money": [
                    {"table": table, "field": name, "currency": currency, "records": n, "before": was, "after": now}
                    for (table, name, currency), (n, was, now) in sorted(self.money.items())
                    if was != now
                ],
            }
        )


_TOUCHED = text(
    "SELECT table_name, operation, count(DISTINCT record_id) FROM change_entries WHERE change_set_id = :set GROUP BY 1, 2"
)
_AMOUNTS = """
SELECT {currency} AS currency, count(*), coalesce(sum((m.was ->> :field)::numeric), 0),
    coalesce(sum((m.now ->> :field)::numeric), 0)
FROM (
    SELECT record_id, (array_agg(before ORDER BY id))[1] AS was, (array_agg(after ORDER BY id DESC))[1] AS now
    FROM change_entries
    WHERE change_set_id = :set AND table_name = :table
        AND (jsonb_exists(before, :field) OR jsonb_exists(after, :field))
    GROUP BY record_id
) m {there}
GROUP BY 1
"""
