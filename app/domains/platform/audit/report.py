"""A report as it is kept: plain values with the sentences that prove them, the same on the page, as Markdown and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from app.engine.atlas import VERDICTS

VERSION = 1
FOUND = ("broken", "look_alike", "quiet", "empty")
"""Verdicts that somebody should look at, the worst first."""


@dataclass(frozen=True)
class Line:
    """A sentence of evidence, and the rows it speaks of for those who may see them."""

    text: str
    href: str = ""
    may: str = ""


@dataclass(frozen=True)
class TableLine:
    """A table or view with the atlas's verdict on it."""

    name: str
    domain: str
    kind: str
    verdict: str
    evidence: str
    rows: int | None = None
    bytes: int | None = None
    own: bool = False
    """Whether the console keeps it for its own running and nobody works with it."""


@dataclass(frozen=True)
class FeatureLine:
    """One feature or category: is its code there, does anybody reach it, did anybody use it."""

    key: str
    name: str
    about: str
    number: int = 0
    built: str = "none"
    """all, some or none of its parts were found"""
    found: int = 0
    of: int = 0
    missing: tuple[str, ...] = ()
    reachable: bool = False
    used: bool = False
    built_by: tuple[Line, ...] = ()
    reached_by: tuple[Line, ...] = ()
    used_by: tuple[Line, ...] = ()


@dataclass(frozen=True)
class JobLine:
    """A background job: where it is declared, and what it did in the last 30 days."""

    name: str
    source: str
    """code, schedule (a row of the recurring jobs) or queue (found there, declared nowhere)"""
    schedule: str = ""
    verdict: str = "never"
    """ran, failing, late, paused, never or undeclared"""
    runs: int = 0
    failed: int = 0
    last_at: str | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Operation:
    """One operation of an API: declared, and what it answered."""

    method: str
    path: str
    answer: str = ""
    """yes, asks (for credentials), no, fails, silent; "" where it was not tried"""
    note: str = ""


@dataclass(frozen=True)
class Module:
    """The operations of an API that belong together by tag or by the beginning of their path."""

    name: str
    operations: tuple[Operation, ...] = ()

    @property
    def probed(self) -> int:
        return sum(1 for each in self.operations if each.answer)

    @property
    def answering(self) -> int:
        return sum(1 for each in self.operations if each.answer in ("yes", "asks"))

    @property
    def verdict(self) -> str:
        """not_probed, answers, partly or silent"""
        if not self.probed:
            return "not_probed"
        return "answers" if self.answering == self.probed else "partly" if self.answering else "silent"


@dataclass(frozen=True)
class Api:
    """The operator API as it declares itself, against what answered."""

    source: str = "none"
    """none, address or file"""
    name: str = ""
    title: str = ""
    version: str = ""
    fault: str = ""
    modules: tuple[Module, ...] = ()
    left_out: int = 0
    """Operations that could have been tried and were not, for want of time or number."""

    @property
    def declared(self) -> int:
        return sum(len(each.operations) for each in self.modules)

    @property
    def probed(self) -> int:
        return sum(each.probed for each in self.modules)

    @property
    def answering(self) -> int:
        return sum(each.answering for each in self.modules)


@dataclass(frozen=True)
class Report:
    """Everything one audit found."""

    taken_at: datetime
    company: str
    zone: str
    revision: str
    took_ms: int = 0
    tables: tuple[TableLine, ...] = ()
    features: tuple[FeatureLine, ...] = ()
    categories: tuple[FeatureLine, ...] = ()
    jobs: tuple[JobLine, ...] = ()
    api: Api = field(default_factory=Api)
    notes: tuple[str, ...] = ()
    """What could not be looked at, said plainly."""
    version: int = VERSION

    @property
    def counted(self) -> tuple[TableLine, ...]:
        """The tables people are concerned with: all but the console's own machinery."""
        return tuple(each for each in self.tables if not each.own)

    @property
    def by_verdict(self) -> dict[str, int]:
        counts = Counter(each.verdict for each in self.counted)
        return {verdict: counts.get(verdict, 0) for verdict in VERDICTS}

    @property
    def by_domain(self) -> dict[str, dict[str, int]]:
        """domain -> verdict -> tables, the largest domains first."""
        found: dict[str, Counter[str]] = {}
        for each in self.counted:
            found.setdefault(each.domain, Counter())[each.verdict] += 1
        ordered = sorted(found, key=lambda name: (-sum(found[name].values()), name))
        return {name: {verdict: found[name].get(verdict, 0) for verdict in VERDICTS} for name in ordered}

    def with_verdict(self, *verdicts: str) -> list[TableLine]:
        return [each for verdict in verdicts for each in self.counted if each.verdict == verdict]

    @property
    def failing(self) -> list[JobLine]:
        return [each for each in self.jobs if each.verdict in ("failing", "late")]

    def figures(self) -> dict[str, int | None]:
        """What is kept beside the report, by column."""
        tables = {f"tables_{name}": count for name, count in self.by_verdict.items()}
        told = self.api.source != "none" and not self.api.fault
        return tables | {
            "features_built": sum(each.built == "all" for each in self.features),
            "features_reachable": sum(each.reachable for each in self.features),
            "features_used": sum(each.used for each in self.features),
            "jobs_declared": sum(each.source != "queue" for each in self.jobs),
            "jobs_failing": len(self.failing),
            "operations_declared": self.api.declared if told else None,
            "operations_answering": self.api.answering if told and self.api.source == "address" else None,
        }

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self) | {"taken_at": self.taken_at.isoformat()}


def read(raw: Any) -> Report | None:
    """A kept report; None for one of a form this version does not know."""
    if not isinstance(raw, Mapping) or raw.get("version") != VERSION:
        return None
    api = raw["api"]
    return Report(
        **{
            **raw,
            "taken_at": datetime.fromisoformat(raw["taken_at"]),
            "tables": _all(TableLine, raw["tables"]),
            "features": tuple(_feature(each) for each in raw["features"]),
            "categories": tuple(_feature(each) for each in raw["categories"]),
            "jobs": _all(JobLine, raw["jobs"]),
            "api": Api(**{**api, "modules": tuple(_module(each) for each in api["modules"])}),
            "notes": tuple(raw["notes"]),
        }
    )


def _all(kind: type[Any], rows: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**each) for each in rows)


def _feature(raw: Mapping[str, Any]) -> FeatureLine:
    lines = {name: _all(Line, raw[name]) for name in ("built_by", "reached_by", "used_by")}
    return FeatureLine(**{**raw, **lines, "missing": tuple(raw["missing"])})


def _module(raw: Mapping[str, Any]) -> Module:
    return Module(raw["name"], _all(Operation, raw["operations"]))
