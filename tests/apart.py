"""A thread of one's own: no event loop of a browser's driver, no application another fixture holds open."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")


def apart(call: Callable[[], Answer]) -> Answer:
    """What `call` returns or raises, run where nothing of this worker's other tests is in force."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()
