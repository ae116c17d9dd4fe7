"""Scripts and sheets that were joined are the ones that stand here, or are not served."""

from __future__ import annotations

import re
from pathlib import Path

from app.web.joined import JOINED, NAMED, joined, sources_hash
from tests.servers import ROOT

APART = {"console.css", "print.css", "gate.css"}
"""The one that names them, the one for paper, and the one for people who are not signed in."""


def test_every_sheet_is_in_the_one_that_is_served() -> None:
    named = re.findall(r'@import "([\w-]+\.css)";', (ROOT / "static/css/console.css").read_text())
    assert sorted(named) == sorted({each.name for each in (ROOT / "static/css").glob("*.css")} - APART)


def test_what_was_joined_stands_for_its_sources_until_one_changes(tmp_path: Path) -> None:
    for place in (*JOINED, *JOINED.values()):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("/* here */")
    assert joined(tmp_path) == {}
    (tmp_path / NAMED).write_text(f"{sources_hash(tmp_path)}\n")
    assert joined(tmp_path) == JOINED
    (tmp_path / "css/base.css").write_text("a { color: red }")
    assert joined(tmp_path) == {}
