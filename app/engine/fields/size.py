"""How large something is: a number of bytes, shown as 3.1 GB and typed with or without a unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Invalid
from app.engine.fields.number import Count

_TYPED = re.compile(r"([\d.,\s]+)(bytes|b|kb|mb|gb|tb)?", re.IGNORECASE)
_UNITS = {"b": 1, "bytes": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}


@dataclass(frozen=True)
class Size(Count):
    """Bytes, in steps of 1,024 as PostgreSQL counts; 200 MB may be typed where one filters by it."""

    type: ClassVar[str] = "size"

    def parse(self, typed: str) -> Any:
        found = _TYPED.fullmatch(typed.strip())
        if found is None or not found[2]:
            return super().parse(typed)
        try:
            number = float(found[1].replace(",", "").replace(" ", ""))
        except ValueError:
            raise Invalid("Enter a size, like 200 MB.") from None
        return super().parse(f"{number * _UNITS[found[2].lower()]:.0f}")
