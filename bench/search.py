"""Search over everything, as it is asked while somebody types: the palette's own request, whole."""

from __future__ import annotations

import os
import statistics
import time
import urllib.parse
from collections.abc import Iterator

from app.config import load
from app.core import startup
from app.engine.search import vocabulary
from bench.serving import DATA, Served, owner

LIMIT_MS = 100
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
CASES = (
    ("a name with a slip in each of two words", "timbrline aviaton"),
    ("one misspelt word of many names", "blustem"),
    ("a word that very many names hold", "aviation"),
    ("the digits of a telephone", "303 555 0142"),
    ("a number", "C-123456"),
    ("its digits", "123456"),
    ("one letter", "b"),
)


def measure(served: Served, rounds: int) -> Iterator[tuple[str, float, float]]:
    """(case, median in milliseconds, limit)."""
    learn_words()
    for case, words in CASES:
        path = f"/search?q={urllib.parse.quote(words)}"
        for _ in range(16):  # each of the server's connections prepares a statement once it has met it a few times
            served.request(path, headers=FRAGMENT)
        took = statistics.median(_timed(served, path) for _ in range(max(rounds // 4, 10)))
        yield f"search: {case}, ms", took, LIMIT_MS


def learn_words() -> None:
    """What the worker does every five minutes; no worker runs beside a measurement."""
    from app.engine.registry import discover

    discover()
    settings = load({**os.environ, "DATA_DIR": str(DATA / "big"), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    try:
        with owner(config).begin() as connection:
            vocabulary.read_up(connection)
    finally:
        if embedded is not None:
            embedded.stop()


def _timed(served: Served, path: str) -> float:
    began = time.perf_counter()
    served.request(path, headers=FRAGMENT)
    return (time.perf_counter() - began) * 1000
