"""`console staff`: who can sign in, for the operator with a shell and no sign-in of their own."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app.commands.shell import Refusal, application, database

if TYPE_CHECKING:
    from sqlalchemy import Connection


@click.group()
def staff() -> None:
    """Sign-ins of the people who work in the console."""


@contextmanager
def _ledgered(action: str) -> Iterator[tuple[Connection, int]]:
    """One unit of work as the console itself, and the company; the ledger names the shell account it was asked from."""
    from app.domains.auth.staff import StaffError, company
    from app.engine.access import SYSTEM
    from app.engine.apply import change

    with database() as config, application(config):
        tenant_id = company()
        reason = f"console staff, by {_shell_account()}"
        try:
            with change(SYSTEM(tenant_id), reason=reason, action=action, channel="system") as connection:
                yield connection, tenant_id
        except StaffError as error:
            raise Refusal(str(error)) from None


@staff.command()
@click.argument("email")
@click.option("--role", required=True, help="One of the keys on the roles screen, such as dispatcher.")
@click.option("--name", help="How the person is shown; taken from the address otherwise.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
def create(email: str, role: str, name: str | None, password_stdin: bool) -> None:
    """Make a sign-in with one role."""
    from app.domains.auth import staff as people

    given = _from_stdin() if password_stdin else None
    with _ledgered("staff.create") as (connection, tenant_id):
        password = people.create(connection, tenant_id, email, role, name=name, password=given)
    _tell(f"{email} can sign in as {role}.", None if given else password)


@staff.command("list")
def list_() -> None:
    """Everyone with a sign-in: address, status, roles, last sign-in."""
    from app.domains.auth import staff as people
    from app.engine.apply import transaction

    with database() as config, application(config), transaction() as connection:
        rows = [
            (each.email, each.name, each.status, ", ".join(each.roles) or "-", str(each.last_login_at or "never")[:16])
            for each in people.sign_ins(connection)
        ]
    heading = ("E-MAIL", "NAME", "STATUS", "ROLES", "LAST SIGN-IN")
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    for row in [heading, *rows]:
        click.echo("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


@staff.command()
@click.argument("email")
def disable(email: str) -> None:
    """Take a sign-in away at once, with every open session."""
    from app.domains.auth import staff as people

    with _ledgered("staff.disable") as (connection, _):
        people.disable(connection, email)
    click.echo(f"{email} can no longer sign in.")


@staff.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
def reset(email: str, password_stdin: bool) -> None:
    """Hand out a new password, to be changed at the next sign-in; every open session ends."""
    from app.domains.auth import staff as people

    given = _from_stdin() if password_stdin else None
    with _ledgered("staff.reset") as (connection, _):
        password = people.reset(connection, email, password=given)
    _tell(f"{email} has a new password.", None if given else password)


def _from_stdin() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _tell(sentence: str, password: str | None) -> None:
    click.echo(sentence)
    if password:
        click.echo(f"Password, shown once and to be changed at the first sign-in: {password}")


def _shell_account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an account without a name"
