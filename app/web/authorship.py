"""Who typed a page's forms: a signed mark on the page, good for a while after the session it was made in has ended.

A session may end while somebody types. The mark then tells whose the words are, so that they are kept for that person
and for nobody else who signs in at the same desk.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.core.clock import now
from app.engine.access import Actor

FIELD = "typed.by"
"""The name under which a form carries the mark; no field of a table is called so."""
LASTS = 24 * 3600
"""Seconds: longer than any session, so that a form opened in the last minute of one is still its author's."""


class Author(NamedTuple):
    """The person whose page it was."""

    user_id: int
    app_user_id: int


def mark(actor: Actor) -> str:
    """The mark of a person's pages."""
    return _mark(_secrets(), actor.user_id, actor.app_user_id, now().replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1024)
def _mark(secrets: tuple[str, ...], user_id: int, app_user_id: int | None, _hour: datetime) -> str:
    """Signed once an hour for each person, since every page carries it."""
    return str(_signed_by(secrets).dumps([user_id, app_user_id]))


def author(text: str | None) -> Author | None:
    """The person behind a mark, or None for one we did not make or that is too old."""
    try:
        user_id, app_user_id = _signed_by(_secrets()).loads(text or "", max_age=LASTS)
    except (BadData, ValueError, TypeError):
        return None
    return Author(user_id, app_user_id) if isinstance(user_id, int) and isinstance(app_user_id, int) else None


def _secrets() -> tuple[str, ...]:
    config = current_app.config
    return (*(config.get("SECRET_KEY_FALLBACKS") or ()), config["SECRET_KEY"])


def _signed_by(secrets: tuple[str, ...]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(secrets), "console.author")
