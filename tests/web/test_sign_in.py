"""Signing in and out, told by the people who do it and by those who should not be able to."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from app.domains.auth import throttle
from app.engine import passwords
from app.engine.apply import transaction
from app.engine.passwords import hash_password
from app.web import session_rows
from tests.domains.conftest import House
from tests.servers import Database
from tests.web.desk import Desk, words

PASSWORD = "violet kettle runs north"
HASH = hash_password(PASSWORD)


@dataclass
class Person:
    """Somebody with a password and a browser."""

    app: Flask
    desk: Desk
    email: str
    user_id: int

    @property
    def client(self) -> FlaskClient:
        return self.desk.client

    def token(self, page: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.desk.get(page).get_data(as_text=True))
        assert found, page
        return found[1]

    def post(self, path: str, page: str | None = None, **values: str) -> Any:
        sent = {"csrf_token": self.token(page or path), **values}
        with self.app.app_context():
            return self.client.post(path, data=sent)

    def sign_in(self, password: str = PASSWORD, **values: str) -> Any:
        return self.post("/sign-in", email=self.email, password=password, **values)

    def cookie(self) -> str | None:
        found = self.client.get_cookie("console")
        return found.value if found else None

    def other_browser(self) -> Person:
        return Person(self.app, Desk(self.app.test_client(), self.desk.actor), self.email, self.user_id)


@pytest.fixture
def dana(app: Flask, house: House) -> Iterator[Person]:
    yield person(app, house, "Dana Whitfield")
    with transaction() as connection:  # all stories are told from one address, which must not run out of tries
        connection.execute(text("DELETE FROM login_throttle"))


def person(app: Flask, house: House, name: str) -> Person:
    email = f"{name.split()[0].lower()}.{secrets.token_hex(3)}@ridge.example"
    with transaction() as connection:
        user = connection.execute(
            text("INSERT INTO users (email, status, password_hash) VALUES (:email, 'active', :hash) RETURNING id"),
            {"email": email, "hash": HASH},
        ).scalar_one()
        key = connection.execute(
            text("""INSERT INTO app_users (tenant_id, user_id, display_name, status)
                    VALUES (:tenant, :user, :name, 'active') RETURNING id"""),
            {"tenant": house.tenant_id, "user": user, "name": name},
        ).scalar_one()
    role = house.given("roles", key=secrets.token_hex(4), name="Staff", permissions=["home.read", "users.read"])
    house.given("app_user_roles", app_user_id=key, role_id=role)
    return Person(app, Desk(app.test_client(), house.person(name)), email, user)


def latest(connection: Connection, email: str) -> Any:
    return connection.execute(
        text("SELECT * FROM user_sessions WHERE email_tried = :email ORDER BY id DESC LIMIT 1"), {"email": email}
    ).one()


def test_dana_signs_in_and_goes_where_she_was_going(house: House, dana: Person) -> None:
    asked = dana.desk.get("/people?status=active")
    assert asked.status_code == 303
    assert asked.location == "/sign-in?next=/people?status%3Dactive"
    answer = dana.sign_in(next="/people?status=active")
    assert (answer.status_code, answer.location) == (303, "/people?status=active"), words(answer.text)
    assert dana.desk.get("/people").status_code == 200
    noted = latest(house.connection, dana.email)
    assert (noted.outcome, str(noted.ip), noted.tenant_id) == ("success", "127.0.0.1", house.tenant_id)


def test_a_restart_of_the_server_is_not_noticed_by_who_signs_in_next(database: Database, dana: Person) -> None:
    dana.sign_in()
    visitor = dana.other_browser()
    visitor.desk.get("/sign-in")
    with psycopg.connect(database.superuser_url, autocommit=True) as root:
        root.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'console%'"
        )
    answer = visitor.sign_in()
    assert answer.status_code == 303, words(answer)


def test_the_cookie_is_new_at_every_sign_in_and_only_its_digest_is_kept(house: House, dana: Person) -> None:
    answer = dana.sign_in()
    sent = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("console="))
    assert "HttpOnly" in sent
    assert "SameSite=Lax" in sent
    assert "Path=/" in sent
    assert "Expires" not in sent
    assert "Max-Age" not in sent
    first = dana.cookie()
    dana.client.delete_cookie("console")
    dana.sign_in()
    assert dana.cookie() != first
    assert first
    kept = house.connection.execute(
        text("SELECT session_hash FROM sessions WHERE user_id = :id ORDER BY id"), {"id": dana.user_id}
    ).scalars()
    assert bytes(next(iter(kept))) == session_rows.digest(first)


def test_over_https_the_cookie_is_bound_to_this_host(app: Flask, dana: Person) -> None:
    with app.app_context():
        page = dana.client.get("/sign-in", base_url="https://localhost").get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        values = {"csrf_token": token[1], "email": dana.email, "password": PASSWORD}
        answer = dana.client.post("/sign-in", data=values, base_url="https://localhost")
    sent = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("__Host-console="))
    assert "Secure" in sent
    assert "Domain" not in sent


def test_a_cookie_copied_before_signing_out_opens_nothing_afterwards(house: House, dana: Person) -> None:
    dana.sign_in()
    stolen = dana.cookie()
    assert stolen
    answer = dana.post("/sign-out", page="/account")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    thief = dana.other_browser()
    thief.client.set_cookie("console", stolen)
    assert thief.desk.get("/account").location == "/sign-in?next=/account"
    assert latest(house.connection, dana.email).end_reason == "logout"


def test_a_wrong_password_an_unknown_address_and_no_password_read_the_same(house: House, dana: Person) -> None:
    pages = []
    for email in (dana.email, "nobody@ridge.example"):
        answer = dana.post("/sign-in", email=email, password="not the right one")
        assert answer.status_code == 422
        pages.append(re.sub(r'value="[^"]*"', "", words(answer)))
    assert pages[0] == pages[1]
    assert "Email or password is wrong. 4 tries left." in pages[0]
    assert latest(house.connection, dana.email).outcome == "bad_password"
    assert latest(house.connection, "nobody@ridge.example").outcome == "unknown_user"


def test_every_answer_costs_one_hash(dana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    real = passwords._hasher.verify
    monkeypatch.setattr(
        passwords, "_hasher", type("Counting", (), {"verify": lambda _s, k, p: (worked.append(k), real(k, p))[1]})()
    )
    monkeypatch.setattr(passwords, "_nobody", HASH)
    dana.post("/sign-in", email="nobody@ridge.example", password="x")
    dana.post("/sign-in", email=dana.email, password="x")
    assert len(worked) == 2


def test_what_was_typed_stays_and_the_focus_is_on_what_is_missing(dana: Person) -> None:
    answer = dana.post("/sign-in", email=dana.email, password="")
    page = words(answer)
    assert answer.status_code == 422
    assert f'value="{dana.email}"' in page
    assert "Enter your password." in page
    assert re.search(r'name="password"[^>]*aria-invalid="true"[^>]*autofocus', page)


def test_after_five_wrong_tries_even_the_right_password_waits(house: House, dana: Person) -> None:
    for _ in range(5):
        assert dana.sign_in("wrong").status_code == 422
    with transaction() as connection:  # of one second, which a slow machine may take for the next try
        longer = text("UPDATE login_throttle SET blocked_until = blocked_until + interval '1 minute' RETURNING kind")
        assert "pair" in connection.execute(longer).scalars().all()
    answer = dana.sign_in()
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Too many tries" in words(answer)
    assert latest(house.connection, dana.email).outcome == "locked"
    with transaction() as connection:
        connection.execute(text("UPDATE login_throttle SET blocked_until = now() - interval '1 second'"))
    assert dana.sign_in().status_code == 303
    left = house.connection.execute(text("SELECT count(*) FROM login_throttle WHERE kind <> 'address'")).scalar()
    assert left == 0


def test_twenty_guesses_at_once_are_five_guesses(app: Flask, dana: Person) -> None:
    """Tries are counted before the password is looked at."""

    def guess(_: int) -> int:
        with app.app_context(), transaction() as connection:
            return throttle.take_turn(connection, dana.email, "203.0.113.9").wait

    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(guess, range(20)))
    assert 5 <= waits.count(0) <= 5 + (time.monotonic() - began), "each second of waiting is worth one more"


@pytest.mark.parametrize(("failures", "wait"), [(4, 0), (5, 1), (6, 2), (8, 8), (40, 900)])
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, wait: int) -> None:
    assert throttle.wait_after(failures, throttle.LIMITS["pair"]) == wait


@pytest.mark.parametrize(
    "next_",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "evil", "/a\r\nSet-Cookie:x"],
)
def test_the_sign_in_page_leads_nowhere_else(dana: Person, next_: str) -> None:
    assert dana.sign_in(next=next_).location == "/"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET status = 'disabled' WHERE id = :id",
        "UPDATE app_users SET status = 'suspended' WHERE user_id = :id",
        "UPDATE sessions SET absolute_expires_at = now(), idle_expires_at = now() WHERE user_id = :id",
        "DELETE FROM sessions WHERE user_id = :id",
    ],
)
def test_who_loses_access_loses_it_at_the_next_request(dana: Person, change: str) -> None:
    dana.sign_in()
    assert dana.desk.get("/account").status_code == 200
    with transaction() as connection:
        connection.execute(text(change), {"id": dana.user_id})
    assert dana.desk.get("/account").status_code == 303


def test_a_role_taken_is_felt_at_the_next_request_and_the_secret_changes(house: House, dana: Person) -> None:
    dana.sign_in()
    before = dana.cookie()
    with transaction() as connection:
        connection.execute(
            text("DELETE FROM app_user_roles WHERE app_user_id = (SELECT id FROM app_users WHERE user_id = :id)"),
            {"id": dana.user_id},
        )
        session_rows.mark_for_renewal(connection, dana.user_id)
    assert dana.desk.get("/people").status_code == 404
    assert dana.desk.get("/account").status_code == 200
    assert dana.cookie() != before


def test_a_handed_out_password_opens_one_page_only(dana: Person) -> None:
    with transaction() as connection:
        connection.execute(text("UPDATE users SET must_change_password = true WHERE id = :id"), {"id": dana.user_id})
    dana.sign_in()
    for place in ("/", "/people", "/account", "/auth/app_users"):
        assert dana.desk.get(place).location == "/account/password"
    assert "for one use" in dana.desk.page("/account/password")
    for bad, said in (
        ("short", "at least 15"),
        (PASSWORD, "the password you have now"),
        ("passwordpassword2026", "first things an attacker tries"),
        ("dana.whitfield.1987", "your name"),
    ):
        answer = dana.post("/account/password", current=PASSWORD, password=bad, again=bad)
        assert answer.status_code == 422
        assert said in words(answer)
    new = "quartz lantern hums slowly"
    assert dana.post("/account/password", current=PASSWORD, password=new, again=new).status_code == 303
    assert dana.desk.get("/people").status_code == 200


def test_a_new_password_ends_every_other_session(dana: Person) -> None:
    laptop, phone = dana, dana.other_browser()
    laptop.sign_in()
    phone.sign_in()
    new = "quartz lantern hums slowly"
    assert laptop.post("/account/password", current="wrong", password=new, again=new).status_code == 422
    answer = laptop.post("/account/password", current=PASSWORD, password=new, again=new)
    assert answer.status_code == 303
    assert phone.desk.get("/account").status_code == 303
    assert "signed out in 1 other place" in laptop.desk.page("/account")
    assert phone.sign_in().status_code == 422
    assert phone.sign_in(new).status_code == 303


def test_sign_out_everywhere_and_of_one_place(dana: Person) -> None:
    laptop, phone = dana, dana.other_browser()
    laptop.sign_in()
    phone.sign_in()
    found = re.search(r'action="(/account/sessions/\d+/end)"', laptop.desk.page("/account"))
    assert found
    assert laptop.post(found[1], page="/account").status_code == 303
    assert phone.desk.get("/account").status_code == 303
    phone.sign_in()
    assert laptop.post("/account/sign-out-everywhere", page="/account").status_code == 303
    assert laptop.desk.get("/account").status_code == 303
    assert phone.desk.get("/account").status_code == 303


def test_nobody_ends_the_session_of_another_by_number(app: Flask, house: House, dana: Person) -> None:
    eve = person(app, house, "Eve Larkin")
    dana.sign_in()
    eve.sign_in()
    number = house.connection.execute(
        text("SELECT id FROM sessions WHERE user_id = :id"), {"id": dana.user_id}
    ).scalar()
    assert eve.post(f"/account/sessions/{number}/end", page="/account").status_code == 404
    assert dana.desk.get("/account").status_code == 200


def test_a_dangerous_action_asks_for_the_password_again_after_ten_minutes(house: House, dana: Person) -> None:
    dana.sign_in()
    with transaction() as connection:
        connection.execute(text("UPDATE sessions SET elevated_until = now() WHERE user_id = :id"), {"id": dana.user_id})
        connection.execute(
            text("UPDATE roles SET permissions = '{*.*}' WHERE tenant_id = :id"), {"id": house.tenant_id}
        )
    asked = dana.post("/people/1/link", page="/people")
    assert asked.location == "/account/confirm?next=/people/1"
    assert dana.post("/account/confirm", password="wrong", next="/people/1").status_code == 422
    before = dana.cookie()
    answer = dana.post("/account/confirm", password=PASSWORD, next="/people/1")
    assert answer.location == "/people/1"
    assert dana.cookie() != before
    assert dana.post("/people/1/link", page="/people").status_code == 404  # asked no more; there is no such person here


def test_theme_zone_and_name_are_ones_own(dana: Person) -> None:
    dana.sign_in()
    dana.post("/account/theme", page="/account", theme="dark")
    assert 'data-theme="dark"' in dana.desk.page("/account")
    assert dana.post("/account/theme", page="/account", theme="neon").status_code == 400
    answer = dana.post("/account", full_name="Dana W", timezone="Mars/Olympus", theme="dark", density="compact")
    assert answer.status_code == 422
    assert "like America/Denver" in words(answer)
    answer = dana.post("/account", full_name="Dana W", timezone="America/Denver", theme="light", density="compact")
    assert answer.status_code == 303
    assert 'data-theme="light" data-density="compact"' in dana.desk.page("/account")


def test_the_first_owner_names_themselves(app: Flask, house: House, dana: Person) -> None:
    from app.domains.auth import links

    with transaction() as connection:
        connection.execute(
            text(
                "UPDATE users SET email = 'owner@console.invalid', status = 'invited', password_hash = NULL WHERE id = :id"
            ),
            {"id": dana.user_id},
        )
        token = links.issue(connection, dana.user_id, "invite")
    door = f"/invite/{token}"
    assert "first owner" in dana.desk.page(door)
    email, good = f"ada.{secrets.token_hex(3)}@ridge.example", "quartz lantern hums slowly"
    assert dana.post(door, name="Ada Lund", email="ada", password=good, again=good).status_code == 422
    assert dana.post(door, name="Ada Lund", email=email, password=good, again=good).status_code == 303
    assert dana.post("/sign-in", email=email, password=good).status_code == 303
    assert "Ada Lund" in dana.desk.page("/account")


@pytest.mark.parametrize(
    "password",
    ["passwordpassword1", "123456789012345", "1q2w3e4r5t6y7u8i", "qwertyuiopasdfgh", "WelcomeToBrainOps1", "aaaaaaaaaaaaaaaaaaaa",
     "correct horse battery staple", "P@ssw0rdP@ssw0rd", "x" * 300],
)  # fmt: skip
def test_what_an_attacker_tries_first_is_refused(password: str) -> None:
    assert passwords.weakness(password)


def test_handed_out_passwords_pass_the_rules_and_never_repeat() -> None:
    made = {passwords.hand_out() for _ in range(50)}
    assert len(made) == 50
    assert not any(passwords.weakness(each) for each in made)


def test_an_old_hash_is_renewed_at_sign_in(house: House, dana: Person) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    with transaction() as connection:
        connection.execute(
            text("UPDATE users SET password_hash = :hash WHERE id = :id"), {"hash": weak, "id": dana.user_id}
        )
    assert dana.sign_in().status_code == 303
    kept = house.connection.execute(
        text("SELECT password_hash FROM users WHERE id = :id"), {"id": dana.user_id}
    ).scalar_one()
    assert kept != weak
    assert not passwords.is_outdated(kept)
