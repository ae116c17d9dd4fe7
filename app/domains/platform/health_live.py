"""Whether open pages hear of changes: the web processes that serve streams, and how long the database's word takes to them."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check
from app.engine.live.presence import SILENT_S


@check("realtime.stream", group="app", title="Live pages", unit="s", warn=2, crit=10)
def stream(connection: Connection) -> Measured:
    """How long a probe, sent every 15 seconds, takes from the database to the slowest web process that serves open pages."""
    rows = connection.execute(
        text("""
            SELECT name, streams, listens, coalesce(lag_ms,
                       CASE WHEN listens THEN extract(epoch FROM clock_timestamp() - started_at) * 1000 ELSE 0 END) / 1000
                       AS lag
            FROM live_listeners WHERE beat_at > clock_timestamp() - make_interval(secs => :silent) ORDER BY name
        """),
        {"silent": SILENT_S},
    ).all()
    if not rows:
        return Measured(None, "No web process has given a sign of life", idle=True)
    streams = sum(row.streams for row in rows)
    pages, processes = ("page" if streams == 1 else "pages"), ("process" if len(rows) == 1 else "processes")
    words = f"{streams:,} open {pages} over {len(rows)} web {processes}"
    asking = sum(not row.listens for row in rows)
    if asking:
        words += "; behind the pooler the ledger is read once a second"
    details = {"processes": {row.name: {"streams": row.streams, "lag_s": round(float(row.lag), 3)} for row in rows}}
    return Measured(round(max(float(row.lag) for row in rows), 3), words, details)
