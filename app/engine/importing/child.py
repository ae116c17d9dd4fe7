"""Reads a file that somebody sent, in a process of its own that may take so much memory and time and can harm nothing.

Run by path with the file and its options as arguments; it speaks JSON, a line at a time. It knows nothing of the console.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any

MOST_ROWS, MOST_COLUMNS = 500_000, 500
LONGEST_LINE, LONGEST_CELL = 2_000_000, 200_000
MOST_UNPACKED, MOST_ENTRIES, MOST_TIMES = 1_500_000_000, 5_000, 200
SAMPLED, SAMPLED_CELLS, FACED = 5_000, 60_000, 20
BATCH = 500
DELIMITERS = (",", ";", "\t", "|")


class Fault(Exception):
    """Why the file cannot be read, as a sentence for whoever sent it."""


def main() -> None:
    """Inspect or read a file; everything that goes wrong is said as a sentence."""
    path, options = sys.argv[1], json.loads(sys.argv[2])
    limit(options["memory"], options["seconds"])
    csv.field_size_limit(LONGEST_CELL)
    try:
        if options["do"] == "inspect":
            say(inspect(path, options))
        else:
            for batch in batches(rows(path, options)):
                say({"rows": batch})
            say({"end": True})
    except Fault as fault:
        say({"fault": str(fault)})
    except MemoryError:
        say({"fault": "Reading this file takes more memory than one import may have. Split it, or send it as CSV."})
    except csv.Error:
        say({"fault": f"A field is longer than {LONGEST_CELL:,} characters. Perhaps a quotation mark is not closed."})
    except Exception:
        say({"fault": "This file is damaged, or no file of the kind it says it is."})


def limit(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def say(words: Any) -> None:
    sys.stdout.write(json.dumps(words))
    sys.stdout.write("\n")
    sys.stdout.flush()


def batches(found: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for each in found:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# -- what kind of file it is -------------------------------------------------------------------------------------------

_OTHERS = (
    (b"%PDF", "This is a PDF file. Send the table it was made of, as CSV or XLSX."),
    (b"\xd0\xcf\x11\xe0", "This is an old Excel workbook (.xls), or one with a password. Save it as .xlsx or CSV."),
    (b"\x1f\x8b", "This file is packed (gzip). Unpack it and send what is in it."),
    (b"\x89PNG", "This is a picture, not a table."),
    (b"\xff\xd8\xff", "This is a picture, not a table."),
)


def kind_of(path: str) -> str:
    """csv or xlsx, by what is in the file and not by its name. Raises Fault for anything else."""
    if os.path.getsize(path) == 0:
        raise Fault("This file is empty.")
    with open(path, "rb") as file:
        head = file.read(4096)
    for sign, sentence in _OTHERS:
        if head.startswith(sign):
            raise Fault(sentence)
    if head.startswith(b"PK\x03\x04"):
        unpacked(path)
        return "xlsx"
    if head.startswith(b"PK"):
        raise Fault("This ZIP file is empty or damaged.")
    return "csv"


def unpacked(path: str) -> None:
    """Look into a workbook before anything of it is unpacked."""
    import zipfile  # only here: it takes half of the time a small file of text needs

    with zipfile.ZipFile(path) as packed:
        entries = packed.infolist()
        whole = sum(each.file_size for each in entries)
        most = max(
            (each.file_size / max(each.compress_size, 1) for each in entries if each.file_size > 5_000_000), default=0
        )
        if len(entries) > MOST_ENTRIES or whole > MOST_UNPACKED or most > MOST_TIMES:
            raise Fault("This workbook unpacks to far more than it seems to hold. It is not opened.")
        names = {each.filename for each in entries}
    if "xl/workbook.xml" not in names:
        raise Fault("This ZIP file holds no workbook. Unpack it and send the CSV or XLSX file that is in it.")


def encoding_of(path: str) -> str:
    """The encoding of a text file, by its mark and else by what can be read."""
    with open(path, "rb") as file:
        head = file.read(4096)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        zeros = head.count(0)
        if zeros > len(head) // 4:
            return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
        if zeros and head.count(0) > 3:
            raise Fault("This is no text file and no workbook. Send a table as CSV or XLSX.")
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := file.read(1_000_000):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


# -- its rows ----------------------------------------------------------------------------------------------------------


def records(path: str, options: dict[str, Any]) -> Iterator[list[str]]:
    """Every row of the file as text, the first included."""
    if options["kind"] == "xlsx":
        yield from sheet_records(path, options.get("sheet") or "")
        return
    encoding = options["encoding"]
    try:
        with open(
            path, encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline=""
        ) as stream:
            yield from csv.reader(lines(stream), delimiter=options["delimiter"])
    except UnicodeError:
        raise Fault(f"This file cannot be read as {encoding}. Choose another encoding.") from None


def lines(stream: io.TextIOBase) -> Iterator[str]:
    """Lines, none of which may be longer than memory allows."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise Fault(
                f"Line {number:,} is longer than {LONGEST_LINE:,} characters. This is no table of ours to read."
            )
        yield line


def workbook(path: str) -> Any:
    """The workbook, opened to be read row by row; what else could be imported with it takes time and memory for nothing."""
    sys.modules.update(dict.fromkeys(("numpy", "pandas", "lxml", "PIL", "defusedxml")))  # type: ignore[arg-type]
    import openpyxl

    # Opened here, since by name it would be judged by its ending.
    return openpyxl.load_workbook(open(path, "rb"), read_only=True, data_only=True, keep_links=False)


def sheet_records(path: str, name: str) -> Iterator[list[str]]:
    book = workbook(path)
    try:
        sheet = book[name] if name in book.sheetnames else book.worksheets[0]
        sheet.reset_dimensions()
        for cells in sheet.iter_rows(values_only=True):
            yield [as_text(cell) for cell in cells]
    finally:
        book.close()


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How a workbook writes a character XML has none for, as a carriage return."""


def as_text(cell: Any) -> str:
    """A cell of a workbook as it would stand in a text file."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time(0) else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(cell))
    if len(text) > LONGEST_CELL:
        raise Fault(f"A field is longer than {LONGEST_CELL:,} characters.")
    return text


def rows(path: str, options: dict[str, Any]) -> Iterator[list[Any]]:
    """[row number, cells, fault or None] below the heading; blank rows are passed over."""
    options = options | {"kind": kind_of(path)}
    at, width, found = options["header_row"], options["width"], 0
    strict = options["kind"] == "csv"
    for number, cells in enumerate(records(path, options), 1):
        if number <= at or not any(cell.strip() for cell in cells):
            continue
        found += 1
        if found > MOST_ROWS:
            raise Fault(f"This file has more than {MOST_ROWS:,} rows. Split it.")
        fault = None
        if len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                fault = f"The row has {len(cells)} fields where the heading has {width}."
            cells = cells[: width + 20]
        elif len(cells) < width:
            if strict:
                fault = f"The row has {len(cells)} fields where the heading has {width}."
            cells = [*cells, *[""] * (width - len(cells))]
        yield [number, cells, fault]


# -- looking at it first -----------------------------------------------------------------------------------------------


def inspect(path: str, options: dict[str, Any]) -> dict[str, Any]:
    """How the file is to be read, what its columns are called, and what the first rows hold."""
    kind = kind_of(path)
    chosen = {name: value for name, value in options.get("chosen", {}).items() if value not in (None, "")}
    found: dict[str, Any] = {"kind": kind}
    if kind == "xlsx":
        found["sheets"] = sheet_names(path)
        asked = chosen.get("sheet")
        found["sheet"] = asked if asked in found["sheets"] else likely_sheet(path, found["sheets"])
    else:
        found["encoding"] = chosen.get("encoding") or encoding_of(path)
        found["delimiter"] = chosen.get("delimiter") or delimiter_of(path, found["encoding"])
    head, more = first(records(path, options | found))
    if not any(any(cell.strip() for cell in each) for each in head):
        raise Fault("This file has no rows.")
    at = int(chosen["header_row"]) if "header_row" in chosen else heading_at(head)
    if at > len(head):
        raise Fault(f"This file has no row {at}.")
    heading = head[at - 1] if at else [""] * max(len(each) for each in head)
    while heading and at and not heading[-1].strip():
        heading = heading[:-1]
    if len(heading) > MOST_COLUMNS or max(len(each) for each in head) > MOST_COLUMNS * 4:
        raise Fault(
            f"This file has {max(len(heading), *map(len, head)):,} columns; at most {MOST_COLUMNS} can be read."
        )
    if not heading:
        raise Fault("The row chosen as the heading is empty.")
    below = [each for each in head[at:] if any(cell.strip() for cell in each)]
    found |= {"header_row": at, "header": distinct(heading), "rows": len(below), "more": more}
    found["columns"] = [facts([each[place] for each in below if place < len(each)]) for place in range(len(heading))]
    found["date_order"] = chosen.get("date_order") or date_order(found["columns"])
    found["decimal"] = chosen.get("decimal") or decimal_style(found["columns"])
    return found


def first(found: Iterable[list[str]]) -> tuple[list[list[str]], bool]:
    """Rows enough to judge a file by, fewer of a wide one since a person waits; and whether there are more."""
    head: list[list[str]] = []
    most, widest = FACED + SAMPLED, 1
    for each in found:
        if len(head) == most:
            return head, True
        if len(each) > MOST_COLUMNS * 20:
            raise Fault(f"This file has {len(each):,} columns; at most {MOST_COLUMNS} can be read.")
        head.append(each)
        widest = max(widest, len(each))
        if len(head) == FACED:
            most = FACED + min(SAMPLED, SAMPLED_CELLS // widest)
    return head, False


def sheet_names(path: str) -> list[str]:
    book = workbook(path)
    try:
        names = [each.title for each in book.worksheets]
    finally:
        book.close()
    if not names:
        raise Fault("This workbook has no sheets.")
    return names


def likely_sheet(path: str, names: list[str]) -> str:
    """The first sheet that holds a table, two rows of two cells at least; many workbooks begin with a page of words."""
    if len(names) == 1:
        return names[0]
    for name in names[:20]:
        wide = (row for row in islice(sheet_records(path, name), 20) if sum(map(bool, row)) > 1)
        if len(list(islice(wide, 2))) == 2:
            return name
    return names[0]


def delimiter_of(path: str, encoding: str) -> str:
    """What stands between the fields: what splits most rows alike, into most fields."""
    with open(path, encoding=encoding, errors="replace", newline="") as stream:
        head = list(first_lines(stream, 60))
    best, score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = [len(each) for each in csv.reader(head, delimiter=delimiter) if each]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        if usual > 1:
            alike = (round(widths.count(usual) / len(widths), 1), usual)
            if alike > score:
                best, score = delimiter, alike
    return best


def first_lines(stream: io.TextIOBase, most: int) -> Iterator[str]:
    for place, line in enumerate(lines(stream)):
        if place == most:
            return
        yield line


def heading_at(head: list[list[str]]) -> int:
    """The row that names the columns: the first that is about as wide as the others, of different words and no values."""
    widths = [sum(1 for cell in each if cell.strip()) for each in head[:200]]
    usual = max(set(widths), key=widths.count)
    widest = max(widths)
    for number, cells in enumerate(head[:FACED], 1):
        names = [cell.strip() for cell in cells if cell.strip()]
        if len(names) >= max(1, min(usual, widest) * 0.6) and not any(_VALUE.fullmatch(name) for name in names):
            return number
    return 1 if not any(_VALUE.fullmatch(cell.strip()) for cell in head[0] if cell.strip()) else 0


def distinct(heading: list[str]) -> list[str]:
    """Column names made different: a file may have two columns called Notes, and one without a name."""
    seen: dict[str, int] = {}
    names = []
    for place, cell in enumerate(heading, 1):
        name = " ".join(cell.split())[:120] or f"Column {place}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


_VALUE = re.compile(r"[-+($€£]*\d[\d.,/:\s()%-]*|[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?:[ T].*)?")
_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[ T].*)?")
_POINT = re.compile(r"[-+($€£\s]*(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)[)\s%]*")
_COMMA = re.compile(r"[-+($€£\s]*(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,(?:\d{1,2}|\d{4,}))[)\s%]*")
_NUMBER = re.compile(r"[-+($€£\s]*\d[\d.,]*[)\s%]*")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"(?=(?:\D*\d){10,15}\D*)(?:\+|\()?[\d\s().+-]+(?:\s*(?:x|ext\.?)\s*\d+)?", re.IGNORECASE)
_BOOL = {"y", "n", "yes", "no", "true", "false", "1", "0", "x", ""}
_SHAPES = {
    "date": _DATE,
    "iso": _ISO,
    "point": _POINT,
    "comma": _COMMA,
    "number": _NUMBER,
    "mail": _MAIL,
    "phone": _PHONE,
}


def facts(cells: list[str]) -> dict[str, Any]:
    """What a column holds: how many cells, how many of which shape, the first few different ones."""
    values = [cell.strip() for cell in cells if cell.strip()]
    found: dict[str, Any] = {"cells": len(values), "samples": [value[:80] for value in dict.fromkeys(values[:400])][:6]}
    for name, shape in _SHAPES.items():
        found[name] = sum(1 for value in values if len(value) < 60 and shape.fullmatch(value))
    found["bool"] = sum(1 for value in values if value.lower() in _BOOL)
    dates = [match for value in values if len(value) < 40 and (match := _DATE.fullmatch(value))]
    found["first"] = max((int(each[1]) for each in dates), default=0)
    found["second"] = max((int(each[2]) for each in dates), default=0)
    return found


def date_order(columns: list[dict[str, Any]]) -> str:
    """mdy unless some first number is too large for a month and no second one is."""
    first_, second = (
        max((each[side] for each in columns if each["date"] > each["cells"] / 2), default=0)
        for side in ("first", "second")
    )
    return "dmy" if first_ > 12 >= second else "mdy"


def decimal_style(columns: list[dict[str, Any]]) -> str:
    return "comma" if sum(each["comma"] for each in columns) > sum(each["point"] for each in columns) else "point"


if __name__ == "__main__":
    main()
