"""The ways the engine says no: each carries a sentence for the person, never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.meanwhile import Touch


class Refusal(Exception):
    """Something asked for cannot be done; `sentence` says why in the words of the screen."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BadQuery(Refusal):
    """The address asks for a filter, field, cursor or value that does not exist: 400."""


class TooSlow(BadQuery):
    """The question takes the database longer than a person waits; a narrower one may not."""


class NotFound(Refusal):
    """No such record, or none this actor may see, which must look the same: 404."""


class NotAllowed(Refusal):
    """The actor may see this but not do that; the web answers 404 for what is hidden and 403 for what is shown."""


class Rejected(Refusal):
    """Values the table cannot take; `errors` is field name -> sentence ("" for the record as a whole): 422."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(next(iter(errors.values()), "Some values cannot be taken."))
        self.errors = dict(errors)
        self.key: Any = None
        """Of several records written together, the one the database refused, where it can be told."""


class Stale(Refusal):
    """Someone else changed the same record first: 409. `clashes` is field -> (was, theirs, yours), `by` who did it."""

    def __init__(
        self,
        sentence: str,
        clashes: Mapping[str, tuple[Any, Any, Any]] | None = None,
        version: int = 0,
        by: Mapping[str, Touch] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.clashes = dict(clashes or {})
        self.version = version
        self.by = dict(by or {})


class SomeRefused(Refusal):
    """Of several records asked for together some cannot be written, so none was: each with its fields and the reason."""

    def __init__(self, sentence: str, refused: Sequence[tuple[Any, tuple[str, ...], Refusal]]) -> None:
        super().__init__(sentence)
        self.refused = tuple(refused)
