"""Keeps the history honest: seals it link by link, proves no link was touched, replays it against today's rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection, Row, text

BATCH = 5000  # sets in one transaction, a second or so of work
SHOWN = 1000  # differences named for one table; more would not be read


@dataclass(frozen=True)
class Verdict:
    """What proving the chain found. `head` is the last seal and its digest: noted elsewhere, it also betrays a ledger
    that was rewritten as a whole."""

    ok: bool
    sets_checked: int
    entries_checked: int
    unsealed: int
    first_broken: str | None
    head: tuple[int, str | None]

    def sentence(self) -> str:
        if self.first_broken:
            return f"The ledger is broken. {self.first_broken}"
        waiting = f"; {self.unsealed} newer ones wait for their seal" if self.unsealed else ""
        return f"The ledger is whole: {self.sets_checked} change sets, {self.entries_checked} entries{waiting}."


def seal(connection: Connection) -> int:
    """Seal what has been committed since the last time; returns how many sets, up to `BATCH` (call again while full).

    Writers never wait for it. Until a set is sealed, within a minute by the worker, only the replay can tell an edit.
    """
    return int(connection.execute(text("SELECT seal_change_sets(:most)"), {"most": BATCH}).scalar_one())


def verify(connection: Connection) -> Verdict:
    """Read the whole chain and name the first link that does not hold: edited, removed or put in, by whomever."""
    _take_your_time(connection)
    row = connection.execute(text("SELECT * FROM verify_ledger()")).one()
    digest = bytes(row.head_hash).hex() if row.head_hash is not None else None
    return Verdict(
        row.broken is None, row.sets_checked, row.entries_checked, row.unsealed, row.broken, (row.head_no, digest)
    )


def replay_check(connection: Connection, patient: bool = True) -> list[str]:
    """Replay every governed table's entries; returns a sentence for each place where they do not give today's rows.

    A record the ledger saw being inserted must equal its replay in every column, any other in the columns touched
    since. Every before-value must be what the entry before it left. Empty means the history explains the data.
    Not `patient`, it keeps to the time limit that is set.
    """
    if patient:
        _take_your_time(connection)
    connection.execute(text("SELECT set_config('timezone', 'UTC', true)"))
    tables = connection.execute(_GOVERNED).all()
    return list(chain.from_iterable(_replay(connection, table) for table in tables))


def _replay(connection: Connection, table: Row) -> list[str]:
    name = {
        "table": table.ledger_name,
        "secrets": table.secrets,
        "keys": table.keys,
        "since": table.since_entry,
        "most": SHOWN,
    }
    quote = connection.dialect.identifier_preparer.quote_identifier
    live = f"{quote(table.schema_name)}.{quote(table.table_name)}"
    broken = connection.execute(_STEPS, name).all()
    differing = connection.execute(
        text(_TODAY.format(live=live, key=_KEY if table.keys is None else _ANY_KEY)), name
    ).all()
    return [
        f"{table.ledger_name} {row.record_id}: entry {row.id} says {row.key} was {_said(row.was)} before it,"
        f" but the entries before it leave {_said(row.known)}."
        for row in broken
    ] + [f"{table.ledger_name} {row.record_id}: {_fault(row)}" for row in differing]


def _fault(row: Row) -> str:
    if row.fault == "gone":
        return "the ledger has it, the table does not."
    if row.fault == "undead":
        return "the ledger saw it deleted, the table still has it."
    return f"{row.key} is {_said(row.now)}, and the ledger leaves {_said(row.known)}."


def _said(value: object) -> str:
    said = "nothing" if value is None or value == "null" else str(value)
    return said if len(said) <= 60 else said[:57] + "..."


def _take_your_time(connection: Connection) -> None:
    """Proving a long history outlasts the limit meant for pages; for this transaction only."""
    connection.execute(text("SELECT set_config('statement_timeout', '0', true)"))


# A table that has been dropped since cannot be compared with; its entries stay proven by the chain.
_GOVERNED = text("""
    SELECT schema_name, table_name, ledger_name, secrets, inserts, keys, since_entry FROM governed_tables
    WHERE to_regclass(format('%I.%I', schema_name, table_name)) IS NOT NULL ORDER BY id
""")

_KEY, _ANY_KEY = "t.id::text", "record_key(to_jsonb(t), CAST(:keys AS text[]))"

# A record's lives: each insert begins a new one, so that a record deleted and brought back is replayed from there.
_LIVES = """
    WITH lived AS (
        SELECT id, record_id, operation, before, after,
            count(*) FILTER (WHERE operation = 'insert') OVER (PARTITION BY record_id ORDER BY id) AS life
        FROM change_entries
        WHERE table_name = :table AND id > :since
    )
"""

# What each entry claims was there, against what the entries before it in the same life left there.
_STEPS = text(
    _LIVES
    + """
    , known AS (
        SELECT id, record_id, before, merged(after) OVER (
            PARTITION BY record_id, life ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS known
        FROM lived
    )
    SELECT k.id, k.record_id, b.key, b.value::text AS was, (k.known -> b.key)::text AS known
    FROM known AS k CROSS JOIN LATERAL jsonb_each(k.before) AS b
    WHERE k.known ? b.key AND k.known -> b.key IS DISTINCT FROM b.value
    ORDER BY k.id
    LIMIT :most
    """
)

# The last state the ledger knows, against the row as it is. Columns dropped or added since are nobody's edit.
_TODAY = (
    _LIVES
    + """
    , last_life AS (
        SELECT record_id, max(life) AS life, max(id) AS last_id FROM lived GROUP BY record_id
    ), known AS (
        SELECT l.record_id, merged(l.after ORDER BY l.id) FILTER (WHERE l.after IS NOT NULL) AS known,
            bool_or(l.id = last_life.last_id AND l.operation = 'delete') AS deleted
        FROM lived AS l JOIN last_life ON last_life.record_id = l.record_id AND last_life.life = l.life
        GROUP BY l.record_id
    ), today AS (
        SELECT {key} AS record_id, to_jsonb(t) AS plain FROM {live} AS t
    ), masked_today AS (
        SELECT record_id, plain || coalesce((
            SELECT jsonb_object_agg(s, '[secret]') FROM unnest(CAST(:secrets AS text[])) AS s
            WHERE plain ? s AND plain -> s NOT IN ('null', '[]')
        ), '{{}}') AS now
        FROM today
    )
    SELECT k.record_id, d.fault, d.key, d.now, d.known
    FROM known AS k LEFT JOIN masked_today AS t ON t.record_id = k.record_id
    CROSS JOIN LATERAL (
        SELECT 'gone' AS fault, NULL AS key, NULL AS now, NULL AS known WHERE t.now IS NULL AND NOT k.deleted
        UNION ALL
        SELECT 'undead', NULL, NULL, NULL WHERE t.now IS NOT NULL AND k.deleted
        UNION ALL
        SELECT 'differs', v.key, (t.now -> v.key)::text, v.value::text
        FROM jsonb_each(k.known) AS v
        WHERE t.now IS NOT NULL AND NOT k.deleted AND t.now <> k.known
            AND t.now ? v.key AND t.now -> v.key IS DISTINCT FROM v.value
    ) AS d
    ORDER BY k.record_id
    LIMIT :most
    """
)
