"""Life cycles: a status moves only along declared transitions, by a permission, past a guard that says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as filled
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from app.engine.access import Actor

if TYPE_CHECKING:
    from app.engine.approval_rules import Approval

Guard = Callable[["Moving"], str | None]
"""Looks at what moves and returns the sentence that refuses it, or None to let it pass."""
Effect = Callable[["Moving"], Mapping[str, Any]]
"""The further values a transition sets, such as `completed_at`."""


@dataclass(frozen=True)
class Moving:
    """One record on its way along a transition: what it is now, what was asked, and a connection to look around with."""

    record: Mapping[str, Any]
    asked: Mapping[str, Any]
    actor: Actor
    connection: Connection
    at: Any
    """The moment of the transition (aware datetime)."""


@dataclass(frozen=True)
class Transition:
    """One named move. `to` may be a field's name in braces, `{held_from}`: the status kept there."""

    key: str
    label: str
    """The button: verb + object, "Put on hold"."""
    source: tuple[str, ...]
    to: str
    may: str
    guards: tuple[Guard, ...] = ()
    effects: tuple[Effect, ...] = ()
    asks: tuple[str, ...] = ()
    """Fields the person fills in with the move; those the table then demands are required."""
    requires: tuple[str, ...] = ()
    """Those of `asks` that may not stay blank."""
    reason: bool = False
    """Whether a reason in words must be given."""
    danger: bool = False
    done: str = ""
    """Past tense for the toast: "put on hold"."""
    by_system: bool = False
    """Offered to no person; only the console itself makes this move."""
    also: tuple[str, ...] = ()
    """Extra permissions any of which lets a person make the move as well (schema.md "Who" lists several roles)."""
    approval: Approval | None = None
    """By which rule a second person decides it: then it is asked for, not made."""


@dataclass(frozen=True)
class Lifecycle:
    """The states of one field and the moves between them; what is not listed is refused with the reason."""

    field: str
    transitions: tuple[Transition, ...]
    initial: str
    stages: tuple[str, ...] = ()
    """The main line, in order, for the stepper at the head of a record."""
    frozen: Mapping[str, tuple[str, ...]] = filled(default_factory=dict)
    """status -> fields that can no longer be edited there; ("*",) freezes the record."""
    why_frozen: str = "This record is final; correct it with a new one."

    def find(self, key: str) -> Transition | None:
        return next((each for each in self.transitions if each.key == key), None)

    def from_(self, status: str) -> tuple[Transition, ...]:
        """The moves that leave this status, for people."""
        return tuple(each for each in self.transitions if status in each.source and not each.by_system)

    def is_frozen(self, status: str, name: str) -> bool:
        names = self.frozen.get(status, ())
        return "*" in names or name in names
