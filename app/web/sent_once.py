"""A form that makes something does so once, however often it is sent: to the second sending the first one's answer is given.

An edit needs no such care, since the versions of its record tell; a new record and a move have nothing else to be known by.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import current_app, redirect, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from app.engine import idempotency
from app.engine.access import Actor
from app.engine.apply import Receipt
from app.engine.idempotency import Claim, Kept, Reused, UnderWay, released_on_failure
from app.engine.keyring import derive, seal, unseal
from app.engine.plan import Plan
from app.web import receipts
from app.web.session import current_actor

FIELD = "once"
"""The name under which a form carries its token; no field of a table is called so."""
_APART = frozenset({FIELD, "csrf_token", "typed.by"})
_WAIT_S, _WAITS = 0.1, 100


class NotDone(Exception):
    """What the form asks for was not done yet, as when a second person must decide it: its token stays free."""


@dataclass(frozen=True)
class Turn:
    """One sending of a form: the first, or one of those after it."""

    claim: Claim | None = None
    earlier: Kept | None = None

    def keep(self, words: str, location: Callable[[Any], str]) -> Callable[[Connection, tuple[Any, ...]], None] | None:
        """What `apply` commits with the change: the answer for any further sending. `location` is given the key written."""
        claim = self.claim
        if claim is None:
            return None

        def within(connection: Connection, keys: tuple[Any, ...]) -> None:
            said = json.dumps([words, connection.info["change_set"] if keys else None]).encode()
            answer = seal(_key(), said, claim.who.encode())
            claim.finish(connection, 303, location(keys[0] if keys else None), answer)

        return within

    def again(self) -> AnyResponse:
        """The first one's answer once more, with its receipt."""
        assert self.earlier is not None
        said = unseal(_key(), self.earlier.answer, _who(current_actor()).encode())
        words, change_set = json.loads(said) if said is not None else ("Saved already", None)
        receipts.say(words, Receipt(change_set, (), Plan(())))
        return redirect(self.earlier.location or "/", 303)


def _key() -> bytes:
    return derive(current_app.extensions["console.config"].secret_key, "answers to forms, AES-GCM")


def _who(actor: Actor) -> str:
    return f"form/{actor.app_user_id}"


def token() -> str:
    """A new token, for a form about to be shown."""
    return secrets.token_urlsafe(12)


@contextmanager
def sent_once(actor: Actor) -> Iterator[Turn]:
    """Take the turn of the present form; what refuses it gives the token free for its correction."""
    found = _claim(actor)
    if isinstance(found, Kept):
        yield Turn(earlier=found)
        return
    with released_on_failure(found):
        yield Turn(claim=found)


def _claim(actor: Actor) -> Claim | Kept | None:
    """None for a form without a token, and for one that was changed since it was sent, which is another."""
    text = request.form.get(FIELD, "")
    if not 8 <= len(text) <= 64 or not actor.app_user_id:
        return None
    sent = sorted(pair for pair in request.form.items(multi=True) if pair[0] not in _APART)
    print_ = hashlib.sha256(json.dumps([request.path, sent]).encode()).digest()
    for _ in range(_WAITS):
        try:
            return idempotency.claim(_who(actor), text, print_)
        except Reused:
            return None
        except UnderWay:
            time.sleep(_WAIT_S)  # the first is being answered at this moment
    raise UnderWay("The same form is being saved at this moment. Look again shortly.")
