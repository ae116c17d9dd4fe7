"""What can be opened: every page with the permission it needs, told by the floor that serves them.

A worker serves none, so whoever starts one says how they are found; the audit asks only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OPEN, SIGNED_IN, OF_ANY = "open", "signed-in", "<resource>."


@dataclass(frozen=True)
class Page:
    """One address: a rule such as `/people/<int:key>`, or the list of one table."""

    address: str
    methods: tuple[str, ...]
    permission: str | None
    """`<area>.<action>`, open, signed-in, `<resource>.<action>` where it depends on the table; None: shut to everybody."""
    own: str | None = None
    """The permission that opens it for one's own records only."""
    place: str | None = None
    """Where the navigation shows it: "Money, Invoices"."""


_source: Callable[[], tuple[Page, ...]] | None = None


def shown_by(source: Callable[[], tuple[Page, ...]]) -> None:
    """Say how the pages are found."""
    global _source
    _source = source


def every() -> tuple[Page, ...] | None:
    """All pages; None where nobody said how to find them."""
    return _source() if _source is not None else None
