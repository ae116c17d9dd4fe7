"""Named operations on a record that are not a move of its life cycle; they state an intent and do nothing themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.engine.states import Moving

if TYPE_CHECKING:
    from app.engine.approval_rules import Approval


@dataclass(frozen=True)
class Action:
    """A button on the record: who may press it, what it asks, and the values it wants to set."""

    key: str
    label: str
    may: str
    intent: Callable[[Moving], Mapping[str, Any]]
    """Wanted values by field name; the engine plans, previews, applies and can undo them."""
    when: Callable[[Mapping[str, Any]], str | None] = lambda record: None
    """Why the record does not allow it now, or None."""
    asks: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    reason: bool = False
    danger: bool = False
    done: str = ""
    approval: Approval | None = None
    """By which rule a second person decides it: then it is asked for, not done."""
