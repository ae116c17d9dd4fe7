"""`console import`: bring a file in from the shell, rehearsed first, by the same rules as through the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.shell import Refusal, application, database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.engine.access import Actor
    from app.engine.importing.runs import Run


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--resource", required=True, help="The table its rows are for, such as customers.")
@click.option(
    "--key", default=None, help="What finds the record a row is about: id, source, or a field such as number."
)
@click.option("--mode", type=click.Choice(["create", "update", "both"]), default=None, help="What is done.")
@click.option("--blanks", type=click.Choice(["leave", "clear"]), default="leave", help="What an empty cell does.")
@click.option("--source", default="file", help="Where it comes from; columns are remembered under this name.")
@click.option("--map", "columns", multiple=True, metavar="COLUMN=FIELD", help="Name a column otherwise than guessed.")
@click.option("--as", "email", default=None, help="Whose rights count and whom the history names. Default: an owner.")
@click.option("--reason", default="console import", help="Kept in the history of every record.")
@click.option("--apply", "applies", is_flag=True, help="Write it. Without this it is only rehearsed.")
def import_(
    file: Path,
    resource: str,
    key: str | None,
    mode: str | None,
    blanks: str,
    source: str,
    columns: tuple[str, ...],
    email: str | None,
    reason: str,
    applies: bool,
) -> None:
    """Rehearse a CSV or XLSX file, say what it would do, and with --apply do just that."""
    from app.core.db import db
    from app.engine.refusals import Refusal as Said

    with database() as config, application(config):
        actor = _somebody(email)
        try:
            run = _rehearsed(actor, file, resource, key, mode, blanks, source, columns)
            _tell(run)
            with db.engine.connect() as connection:
                _tell_reasons(connection, run)
            if not applies:
                click.echo(f"Nothing is written. It waits at /imports/{run.id}, or run this again with --apply.")
            elif run.writing:
                _apply(run, actor, reason)
        except Said as said:
            raise Refusal(said.sentence) from None


def _somebody(email: str | None) -> Actor:
    """The person of that address, or the first who may do everything. Raises Refusal where there is none."""
    from app.core.db import db
    from app.domains.auth.staff import company
    from app.engine.approval_rules import EVERYTHING, everybody

    with db.engine.connect() as connection:
        for each in everybody(connection, company()):
            if each.email == email if email else each.may(EVERYTHING):
                return each
    raise Refusal(f"Nobody signs in here as {email}." if email else "There is no owner yet; say --as whom.")


def _rehearsed(
    actor: Actor,
    file: Path,
    table: str,
    key: str | None,
    mode: str | None,
    blanks: str,
    source: str,
    columns: tuple[str, ...],
) -> Run:
    from dataclasses import replace

    from app.engine.apply import transaction
    from app.engine.importing import files, runs
    from app.engine.importing.mapping import Column, ColumnMapping
    from app.engine.registry import REGISTRY

    resource = REGISTRY.get(table)
    if resource is None:
        raise Refusal(f"There is no table {table}.")
    with transaction() as connection:
        number = files.receive(connection, actor, resource, file.name, _pieces(file), source)
    with transaction() as connection:
        run = runs.find(connection, number, actor.tenant_id)
        sheet = run.sheets[0]
        mapping = ColumnMapping.read(sheet.mapping)
        for said in columns:
            name, _, field = said.rpartition("=")
            if name not in mapping.columns:
                raise Refusal(f"The file has no column {name}. It has: {', '.join(sheet.header)}.")
            mapping = replace(mapping, columns={**mapping.columns, name: Column(field)})
        files.choose(
            connection, run, actor, mapping, source=source, mode=mode or sheet.mode,
            key=sheet.key if key is None else key, blanks=blanks,
        )  # fmt: skip
        files.to_read(connection, run)
    for name in sheet.header:
        click.echo(f"  {name}: {mapping.columns[name].to or 'left out'}")
    return files.read_and_rehearse(number, actor)


def _pieces(file: Path) -> Iterator[bytes]:
    from app.engine.importing.reading import PIECE

    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def _tell(run: Run) -> None:
    click.echo(
        f"{run.total:,} rows: {run.creates:,} would be created, {run.changes:,} would change, {run.already:,} are already"
        f" so, {run.conflicts:,} changed on both sides, {run.refused:,} are refused."
    )


def _tell_reasons(connection: Connection, run: Run) -> None:
    from app.engine.importing import files, runs

    for each in runs.reasons(connection, run, most=20):
        sheet = next(one for one in run.sheets if one.id == each.sheet_id)
        column = files.column_title(sheet, each.column)
        click.echo(f"  {each.number:,} refused: {f'{column}: ' if column else ''}{each.why}")


def _apply(run: Run, actor: Actor, reason: str) -> None:
    from app.engine.apply import transaction
    from app.engine.importing import applying, approval

    with transaction() as connection:
        need = approval.needed_to_apply(connection, run, actor)
        if need is not None:
            raise Refusal(f"{need.sentence} Ask for it at /imports/{run.id}.")
        applying.begin(connection, run, actor, reason, None, None)
    done = applying.carry_out(run.id, actor)
    click.echo(f"{done.applied:,} rows brought in, {done.left_out:,} left out. Undo it at /imports/{run.id}.")
