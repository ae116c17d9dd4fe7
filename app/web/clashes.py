"""Two people changed the same value: theirs, yours and what it was before, in words, with who did it and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core import formats
from app.core.clock import now, today
from app.core.db import reading
from app.engine.access import Actor
from app.engine.fields import Field, Reference
from app.engine.meanwhile import Touch
from app.engine.projection import Projection
from app.engine.references import labels
from app.engine.refusals import Stale
from app.engine.registry import target_of
from app.web import markup, rows


@dataclass(frozen=True)
class Clash:
    """One value that was changed by two."""

    before: str
    theirs: str
    yours: str
    touch: Touch | None
    when: str

    @property
    def who(self) -> str:
        return "Someone else" if self.touch is None else "You" if self.touch.mine else self.touch.who

    @property
    def sentence(self) -> str:
        elsewhere = " elsewhere" if self.touch is not None and self.touch.mine else ""
        return f"{self.who} made this “{self.theirs or 'empty'}”{elsewhere} {self.when}, while you were editing."


def clash_of(view: Projection, name: str, stale: Stale, actor: Actor) -> Clash:
    """The clash over one field of a refusal."""
    each, values = view.by_name[name], stale.clashes[name]
    said = [in_words(each, value, actor, named) for named in [_named(each, values, actor)] for value in values]
    touch = stale.by.get(name)
    return Clash(said[0], said[1], said[2], touch, when(touch, actor))


def when(touch: Touch | None, actor: Actor) -> str:
    """How long ago somebody did something, at the end of a sentence."""
    ago = formats.relative(touch.at, now(), actor.timezone) if touch is not None else "now"
    return "just now" if ago == "now" else ago[:1].lower() + ago[1:] if ago == "Yesterday" else ago


def in_words(each: Field, value: Any, actor: Actor, named: dict[Any, str] | None = None) -> str:
    """A value as plain text, as this person's list shows it."""
    at = markup.Moment(now(), actor.timezone, today(actor.timezone))
    label = (named if named is not None else _named(each, [value], actor)).get(value) if _refers(each, value) else None
    return markup.words(rows.column(each, actor.permissions), value, label, at)


def _refers(each: Field, value: Any) -> bool:
    return isinstance(each, Reference) and value is not None


def _named(each: Field, values: Any, actor: Actor) -> dict[Any, str]:
    target = target_of(each) if isinstance(each, Reference) else None
    there = [value for value in values if value is not None]
    if target is None or not there or not isinstance(each, Reference):
        return {}
    return labels(reading(), target, actor, there, each.by)
