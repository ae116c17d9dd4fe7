"""What a row is about, where that may be a record of any table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import NEVER, Edit, Field, Invalid


@dataclass(frozen=True)
class SubjectLink(Field):
    """Declared on `subject_id`; the pair's other half, `subject_type`, is read with it and both make the link."""

    edit: Edit = NEVER
    sort: bool = False
    type: ClassVar[str] = "subject"
    changes: ClassVar[tuple[str, ...]] = ()
    operators: ClassVar[tuple[str, ...]] = ("eq", "null")

    def parse(self, typed: str) -> Any:
        try:
            return int(typed)
        except ValueError:
            raise Invalid(f"Give the number of a record; “{typed[:40]}” is not one.") from None
