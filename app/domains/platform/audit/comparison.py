"""One report against an older one: what appeared, vanished, came alive, went quiet, broke; and the same for features and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domains.platform.audit.report import FeatureLine, JobLine, Report, TableLine

WORDS = {"look_alike": "look-alike", "all": "built", "some": "partly built", "none": "not built"}
DEAD = ("quiet", "empty", "look_alike")


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise than it was."""

    kind: str
    """table, feature or job"""
    name: str
    what: str
    """appeared, vanished, came_alive, went_quiet, broke, mended, better or worse"""
    sentence: str

    @property
    def is_worse(self) -> bool:
        return self.what in ("vanished", "went_quiet", "broke", "worse")


@dataclass(frozen=True)
class Comparison:
    """Everything that differs between two reports."""

    since: datetime
    differences: tuple[Difference, ...] = ()
    key: int | None = None
    """The kept report that was compared with."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Verdict -> how many tables more or fewer have it."""

    def of(self, kind: str) -> list[Difference]:
        return [each for each in self.differences if each.kind == kind]


def compare(now: Report, then: Report, key: int | None = None) -> Comparison:
    """What changed from `then` to `now`."""
    differences = [*_tables(now.counted, then.counted), *_features(now.features, then.features),
                   *_jobs(now.jobs, then.jobs)]  # fmt: skip
    before = then.by_verdict
    return Comparison(
        then.taken_at,
        tuple(differences),
        key,
        {name: count - before[name] for name, count in now.by_verdict.items()},
    )


def _tables(now: Iterable[TableLine], then: Iterable[TableLine]) -> Iterable[Difference]:
    new, old = ({each.name: each for each in lines} for lines in (now, then))
    for name in sorted(new.keys() - old.keys()):
        yield Difference("table", name, "appeared", f"It is there now, {_word(new[name].verdict)}.")
    for name in sorted(old.keys() - new.keys()):
        yield Difference("table", name, "vanished", f"It is gone; it was {_word(old[name].verdict)}.")
    for name in sorted(new.keys() & old.keys()):
        was, is_ = old[name].verdict, new[name].verdict
        if was != is_:
            yield Difference(
                "table", name, _turn(was, is_), f"It was {_word(was)} and is {_word(is_)}. {new[name].evidence}"
            )


def _turn(was: str, is_: str) -> str:
    if is_ == "broken":
        return "broke"
    if is_ == "live":
        return "came_alive"
    if was == "live":
        return "went_quiet"
    return "mended" if was == "broken" else "worse" if is_ == "empty" else "better"


def _features(now: Iterable[FeatureLine], then: Iterable[FeatureLine]) -> Iterable[Difference]:
    old = {each.key: each for each in then}
    order = ("none", "some", "all")
    for each in now:
        was = old.get(each.key)
        if was is None:
            yield Difference("feature", each.name, "appeared", f"It is looked at now, {_word(each.built)}.")
            continue
        if was.built != each.built or was.found != each.found:
            grew = (order.index(each.built), each.found) > (order.index(was.built), was.found)
            yield Difference(
                "feature", each.name, "better" if grew else "worse",
                f"{was.found} of {was.of} parts were found, now {each.found} of {each.of}.",
            )  # fmt: skip
        if was.reachable != each.reachable:
            words = (
                "Somebody beside the owner can open it now." if each.reachable else "Only the owner can open it now."
            )
            yield Difference("feature", each.name, "better" if each.reachable else "worse", words)
        if was.used != each.used:
            if each.used:
                yield Difference("feature", each.name, "came_alive", "It is used again.")
            else:
                yield Difference("feature", each.name, "went_quiet", "Nobody used it in the last 30 days.")


def _jobs(now: Iterable[JobLine], then: Iterable[JobLine]) -> Iterable[Difference]:
    new, old = ({(each.source, each.name): each for each in lines} for lines in (now, then))
    for key in sorted(new.keys() - old.keys()):
        yield Difference("job", key[1], "appeared", f"It is there now: {new[key].evidence}")
    for key in sorted(old.keys() - new.keys()):
        yield Difference("job", key[1], "vanished", "It is declared no more.")
    for key in sorted(new.keys() & old.keys()):
        was, is_ = old[key].verdict, new[key].verdict
        if was == is_:
            continue
        if is_ == "ran":
            yield Difference("job", key[1], "came_alive", new[key].evidence)
        elif is_ in ("failing", "late"):
            yield Difference("job", key[1], "broke", new[key].evidence)
        elif (
            is_ != "never" or new[key].source != "code"
        ):  # a queue that was emptied forgets; what stops running is late
            yield Difference("job", key[1], "went_quiet", new[key].evidence)


def _word(verdict: str) -> str:
    return WORDS.get(verdict, verdict)
