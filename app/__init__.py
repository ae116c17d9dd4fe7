"""BrainOps Console: every table of the platform before the staff. The only file that sees every floor."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

# The command line imports this package for every small thing it does, so the house is opened by who enters it.
if TYPE_CHECKING:
    from flask import Flask

    from app.config import Config
    from app.engine.access import Actor

__all__ = ["create_app"]


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application over one database: configured, discovered, mounted."""
    from flask import Flask
    from jinja2 import StrictUndefined

    from app import config as settings
    from app.core import db
    from app.engine.registry import discover
    from app.web import markup

    config = config or settings.load()
    app = Flask(__name__, template_folder="../templates", static_folder="../static")
    app.extensions["console.config"] = config
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.autoescape = True
    app.jinja_env.globals.update(moment_cell=markup.moment, person_cell=markup.person)
    db.install(app, config)
    discover()
    _install(app, config)
    _mount(app)
    app.context_processor(_shell)
    return app


def _install(app: Flask, config: Config) -> None:
    from app.engine import measurements
    from app.web import errors, formats, headers, htmx, security, session

    formats.install(app)
    htmx.install(app)
    security.install(app, config)
    session.install(app, plain_http=config.plain_http)
    headers.install(app)
    errors.install(app)
    measurements.install(app)


def _mount(app: Flask) -> None:
    """Every module of web/ and screens/ that has a blueprint serves pages."""
    from flask import Blueprint

    for package in ("app.web", "app.screens"):
        root = importlib.import_module(package)
        for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda each: each.name):
            module = importlib.import_module(f"{package}.{info.name}")
            blueprint = getattr(module, "blueprint", None)
            if isinstance(blueprint, Blueprint):
                app.register_blueprint(blueprint)


def _shell() -> dict[str, Any]:
    """What every page may use: who is asking, where one can go, what time it is."""
    from flask import current_app

    from app.core import clock
    from app.web.authorship import mark
    from app.web.navigation import menu
    from app.web.origin import came
    from app.web.receipts import said
    from app.web.sent_once import token
    from app.web.session import visitor

    actor = visitor()
    shell: dict[str, Any] = {
        "actor": actor,
        "environment": current_app.extensions["console.config"].environment,
        "health_state": None,
        "search_url": None,
        "crumbs": [],
        "menu": None,
        "came": came(),
        "mark": "",
        "once": token,
        "now": clock.now(),
        "zone": actor.timezone if actor else "UTC",
        "toasts": [],
        "bell": None,
    }
    shell["today"] = clock.today(shell["zone"])
    if actor is not None:
        shell["bell"] = _bell(actor)
        shell |= {"mark": mark(actor), "menu": menu(actor), "search_url": "/search", "toasts": said()}
        shell["health_state"] = _health(actor)
    return shell


def _bell(actor: Actor) -> dict[str, Any] | None:
    """Where notices wait and how many are unread, read along with the session; nothing for who is told nothing."""
    from app.web.session import current_session

    if not (actor.may("notices.own") or actor.may("notices.read")):
        return None
    standing = current_session().standing
    marks = actor.may("notices.own") or actor.may("notices.write")
    return {"href": "/notices", "unread": standing.unread if standing is not None and marks else 0}


def _health(actor: Actor) -> dict[str, str] | None:
    """The worst state of all checks, for the light in the top bar; nobody who may not open the board sees it."""
    from app.core.db import reading
    from app.engine import health_readings

    if not actor.may("health.read"):
        return None
    tone, label = health_readings.worst_now(reading(), actor.tenant_id)
    return {"tone": {"crit": "danger", "unknown": "mute"}.get(tone, tone), "label": label, "href": "/health"}
