"""Whether the history is whole: the chain over all change sets, recomputed."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check


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
