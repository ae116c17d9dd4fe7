"""The tables of a report: the atlas as it stands at that moment, with the report's own table counted among the living."""

from __future__ import annotations

from collections.abc import Iterable

from app.domains.platform.audit.report import TableLine
from app.engine.atlas import Entry


def tables(entries: Iterable[Entry]) -> tuple[TableLine, ...]:
    """A line for each table and view, by domain and name."""
    lines = [_line(each) for each in entries]
    return tuple(sorted(lines, key=lambda each: (each.domain, each.name)))


def _line(entry: Entry) -> TableLine:
    verdict, evidence = entry.verdict, entry.evidence
    if entry.declared == "system_audits" and verdict in ("empty", "quiet"):
        verdict, evidence = "live", "This report is kept in it."
    return TableLine(
        name=entry.qualified,
        domain=entry.domain,
        kind=entry.facts.kind,
        verdict=verdict,
        evidence=evidence,
        rows=entry.facts.rows_estimate,
        bytes=entry.facts.bytes,
        own=entry.machinery,
    )
