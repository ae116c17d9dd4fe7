"""Whether the disk under the console has room and keeps what is written to it."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path

from flask import current_app
from sqlalchemy import Connection

from app.engine.health import Measured, check


def _data_dir() -> Path:
    return Path(current_app.extensions["console.config"].data_dir)


@check("storage.free", group="storage", title="Free disk space", unit="%", warn=20, crit=10, direction="below")
def free(_connection: Connection) -> Measured:
    """The share of the disk of DATA_DIR that is still free."""
    usage = shutil.disk_usage(_data_dir())
    share = 100 * usage.free / usage.total
    return Measured(round(share, 1), f"{usage.free / 2**30:,.1f} of {usage.total / 2**30:,.1f} GB")


@check("storage.write", group="storage", title="Writing to storage", unit="ms")
def write(_connection: Connection) -> Measured:
    """Writes a file to DATA_DIR, forces it to disk, reads it back, compares its hash and deletes it."""
    path = _data_dir() / f".probe-{secrets.token_hex(6)}"
    body = secrets.token_bytes(64 * 1024)
    began = time.perf_counter()
    try:
        with path.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        same = hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(body).digest()
    except OSError as error:
        return Measured(None, f"Cannot write: {error.strerror}", verdict="crit")
    finally:
        path.unlink(missing_ok=True)
    took = round((time.perf_counter() - began) * 1000, 1)
    return Measured(
        took, "" if same else "What was read back is not what was written", verdict="ok" if same else "crit"
    )
