"""Whether the history is whole: the chain over all change sets, recomputed; and whether it explains the data as it stands."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check
from app.engine.sealing import replay_check


@check("audit.chain", group="security", title="Ledger chain", unit="breaks", crit=1, every=3600, timeout_ms=60_000)
def chain(connection: Connection) -> Measured:
    """Recomputes the digest of every sealed change set and entry; one that does not hold was edited behind our back.

    A history too long for one minute reads unknown here, never whole; `console ledger verify` takes its time.
    """
    row = connection.execute(text("SELECT sets_checked, entries_checked, unsealed, broken FROM verify_ledger()")).one()
    if row.broken:
        return Measured(1, row.broken)
    waiting = f"; {row.unsealed:,} newer ones wait for their seal" if row.unsealed else ""
    return Measured(0, f"{row.sets_checked:,} change sets and {row.entries_checked:,} entries hold{waiting}")


@check(
    "audit.replay", group="security", title="Ledger replay", unit="differences", crit=1, every=86400, timeout_ms=120_000
)
def replay(connection: Connection) -> Measured:
    """Replays every governed table: a row, or an entry not yet sealed, that was edited past the ledger is named by its place.

    Too much for two minutes reads unknown here; `console ledger replay --check` takes its time.
    """
    found = replay_check(connection, patient=False)
    if found:
        return Measured(len(found), found[0])
    return Measured(0, "Replaying the ledger gives today's rows")


@check("audit.unsealed", group="security", title="Oldest change without a seal", unit="s", warn=300, crit=3600)
def unsealed(connection: Connection) -> Measured:
    """How long the oldest change set waits; the worker seals each minute, and until then only the replay sees an edit."""
    row = connection.execute(
        text("""
            SELECT extract(epoch FROM clock_timestamp() - min(created_at)) AS age, count(*) AS waiting
            FROM (SELECT created_at FROM change_sets WHERE seal_no IS NULL ORDER BY id LIMIT 1000) AS s
        """)
    ).one()
    return Measured(round(row.age or 0), f"{row.waiting} wait for their seal" if row.waiting else "All are sealed")
