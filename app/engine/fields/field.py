"""What every field has in common: a name, who may see and write it, and the four ways its value travels as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag as EnumFlag
from enum import auto
from typing import Any, ClassVar

from sqlalchemy import ColumnElement


class Edit(EnumFlag):
    """Where a field may be written. A status that moves by transitions, a cache or a stamp is NEVER."""

    NEVER = 0
    CREATE = auto()
    FORM = auto()
    INLINE = auto()
    BULK = auto()


NEVER = Edit.NEVER
CREATE = Edit.CREATE
"""Given when the record is made, frozen afterwards."""
FORM = Edit.CREATE | Edit.FORM
INLINE = FORM | Edit.INLINE
BULK = FORM | Edit.BULK
IN_PLACE = Edit.FORM | Edit.INLINE | Edit.BULK
"""Where a value is changed where it stands: whatever the form of its record may change."""


class Invalid(ValueError):
    """What was typed cannot be taken; the sentence says what is wrong and how to put it right."""


@dataclass(frozen=True)
class Field:
    """One declared column. What is not declared is neither seen nor written."""

    name: str
    label: str = ""
    edit: Edit = FORM
    list: bool = True
    """Among the columns a list shows before anyone chose."""
    filter: bool = False
    sort: bool = True
    required: bool = False
    """Beyond what the database demands (NOT NULL without a default is required anyway)."""
    personal: bool = False
    """Masked for roles that may only read the area; such roles cannot search, sort or filter by it either."""
    may: str | None = None
    """A further permission needed to see this field at all."""
    help: str = ""
    group: str = ""
    """Heading under which forms and records show it; fields of one group stand together."""
    expr: Callable[[], ColumnElement[Any]] | None = None
    """SQL of a derived field, which is then read-only."""
    width: str = ""
    """A width class of the list's column: xs s m l xl."""

    type: ClassVar[str] = "text"
    """Names the template folder templates/fields/<type>/ and the operators' wording."""
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "null")
    numeric: ClassVar[bool] = False
    """Shown right-aligned."""
    changes: ClassVar[tuple[str, ...]] = ("set", "clear", "copy")
    """What can be done to it in many records at once; the names are those of engine/bulk/operations.py."""

    @property
    def title(self) -> str:
        """The label in sentence case: "Open balance"."""
        if self.label:
            return self.label
        words = self.name.removesuffix("_id").removesuffix("_at").removesuffix("_e164").replace("_", " ")
        return words[:1].upper() + words[1:]

    def parse(self, typed: str) -> Any:
        """The value of what a person typed; blank is handled before this. Raises Invalid with a sentence."""
        return typed

    def typed(self, value: Any) -> str:
        """The value as a form shows it for editing; `parse(typed(v)) == v`."""
        return "" if value is None else str(value)

    def out(self, value: Any) -> Any:
        """The value as an export holds it: plain, exact, ISO 8601."""
        return value

    def mask(self, value: Any) -> str | None:
        """What stands in the value's place for those who may not see it; constant length says nothing."""
        return None if value is None else "••••"

    @property
    def out_is_plain(self) -> bool:
        """Whether exports may pass the database's value on untouched, which saves a call per cell."""
        return type(self).out is Field.out

    @property
    def textual(self) -> bool:
        """Whether people's own text stands here, which a spreadsheet could take for a formula."""
        return False
