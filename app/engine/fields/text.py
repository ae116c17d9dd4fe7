"""Words: names, notes, codes and addresses of the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from app.engine.fields.field import Field, Invalid

# Control characters other than tab and line breaks have no place in a record: they break logs, exports and terminals.
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


@dataclass(frozen=True)
class Text(Field):
    """Text as typed, trimmed; `long` text has several lines and stays out of lists."""

    long: bool = False
    mono: bool = False
    longest: int = 20_000
    type: ClassVar[str] = "text"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "contains", "startswith", "null")
    changes: ClassVar[tuple[str, ...]] = ("set", "replace", "copy", "clear")

    def parse(self, typed: str) -> Any:
        """Refuses what PostgreSQL or a log cannot hold rather than change it silently."""
        if typed.translate(_FORBIDDEN) != typed:
            raise Invalid("Remove the control characters; they cannot be seen and cannot be kept.")
        value = typed.replace("\r\n", "\n").strip()
        if not self.long and "\n" in value:
            raise Invalid("Keep this on one line.")
        if len(value) > self.longest:
            raise Invalid(f"Use at most {self.longest:,} characters; this has {len(value):,}.")
        return value

    @property
    def textual(self) -> bool:
        return True


@dataclass(frozen=True)
class Code(Text):
    """An identifier people read aloud and copy: C-00417, INV-10482."""

    mono: bool = True
    longest: int = 80
    type: ClassVar[str] = "code"


@dataclass(frozen=True)
class Url(Text):
    """An address of the web. Only http and https: `javascript:` in a link runs in the reader's session."""

    longest: int = 2_000
    type: ClassVar[str] = "url"

    def parse(self, typed: str) -> Any:
        value = super().parse(typed)
        if "://" not in value and "." in value and ":" not in value:
            value = f"https://{value}"
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or " " in value:
            raise Invalid("Enter a web address, like https://example.com.")
        return value
