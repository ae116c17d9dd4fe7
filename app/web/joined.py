"""Our scripts and sheets as one file each, where they were joined: a page asks for two files, not for sixty."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAMED = Path("vendor/console/of")
"""Which sources were joined: their hash, beside what was made of them."""
JOINED = {"js/console.js": "vendor/console/console.js", "css/console.css": "vendor/console/console.css"}
"""Source -> what it was joined into. As deep as the deepest source, so that its relative addresses hold."""


def sources_hash(static: Path) -> str:
    """One name for the present state of our own scripts and sheets."""
    digest = hashlib.sha256()
    for folder in ("css", "js"):
        for file in sorted(path for path in (static / folder).rglob("*") if path.is_file()):
            digest.update(file.relative_to(static).as_posix().encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()


def joined(static: Path) -> dict[str, str]:
    """What stands for what; nothing where nobody joined them, or where one was changed since."""
    try:
        of = (static / NAMED).read_text().strip()
    except OSError:
        return {}
    fresh = of == sources_hash(static)
    return {source: made for source, made in JOINED.items() if fresh and (static / made).is_file()}
