"""A person at a browser without script: opens a page, fills in its form as it stands, sends it, follows where it leads."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.registry import REGISTRY
from app.roles import ROLES
from app.web import session_rows
from tests.domains.conftest import House


class Forms(HTMLParser):
    """The forms of a page, with what a browser would send of each."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._area: str | None = None
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append(Form(given.get("action"), given.get("data-focus")))
        if not self.forms or self.forms[-1].closed:
            return
        form, name, value = self.forms[-1], given.get("name"), given.get("value") or ""
        if tag == "input" and name:
            if given.get("type") in ("checkbox", "radio"):
                if "checked" in given:
                    form.values[name] = value or "on"
            else:
                form.values[name] = value
        elif tag == "textarea" and name:
            self._area, form.values[name] = name, ""
        elif tag == "select" and name:
            self._select = name
            form.values.setdefault(name, "")
        elif tag == "option" and self._select and "selected" in given:
            form.values[self._select] = value

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            values = self.forms[-1].values
            values[self._area] = values[self._area].removeprefix("\n")
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "form":
            self.forms[-1].closed = True


@dataclass
class Form:
    action: str | None
    focus: str | None
    values: dict[str, str] = field(default_factory=dict)
    closed: bool = False


@dataclass
class Desk:
    """One signed-in person."""

    client: FlaskClient
    actor: Actor

    def get(self, path: str, **headers: str) -> Any:
        with (
            self.client.application.app_context()
        ):  # of its own: a test holds one open, and requests must share nothing
            return self.client.get(path, headers=headers)

    def page(self, path: str, status: int = 200) -> str:
        response = self.get(path)
        assert response.status_code == status, (path, response.status_code)
        return words(response)

    def form(self, page: str, holding: str) -> Form:
        """The form of a page that has a field of that name."""
        return next(each for each in Forms(page).forms if holding in each.values)

    def opened(self, path: str, holding: str = "version") -> Form:
        return self.form(self.get(path).get_data(as_text=True), holding)

    def send(self, path: str, form: Form, **values: str) -> Any:
        sent = {**form.values, **{name.replace("__", "."): value for name, value in values.items()}}
        with self.client.application.app_context():
            return self.client.post(path, data=sent)

    def edit(self, path: str, **values: str) -> Any:
        return self.send(path, self.opened(path), **values)

    def press(self, path: str, **values: str) -> Any:
        """Send the form a page of one button shows."""
        return self.send(path, self.opened(path, "csrf_token"), **values)

    def sentence(self, response: Any) -> str:
        return words(response)


def words(response: Any) -> str:
    """The page with what a reader would see of its entities."""
    text: str = response.get_data(as_text=True)
    return (
        text.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    )


def sit(app: Flask, company: House, name: str, *permissions: str) -> Desk:
    """Somebody with these permissions sits down and signs in."""
    mark = secrets.token_hex(4)
    with transaction() as connection:

        def given(table: str, **values: Any) -> int:
            rows = REGISTRY[table].table
            return int(connection.execute(insert(rows).values(**values).returning(rows.c.id)).scalar_one())

        user = given("users", email=f"{mark}@ridge.example", status="active")
        person = given("app_users", tenant_id=company.tenant_id, user_id=user, display_name=name, status="active")
        role = given("roles", tenant_id=company.tenant_id, key=mark, name=mark, permissions=list(permissions))
        given("app_user_roles", tenant_id=company.tenant_id, app_user_id=person, role_id=role)
        visit = given("user_sessions", tenant_id=company.tenant_id, user_id=user, outcome="success")
        token = session_rows.begin(
            connection, user_id=user, tenant_id=company.tenant_id, user_session_id=visit, ip=None, agent="test"
        )
    client = app.test_client()
    client.set_cookie("console", token)
    standing = session_rows.find(company.connection, token)
    assert standing is not None
    return Desk(client, session_rows.actor_of(standing))


def staff(app: Flask, company: House, name: str, role: str) -> Desk:
    return sit(app, company, name, *next(each.permissions for each in ROLES if each.key == role))


def undo_of(page: str) -> str:
    """The address of the toast's Undo."""
    found = re.search(r'action="(/change-sets/\d+/undo)"', page)
    assert found
    return found[1]
