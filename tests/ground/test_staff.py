"""`console staff`: sign-ins made, listed, taken away and renewed from a shell, all of it in the ledger."""

from __future__ import annotations

import re

import psycopg
import pytest
from click.testing import CliRunner

from app.cli import console
from tests.servers import KEY, Database

EMAIL = "lena@roofers.example"


class Shell:
    """A shell beside one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._settings = {
            "DATABASE_URL": database.owner_url,
            "APP_DATABASE_URL": database.app_url,
            "DATA_DIR": str(database.config().data_dir),
            "SECRET_KEY": KEY,
        }

    def __call__(self, *arguments: str, status: int = 0, typed: str | None = None) -> str:
        result = CliRunner().invoke(console, ["staff", *arguments], env=self._settings, input=typed)
        assert result.exit_code == status, result.output
        return result.output

    def rows(self, question: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database.superuser_url, options="-c search_path=console,public") as connection:
            return connection.execute(question).fetchall()


@pytest.fixture
def staff(fresh_database: Database) -> Shell:
    return Shell(fresh_database)


def test_a_life_of_a_sign_in(staff: Shell) -> None:
    said = staff("create", EMAIL, "--role", "owner", "--name", "Lena Petrova")
    first = re.search(r"first sign-in: (\S{15,})$", said, re.MULTILINE)
    assert first
    assert staff.rows("SELECT must_change_password, status FROM users") == [(True, "active")]
    assert staff.rows("SELECT password_hash LIKE '$argon2id$%' FROM users") == [(True,)]

    staff("create", "second@roofers.example", "--role", "dispatcher")
    listed = staff("list")
    assert re.search(rf"{EMAIL} +Lena Petrova +active +owner +never", listed)
    assert re.search(r"second@roofers\.example +Second +active +dispatcher", listed)

    assert "only owner" in staff("disable", EMAIL, status=2)
    second = re.search(r"first sign-in: (\S{15,})$", staff("reset", EMAIL), re.MULTILINE)
    assert second
    assert second[1] != first[1]
    staff("disable", "second@roofers.example")
    assert staff.rows("SELECT status FROM users WHERE email LIKE 'second%'") == [("disabled",)]
    assert staff.rows("SELECT status FROM app_users WHERE email LIKE 'second%'") == [("deactivated",)]

    actions = [action for (action,) in staff.rows("SELECT action FROM change_sets WHERE entry_count > 0 ORDER BY id")]
    assert actions == ["tenant.create", "staff.create", "staff.create", "staff.reset", "staff.disable"]
    assert not staff.rows("SELECT 1 FROM change_entries WHERE concat(before, after) LIKE '%argon2id%'")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("create", "nobody", "--role", "owner"), "not an e-mail address"),
        (("create", EMAIL, "--role", "emperor"), "There is no role"),
        (("disable", "ghost@roofers.example"), "Nobody signs in"),
        (("reset", "ghost@roofers.example"), "Nobody signs in"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(staff: Shell, arguments: tuple[str, ...], word: str) -> None:
    assert word in staff(*arguments, status=2)
    assert not staff.rows("SELECT 1 FROM users")


def test_a_password_of_ones_own_has_to_be_a_good_one(staff: Shell) -> None:
    assert "15 characters" in staff("create", EMAIL, "--role", "owner", "--password-stdin", status=2, typed="short\n")
    said = staff("create", EMAIL, "--role", "owner", "--password-stdin", typed="gravel lantern obvious tide\n")
    assert "gravel" not in said
    assert "already" in staff("create", EMAIL, "--role", "owner", status=2)
