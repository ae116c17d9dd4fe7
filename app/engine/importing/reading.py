"""Files as they were sent, kept in pieces and read by a child process within limits; whatever goes wrong is a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from app.engine.importing import child
from app.engine.refusals import Rejected

LARGEST = 64 * 1024 * 1024
"""Bytes one file may have."""
PIECE = 512 * 1024
MEMORY = 768 * 1024 * 1024
"""Bytes of memory the reading process may take."""
SECONDS, LOOK_SECONDS = 240, 20
"""Seconds of processor time to read a file, and to look at one while a person waits."""
_CHILD = Path(child.__file__)
_LONGEST_LINE = 256 * 1024 * 1024


def keep(connection: Connection, sheet_id: int, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Keep a file in place of the one there was; returns its size and SHA-256. Raises Rejected for one too large or empty."""
    connection.execute(_FORGET, {"sheet": sheet_id})
    size, whole = 0, hashlib.sha256()
    for n, piece in enumerate(pieces):
        size += len(piece)
        if size > LARGEST:
            raise Rejected({"file": f"This file is larger than {LARGEST // 2**20} MB. Split it."})
        whole.update(piece)
        connection.execute(_KEEP, {"sheet": sheet_id, "n": n, "bytes": piece})
    if not size:
        raise Rejected({"file": "This file is empty."})
    connection.execute(_SIZE, {"sheet": sheet_id, "size": size, "sha": whole.hexdigest()})
    return size, whole.hexdigest()


_FORGET = text("DELETE FROM import_parts WHERE sheet_id = :sheet")
_KEEP = text("INSERT INTO import_parts (sheet_id, n, bytes) VALUES (:sheet, :n, :bytes)")
_SIZE = text("UPDATE import_sheets SET file_bytes = :size, file_sha256 = :sha WHERE id = :sheet")
_PART = text("SELECT bytes FROM import_parts WHERE sheet_id = :sheet AND n = :n")
_WEIGHED = text("SELECT file_sha256 FROM import_sheets WHERE id = :sheet")


@contextmanager
def on_disk(connection: Connection, sheet_id: int) -> Iterator[str]:
    """The kept file under a name of this machine, for as long as it is read. Raises Rejected where it is not what was sent."""
    whole = hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix="import-") as file:
        n = 0
        while (piece := connection.execute(_PART, {"sheet": sheet_id, "n": n}).scalar()) is not None:
            file.write(piece)
            whole.update(piece)
            n += 1
        file.flush()
        if whole.hexdigest() != connection.execute(_WEIGHED, {"sheet": sheet_id}).scalar():
            raise Rejected({"file": "The file is not the one that was sent. Send it again."})
        yield file.name


def inspect(path: str, chosen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How a file is read, what its columns are called and hold; `chosen` is what a person corrected.

    Raises Rejected with a sentence for a file that cannot be read.
    """
    return next(_spoken(path, {"do": "inspect", "chosen": dict(chosen or {})}, LOOK_SECONDS))


def read(path: str, dialect: Mapping[str, Any], width: int) -> Iterator[tuple[int, list[str], str | None]]:
    """(row number, cells, fault) of every row below the heading, at constant memory."""
    options = {name: dialect.get(name) for name in ("encoding", "delimiter", "sheet", "header_row")}
    for words in _spoken(path, {"do": "read", "width": width, **options}, SECONDS):
        yield from words.get("rows", ())


def _spoken(path: str, options: Mapping[str, Any], seconds: int) -> Iterator[dict[str, Any]]:
    asked = json.dumps({**options, "memory": MEMORY, "seconds": seconds})
    return spoken((str(_CHILD), path, asked), seconds, once=options["do"] == "inspect")


def spoken(command: Sequence[str], seconds: int, once: bool = False) -> Iterator[dict[str, Any]]:
    """What a child that reads files says, line by line; it is ended when nobody listens any more, or its time is over.

    `command` is the program's file and its arguments; the child sets its own limits and says {"fault": sentence} where it
    cannot go on, and {"end": true} last. `once` takes one answer. Raises Rejected with the sentence.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    late = threading.Timer(seconds * 4, process.kill)
    late.start()
    try:
        said = False
        while line := process.stdout.readline(_LONGEST_LINE):
            words = json.loads(line)
            if "fault" in words:
                raise Rejected({"file": words["fault"]})
            if words.get("end"):
                return
            said = True
            yield words
            if once:
                return
        process.wait()
        why = "took too long" if process.returncode in (-9, -24) else "needs more memory than one import may have"
        begun = " part of" if said else ""
        raise Rejected({"file": f"Reading{begun} this file {why}. Split it, or send it as CSV."})
    finally:
        late.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
