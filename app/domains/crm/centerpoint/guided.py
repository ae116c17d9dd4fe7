"""The guided run: all files of an export sent together become one import, weighed in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, text

from app.core.db import db
from app.domains.crm.centerpoint import child
from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.handing import tables
from app.domains.crm.centerpoint.sheets import CUSTOMERS, SHEETS
from app.domains.crm.centerpoint.sheets import Sheet as Columns
from app.domains.crm.centerpoint.unpacking import MOST_BYTES
from app.engine.access import Actor
from app.engine.importing import files, reading, runs
from app.engine.importing.runs import Given, Run, Sheet
from app.engine.refusals import NotAllowed, Rejected

MAY = "imports.guided"
MOST_SENT = 40
"""Files sent together; an export has eight."""
MEMORY = 1536 * 1024 * 1024
LOOK_SECONDS, SECONDS = 30, 300
_HOME = Path(__file__).parents[4]


def receive(connection: Connection, actor: Actor, sent: Sequence[tuple[str, Iterable[bytes]]]) -> int:
    """Keep the files of an export as one run that is to be read; returns its number.

    Raises Rejected where the customers are neither among them nor here, or a file cannot be opened; NotAllowed where the
    role does not include it. Nothing is kept then.
    """
    if not actor.may(MAY) or actor.app_user_id is None:
        raise NotAllowed(f"Your role does not bring in a whole export; it needs {MAY}.")
    if not sent:
        raise Rejected({"files": "Choose the files of the export, or one ZIP that holds them."})
    if len(sent) > MOST_SENT:
        raise Rejected({"files": f"At most {MOST_SENT} files are sent together; an export has eight."})
    with TemporaryDirectory(prefix="export-") as folder:
        kept = list(_kept(sent, Path(folder)))
        (opened := Path(folder) / "opened").mkdir()
        found = _look(kept, opened)
        here = {sheet.file: _count(connection, actor.tenant_id, sheet) for sheet in SHEETS}
        if not found["sources"] or not (found["enough"] or here[CUSTOMERS.file]):
            raise Rejected({"files": _why_not(found, bool(here[CUSTOMERS.file]))})
        return _begin(connection, actor, found, here)


def _kept(sent: Iterable[tuple[str, Iterable[bytes]]], folder: Path) -> Iterator[tuple[str, str]]:
    size = 0
    for place, (name, pieces) in enumerate(sent):
        path = folder / f"sent-{place}"
        with path.open("wb") as stream:
            for piece in pieces:
                size += len(piece)
                if size > reading.LARGEST:
                    raise Rejected({"files": f"Together the files are larger than {reading.LARGEST // 2**20} MB."})
                stream.write(piece)
        yield name.replace("\\", "/").rpartition("/")[2].strip()[:200] or f"file {place + 1}", str(path)


def _look(kept: Sequence[tuple[str, str]], opened: Path) -> dict[str, Any]:
    asked = {"do": "look", "files": kept, "folder": str(opened)}
    return next(_child(asked, LOOK_SECONDS, once=True))


def _child(asked: dict[str, Any], seconds: int, once: bool = False) -> Iterator[dict[str, Any]]:
    options = json.dumps({**asked, "memory": MEMORY, "seconds": seconds, "unpacked": MOST_BYTES})
    try:
        yield from reading.spoken((str(Path(child.__file__)), str(_HOME), options), seconds, once)
    except Rejected as refused:
        raise Rejected({"files": refused.sentence}) from None


def _why_not(found: dict[str, Any], customers_here: bool) -> str:
    left = " ".join(f"{name}: {why}" for name, why in found["left"][:5])
    if customers_here:
        return f"None of these files is one of a CenterPoint export. {left}".strip()
    known = ", ".join(name for _file, name, *_rest in found["sources"])
    here = f" Found were only {known}." if known else ""
    return f"The customers are not among these files. Nothing can come in: every other file hangs on them.{here} {left}".strip()


def _begin(connection: Connection, actor: Actor, found: dict[str, Any], here: dict[str, int]) -> int:
    sources = {file: rest for file, *rest in found["sources"]}
    number = runs.begin(
        connection,
        actor,
        source=SOURCE,
        kind=SOURCE,
        title=f"CenterPoint export, {len(sources)} of {len(SHEETS)} files",
    )
    for sheet, table in tables():
        if sheet.file not in sources:
            continue
        name, path, encoding, separator, written = sources[sheet.file]
        key = runs.add_sheet(connection, number, table, file_name=name, header=sheet.columns)
        if table == sheet.tables[0]:
            reading.keep(connection, key, _pieces(Path(path)))
            dialect = {"file": sheet.file, "encoding": encoding, "separator": separator, "written": written}
            connection.execute(_DIALECT, {"id": key, "dialect": json.dumps(dialect), "import": number})
    facts = {name: found[name] for name in ("left", "compared")}
    facts["missing"] = [
        [file, f"The {here[file]:,} that came in earlier stay as they are." if here[file] else without]
        for file, without in found["missing"]
    ]
    kept = runs.storable(json.dumps(facts, ensure_ascii=False))
    connection.execute(_FACTS, {"id": number, "facts": kept})
    files.to_read(connection, runs.find(connection, number, actor.tenant_id))
    return number


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(reading.PIECE):
            yield piece


_DIALECT = text("UPDATE import_sheets SET dialect = CAST(:dialect AS jsonb) WHERE id = :id AND import_id = :import")
_FACTS = text("UPDATE imports SET facts = CAST(:facts AS jsonb) WHERE id = :id")


@files.made_by(SOURCE)
def rows(run: Run) -> Iterator[tuple[Sheet, list[Given]]]:
    """Weigh the files of a run, parents first. Raises Rejected for one that breaks off or takes too much."""
    sheets: dict[str, Sheet] = {}
    for each in run.sheets:
        sheets.setdefault(each.table_name, each)
    with ExitStack() as open_, db.engine.connect() as connection:
        sources = []
        zone = connection.execute(_ZONE, {"tenant": run.tenant_id}).scalar() or "UTC"
        for each in run.sheets:
            if each.dialect:
                path = open_.enter_context(reading.on_disk(connection, each.id))
                dialect = each.dialect
                sources.append((dialect["file"], each.file_name, path, dialect["encoding"], dialect["separator"]))
        here = Path(open_.enter_context(TemporaryDirectory(prefix="here-"))) / "rows"
        _write_here(connection, run.tenant_id, here)
        connection.rollback()
        connection.close()  # let go of before the files are weighed, which takes a while
        for words in _child({"do": "weigh", "sources": sources, "zone": zone, "here": str(here)}, SECONDS):
            if "table" in words:
                yield sheets[words["table"]], [_given(*each) for each in words["rows"]]
            else:
                _note(run, words)


def _write_here(connection: Connection, tenant_id: int, path: Path) -> None:
    """The rows of earlier exports whose records are here, a line each: what a file leaves out may still be referred to."""
    with path.open("w") as lines:
        for sheet in SHEETS:
            asked = {"tenant": tenant_id, "source": SOURCE, "table": sheet.tables[0]}
            for raw in connection.execute(text(_HERE.format(table=sheet.tables[0])), asked).scalars():
                lines.write(json.dumps([sheet.file, raw]) + "\n")


def _count(connection: Connection, tenant_id: int, sheet: Columns) -> int:
    """How many records of a file are here already."""
    asked = {"tenant": tenant_id, "source": SOURCE, "table": sheet.tables[0]}
    counted = f"SELECT count(*) FROM ({_HERE.format(table=sheet.tables[0])}) AS those"
    return int(connection.execute(text(counted), asked).scalar_one())


_HERE = """
SELECT s.raw FROM record_sources s JOIN {table} t ON t.id = s.record_id
WHERE s.tenant_id = :tenant AND s.source = :source AND s.table_name = :table
"""


def _given(row_no: int, key: str | None, raw: Any, given: Any, refused: Any, notes: Any) -> Given:
    return Given(row_no, key, raw, given, tuple(refused) if refused else None, [tuple(note) for note in notes])


def _note(run: Run, counted: dict[str, Any]) -> None:
    from app.engine.apply import transaction

    with transaction() as connection:
        connection.execute(_COUNTED, {"id": run.id, "counted": json.dumps(counted)})


_ZONE = text("SELECT timezone FROM tenants WHERE id = :tenant")
_COUNTED = text("UPDATE imports SET facts = facts || CAST(:counted AS jsonb) WHERE id = :id")


# -- the report --------------------------------------------------------------------------------------------------------


def report(connection: Connection, run: Run) -> dict[str, Any]:
    """In, out, refused and why, file by file, and what was found out about the files themselves."""
    facts = connection.execute(_OF_RUN, {"id": run.id}).scalar() or {}
    counted = runs.counts(connection, run)
    whys: dict[int, list[tuple[str, int, str, int]]] = {}
    for row in connection.execute(_WHYS, {"import": run.id}):
        whys.setdefault(row.sheet_id, []).append((row.kind, row.number, row.why, row.position))
    lines = []
    for each in run.sheets:
        found = counted[each.id]
        total = sum(found.values())
        refused = found.get("refused", 0) + found.get("left_out", 0)
        lines.append(
            {
                "sheet": each,
                "written": each.dialect.get("written", ""),
                "beside": not each.dialect,
                "rows": total,
                "in": total - refused - found.get("waiting", 0),
                "words": _of_what(found),
                "refused": refused,
                "noted": sum(number for kind, number, *_rest in whys.get(each.id, ()) if kind == "value"),
                "whys": whys.get(each.id, []),
            }
        )
    return {"facts": facts, "lines": lines, "totals_rows": (facts.get("read") or {}).get("totals_rows", 0)}


def _of_what(found: Mapping[str, int]) -> str:
    """What the rows that come in are: "all new", or "12 new, 3 changed"."""
    kinds = [(found[outcome], words) for outcome, words in _KINDS.items() if found.get(outcome)]
    if len(kinds) == 1:
        return f"all {kinds[0][1]}"
    return ", ".join(f"{number:,} {words}" for number, words in kinds)


_KINDS = {
    "creates": "new", "changes": "changed", "conflicts": "changed on both sides", "applied": "brought in",
    "already": "unchanged",
}  # fmt: skip
_OF_RUN = text("SELECT facts FROM imports WHERE id = :id")
# Reasons are told apart by what they say of any row, not by the number or the word that stands in this one.
_WHYS = text(r"""
SELECT sheet_id, position, kind, count(*) AS number,
    min(shown) || CASE WHEN count(DISTINCT shown) > 1 THEN ' (and others like it)' ELSE '' END AS why
FROM (
    SELECT r.sheet_id, s.position, 'row' AS kind, r.why AS shown,
        regexp_replace(regexp_replace(r.why, '“[^”]*”', '“…”', 'g'), '[A-Z]*[0-9][0-9,.]*', '#', 'g') AS alike
    FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id
    WHERE s.import_id = :import AND r.outcome IN ('refused', 'left_out')
    UNION ALL
    SELECT r.sheet_id, s.position, 'value', n.note ->> 1,
        regexp_replace(regexp_replace(n.note ->> 1, '“[^”]*”', '“…”', 'g'), '[A-Z]*[0-9][0-9,.]*', '#', 'g')
    FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id CROSS JOIN LATERAL jsonb_array_elements(r.notes) n (note)
    WHERE s.import_id = :import AND r.notes IS NOT NULL
) f GROUP BY sheet_id, position, kind, alike ORDER BY position, kind, number DESC LIMIT 120
""")
