"""One effect per Idempotency-Key: the answer is sealed and kept in the transaction of its change, and replayed as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, current_app
from sqlalchemy import Connection

from app.engine import idempotency
from app.engine.access import Actor
from app.engine.idempotency import Kept, released_on_failure
from app.engine.keyring import derive, seal, unseal
from app.web.api import bodies
from app.web.api.shapes import tag
from app.web.key_rows import who

Within = Callable[[Connection, tuple[Any, ...]], None]
Answer = Callable[[Connection, tuple[Any, ...]], tuple[int, str | None, bytes]]
"""Given the connection of the change and the keys it wrote: status, Location and body."""
MIME = "application/json"


def once(actor: Actor, effect: Callable[[Within], None], answered: Answer) -> Response:
    """Carry `effect` out, which hands `within` on to `apply`, and answer; or replay what was answered the first time."""
    key = bodies.idempotency_key()
    found = idempotency.claim(who(actor), key, bodies.fingerprint()) if key is not None else None
    if isinstance(found, Kept):
        return _replayed(found, actor, key or "")
    kept: list[tuple[int, str | None, bytes]] = []

    def within(connection: Connection, keys: tuple[Any, ...]) -> None:
        status, location, body = answered(connection, keys)
        kept.append((status, location, body))
        if found is not None:
            found.finish(connection, status, location, seal(_key(), body, _bound_to(actor, found.key)))

    with released_on_failure(found):
        effect(within)
    return _tagged(sent(*kept[-1]))


def sent(status: int, location: str | None, body: bytes) -> Response:
    """A JSON answer."""
    response = Response(body, status, content_type=MIME)
    if location is not None:
        response.headers["Location"] = location
    return response


def _tagged(response: Response) -> Response:
    """With the ETag a later change needs, where the answer is a record."""
    body = response.get_data()
    version = json.loads(body).get("version")
    if version is not None:
        response.set_etag(tag(version, body))
    return response


def _replayed(kept: Kept, actor: Actor, key: str) -> Response:
    body = unseal(_key(), kept.answer, _bound_to(actor, key))
    # Sealed under other rights or another secret: that it was done may be told, what the record held may not.
    response = sent(kept.status, kept.location, body if body is not None else b"{}")
    response.headers["Idempotent-Replayed"] = "true"
    return _tagged(response)


def _bound_to(actor: Actor, key: str) -> bytes:
    """An answer is only ever replayed to the same one, with the same rights as then."""
    return "\n".join((who(actor), key, *sorted(actor.permissions))).encode()


def _key() -> bytes:
    return derive(current_app.extensions["console.config"].secret_key, "kept answers, AES-GCM")
