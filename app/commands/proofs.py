"""The commands that prove something: the ledger's chain, its replay, and who may reach what."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from app.commands.shell import application, database
from app.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def _as_owner(config: Config) -> Iterator[Connection]:
    """One unit of work as the owner of the tables: a proof must see every row, and all of them at one moment."""
    from app.core.db import make_engine

    assert config.database_url is not None
    engine = make_engine(config.database_url, config, "owner", isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@click.group()
def ledger() -> None:
    """Proofs over the history of changes."""


@ledger.command()
def verify() -> None:
    """Prove that the chain of sealed change sets is whole; status 1 and the first broken link otherwise."""
    from app.engine import sealing

    with database() as config, _as_owner(config) as connection:
        verdict = sealing.verify(connection)
    click.echo(verdict.sentence())
    sys.exit(0 if verdict.ok else 1)


@ledger.command()
@click.option("--check", is_flag=True, required=True, help="Compare only; nothing is ever written back.")
def replay(check: bool) -> None:
    """Prove that replaying the ledger gives today's rows; status 1 and the records that differ otherwise."""
    from app.engine import sealing

    with database() as config, _as_owner(config) as connection:
        differences = sealing.replay_check(connection)
    for sentence in differences:
        click.echo(sentence)
    if differences:
        sys.exit(1)
    click.echo("Replaying the ledger gives today's rows.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def routes(as_json: bool) -> None:
    """Every address with its methods and the permission it needs."""
    from app.web.security import permission_of

    with database() as config, application(config) as app:
        found = [
            {
                "rule": rule.rule,
                "endpoint": rule.endpoint,
                "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
                "permission": permission_of(app, rule.endpoint),
            }
            for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
        ]
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for each in found:
        click.echo(f"{','.join(each['methods']):<16} {each['rule']:<52} {each['permission'] or 'undeclared: 404'}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def policy(as_json: bool) -> None:
    """Role by resource by field by action: what the whole company may do, from the rows as they stand."""
    from sqlalchemy import text

    from app.engine import projection
    from app.engine.apply import transaction
    from app.engine.registry import REGISTRY

    with database() as config, application(config), transaction() as connection:
        rows = connection.execute(text("SELECT key, permissions FROM roles ORDER BY key")).all()
        table: Any = projection.policy(REGISTRY, {row.key: tuple(row.permissions) for row in rows})
    if as_json:
        click.echo(json.dumps(table, indent=1, default=str))
        return
    for line in _lines(table):
        click.echo(line)


def _lines(table: Any, path: tuple[str, ...] = ()) -> Iterable[str]:
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _lines(value, (*path, str(key)))
    elif isinstance(table, list | tuple | set | frozenset) and all(isinstance(each, str) for each in table):
        yield f"{' / '.join(path)}: {', '.join(sorted(table)) or '-'}"
    elif isinstance(table, list | tuple):
        yield from (json.dumps(each, default=str) for each in table)
    else:
        yield f"{' / '.join(path)}: {table}"
