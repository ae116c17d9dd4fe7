"""Stored plans: who wants what done to which records, sealed on the server, and what was found of each of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Integer, Row, func, literal, null, select, text

from app.engine import listing
from app.engine.access import Actor
from app.engine.bulk.work import Outcome, Work, jsoned, offered
from app.engine.long_work import LongWork
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.selection import Selection

MOST_ROWS = 250_000
"""Records one plan may hold. More of them are another day's work, or a migration's."""
AT_ONCE = 500
"""Records up to which a person waits; beyond, the worker does it and tells how far it is."""
BATCH = 2_000
"""Records written in one transaction: a second or so, for which others wait at most."""
PAGE = 50
LIFE = LongWork("bulk_plans", "plan")

OUTCOMES = {
    "changes": "Will change",
    "refused": "Refused",
    "already": "Already so",
    "applied": "Changed",
    "left_out": "Left out",
    "waiting": "Not looked at yet",
}


@dataclass(frozen=True)
class BulkPlan:
    """One plan as it stands. `changing`, `already` and `refused` are what the rehearsal found, and stay."""

    id: int
    tenant_id: int
    app_user_id: int
    maker: str
    created_at: Any
    table_name: str
    address: str
    selected: str
    edits: Mapping[str, Any] | None
    title: str
    state: str
    why: str | None
    total: int
    seen: int
    changing: int
    already: int
    refused: int
    applied: int
    left_out: int
    effects: Mapping[str, Any]
    sha256: str | None
    rehearsed_at: Any
    reason: str | None
    request_id: str | None
    ip: str | None
    attempt: int
    stop_asked: bool
    finished_at: Any
    expires_at: Any
    expired: bool

    @property
    def resource(self) -> Resource:
        """Raises NotFound where the table is no longer part of the console."""
        found = REGISTRY.get(self.table_name)
        if found is None:
            raise NotFound("The table this plan is about is not part of the console any more.")
        return found

    @property
    def waits(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ("rehearsing", "applying")

    @property
    def money(self) -> list[Mapping[str, Any]]:
        """What amounts would move: table, field, currency, records, before, after."""
        return list(self.effects.get("money", ()))


_COLUMNS = (
    "p.id, p.tenant_id, p.app_user_id, a.display_name, p.created_at, p.table_name, p.address, p.selected, p.edits,"
    " p.title, p.state, p.why, p.total, p.seen, p.changing, p.already, p.refused, p.applied, p.left_out, p.effects,"
    " p.sha256, p.rehearsed_at, p.reason, p.request_id, host(p.ip), p.attempt, p.stop_asked, p.finished_at,"
    " p.expires_at, p.expires_at < clock_timestamp() AND p.state IN ('draft', 'ready')"
)
_FROM = "FROM bulk_plans p JOIN app_users a ON a.id = p.app_user_id"
_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE p.id = :id AND p.tenant_id = :tenant")
_MINE = text(
    f"SELECT {_COLUMNS} {_FROM} WHERE p.app_user_id = :me AND (CAST(:before AS bigint) IS NULL OR p.id < :before)"
    " ORDER BY p.id DESC LIMIT :n"
)


def find(connection: Connection, number: int, tenant_id: int) -> BulkPlan:
    """One plan of a tenant, for the engine's own use. Raises NotFound."""
    row = connection.execute(_ONE, {"id": number, "tenant": tenant_id}).first()
    if row is None:
        raise NotFound("There is no such plan. It may have been forgotten, as plans are in time.")
    return BulkPlan(*row)


def open_(connection: Connection, number: int, actor: Actor) -> BulkPlan:
    """One plan as a person opens it: one's own. Raises NotFound for every other, and where the table is hidden by now."""
    from app.engine.projection import projection

    found = find(connection, number, actor.tenant_id)
    if found.app_user_id != actor.app_user_id or not projection(found.resource, actor).reads:
        raise NotFound("There is no such plan. It may have been forgotten, as plans are in time.")
    return found


def mine(connection: Connection, actor: Actor, before: int | None = None) -> list[BulkPlan]:
    """One's own plans, newest first."""
    rows = connection.execute(_MINE, {"me": actor.app_user_id, "before": before, "n": PAGE})
    return [BulkPlan(*row) for row in rows]


def seal(connection: Connection, chosen: Selection, address: str, actor: Actor) -> int:
    """Keep a selection as it is at this moment; returns the plan's number.

    Raises BadQuery for none and for too many, NotAllowed where nothing can be done to such records by this role.
    """
    query = chosen.query
    resource = query.resource
    if actor.app_user_id is None or not offered(query.projection):
        raise NotAllowed(resource.read_only or f"Your role does not change {resource.plural.lower()} in bulk.")
    number = connection.execute(
        _NEW,
        {
            "tenant": actor.tenant_id,
            "me": actor.app_user_id,
            "table": resource.name,
            "address": address,
            "selected": "all" if chosen.is_all else "these",
        },
    ).scalar_one()
    table = resource.table
    version: Any = table.c.version if resource.versioned else null().cast(Integer)
    held = (
        select(table.c.id.label("id"), version.label("version"))
        .where(*listing.conditions(query, actor))
        .order_by(table.c.id)
        .limit(MOST_ROWS + 1)
        .subquery()
    )
    sealed = select(
        literal(number).label("plan"), func.row_number().over(order_by=held.c.id), held.c.id, held.c.version
    )
    sql, constants = listing.compiled(sealed)
    ((total,),) = listing.run(
        connection,
        "WITH sealed AS (INSERT INTO bulk_plan_rows (plan_id, n, record_id, version)"
        f" {sql} RETURNING 1) SELECT count(*) FROM sealed",
        constants | listing.values(query, actor),
    )
    if total > MOST_ROWS:
        raise BadQuery(f"One fix takes at most {MOST_ROWS:,} {resource.many.lower()}. Narrow the list with a filter.")
    if not total:
        raise BadQuery("Nothing is selected any more. Tick the rows you want, or choose all that match.")
    connection.execute(text("UPDATE bulk_plans SET total = :total WHERE id = :id"), {"total": total, "id": number})
    return int(number)


_NEW = text(
    "INSERT INTO bulk_plans (tenant_id, app_user_id, table_name, address, selected, total)"
    " VALUES (:tenant, :me, :table, :address, :selected, 0) RETURNING id"
)


def choose(connection: Connection, plan: BulkPlan, work: Work, edits: Mapping[str, Any], reason: str = "") -> None:
    """Say what is to be done; what was rehearsed before counts no more. Raises Stale once it is under way."""
    done = connection.execute(
        _CHOOSE, {"id": plan.id, "edits": json.dumps(edits), "title": work.title[:500], "reason": reason or None}
    )
    if done.rowcount != 1:
        raise Stale("This plan is under way or was applied already. Make a new one from the list.")


_CHOOSE = text("""
UPDATE bulk_plans SET edits = CAST(:edits AS jsonb), title = :title, state = 'rehearsing', why = NULL, seen = 0,
    changing = 0, already = 0, refused = 0, effects = '{}', sha256 = NULL, reason = :reason, attempt = attempt + 1,
    stop_asked = false, beat_at = clock_timestamp(), expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND (state IN ('draft', 'ready', 'failed') AND applied + left_out = 0
    OR state = 'rehearsing' AND beat_at < clock_timestamp() - interval '10 minutes')
""")


# -- the rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanRow:
    """One record of a plan as a page shows it."""

    n: int
    record_id: int
    outcome: str
    kind: str | None
    why: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    given: tuple[str, ...]


def rows(
    connection: Connection, plan: BulkPlan, outcome: str | None = None, after: int = 0, limit: int = PAGE
) -> list[PlanRow]:
    """The rows past place `after`, of one outcome or of all."""
    found = connection.execute(
        _ROWS_OF if outcome else _ROWS, {"plan": plan.id, "outcome": outcome, "after": after, "n": limit}
    )
    return [
        PlanRow(row.n, row.record_id, row.outcome, row.kind, row.why, row[5] or {}, row[6] or {}, tuple(row[7] or ()))
        for row in found
    ]


_ROWS = text(
    "SELECT n, record_id, outcome, kind, why, before, after, given FROM bulk_plan_rows"
    " WHERE plan_id = :plan AND n > :after ORDER BY n LIMIT :n"
)
_ROWS_OF = text(
    "SELECT n, record_id, outcome, kind, why, before, after, given FROM bulk_plan_rows"
    " WHERE plan_id = :plan AND outcome = :outcome AND n > :after ORDER BY n LIMIT :n"
)


def reasons(connection: Connection, plan: BulkPlan) -> list[tuple[str, str, int]]:
    """Why records stay as they are: (outcome, sentence, how many), most first."""
    found = connection.execute(
        text(
            "SELECT outcome, why, count(*) FROM bulk_plan_rows WHERE plan_id = :plan"
            " AND outcome IN ('refused', 'left_out') GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT 8"
        ),
        {"plan": plan.id},
    )
    return [(outcome, why or "", number) for outcome, why, number in found]


def counts(connection: Connection, plan: BulkPlan) -> dict[str, int]:
    """Outcome -> records, as they stand."""
    found = connection.execute(
        text("SELECT outcome, count(*) AS number FROM bulk_plan_rows WHERE plan_id = :plan GROUP BY 1"),
        {"plan": plan.id},
    )
    return {row.outcome: row.number for row in found}


def sets(connection: Connection, plan: BulkPlan) -> list[Row[Any]]:
    """The change sets it made, newest first: change_set_id, records, undone_by."""
    return list(
        connection.execute(
            text(
                "SELECT s.change_set_id, s.records,"
                " (SELECT max(z.id) FROM change_sets z WHERE z.undoes_id = s.change_set_id) AS undone_by"
                " FROM bulk_plan_sets s WHERE s.plan_id = :plan ORDER BY s.change_set_id DESC"
            ),
            {"plan": plan.id},
        )
    )


def first_set(connection: Connection, plan: BulkPlan) -> int | None:
    """The change set by which all of what it did is found and undone."""
    found = connection.execute(
        text("SELECT min(change_set_id) FROM bulk_plan_sets WHERE plan_id = :plan"), {"plan": plan.id}
    )
    return found.scalar()


def note(
    connection: Connection, plan: BulkPlan, found: Sequence[tuple[int, int | None, Outcome, Mapping[str, Any]]]
) -> None:
    """Keep what was found of some rows: (place, version, outcome, values before)."""
    connection.execute(
        _NOTE,
        {
            "plan": plan.id,
            "n": [n for n, _, _, _ in found],
            "version": [version for _, version, _, _ in found],
            "outcome": [each.outcome for _, _, each, _ in found],
            "kind": [each.kind for _, _, each, _ in found],
            "why": [each.why for _, _, each, _ in found],
            "before": [None if not before else jsoned(before) for _, _, _, before in found],
            "after": [None if each.after is None else kept(each.after) for _, _, each, _ in found],
            "given": [",".join(each.given) or None for _, _, each, _ in found],
        },
    )


_NOTE = text("""
UPDATE bulk_plan_rows r SET version = coalesce(u.version, r.version), outcome = u.outcome, kind = u.kind, why = u.why,
    before = u.before, after = u.after, given = string_to_array(u.given, ',')
FROM unnest(CAST(:n AS int[]), CAST(:version AS int[]), CAST(:outcome AS text[]), CAST(:kind AS text[]),
    CAST(:why AS text[]), CAST(:before AS jsonb[]), CAST(:after AS jsonb[]), CAST(:given AS text[]))
    AS u (n, version, outcome, kind, why, before, after, given)
WHERE r.plan_id = :plan AND r.n = u.n
""")


def kept(after: Mapping[str, Any]) -> str:
    """Values after, as a plan keeps them; what is only given while applying has none yet."""
    return jsoned({name: None if callable(value) else value for name, value in after.items()})


def digest(connection: Connection, plan: BulkPlan) -> str:
    """SHA-256 over what this plan would do: the table, the edits, each record with its version and values after.

    The same as long as the plan does the same; an approval is bound to it.
    """
    whole = hashlib.sha256(b"bulk plan 1\n")
    edits = json.dumps(plan.edits, sort_keys=True, ensure_ascii=False)
    whole.update(f"{plan.tenant_id}\n{plan.table_name}\n{edits}\n".encode())
    after = 0
    while True:
        found = connection.execute(_DIGESTED, {"plan": plan.id, "after": after, "n": 10_000}).all()
        for _n, line in found:
            whole.update(line.encode())
        if len(found) < 10_000:
            return whole.hexdigest()
        after = found[-1][0]


_DIGESTED = text("""
SELECT n, concat_ws(E'\\t', record_id, coalesce(version, 0), coalesce(after, '{}'), array_to_string(given, ','),
    CASE WHEN outcome = 'changes' THEN why END) || E'\\n'
FROM bulk_plan_rows
WHERE plan_id = :plan AND n > :after AND outcome IN ('changes', 'applied', 'left_out') ORDER BY n LIMIT :n
""")


def again(plan: BulkPlan, **changes: Any) -> BulkPlan:
    """The same plan a step further."""
    return replace(plan, **changes)
