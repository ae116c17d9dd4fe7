"""What keeps the search forgiving: the words new records bring are taken in every few minutes, all words once a night."""

from __future__ import annotations

from app.engine import background
from app.engine.apply import transaction
from app.engine.search import vocabulary


@background.every("*/5 * * * *", "search.words")
def take_in_words() -> int:
    """Learn the words of names that came since the last time."""
    with transaction() as connection:
        return vocabulary.read_up(connection)


@background.every("50 2 * * *", "search.words_afresh")
def take_in_all_words() -> int:
    """Learn all words again, so that renamed records are found and words nobody uses any more are forgotten."""
    with transaction() as connection:
        return vocabulary.read_up(connection, afresh=True)
