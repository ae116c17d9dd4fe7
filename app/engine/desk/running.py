"""Runs one statement as the desk's own login: in a transaction that reads and is rolled back, within limits, watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import SQLAlchemyError

from app.config import Config
from app.engine.desk import log, views
from app.engine.desk.log import Asking, Leave
from app.engine.desk.statement import Objection, Statement
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

SECONDS = (5, 10, 30, 60)
MOST_ROWS = 1_000
MOST_COLUMNS = 100
MOST_BYTES = 4_000_000
"""Of values, in one result."""
LONGEST_CELL = 2_000
"""Characters of a value; what is longer is cut, and says so."""
GRACE = 2.0
"""Seconds after which the watchdog steps in where the server has not kept the time."""
LOOKS = 0.4
"""Seconds between two looks of the watchdog."""

_NUMBERS = frozenset({20, 21, 23, 700, 701, 790, 1700})
_TIMES = frozenset({1082, 1114, 1184})
KINDS = {16: "flag", 20: "number", 21: "number", 23: "number", 700: "decimal", 701: "decimal", 1700: "decimal",
         1082: "date", 1114: "moment", 1184: "moment"}  # fmt: skip
"""PostgreSQL's number of a type -> how a value of it is asked for; any other is text."""


@dataclass(frozen=True)
class Column:
    """One column of a result."""

    name: str
    type: str
    numeric: bool
    temporal: bool
    origin: tuple[str, str] | None
    """Table and column, where it is one of a table and not worked out."""
    masked: bool = False

    @property
    def opens(self) -> Resource | None:
        """The resource whose key stands in it."""
        resource = REGISTRY.get(self.origin[0]) if self.origin and not self.masked else None
        return resource if resource is not None and resource.keys == (self.origin or ("", ""))[1:] else None


@dataclass(frozen=True)
class Result:
    """What came back."""

    columns: tuple[Column, ...]
    rows: list[tuple[str | None, ...]]
    cut: str | None
    """Why there may be more than is shown: a sentence."""
    ms: int
    plan: str | None = None
    parameters: tuple[tuple[str, str, str], ...] = ()
    """What it asked for, as `Needed` has them."""
    shortened: frozenset[tuple[int, int]] = frozenset()
    """Row and column of values that are longer than shown."""


@dataclass(frozen=True)
class Needed:
    """It asks for values: (name, how a value is asked for, the type as PostgreSQL calls it)."""

    parameters: tuple[tuple[str, str, str], ...]


class Shut(Exception):
    """The desk is not open here; `sentence` says why, `cure` is what an administrator runs."""

    def __init__(self, sentence: str, cure: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.cure = sentence, cure


class Stopped(Objection):
    """It ran and was not finished; `outcome` is the word of the log."""

    def __init__(self, outcome: str, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome


def role_of(config: Config) -> str | None:
    """The login the desk asks as."""
    return str(conninfo_to_dict(config.desk_database_url).get("user")) if config.desk_database_url else None


def open_desk(config: Config) -> None:
    """Raises Shut where the desk may not open: no login of its own, or one that could do more than it should."""
    with _connected(config, "console desk") as connection:
        _examine(connection, config)


def run(config: Config, asking: Asking, statement: Statement) -> Result | Needed:
    """The answer, or what it still asks for. Raises Objection with a sentence, Shut where there is no desk.

    Whatever happens is in the log: the line is written before the statement is sent, and ended after it.
    """
    with _connected(config, "console desk") as connection:
        _examine(connection, config)
        _prepare(connection, config, asking)
        columns, types = _described(connection, statement)
        asked = tuple(zip(statement.names, *_kinds(connection, types), strict=True)) if statement.names else ()
        if any(name not in asking.values for name in statement.names):
            return Needed(asked)
        leave = log.begin(asking, statement)
        began = time.monotonic()
        outcome: str = "failed"
        why: str | None = "The console broke off."
        rows: int | None = None
        try:
            connection.execute("SELECT set_config('console.permit', %s, true)", [leave.permit])
            with _watched(connection, leave, asking.seconds):
                result = _answer(connection, statement, columns, asking, began)
            outcome, why, rows = ("cut" if result.cut else "done"), result.cut, len(result.rows)
        except psycopg.Error as error:
            stopped = _stopped(error, asking, time.monotonic() - began)
            outcome, why = stopped.outcome, stopped.sentence
            raise stopped from None
        finally:
            log.end(leave, outcome, why, rows, round((time.monotonic() - began) * 1000))
    return replace(result, parameters=asked)


# -- the connection --------------------------------------------------------------------------------------------------


@contextmanager
def _connected(config: Config, name: str) -> Iterator[psycopg.Connection]:
    """A connection for one statement, closed after it. Its transaction is never committed."""
    if not config.desk_database_url:
        raise Shut(
            "The SQL desk has no login of its own, so it stays shut. An administrator of the database makes one, names it in "
            "DESK_DATABASE_URL and runs: console migrate",
            _CURE.format(database=_database(config)),
        )
    try:
        connection = psycopg.connect(
            config.desk_database_url, connect_timeout=5, application_name=name, prepare_threshold=None
        )
    except psycopg.Error as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        busy = getattr(error, "sqlstate", None) == "53300" or "too many connections" in said
        raise Shut(
            "Too many are at the SQL desk at this moment. Try again shortly."
            if busy
            else "The login of the SQL desk is not let into the database. Start the console anew, or see DESK_DATABASE_URL.",
        ) from None
    try:
        connection.read_only = True
        yield connection
    finally:
        connection.close()


def _database(config: Config) -> str:
    return str(conninfo_to_dict(config.database_url or "").get("dbname") or "console")


_CURE = """CREATE ROLE console_desk LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 12;
ALTER ROLE console_desk SET default_transaction_read_only = on;
ALTER ROLE console_desk SET statement_timeout = '60s';
ALTER ROLE console_desk SET lock_timeout = '2s';
ALTER ROLE console_desk SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE console_desk SET temp_file_limit = '256MB';
GRANT CONNECT ON DATABASE {database} TO console_desk;"""


def _examine(connection: psycopg.Connection, config: Config) -> None:
    """Whether this login is as weak as it must be, and the views are those of this version."""
    schema = views.schema_of(config.console_schema)
    row = connection.execute(_STANDING, {"console": config.console_schema}).fetchone()
    if row is None or row[0]:
        raise Shut(
            "The login of the SQL desk may do more than read its views, so it stays shut: give it a role that is a member of "
            "none other, owns nothing and is no superuser."
        )
    if views.standing_mark(connection, schema) != views.wanted_mark(config.console_schema, role_of(config) or ""):
        raise Shut("The views of the SQL desk are not those of this version, so it stays shut.", "console migrate")


_STANDING = """
SELECT bool_or(r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication)
       OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = session_user))
       OR coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %(console)s), false)
FROM pg_roles r WHERE r.rolname IN (session_user, current_user)
"""


def _prepare(connection: psycopg.Connection, config: Config, asking: Asking) -> None:
    limits = {
        "statement_timeout": f"{asking.seconds}s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "30s",
        "work_mem": "16MB",
        "search_path": views.schema_of(config.console_schema),
        "timezone": asking.actor.timezone,
        "jit": "off",
    }
    connection.execute(
        "SELECT set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)",
        [list(limits), list(limits.values())],
    )
    # A process of ours that dies takes its statement with it, where the server's system can tell.
    with suppress(psycopg.Error), connection.transaction():
        connection.execute("SELECT set_config('client_connection_check_interval', '2s', true)")


def _described(connection: psycopg.Connection, statement: Statement) -> tuple[tuple[Column, ...], list[int]]:
    """What the server makes of the statement without running it: its columns, where each comes from, the parameters' types."""
    plain = connection.pgconn
    prepared = plain.prepare(b"", statement.sql.encode())
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        said = (prepared.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
        position = prepared.error_field(pq.DiagnosticField.STATEMENT_POSITION)
        raise Objection(f"{said[:1].upper()}{said[1:]}.", int(position) - 1 if position else None)
    about = plain.describe_prepared(b"")
    places = [(about.ftable(index), about.ftablecol(index)) for index in range(about.nfields)]
    if not places:
        raise Objection("This puts out no column.")
    if len(places) > MOST_COLUMNS:
        raise Objection(f"A result has at most {MOST_COLUMNS} columns; this has {len(places):,}. Name those you want.")
    kinds = [about.ftype(index) for index in range(about.nfields)]
    names: dict[int, str] = dict(
        connection.execute(
            "SELECT oid::bigint, format_type(oid, NULL) FROM pg_type WHERE oid = ANY (%s::oid[])", [kinds]
        ).fetchall()
    )
    origins = {
        (int(row[0]), int(row[1])): (str(row[2]), str(row[3]))
        for row in connection.execute(_ORIGINS, [[table for table, _ in places if table]]).fetchall()
    }
    masked = set(statement.masked)
    columns = []
    for index, place in enumerate(places):
        origin = origins.get(place)
        columns.append(
            Column(
                (about.fname(index) or b"").decode(),
                str(names.get(kinds[index], "unknown")),
                kinds[index] in _NUMBERS,
                kinds[index] in _TIMES,
                origin,
                origin is not None and ".".join(origin) in masked,
            )
        )
    return tuple(columns), [about.param_type(index) for index in range(about.nparams)]


_ORIGINS = """
SELECT a.attrelid::bigint, a.attnum, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0
"""


def _kinds(connection: psycopg.Connection, types: list[int]) -> tuple[list[str], list[str]]:
    rows = connection.execute("SELECT format_type(t, NULL) FROM unnest(%s::oid[]) t", [types]).fetchall()
    return [KINDS.get(each, "text") for each in types], [str(row[0]) for row in rows]


# -- the answer ------------------------------------------------------------------------------------------------------


def _answer(
    connection: psycopg.Connection, statement: Statement, columns: tuple[Column, ...], asking: Asking, began: float
) -> Result:
    values = [asking.values[name] or None for name in statement.names]
    cursor = psycopg.RawCursor(connection)
    if asking.kind == "explain":
        # The planner's numbers are of the whole table, so where companies share it they would tell of the others.
        explained = f"EXPLAIN (COSTS {'ON' if log.one_company() else 'OFF'}) {statement.sql}".encode()
        lines = cursor.execute(explained, values).fetchall()
        return Result((), [], None, _since(began), "\n".join(str(line[0]) for line in lines))
    kept: list[tuple[str | None, ...]] = []
    cut, size = None, 0
    for row in cursor.stream(_bounded(statement, columns).encode(), values):
        if len(kept) == MOST_ROWS:
            cut = f"The first {MOST_ROWS:,} rows; there are more."
            break
        size += sum(len(value) for value in row if value is not None)
        if size > MOST_BYTES:
            cut = f"The first {len(kept):,} rows: a result holds at most {MOST_BYTES // 1_000_000} MB."
            break
        kept.append(row)
    shortened = {
        (line, place)
        for line, row in enumerate(kept)
        for place, value in enumerate(row)
        if len(value or "") > LONGEST_CELL
    }
    rows = [
        tuple(
            "••••" if column.masked else value if value is None else value[:LONGEST_CELL]
            for column, value in zip(columns, row, strict=True)
        )
        for row in kept
    ]
    return Result(columns, rows, cut, _since(began), shortened=frozenset(shortened))


def _bounded(statement: Statement, columns: tuple[Column, ...]) -> str:
    """The statement within one that cuts values and rows, so that neither fills anybody's memory."""
    names = [f"c{number}" for number in range(len(columns))]
    shown = ", ".join(f"left({name}::text, {LONGEST_CELL + 1})" for name in names)
    # On lines of its own: a remark at the end of what was typed must not swallow what follows.
    return f"SELECT {shown} FROM (\n{statement.sql}\n) AS result ({', '.join(names)}) LIMIT {MOST_ROWS + 1}"


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _stopped(error: psycopg.Error, asking: Asking, seconds: float) -> Stopped:
    """What the database said, in a sentence for the one who asked."""
    state = error.sqlstate or ""
    if state == "57014" and seconds >= asking.seconds - 0.2:
        return Stopped(
            "timed_out",
            f"It took longer than {asking.seconds} seconds and was stopped. Narrow it, or give it more time.",
        )
    if state == "57014":
        return Stopped("cancelled", "It was cancelled.")
    if state in ("53400", "53200", "53100"):
        return Stopped(
            "failed", "It needs more memory or disk than the desk may use. Narrow it, or sort and join less."
        )
    if state == "55P03":
        return Stopped("failed", "Something else holds a lock on one of the tables. Try again shortly.")
    if state.startswith("08") or state == "57P01" or not state:
        return Stopped("failed", "The connection to the database was lost.")
    said = error.diag.message_primary or "The database refused it"
    return Stopped("failed", f"{said[:1].upper()}{said[1:]}.")


# -- the watchdog ----------------------------------------------------------------------------------------------------


@dataclass
class _Watchdog:
    """Cancels on the server when the time is up and the server did not see to it, or when nobody waits any more."""

    connection: psycopg.Connection
    leave: Leave
    seconds: int
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        began, engine = time.monotonic(), self.engine
        while not self.over.wait(LOOKS):
            late = time.monotonic() - began > self.seconds + GRACE
            if not late:
                try:
                    with engine.connect() as reading:
                        late = not log.is_wanted(reading, self.leave)
                except SQLAlchemyError:
                    continue  # the log cannot be read just now; the time limit still holds
            if late and not self.over.is_set():
                try:
                    self.connection.cancel_safe(timeout=5)
                except psycopg.Error:
                    self.connection.close()

    def __post_init__(self) -> None:
        self.engine = log.watching()


@contextmanager
def _watched(connection: psycopg.Connection, leave: Leave, seconds: int) -> Iterator[None]:
    watchdog = _Watchdog(connection, leave, seconds)
    thread = threading.Thread(target=watchdog.watch, name=f"sql-{leave.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watchdog.over.set()
        thread.join()
