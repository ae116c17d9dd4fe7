"""JSON as people read it: one line each, the key apart from its value, cut where nobody would read on."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

MOST_LINES = 200
MOST_CHARACTERS = 2_000
_KEY = re.compile(r'^( *)("(?:[^"\\]|\\.)*")(: .*|:)$', re.S)


class Line(NamedTuple):
    """One line: how far it is set in, its key if it has one, the rest."""

    indent: str
    key: str
    rest: str


def lines(value: Any) -> list[Line]:
    """Any stored JSON, also a bare text, as lines for a <pre>; the template escapes them like any text."""
    if isinstance(value, str):
        return [Line("", "", part) for part in value[: MOST_CHARACTERS * 10].splitlines()[:MOST_LINES]]
    written = json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()
    found = [_line(part) for part in written[:MOST_LINES]]
    if len(written) > MOST_LINES:
        found.append(Line("", "", f"{len(written) - MOST_LINES:,} more lines"))
    return found


def _line(text: str) -> Line:
    cut = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} ({len(text):,} characters)"
    match = _KEY.match(cut)
    return Line(*match.groups()) if match else Line("", "", cut)
