"""Copies taken out: every file a list becomes has a manifest that says who took what, and which records were in it.

Small files go straight to the browser. Larger ones a worker makes; their pieces are kept in the database, the one place
that all web processes and workers share on however many machines, so that no file lies on a disk nobody else reaches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import BigInteger, Connection, Engine, Row, text

from app.core import formats
from app.core.clock import now
from app.engine import background, exports, listing, reflect
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.exports import file_name
from app.engine.filters import OURS
from app.engine.keysets import KeySet, holds, place_of
from app.engine.listing import Layout, ListQuery
from app.engine.projection import Projection, projection
from app.engine.refusals import NotAllowed, Refusal
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.selection import Selection

DIRECT = 50_000
"""Rows up to which a file is sent at once; beyond, the worker makes it while the person goes on working."""
AT_ONCE = 3
"""Files one person may have under way at the same time."""
KINDS = {"csv": "CSV", "xlsx": "Excel workbook", "json": "JSON"}


@dataclass(frozen=True)
class Asked:
    """What somebody wants as a file. `address` is the list as it was asked for, with the columns in it."""

    selection: Selection
    chosen: str
    """all, page or these"""
    kind: str
    address: str

    @property
    def query(self) -> ListQuery:
        return self.selection.query


class Tally:
    """What has gone into a file so far; a few bytes a row however long it gets."""

    def __init__(self, resource: Resource, layout: Layout) -> None:
        self.rows = self.size = 0
        self.keys = KeySet()
        self._digest = hashlib.sha256()
        self._places = layout.keys if resource.opens_records else ()
        self._written = resource.address_of_row(layout.keys)
        self._plain = len(self._places) == 1 and isinstance(resource.table.c[resource.keys[0]].type, BigInteger)

    def saw(self, batch: list[tuple[Any, ...]]) -> None:
        self.rows += len(batch)
        if self._plain:
            place = self._places[0]
            self.keys.add([row[place] for row in batch])
        elif self._places and self._written is not None:
            self.keys.add(map(self._written, batch))

    def weigh(self, piece: str | bytes) -> bytes:
        """The piece as it is sent."""
        sent = piece.encode() if isinstance(piece, str) else piece
        self.size += len(sent)
        self._digest.update(sent)
        return sent

    @property
    def sha256(self) -> str | None:
        return self._digest.hexdigest() if self.size else None


def key_in(resource: Resource, key: str) -> Any:
    """A record's key as `Tally` takes it in: a number where the key is one, else as addresses write it.

    Raises ValueError for what can be no key of a declared table, NotFound for one of any other.
    """
    known = resource.key_from_ledger(key) if resource.declared else key
    if known is None:
        raise ValueError(key)
    values = list(resource.key_values(known).values())
    return values[0] if len(values) == 1 and isinstance(values[0], int) else key


# -- making a file -----------------------------------------------------------------------------------------------------


def pieces(engine: Engine, asked: Asked, actor: Actor, tally: Tally) -> Iterator[bytes]:
    """The file, from one snapshot, at constant memory; `tally` counts along."""
    query = asked.query
    if asked.kind == "csv":
        made: Iterator[Any] = exports.csv_lines(engine, query, actor, tally.saw)
    elif asked.kind == "json":
        made = exports.json_lines(engine, query, actor, tally.saw)
    else:
        made = exports.xlsx_chunks(engine, query, actor, tally.saw, lambda: about(asked, actor, tally.rows))
    return map(tally.weigh, made)


def about(asked: Asked, actor: Actor, rows: int) -> list[tuple[str, str]]:
    """What a workbook says of itself: its manifest but for its own checksum, which no file can hold."""
    query = asked.query
    masked = [each.title for each in query.columns if each.name in query.projection.masked]
    return [
        ("List", query.resource.plural),
        ("Address", asked.address),
        ("Taken by", actor.name),
        ("Taken at", formats.absolute(now(), actor.timezone)),
        ("Which rows", {"all": "All that matched", "page": "One page", "these": "Selected rows"}[asked.chosen]),
        ("Rows", f"{rows:,}"),
        ("Columns", ", ".join(each.title for each in query.columns)),
        ("Masked columns", ", ".join(masked) or "none"),
    ]


def direct(engine: Engine, asked: Asked, actor: Actor, request_id: str | None) -> tuple[int, Iterator[bytes]]:
    """(number of the manifest, the file). The manifest is there before the first row and ends with the last one sent."""
    with transaction(engine) as connection:
        number = _begin(connection, asked, actor, request_id)
    return number, _sent(engine, number, asked, actor)


def _sent(engine: Engine, number: int, asked: Asked, actor: Actor) -> Iterator[bytes]:
    tally = Tally(asked.query.resource, exports.layout_of(asked.query, actor))
    status, why = "broken_off", "The browser stopped taking it."
    try:
        yield from pieces(engine, asked, actor, tally)
        status, why = "done", ""
    except Exception as fault:
        status, why = "failed", fault.sentence if isinstance(fault, Refusal) else "It could not be read to its end."
        raise
    finally:
        with transaction(engine) as connection:
            finish(connection, number, status, tally, why=why)


def ask(connection: Connection, asked: Asked, actor: Actor, request_id: str | None, expected: int | None) -> int:
    """Have the worker make the file; returns the number of its manifest. Raises NotAllowed for one too many at once."""
    waiting = connection.execute(_WAITING, {"me": actor.app_user_id}).scalar_one()
    if waiting >= AT_ONCE:
        raise NotAllowed(f"{AT_ONCE} of your exports are under way. Let one finish, or cancel it, and ask again.")
    number = _begin(connection, asked, actor, request_id, later=True, expected=expected)
    background.defer_within(connection, background.queue.tasks["export.make"], export_id=number)
    return number


def _begin(
    connection: Connection,
    asked: Asked,
    actor: Actor,
    request_id: str | None,
    later: bool = False,
    expected: int | None = None,
) -> int:
    query = asked.query
    values = {
        "tenant": actor.tenant_id,
        "me": actor.app_user_id,
        "table": query.resource.ledger_name,
        "label": query.resource.plural,
        "address": asked.address,
        "filters": sorted({name for name, _ in parse_qsl(asked.address.partition("?")[2])} - _NOT_NARROWING),
        "selected": asked.chosen,
        "format": asked.kind,
        "columns": [each.name for each in query.columns],
        "masked": [each.name for each in query.columns if each.name in query.projection.masked],
        "own": not query.projection.reads_all,
        "platform": actor.may("platform.read"),
        "file": file_name(query, asked.kind, now()),
        "later": later,
        "status": "waiting" if later else "running",
        "expected": expected,
        "request": request_id,
    }
    return int(connection.execute(_BEGIN, values).scalar_one())


def finish(
    connection: Connection,
    number: int,
    status: str,
    tally: Tally | None,
    *,
    why: str = "",
    attempt: int = 0,
    lasts: str | None = None,
) -> bool:
    """Close a manifest: what was taken, and which records; False when it was closed already, as by Cancel."""
    values = {
        "id": number,
        "attempt": attempt,
        "status": status,
        "why": why or None,
        "rows": tally.rows if tally else 0,
        "bytes": tally.size if tally else 0,
        "sha": tally.sha256 if tally else None,
        "lasts": lasts,
    }
    if connection.execute(_FINISH, values).rowcount != 1:
        return False
    kept = list(tally.keys.containers()) if tally else []
    if kept:
        kinds, containers, held = zip(*kept, strict=True)
        connection.execute(
            _KEYS, {"id": number, "kinds": list(kinds), "containers": list(containers), "held": list(held)}
        )
    return True


# -- reading again -----------------------------------------------------------------------------------------------------


def again(connection: Connection, manifest: Row[Any], actor: Actor) -> Asked:
    """What a manifest asked for, as this actor may have it now. Raises NotAllowed where that is nothing any more."""
    view = still_seen(connection, manifest, actor)
    pairs = parse_qsl(manifest.address.partition("?")[2])
    query = listing.read_query(pairs, view, actor.timezone)
    return Asked(Selection(query), manifest.selected, manifest.format, manifest.address)


def still_seen(connection: Connection, manifest: Row[Any], actor: Actor) -> Projection:
    """The actor's present view of the table a file was made of. Raises NotAllowed when it shows less than the file holds."""
    # A worker knows no pages, so nobody else has told the registry there about tables that are not declared.
    resource = REGISTRY.get(manifest.table_name) or reflect.find_qualified(connection, manifest.table_name)
    if resource is None:
        raise NotAllowed(f"{manifest.label} are no longer in this database.")
    view = projection(resource, actor)
    shows = set(manifest.columns) <= view.by_name.keys()
    unmasked = set(manifest.columns) - set(manifest.masked)
    rows = (manifest.own_rows or view.reads_all) and (not manifest.platform_rows or actor.may("platform.read"))
    if not (actor.may("export.read") and view.reads and shows and rows) or unmasked & view.masked:
        raise NotAllowed("Your role no longer shows all that is in this file. Take the list out again.")
    return view


def holding(connection: Connection, resource: Resource, key: str, actor: Actor, most: int = 200) -> list[int]:
    """The manifests, newest first, of files that held this record."""
    kind, container, rest = place_of(key_in(resource, key))
    asked = {"kind": kind, "container": container, "table": resource.ledger_name, "tenant": actor.tenant_id}
    found: list[int] = []
    for number, held in connection.execute(_HOLDING, asked):
        if holds(bytes(held), rest):
            found.append(number)
            if len(found) == most:
                break
    return found


_NOT_NARROWING = OURS - {"q", "scope", "archived", "kept"}
_WAITING = text(
    "SELECT count(*) FROM data_exports WHERE app_user_id = :me AND status IN ('waiting', 'running') AND in_background"
)
_BEGIN = text("""
INSERT INTO data_exports (tenant_id, app_user_id, table_name, label, address, filters, selected, format, columns, masked,
                          own_rows, platform_rows, file_name, in_background, status, rows_expected, request_id)
VALUES (:tenant, :me, :table, :label, :address, CAST(:filters AS text[]), :selected, :format, CAST(:columns AS text[]),
        CAST(:masked AS text[]), :own, :platform, :file, :later, :status, :expected, :request)
RETURNING id
""")
_FINISH = text("""
UPDATE data_exports SET status = :status, why = :why, row_count = :rows, byte_count = :bytes, sha256 = :sha,
       finished_at = clock_timestamp(), expires_at = clock_timestamp() + CAST(:lasts AS interval)
WHERE id = :id AND attempt = :attempt AND status IN ('waiting', 'running')
""")
_KEYS = text("""
INSERT INTO data_export_keys (data_export_id, kind, container, held)
SELECT :id, * FROM unnest(CAST(:kinds AS text[]), CAST(:containers AS bigint[]), CAST(:held AS bytea[]))
""")
_HOLDING = text("""
SELECT e.id, k.held FROM data_export_keys k JOIN data_exports e ON e.id = k.data_export_id
WHERE k.container = :container AND k.kind = :kind AND e.table_name = :table AND e.tenant_id = :tenant
ORDER BY e.created_at DESC, e.id DESC
""")
