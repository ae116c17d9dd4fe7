"""A feature as a declared value: what must be there for it to be built, where it is opened, and what shows that it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """Something that has to be there; the first of `names` that is found will do, and `*` stands for anything."""

    words: str
    """Completes "missing: …"."""
    kind: str
    """page, task, move, check, code or table"""
    names: tuple[str, ...]
    opens: bool = True
    """Whether a person opens it, where it is a page; programs ask at others."""


def page(words: str, *addresses: str) -> Part:
    """An address of the live URL map."""
    return Part(words, "page", addresses)


def answer(words: str, *addresses: str) -> Part:
    """An address that programs ask, and nobody opens."""
    return Part(words, "page", addresses, opens=False)


def task(words: str, *names: str) -> Part:
    """A background task a worker knows."""
    return Part(words, "task", names)


def move(words: str, *names: str) -> Part:
    """`table.move`: a step of a life cycle, or an action."""
    return Part(words, "move", names)


def check(words: str, *keys: str) -> Part:
    """A health check."""
    return Part(words, "check", keys)


def code(words: str, *names: str) -> Part:
    """`module:function` that can be imported."""
    return Part(words, "code", names)


def table(words: str, *names: str) -> Part:
    """A table that nobody declared because nobody works with it, yet which does the work."""
    return Part(words, "table", names)


@dataclass(frozen=True)
class Use:
    """Rows that appear when somebody uses it, by the time they carry."""

    words: str
    """What is counted: "invoices issued"."""
    table: str
    at: str
    where: Mapping[str, Any] = field(default_factory=dict)
    """Column -> the value it has to have, or one of a tuple of them."""


@dataclass(frozen=True)
class Feature:
    """One of the thirty features or ten categories of the platform."""

    key: str
    name: str
    about: str
    """When it really works."""
    number: int = 0
    tables: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    pages: tuple[str, ...] = ()
    """Addresses it is opened at, beside those among its parts and the lists of its tables."""
    uses: tuple[Use, ...] = ()
