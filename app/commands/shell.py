"""What every command stands on: a database for as long as it runs, and refusals that are one sentence and status 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from app.config import Config, ConfigError, load

if TYPE_CHECKING:
    from flask import Flask


class InOrder(click.Group):
    """Commands in the order of a working day, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class Refusal(click.ClickException):
    """A sentence on standard error and exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


@contextmanager
def refusals() -> Iterator[None]:
    """What the console cannot work with is told as a sentence, never as a traceback."""
    try:
        yield
    except ConfigError as error:
        raise Refusal(error.sentence) from None


@contextmanager
def database(*, migrated: bool = True) -> Iterator[Config]:
    """The settings with a database that runs for as long as the block does, and has our tables if `migrated`."""
    from app.core import startup

    with refusals(), ExitStack() as leaving:
        config, embedded = startup.open_database(load())
        if embedded is not None:
            leaving.callback(embedded.stop)
        if migrated:
            if not startup.is_current(config):
                raise ConfigError("The database does not have this version's tables; run: console migrate")
            config, _ = startup.settle_role(config)
        yield config


@contextmanager
def application(config: Config) -> Iterator[Flask]:
    """The application over that database, with its context pushed."""
    from app import create_app

    app = create_app(config)
    with app.app_context():
        yield app
