"""A role drawn as a matrix: areas down, actions across, and where a tick comes from when nobody set it here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.engine.access import holds
from app.roles import AREAS, PERMISSIONS

COMMON = ("read", "write", "create", "delete")
WIDE = ("*.*", "*.read")
KNOWN = frozenset({*PERMISSIONS, *WIDE, *(f"{area}.*" for area in AREAS)})
WIDE_WORDS = {"*.*": "Everything, also what is added later", "*.read": "Read everything, personal data masked"}


@dataclass(frozen=True)
class Tick:
    """One box: `is_set` when the role names it, `by` the pattern that gives it anyway."""

    key: str
    word: str
    is_set: bool
    by: str | None

    @property
    def is_held(self) -> bool:
        return self.is_set or self.by is not None


@dataclass(frozen=True)
class Line:
    """One area: the box for all of it, the four common actions (None where it has no such), and its own verbs."""

    area: str
    label: str
    whole: Tick
    common: tuple[Tick | None, ...]
    verbs: tuple[Tick, ...]


def lines(permissions: Iterable[str]) -> list[Line]:
    """The matrix of a bundle."""
    bundle = frozenset(permissions)
    return [
        Line(
            area,
            label,
            _tick(bundle, area, "*", "All"),
            tuple(_tick(bundle, area, action, action) if action in actions else None for action in COMMON),
            tuple(_tick(bundle, area, action, action.replace("_", " ")) for action in actions if action not in COMMON),
        )
        for area, (label, actions) in AREAS.items()
    ]


def wide(permissions: Iterable[str]) -> list[Tick]:
    """The boxes above the matrix, which reach over all areas."""
    bundle = frozenset(permissions)
    return [
        Tick(key, WIDE_WORDS[key], key in bundle, "*.*" if key != "*.*" and "*.*" in bundle else None) for key in WIDE
    ]


def others(permissions: Iterable[str]) -> list[str]:
    """Keys of areas the console does not know yet; they are kept as they are."""
    return sorted(set(permissions) - KNOWN)


def _tick(bundle: frozenset[str], area: str, action: str, word: str) -> Tick:
    key = f"{area}.{action}"
    patterns = ("*.*",) if action == "*" else ("*.*", f"{area}.*", f"*.{action}")
    return Tick(key, word, key in bundle, next((each for each in patterns if each in bundle and each != key), None))


def count(permissions: Iterable[str]) -> int:
    """How many of the known permissions a bundle comes to."""
    bundle = frozenset(permissions)
    return sum(1 for permission in PERMISSIONS if holds(bundle, permission))
