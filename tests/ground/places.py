"""Places for a DATA_DIR that the account PostgreSQL runs under may pass through; pytest shuts its own to everyone else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="console-test-", dir="/tmp"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
