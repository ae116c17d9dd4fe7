"""Addresses of lists with one thing changed: the whole state of a list is its address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict

Pairs = list[tuple[str, str]]

PLACE = ("after", "before", "count")
"""Where in the list one is; gone as soon as anything else about it changes."""


def given() -> Pairs:
    """The request's parameters in order; repeated ones of a form (columns, choices) joined as the grammar writes them.

    What is asked by an operator of one value stands as often as it is asked: a name may hold two words at once.
    """
    return joined(request.args)


def joined(asked: MultiDict[str, str]) -> Pairs:
    """The same for the parameters of any address."""
    found: dict[tuple[str, int], list[str]] = {}
    for position, (name, value) in enumerate(asked.items(multi=True)):
        if value != "":
            alone = "." in name and not name.endswith((".in", ".between"))
            found.setdefault((name, position if alone else 0), []).append(value)
    return [(name, ",".join(values)) for (name, _), values in found.items()]


def link(path: str, pairs: Sequence[tuple[str, str]], drop: Sequence[str] = PLACE, **changes: str | None) -> str:
    """The address with `changes` made and `drop` left out; None takes a parameter away."""
    kept = [(name, value) for name, value in pairs if name not in drop and name not in changes]
    kept += [(name, value) for name, value in changes.items() if value is not None]
    return f"{path}?{urlencode(kept, safe=',.:-')}" if kept else path


def less(path: str, pairs: Sequence[tuple[str, str]], gone: Collection[int]) -> str:
    """The address less the parameters at some places, where a name alone would not say which."""
    return link(path, [pair for place, pair in enumerate(pairs) if place not in gone])


def without(path: str, pairs: Sequence[tuple[str, str]], *names: str) -> str:
    """The address less some parameters."""
    return link(path, pairs, drop=(*PLACE, *names))
