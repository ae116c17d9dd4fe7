"""Whether the database is well: reachable, not crowded, not blocked, served from memory, and on the schema the code expects."""

import time

from sqlalchemy import Connection, text

from app.engine.health import Measured, check
from app.engine.revision import code_heads, database_heads

HOUR, DAY = 3600, 86400


@check("db.ping_ms", group="db", title="Database round trip", unit="ms", warn=50, crit=500)
def ping(connection: Connection) -> Measured:
    """The time of a trivial query, there and back: the floor under every page."""
    began = time.perf_counter()
    connection.execute(text("SELECT 1"))
    return Measured(round((time.perf_counter() - began) * 1000, 2))


@check("db.connections", group="db", title="Connections in use", unit="%", warn=70, crit=90)
def connections(connection: Connection) -> Measured:
    """Open connections as a share of what the server allows; at 100 % nobody gets in."""
    row = connection.execute(
        text("""
            SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
                   current_setting('max_connections')::int AS allowed
        """)
    ).one()
    return Measured(round(100 * row.used / row.allowed, 1), f"{row.used} of {row.allowed}")


@check("db.longest_query_s", group="db", title="Longest running query", unit="s", warn=60, crit=300)
def longest_query(connection: Connection) -> Measured:
    """The age of the oldest statement that still runs: it holds back clean-up and often waits for something forgotten."""
    row = connection.execute(
        text("""
            SELECT count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden,
                   max(extract(epoch FROM clock_timestamp() - query_start))
                       FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()) AS age
            FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()
        """)
    ).one()
    if row.hidden:
        return Measured(None, "The application role may not see other sessions; grant it pg_read_all_stats")
    return Measured(round(row.age or 0, 1), "" if row.age else "Nothing else runs")


@check("db.blocked", group="db", title="Sessions waiting on locks", unit="sessions", warn=1, crit=5)
def blocked(connection: Connection) -> Measured:
    """Sessions that have waited for a lock for more than 10 seconds."""
    waiting = connection.execute(
        text("""
            SELECT count(DISTINCT pid) FROM pg_locks
            WHERE NOT granted AND waitstart < clock_timestamp() - interval '10 seconds'
        """)
    ).scalar_one()
    return Measured(waiting)


@check(
    "db.cache_hit",
    group="db",
    title="Reads served from memory",
    unit="%",
    warn=99,
    crit=95,
    every=HOUR,
    direction="below",
)
def cache_hit(connection: Connection) -> Measured:
    """The share of table blocks found in memory; when it falls, the data has outgrown shared_buffers."""
    row = connection.execute(
        text("""
            SELECT coalesce(sum(heap_blks_hit), 0) AS hit, coalesce(sum(heap_blks_hit + heap_blks_read), 0) AS asked
            FROM pg_statio_user_tables
        """)
    ).one()
    if row.asked < 10_000:
        return Measured(None, f"Only {row.asked:,} blocks read so far", idle=True)
    return Measured(round(100 * row.hit / row.asked, 2), f"Of {row.asked:,} blocks")


@check("db.xid_age", group="db", title="Transaction id age", unit="ids", warn=1.0e9, crit=1.5e9, every=HOUR)
def xid_age(connection: Connection) -> Measured:
    """How far the oldest unfrozen row lies behind; near 2.1e9 PostgreSQL stops accepting writes."""
    row = connection.execute(
        text("SELECT datname, age(datfrozenxid) AS age FROM pg_database ORDER BY 2 DESC LIMIT 1")
    ).one()
    return Measured(row.age, f"Database {row.datname}")


@check("db.migrations", group="db", title="Schema revision", unit="revisions", crit=1)
def migrations(connection: Connection) -> Measured:
    """Whether the database is at the schema revision this code was written for."""
    wanted, present = code_heads(), database_heads(connection)
    if wanted == present:
        return Measured(0, f"At {', '.join(sorted(present))}")
    return Measured(
        len(wanted ^ present),
        f"The database is at {', '.join(sorted(present)) or 'nothing'}, the code expects {', '.join(sorted(wanted))};"
        " run: console migrate",
    )


@check("db.unused_indexes", group="db", title="Unused indexes", unit="indexes", warn=1, every=DAY)
def unused_indexes(connection: Connection) -> Measured:
    """Indexes over 10 MB that no query has used since the counters began, and that guard no uniqueness: they only slow writes."""
    rows = connection.execute(
        text("""
            SELECT s.indexrelname AS name, pg_relation_size(s.indexrelid) AS bytes
            FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
            WHERE s.idx_scan = 0 AND NOT i.indisunique AND pg_relation_size(s.indexrelid) > 10 * 1024 * 1024
            ORDER BY 2 DESC LIMIT 20
        """)
    ).all()
    largest = ", ".join(f"{row.name} ({row.bytes / 1048576:.0f} MB)" for row in rows[:3])
    return Measured(len(rows), largest, {"indexes": {row.name: row.bytes for row in rows}})


@check("db.app_rights", group="db", title="Rights of the application's login", unit="rights", warn=1, every=HOUR)
def app_rights(connection: Connection) -> Measured:
    """Whether the console works as a role that owns nothing; where it does not, which promises are weaker, by name."""
    superuser, owned = connection.execute(
        text("""
            SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
                   (SELECT count(*) FROM pg_class c WHERE c.oid = to_regclass('change_entries')
                      AND pg_has_role(current_user, c.relowner, 'USAGE'))
        """)
    ).one()
    if not superuser and not owned:
        return Measured(0, "It owns nothing and cannot rewrite the history")
    promises = "2 (every change shows who and why) and 13 (no edit of the history goes unnoticed)"
    return Measured(1, f"It owns the tables, so promises {promises} rest on the off-box copy alone")
