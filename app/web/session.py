"""Who is signed in on this request: Flask's session over the table `sessions`, and Flask-Login on top of it.

Nothing is read before somebody asks, so that a style sheet or a liveness probe costs no statement.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

import psycopg
from flask import Flask, Request, Response, abort, g, request
from flask import session as _session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.exc import DBAPIError

from app.core.db import forget_reading, reading
from app.engine.access import Actor, holds
from app.engine.apply import transaction
from app.roles import PERMISSIONS
from app.web import session_rows
from app.web.session_rows import Standing

PLAIN, STRICT = "console", "__Host-console"
VIEWING_AS = "viewing_as"
"""Where a session keeps the role it is seen as: [name, its permissions]."""
VISIT_LASTS = 2 * 3600
"""Seconds for which a sign-in page left open can still be sent."""

Found = TypeVar("Found")

log = logging.getLogger("console.session")


class ConsoleSession(SessionMixin):
    """What the pages of one sign-in remember, and whose sign-in it is.

    For a visitor it holds little more than the secret against forged forms, in a short signed cookie: a row for
    everyone who opens the sign-in page would let strangers fill the table.
    """

    def __init__(self, token: str | None, visit: str | None, signer: URLSafeTimedSerializer) -> None:
        self.modified = False
        self.cookie: str | None = None  # a new secret to send, "" to take the cookie away
        self.had_visit = visit is not None
        self._token, self._visit, self._signer = token, visit, signer
        self._standing: Standing | None = None
        self._values: dict[str, Any] | None = None
        self._actor: Actor | None = None

    @property
    def standing(self) -> Standing | None:
        """The sign-in behind the cookie, looked up once a request."""
        self._load()
        return self._standing

    @property
    def actor(self) -> Actor | None:
        """The person signed in, or None."""
        if self._actor is None and self.standing is not None:
            self._actor = seen_as(session_rows.actor_of(cast(Standing, self._standing)), self.get(VIEWING_AS))
        return self._actor

    def begin(self, token: str) -> None:
        """Send a new session's secret with this answer and drop what the visitor had."""
        self.forget()
        self.cookie = token

    def replace(self, token: str) -> None:
        """Send a new secret for the same session."""
        self.cookie = token

    def act_as(self, actor: Actor) -> None:
        """Go on as the bearer of a key or token, who has no session and leaves no cookie."""
        self.forget()
        self._actor = actor

    def over(self) -> None:
        """Take the cookie away with this answer."""
        self.forget()
        self.cookie = ""

    def forget(self) -> None:
        """Go on as nobody, without asking the database: its absence must not keep the error page from being shown."""
        self._standing, self._actor, self._values, self.modified = None, None, {}, False

    def _load(self) -> dict[str, Any]:
        if self._values is None:
            self._standing = _find(self._token) if self._token else None
            if self._standing is not None:
                self._values = json.loads(self._standing.data) if self._standing.data else {}
                self._values["csrf_token"] = self._standing.csrf_secret.hex()
            else:
                self._values = self._open_visit()
        return self._values

    def _open_visit(self) -> dict[str, Any]:
        try:
            return dict(self._signer.loads(self._visit or "", max_age=VISIT_LASTS))
        except (BadData, ValueError, TypeError):
            return {}

    def sealed_visit(self) -> str:
        """The visitor's values as they travel."""
        return str(self._signer.dumps(self._load()))

    @property
    def is_loaded(self) -> bool:
        """Whether anybody asked for it on this request."""
        return self._values is not None

    def kept_values(self) -> dict[str, Any]:
        """What belongs into `sessions.data`: all but the form secret, which has a column of its own."""
        return {key: value for key, value in self._load().items() if key not in ("csrf_token", "renew")}

    def __getitem__(self, key: str) -> Any:
        return self._load()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._load()[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self._load()[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


def seen_as(actor: Actor, viewing: Any) -> Actor:
    """The same person with no more than a role's rights, never with more than their own."""
    if not viewing:
        return actor
    name, patterns = viewing
    both = frozenset(patterns)
    held = [each for each in PERMISSIONS if actor.may(each) and holds(both, each)]
    return replace(actor, permissions=session_rows.bundle(" ".join(held)), roles=(name,), viewing_as=name)


def _find(token: str) -> Standing | None:
    return asked_first(lambda: session_rows.find(reading(), token))


def asked_first(find: Callable[[], Found]) -> Found:
    """The first statement of a request is the first to notice that the server was restarted in between: once more then."""
    try:
        return find()
    except (DBAPIError, psycopg.OperationalError) as error:
        if isinstance(error, DBAPIError) and not error.connection_invalidated:
            raise
        forget_reading()
        return find()


class DatabaseSessions(SessionInterface):
    """Opens and keeps sessions; the cookie carries a secret and nothing else."""

    def __init__(self, signer: URLSafeTimedSerializer, plain_http: bool) -> None:
        self._signer, self._plain_http = signer, plain_http

    def cookie_name(self) -> str:
        """`__Host-console`, or its plain sister where the console is served over http on this machine only."""
        return PLAIN if self._plain_http and not request.is_secure else STRICT

    def open_session(self, app: Flask, request: Request) -> ConsoleSession:
        if request.path.startswith(
            "/api/"
        ):  # a cookie is sent by the browser on anyone's behalf: it opens nothing there
            return ConsoleSession(None, None, self._signer)
        name = self.cookie_name()
        return ConsoleSession(request.cookies.get(name), request.cookies.get(f"{name}-visit"), self._signer)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        session = cast(ConsoleSession, session)
        if request.path.startswith("/api/"):
            return
        if session.cookie is None and not session.is_loaded:
            return
        response.vary.add("Cookie")
        if session.standing is not None:
            self._keep(session, session.standing)
        if session.cookie is not None:
            self._send(response, self.cookie_name(), session.cookie)
        if session.standing is None and session.modified:
            self._send(response, f"{self.cookie_name()}-visit", session.sealed_visit(), VISIT_LASTS)
        elif session.cookie and session.had_visit:
            self._send(response, f"{self.cookie_name()}-visit", "")

    def _keep(self, session: ConsoleSession, standing: Standing) -> None:
        # Only a whole page renews: fragments fly in parallel, and all but one would come with the old secret.
        attended = not unattended()
        whole_page = request.headers.get("HX-Request") != "true" and request.method == "GET"
        renews = bool(session.get("renew")) and whole_page and attended
        stale = standing.is_stale and attended
        if not (session.modified or stale or renews):
            return
        try:
            with transaction() as connection:
                if session.modified:
                    values = session.kept_values()
                    session_rows.keep(
                        connection, standing.id, values | ({"renew": True} if session.get("renew") else {})
                    )
                if stale:
                    session_rows.touch(connection, standing.id)
                if renews:
                    session.replace(session_rows.renew(connection, standing.id, elevate=False))
        except DBAPIError:
            # The answer itself is ready and true; forgetting where a panel was folded is no reason to withhold it.
            log.warning("session.not_kept", exc_info=True)

    def _send(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        options: dict[str, Any] = {
            "httponly": True,
            "samesite": "Lax",
            "path": "/",
            "secure": name.startswith("__Host-"),
        }
        if value:
            response.set_cookie(name, value, max_age=max_age, **options)
        else:
            response.delete_cookie(name, **options)


class Person(UserMixin):
    """Flask-Login's view of who is signed in."""

    def __init__(self, actor: Actor) -> None:
        self.id = actor.user_id
        self.actor = actor


def current_session() -> ConsoleSession:
    """The session of this request with its own methods, which Flask's proxy type does not know."""
    return cast(ConsoleSession, _session._get_current_object())  # type: ignore[attr-defined]


def current_actor() -> Actor:
    """Who is asking; 401 when nobody is signed in, which the guard of every closed page has ruled out before."""
    return current_session().actor or abort(401)


def visitor() -> Actor | None:
    """Who is asking, or None: for pages that open to all."""
    return current_session().actor


def address() -> str | None:
    """The network address of the browser as far as the trusted proxies tell."""
    return request.remote_addr


def unattended() -> bool:
    """Whether a page asks by itself rather than its reader: that keeps no session alive and takes nobody's messages."""
    return request.blueprint == "live" or "X-Unattended" in request.headers


def request_id() -> str:
    """The word by which a person can name this request to us, and by which its log lines are found."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return cast(str, g.request_id)


def install(app: Flask, *, plain_http: bool) -> None:
    """Keep sessions in the database; `plain_http` where there is no TLS because everything stays on this machine."""
    keys = [*(app.config.get("SECRET_KEY_FALLBACKS") or ()), app.secret_key]  # the newest key, last, signs
    app.session_interface = DatabaseSessions(URLSafeTimedSerializer(keys, salt="console.visit"), plain_http)
    app.config["SESSION_COOKIE_NAME"] = PLAIN if plain_http else STRICT
    login = LoginManager()
    login.session_protection = None  # what it guards in a signed cookie, a row in the database makes impossible
    # Not init_app(): its after-request function opens the session of every answer to look for a "remember me" we do not have.
    app.login_manager = login  # type: ignore[attr-defined]

    @login.request_loader
    def _person(_request: Request) -> Person | None:
        actor = visitor()
        return Person(actor) if actor else None
