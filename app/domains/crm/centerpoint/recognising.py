"""Which of the files somebody sent is which table of the export: told by what stands in them, never by their names."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.domains.crm.centerpoint.sheets import (
    CUSTOMERS,
    SHEETS,
    Sheet,
    Source,
    Unusable,
    distinct,
    named,
    rows_of_workbook,
)

SEPARATORS = (",", ";", "\t", "|")
# A heading longer than this is none; a file of one endless line is told from a table by its first bytes.
HEADING = 64 * 1024


@dataclass(frozen=True)
class Found:
    """What was sent, sorted: the tables of the export, what stands in for one of them, and what is none."""

    sources: Mapping[Sheet, Source] = field(default_factory=dict)
    beside: tuple[Source, ...] = ()
    """The same customers once more, as a workbook: compared, not taken."""
    left: tuple[tuple[str, str], ...] = ()
    """Files that were left aside: (name, why)."""

    def get(self, sheet: Sheet) -> Source | None:
        return self.sources.get(sheet)

    @property
    def missing(self) -> tuple[Sheet, ...]:
        return tuple(sheet for sheet in SHEETS if sheet not in self.sources)

    @property
    def enough(self) -> bool:
        """Whether anything at all can come in."""
        return CUSTOMERS in self.sources


def recognise(files: Iterable[tuple[str, Path]]) -> Found:
    """Sort files given as (name, path), in whatever order. The same files give the same answer."""
    sources: dict[Sheet, Source] = {}
    beside: list[Source] = []
    left: list[tuple[str, str]] = []
    for name, path in sorted(files):
        try:
            source = look(name, path)
        except Unusable as why:
            left.append((name, str(why)))
            continue
        other = sources.get(source.sheet)
        if other is None:
            sources[source.sheet] = source
        elif bool(other.separator) != bool(source.separator):
            text, book = (other, source) if other.separator else (source, other)
            sources[source.sheet] = text
            beside.append(book)
        else:
            left.append(
                (name, f"It holds {source.sheet.name}, as {other.name} does, which was taken. Send one of them.")
            )
    return Found(sources, tuple(beside), tuple(left))


def look(name: str, path: Path) -> Source:
    """What one file is. Raises Unusable, saying what was found instead."""
    with path.open("rb") as stream:
        start = stream.read(HEADING)
    if not start.strip():
        raise Unusable("It is empty.")
    if start.startswith(b"PK\x03\x04"):
        heading = _heading_of_workbook(path)
        return Source(_sheet(heading), path, name)
    if start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b")):
        raise Unusable("It is not a table: neither CSV nor an Excel workbook (.xlsx).")
    encoding = _encoding(path, start)
    text = _first_line(start, encoding)
    best = max((_split(text, separator) for separator in SEPARATORS), key=lambda split: _fit(split[1]))
    return Source(_sheet(best[1]), path, name, encoding, best[0])


def _split(text: str, separator: str) -> tuple[str, list[str]]:
    try:
        return separator, next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return separator, []


def _fit(heading: list[str]) -> int:
    return max(len(set(named(sheet, heading)) & set(sheet.columns)) for sheet in SHEETS)


def _sheet(heading: list[str]) -> Sheet:
    """The table this heading is of: the one of which it has all columns. Raises Unusable with what comes nearest."""
    fits = [(len(set(sheet.columns) - set(named(sheet, heading))), sheet) for sheet in SHEETS]
    lacking, nearest = min(fits, key=lambda fit: (fit[0] / len(fit[1].columns), -len(fit[1].columns)))
    if not lacking:
        return nearest
    if lacking <= len(nearest.columns) // 2:
        gone = [column for column in nearest.columns if column not in named(nearest, heading)]
        raise Unusable(
            f"It looks like {nearest.name}, but has no column {' and no '.join(f'“{each}”' for each in gone)}."
        )
    shown = ", ".join(f"“{column[:30]}”" for column in list(distinct(heading))[:4])
    raise Unusable(f"It is no table of a CenterPoint export: its first line reads {shown or 'nothing'}.")


def _encoding(path: Path, start: bytes) -> str:
    """How the text is written: what is not UTF-8 throughout is Windows-1252, where that can be."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as stream:
                while piece := stream.read(1 << 20):
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Unusable("It is text neither in UTF-8 nor in Windows-1252.")


def _first_line(start: bytes, encoding: str) -> str:
    text = start.decode(encoding, errors="ignore")
    lines = text.splitlines()
    if len(start) == HEADING and len(lines) < 2:
        raise Unusable(f"Its first line is longer than {HEADING:,} bytes; a heading is not.")
    return lines[0] if lines else ""


def _heading_of_workbook(path: Path) -> list[str]:
    with rows_of_workbook(path) as rows:
        return [str(cell) for cell in next(rows, ()) if cell is not None]
