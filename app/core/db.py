"""How the console reaches PostgreSQL: who it connects as, under which limits, and one reading connection per request."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase

from app.core.connecting import connect_args

if TYPE_CHECKING:
    from app.config import Config

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of every typed model; the search path, not the model, decides the schema."""

    metadata = MetaData(naming_convention=CONVENTION)


db = SQLAlchemy(model_class=Base)


def psycopg_url(url: str) -> str:
    """The same address, spoken through psycopg 3 (`postgresql://` alone would pick another driver)."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def make_engine(url: str, config: Config, role: str = "app", **kwargs: Any) -> Engine:
    """An engine outside the application: for migrations, loaders and the worker."""
    return create_engine(
        psycopg_url(url), connect_args=connect_args(config, role), hide_parameters=True, pool_pre_ping=True, **kwargs
    )


def install(app: Flask, config: Config) -> None:
    """Give the application two pools: `default` for units of work, `reading` for statements that need no BEGIN."""
    url = config.app_database_url or config.database_url
    if url is None:
        raise RuntimeError("The application needs a database URL; the embedded server supplies one at start.")
    shared: dict[str, Any] = {
        "url": psycopg_url(url),
        "connect_args": connect_args(config),
        "pool_size": max(config.web_threads, 2),
        "max_overflow": 4,
        "pool_timeout": 5,
        "pool_recycle": 1800,
        "hide_parameters": True,
    }
    app.config["SQLALCHEMY_DATABASE_URI"] = shared["url"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {k: v for k, v in shared.items() if k != "url"} | {"pool_pre_ping": True}
    # No ping here, which would be a round trip more: see _refuse_dead. What that cannot see, a connection lost on the way,
    # the first statement of a page finds out, and is asked again (web/session.py).
    app.config["SQLALCHEMY_BINDS"] = {
        "reading": shared | {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
    }
    db.init_app(app)
    with app.app_context():
        event.listen(db.engines["reading"], "checkout", _refuse_dead)
    app.teardown_appcontext(_give_back)


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """Nothing is owed to a connection that rests in the pool: what it has to say is the server's farewell."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError("The server ended this connection.")


def reading() -> Connection:
    """The request's own connection for reads: autocommit, so a SELECT is one round trip and holds no snapshot open."""
    connection: Connection | None = g.get("_reading")
    if connection is None or connection.closed:
        connection = g._reading = db.engines["reading"].connect()
    return connection


def forget_reading() -> None:
    """Drop a reading connection that turned out dead, so that the next call to `reading` opens a fresh one."""
    connection: Connection | None = g.pop("_reading", None)
    if connection is not None:
        connection.invalidate()
        connection.close()
        db.engines["reading"].dispose()


def _give_back(_error: BaseException | None) -> None:
    connection: Connection | None = g.pop("_reading", None)
    if connection is not None:
        connection.close()
