"""A program with a key: what it sends and what it is answered, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.domains.auth import keys
from app.domains.auth.keys import Wish
from app.engine.access import Actor
from app.engine.apply import change
from app.roles import PERMISSIONS
from app.web.api.blueprint import ROOT
from tests.domains.conftest import House
from tests.web.desk import Desk, sit


@dataclass
class Program:
    """One client that sends its bearer with every request."""

    client: FlaskClient
    secret: str
    owner: Desk | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        given |= self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        with self.client.application.app_context():
            return self.client.open(f"{ROOT}{path}", method=method, data=data, headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)

    @property
    def key(self) -> int:
        """The row of its key."""
        found = next(each for each in keys.own(_reading(), self.actor) if each.prefix == self.secret[:8])
        return int(found.id)

    @property
    def actor(self) -> Actor:
        assert self.owner is not None
        return self.owner.actor


def _reading() -> Any:
    from app.core.db import reading

    return reading()


def key_of(actor: Actor, scopes: tuple[str, ...] = (), **wish: Any) -> str:
    """A key made for a person; without scopes for whatever they may do."""
    chosen = scopes or tuple(each for each in PERMISSIONS if actor.may(each))
    with change(actor, action="api_key.create") as connection:
        return keys.make(
            connection, actor, Wish(wish.pop("name", "Nightly export"), chosen, wish.pop("days", 30), **wish)
        )


def program(
    app: Flask, house: House, name: str, *permissions: str, scopes: tuple[str, ...] = (), **wish: Any
) -> Program:
    """A program of somebody with these permissions."""
    owner = sit(app, house, name, *permissions)
    return Program(app.test_client(), key_of(owner.actor, scopes, **wish), owner)
