"""Programs that sign in with a password get tokens, which rotate, end with the person's access and give thieves away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlalchemy import text

from app.core.clock import now
from app.engine.apply import change, transaction
from app.engine.passwords import hash_password
from app.engine.tokens import Signer
from tests.domains.conftest import House
from tests.web.desk import Desk, sit
from tests.web.program import Program

PASSWORD = "slate valley ridge vent"
_HASH: list[str] = []


@pytest.fixture
def grace(app: Flask, house: House) -> Desk:
    """Grace, who has a password and reads customers."""
    desk = sit(app, house, "Grace Okafor", "customers.read", "apikeys.own")
    _HASH[:] = _HASH or [hash_password(PASSWORD)]
    with transaction() as connection:
        values = {"hash": _HASH[0], "id": desk.actor.user_id}
        connection.execute(text("UPDATE users SET password_hash = :hash WHERE id = :id"), values)
        connection.execute(text("DELETE FROM login_throttle"))
    return desk


def asked(app: Flask, path: str, **body: str) -> Any:
    return Program(app.test_client(), "").post(f"/tokens{path}", body)


def tokens(app: Flask, grace: Desk) -> dict[str, Any]:
    answer = asked(app, "", email=grace.actor.email or "", password=PASSWORD)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def status(app: Flask, access: str) -> int:
    return int(Program(app.test_client(), access).get("/crm/customers").status_code)


def test_a_password_opens_the_api_for_ten_minutes_at_a_time(app: Flask, grace: Desk) -> None:
    given = tokens(app, grace)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    assert status(app, given["access_token"]) == 200
    assert Program(app.test_client(), given["access_token"]).post("/crm/customers", {"name": "X"}).status_code == 403
    following = asked(app, "/refresh", refresh_token=given["refresh_token"]).json
    assert following["refresh_token"] != given["refresh_token"]
    assert status(app, following["access_token"]) == status(app, given["access_token"]) == 200


def test_a_refresh_token_used_twice_ends_its_family_and_no_other(app: Flask, grace: Desk, house: House) -> None:
    given, other = tokens(app, grace), tokens(app, grace)
    following = asked(app, "/refresh", refresh_token=given["refresh_token"]).json
    assert asked(app, "/refresh", refresh_token=given["refresh_token"]).status_code == 401
    assert asked(app, "/refresh", refresh_token=following["refresh_token"]).status_code == 401
    assert status(app, following["access_token"]) == 401
    assert status(app, other["access_token"]) == 200
    why = text("SELECT revoke_reason FROM auth_tokens WHERE user_id = :id AND purpose = 'refresh' ORDER BY id")
    reasons = list(house.connection.scalars(why, {"id": grace.actor.user_id}))
    assert reasons == ["rotated", None, "reuse_detected"]


def test_ending_it_is_felt_at_once(app: Flask, grace: Desk) -> None:
    given = tokens(app, grace)
    assert asked(app, "/revoke", refresh_token=given["refresh_token"]).status_code == 204
    assert asked(app, "/revoke", refresh_token="br_unknown").status_code == 204
    assert status(app, given["access_token"]) == 401
    assert asked(app, "/refresh", refresh_token=given["refresh_token"]).status_code == 401


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE users SET status = 'disabled' WHERE id = :user",
        "UPDATE app_users SET status = 'suspended' WHERE id = :me",
        "UPDATE auth_tokens SET expires_at = now() WHERE user_id = :user",
    ],
)
def test_tokens_are_worth_no_more_than_the_person(app: Flask, grace: Desk, ended: str) -> None:
    given = tokens(app, grace)
    with transaction() as connection:
        connection.execute(text(ended), {"user": grace.actor.user_id, "me": grace.actor.app_user_id})
    assert status(app, given["access_token"]) == 401
    assert asked(app, "/refresh", refresh_token=given["refresh_token"]).status_code == 401


def test_a_new_password_ends_every_program(app: Flask, grace: Desk) -> None:
    from app.domains.auth import people

    given = tokens(app, grace)
    with change(grace.actor) as connection:
        people.set_password(connection, grace.actor.user_id or 0, "another slate valley ridge", must_change=False)
    assert status(app, given["access_token"]) == 401


def test_a_person_sees_their_programs_and_signs_one_out(app: Flask, grace: Desk) -> None:
    given = tokens(app, grace)
    page = grace.get("/account/keys").get_data(as_text=True)
    assert "Programs signed in with your password" in page
    form = next(each for each in grace_forms(page) if (each.action or "").endswith("/end"))
    assert grace.send(form.action or "", form).status_code == 303
    assert status(app, given["access_token"]) == 401
    assert grace.send(form.action or "", form).status_code == 404


def grace_forms(page: str) -> Any:
    from tests.web.desk import Forms

    return Forms(page).forms


def test_guesses_are_counted_with_those_at_the_sign_in_page(app: Flask, grace: Desk) -> None:
    email = grace.actor.email or ""
    assert asked(app, "", email=email, password="wrong" * 4).status_code == 401
    with transaction() as connection:  # as after five more of them
        connection.execute(
            text("UPDATE login_throttle SET blocked_until = now() + interval '1 minute' WHERE kind = 'pair'")
        )
    waiting = asked(app, "", email=email, password=PASSWORD)
    assert waiting.status_code == 429 and int(waiting.headers["Retry-After"]) >= 1
    assert asked(app, "", email="nobody@ridge.example", password=PASSWORD).status_code == 401


@pytest.mark.parametrize(
    "closed",
    [
        "mfa_enabled = true, mfa_secret_enc = '\\x00'",
        "must_change_password = true",
        "locked_until = now() + interval '1 hour'",
    ],
)
def test_who_may_not_simply_sign_in_gets_no_token(app: Flask, grace: Desk, closed: str) -> None:
    with transaction() as connection:
        connection.execute(text(f"UPDATE users SET {closed} WHERE id = :id"), {"id": grace.actor.user_id})
    answer = asked(app, "", email=grace.actor.email or "", password=PASSWORD)
    assert answer.status_code == 403 and "access_token" not in answer.json


def test_what_is_sent_is_read_strictly(app: Flask) -> None:
    assert asked(app, "", email="a@b.example").status_code == 422
    assert asked(app, "", email="a@b.example", password="x", otp="1").status_code == 400
    assert asked(app, "/refresh", refresh_token="\x00").status_code == 422


def test_only_what_we_signed_and_only_as_we_sign_is_read(app: Flask, grace: Desk) -> None:
    given = tokens(app, grace)["access_token"]
    secret = app.extensions["console.config"].secret_key
    signer = Signer(secret)
    claims = jwt.decode(given, options={"verify_signature": False})
    header = {"kid": signer.key_id, "typ": "at+jwt"}

    def signed(
        key: Any = signer._private, algorithm: str = "EdDSA", head: dict[str, Any] = header, **changed: Any
    ) -> str:
        kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode(kept, key, algorithm, headers=head)

    assert status(app, signed()) == 200
    forged = [
        signed(Ed25519PrivateKey.generate()),
        signed("x" * 64, "HS256"),
        signed(None, "none"),
        signed(head={**header, "kid": "0" * 16}),
        signed(head={"typ": "at+jwt"}),
        signed(head={**header, "crit": ["exp"]}),
        signed(head={**header, "typ": "JWT"}),
        signed(exp=now() - timedelta(seconds=1)),
        signed(iss="another"),
        signed(aud="another"),
        signed(family="00000000-0000-0000-0000-000000000000"),
        signed(sub="1"),
        *(signed(**{name: None}) for name in ("exp", "iat", "aud", "iss", "sub", "jti", "family")),
    ]
    assert [status(app, each) for each in forged] == [401] * len(forged)


def test_a_replaced_secret_still_reads_what_it_signed() -> None:
    from uuid import uuid4

    family = uuid4()
    token, jti = Signer("old" * 20).sign(7, family)
    found = Signer("new" * 20, ["old" * 20]).read(token)
    assert found is not None and (found.app_user_id, found.family_id, found.jti) == (7, family, jti)
    assert Signer("new" * 20).read(token) is None
