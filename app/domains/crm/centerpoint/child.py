"""Looks at an export, or weighs it, in a process of its own that may take so much memory and time and can harm nothing.

Run by path with the console's folder and what to do as arguments; it speaks JSON, a line at a time.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BATCH = 500


def main() -> None:
    """Whatever is wrong with the files is said as a sentence."""
    home, options = sys.argv[1], json.loads(sys.argv[2])
    sys.path.insert(0, home)
    resource.setrlimit(resource.RLIMIT_AS, (options["memory"], options["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (options["seconds"], options["seconds"] + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (options["unpacked"], options["unpacked"]))
    from app.domains.crm.centerpoint.sheets import Unusable

    try:
        if options["do"] == "look":
            say(look(options))
        else:
            for words in weigh(options):
                say(words)
            say({"end": True})
    except Unusable as why:
        say({"fault": str(why)})
    except MemoryError:
        say({"fault": "Reading these files takes more memory than one import may have."})


def say(words: Any) -> None:
    sys.stdout.write(json.dumps(words, default=str))
    sys.stdout.write("\n")
    sys.stdout.flush()


def look(options: dict[str, Any]) -> dict[str, Any]:
    """Which file is which, what is left aside and why, and what a second file of the customers says."""
    from app.domains.crm.centerpoint.export import compare
    from app.domains.crm.centerpoint.recognising import recognise
    from app.domains.crm.centerpoint.unpacking import unpack

    sent = [(name, Path(path)) for name, path in options["files"]]
    found = recognise(unpack(sent, Path(options["folder"])))
    compared = compare(found)
    return {
        "sources": [
            [sheet.file, each.name, str(each.path), each.encoding, each.separator, each.written]
            for sheet, each in found.sources.items()
        ],
        "left": [list(each) for each in found.left],
        "missing": [[sheet.file, sheet.without] for sheet in found.missing],
        "enough": found.enough,
        "compared": None
        if compared is None
        else {
            "taken": compared.taken,
            "beside": compared.beside,
            "same": compared.same,
            "differing": [list(each) for each in compared.differing],
            "only_taken": len(compared.only_taken),
            "only_beside": len(compared.only_beside),
        },
    }


def weigh(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every row of every table, parents first: {"table", "rows": [[row, key, raw, given, refused, notes], ...]}."""
    from app.domains.crm.centerpoint import handing
    from app.domains.crm.centerpoint.export import weigh as weighed
    from app.domains.crm.centerpoint.recognising import Found
    from app.domains.crm.centerpoint.sheets import SHEETS, Source

    known = {sheet.file: sheet for sheet in SHEETS}
    sources = {
        known[file]: Source(known[file], Path(path), name, encoding, separator)
        for file, name, path, encoding, separator in options["sources"]
    }
    intake = weighed(Found(sources), options["zone"], here=_here(Path(options["here"])))
    for sheet, table in handing.tables():
        told = (
            [each.row_no, each.source_key, each.raw, handing.plain(each.given), each.refused, list(each.notes)]
            for each in handing.rows(intake, sheet, table)
        )
        for batch in _batches(told):
            yield {"table": table, "rows": batch}
    yield {"read": dict(intake.read), "turned_away": dict(intake.turned_away)}


def _here(path: Path) -> dict[str, list[dict[str, str]]]:
    """What earlier exports brought, by file: a line of JSON for each row."""
    found: dict[str, list[dict[str, str]]] = {}
    with path.open() as lines:
        for file, cells in map(json.loads, lines):
            found.setdefault(file, []).append(cells)
    return found


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for each in rows:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    main()
