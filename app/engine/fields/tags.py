"""People's own words on a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Field
from app.engine.fields.text import Text


@dataclass(frozen=True)
class Tags(Field):
    """A text[] column, typed as words between commas; order kept, repeats dropped."""

    sort: bool = False
    type: ClassVar[str] = "tags"
    operators: ClassVar[tuple[str, ...]] = ("eq", "null")
    changes: ClassVar[tuple[str, ...]] = ("include", "exclude", "set", "clear")

    def parse(self, typed: str) -> Any:
        words = (Text("word", longest=80).parse(part) for part in typed.split(","))
        return list(dict.fromkeys(word for word in words if word))

    def typed(self, value: Any) -> str:
        return ", ".join(map(str, value or ()))

    def out(self, value: Any) -> Any:
        return ", ".join(map(str, value or ()))

    @property
    def textual(self) -> bool:
        return True
