"""Who a program is: the key or access token in its Authorization header, looked up, limited and noted at every request."""

from __future__ import annotations

from flask import current_app, request

from app.config import Config
from app.core.db import reading
from app.engine.access import Actor
from app.engine.api_keys import MARK, comes_from
from app.engine.tokens import Signer
from app.web import key_rows
from app.web.problems import Problem
from app.web.session import address, asked_first, current_session

CHALLENGE = 'Bearer realm="BrainOps Console"'
_LONGEST = 4_096


def identify() -> Actor:
    """The actor of this request. Raises Problem: 401 for nobody or nobody any more, 403 from elsewhere, 429 too often."""
    given = _given()
    if given is None:
        raise Problem(
            401,
            "Send a key or an access token: Authorization: Bearer followed by it. A cookie opens nothing here.",
            {"WWW-Authenticate": CHALLENGE},
        )
    actor, limit = _by_key(given) if given.startswith(MARK) else _by_token(given)
    wait = key_rows.count(actor, limit, address())
    if wait:
        raise Problem(
            429, f"More than {limit} requests in a minute. Try again in {wait} s.", {"Retry-After": str(wait)}
        )
    if actor.kind == "api_key" and key_rows.is_due(reading(), actor):
        key_rows.note_use(actor, address())
    current_session().act_as(actor)
    return actor


def holder_of(permission: str) -> bool:
    """Whether the header carries a key that may do this; for the few addresses outside the API that take keys."""
    given = _given()
    found = key_rows.find_key(reading(), given) if given is not None and given.startswith(MARK) else None
    return (
        found is not None
        and comes_from(address(), found[0].allowed_ips)
        and key_rows.actor_of(found[1], found[0]).may(permission)
    )


def signer() -> Signer:
    """The one that signs and reads access tokens here."""
    kept: Signer | None = current_app.extensions.get("console.signer")
    if kept is None:
        config: Config = current_app.extensions["console.config"]
        kept = current_app.extensions["console.signer"] = Signer(config.secret_key, config.secret_key_fallbacks)
    return kept


def _given() -> str | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    return given if scheme.lower() == "bearer" and given and given.isascii() and len(given) <= _LONGEST else None


def _by_key(secret: str) -> tuple[Actor, int]:
    found = asked_first(lambda: key_rows.find_key(reading(), secret))
    if found is None:
        raise _refused("This key opens nothing: it is unknown, revoked or has run out, or its owner may not work here.")
    key, bearer = found
    if not comes_from(address(), key.allowed_ips):
        raise Problem(403, "This key may not be used from this address.")
    return key_rows.actor_of(bearer, key), key.rate_limit


def _by_token(token: str) -> tuple[Actor, int]:
    claims = signer().read(token)
    bearer = (
        asked_first(lambda: key_rows.find_person(reading(), claims.app_user_id, claims.family_id)) if claims else None
    )
    if bearer is None:
        raise _refused("This access token opens nothing: it has run out or was ended. Refresh it, or sign in again.")
    if bearer.must_change_password:
        raise Problem(403, "Choose your own password in the console first.")
    return key_rows.actor_of(bearer), key_rows.PERSON_LIMIT


def _refused(sentence: str) -> Problem:
    return Problem(401, sentence, {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})
