"""Signing in without a browser: a password for tokens, a refresh token for the next ones, and an end to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, request

from app.core.db import reading
from app.domains.auth import refresh, sign_ins, throttle
from app.domains.auth.sign_ins import Candidate
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.passwords import LONGEST
from app.engine.refusals import Rejected
from app.engine.tokens import LASTS_S
from app.web.api.blueprint import ROOT
from app.web.api.bodies import read
from app.web.bearer import CHALLENGE, signer
from app.web.problems import Problem, field_errors
from app.web.security import csrf, open_to_all
from app.web.session import address, request_id

blueprint = Blueprint("api_tokens", __name__, url_prefix=f"{ROOT}/tokens")
csrf.exempt(blueprint)  # no cookie is looked at here: who sends this knows the password or the token itself


@blueprint.post("")
@open_to_all
def issue() -> Response:
    """E-mail and password for an access and a refresh token; tries are counted together with those at the sign-in page."""
    email, password = _words(("email", 320), ("password", LONGEST))
    agent = request.user_agent.string
    with transaction() as connection:
        turn = throttle.take_turn(connection, email, address())
    candidate = sign_ins.find(reading(), email)
    outcome = "locked" if turn.wait else _judged(candidate, password)
    if outcome != "success" or candidate is None:
        with transaction() as connection:
            sign_ins.note(connection, candidate, email, outcome, address(), agent)
        raise _refusal(outcome, turn.wait)
    if candidate.must_change_password:
        raise Problem(403, "Choose your own password in the console first.")
    person = Actor(candidate.tenant_id or 0, candidate.app_user_id, candidate.user_id, candidate.email)
    family = refresh.new_family()
    with change(person, action="user.token", channel="api", request_id=request_id(), ip=address()) as connection:
        throttle.forgive(connection, candidate.email, address())
        sign_ins.note(connection, candidate, candidate.email, "success", address(), agent)
        answer, jti = _access(candidate.app_user_id or 0, family)
        answer["refresh_token"] = refresh.issue(connection, candidate.user_id, jti=jti, family=family, ip=address())
    return _given(answer)


@blueprint.post("/refresh")
@open_to_all
def exchange() -> Response:
    """The next tokens for a refresh token, which is used up by it."""
    (token,) = _words(("refresh_token", 200))
    answer: dict[str, Any] | None = None
    with transaction() as connection:
        found = refresh.exchange(connection, token)
        if found is not None:
            answer, jti = _access(found.app_user_id, found.family_id)
            answer["refresh_token"] = refresh.issue(
                connection, found.user_id, jti=jti, family=found.family_id, parent=found.token_id, ip=address()
            )
    if answer is None:
        raise _unauthorized("This refresh token is worth nothing: it was used or ended, or has run out. Sign in again.")
    return _given(answer)


@blueprint.post("/revoke")
@open_to_all
def revoke() -> Response:
    """End the family of a refresh token; its access tokens open nothing from the next request on. Unknown ones too (RFC 7009)."""
    (token,) = _words(("refresh_token", 200))
    with transaction() as connection:
        refresh.end(connection, token)
    return Response(status=204)


def _judged(candidate: Candidate | None, password: str) -> str:
    outcome = sign_ins.judge(candidate, password)
    if outcome == "success" and candidate is not None and candidate.has_second_factor:
        return "bad_mfa"  # a program has no way to give it yet, and without it nobody gets in
    return outcome


def _refusal(outcome: str, wait: int) -> Problem:
    if wait:
        return Problem(429, f"Too many tries. Wait {wait} s and try again.", {"Retry-After": str(wait)})
    if outcome == "bad_mfa":
        return Problem(403, "This sign-in needs a second factor, which a program cannot give. Make an API key instead.")
    if outcome in ("disabled", "locked"):
        return Problem(403, "This sign-in is switched off or locked. An administrator can open it.")
    return _unauthorized("Email or password is wrong.")


def _unauthorized(sentence: str) -> Problem:
    return Problem(401, sentence, {"WWW-Authenticate": CHALLENGE})


def _access(app_user_id: int, family: UUID) -> tuple[dict[str, Any], UUID]:
    token, jti = signer().sign(app_user_id, family)
    return {"access_token": token, "token_type": "Bearer", "expires_in": LASTS_S}, jti


def _given(answer: dict[str, Any]) -> Response:
    return jsonify(answer)


def _words(*asked: tuple[str, int]) -> list[str]:
    """The named texts of the body and nothing else."""
    body = read()
    names = [name for name, _ in asked]
    unknown = next((name for name in body if name not in names), None)
    if unknown is not None:
        errors = field_errors({unknown: "There is no such field."})
        raise Problem(400, f"There is no field “{unknown[:60]}” here.", errors=errors)
    faults = {
        name: f"Give a text of 1 to {longest} ordinary characters."
        for name, longest in asked
        if not isinstance(body.get(name), str)
        or not 1 <= len(body[name]) <= longest
        or any(ord(char) < 32 for char in body[name])
    }
    if faults:
        raise Rejected(faults)
    return [str(body[name]) for name in names]
