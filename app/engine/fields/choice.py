"""One of a few words, each with its own glyph and tone so that nothing rests on colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


def in_words(value: str) -> str:
    """credit_hold -> "Credit hold": how a stored word reads on a screen."""
    return value[:1].upper() + value[1:].replace("_", " ")


@dataclass(frozen=True)
class Choice(Field):
    """A CHECK list of the table. The values come from the model; labels, tones and glyphs only where the default is wrong."""

    values: tuple[str, ...] = ()
    """Filled from the model's column by the registry when left out."""
    labels: Mapping[str, str] = field(default_factory=dict)
    tones: Mapping[str, str] = field(default_factory=dict)
    """value -> "tone glyph", e.g. {"active": "ok done", "on_hold": "warn pause"}; tones ok warn danger info accent ai mute,
    glyphs ai done dot draft fail off open part pause prog sched warn."""
    type: ClassVar[str] = "choice"

    def parse(self, typed: str) -> Any:
        if typed not in self.values:
            allowed = ", ".join(self.values)
            raise Invalid(f"Choose one of: {allowed}.")
        return typed

    def words(self, value: Any) -> str:
        """The value as people read it."""
        return self.labels.get(value) or in_words(str(value))

    def tone(self, value: Any) -> tuple[str, str]:
        """(tone, glyph) of a value; a quiet dot where none is declared."""
        tone, _, glyph = self.tones.get(value, "mute dot").partition(" ")
        return tone, glyph or "dot"

    @property
    def options(self) -> list[tuple[str, str]]:
        return [(value, self.words(value)) for value in self.values]
