"""Search over everything: whatever number, name, address or telephone number one has, and whichever table it stands in."""

from app.engine.search.cards import Card, cards
from app.engine.search.finding import Found, Group, find
from app.engine.search.question import Question, read

__all__ = ["Card", "Found", "Group", "Question", "cards", "find", "read"]
