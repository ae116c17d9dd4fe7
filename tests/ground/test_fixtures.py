"""The ground other tests stand on: whose connection it is, and that a person can really sign in to a running console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import startup
from tests.servers import Database


@pytest.mark.any_server
def test_the_application_works_as_a_role_that_owns_nothing(
    connection: Connection, owner_connection: Connection
) -> None:
    question = text(
        "SELECT current_user, (SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user)"
    )
    assert connection.execute(question).one() == ("console_app", 0)
    assert owner_connection.execute(question).one()[0] == "console_owner"


@pytest.mark.any_server
def test_a_database_of_ones_own_begins_empty(fresh_database: Database) -> None:
    with psycopg.connect(fresh_database.app_url, options="-c search_path=console") as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_the_demonstration_has_customers_and_an_application_over_it(demo_app: Flask) -> None:
    from app.core.db import db

    with demo_app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM customers")).scalar_one() >= 100
    assert demo_app.test_client().get("/healthz").status_code == 200


@pytest.mark.browser
def test_a_role_signs_in_with_a_real_browser(signed_in: Callable[..., Any]) -> None:
    page = signed_in("dispatcher")
    assert page.locator('nav[aria-label="Main"]').count() == 1


@pytest.mark.any_server
def test_with_one_login_the_console_still_works_as_the_weaker_role(fresh_database: Database) -> None:
    only_one = replace(fresh_database.config(), database_url=fresh_database.superuser_url, app_database_url=None)
    served, weaker = startup.settle_role(only_one)
    assert (served.app_database_url, weaker) == (None, None)
    with startup.connect(served, "app") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("console_app",)


@pytest.mark.any_server
def test_where_the_role_is_not_ours_to_take_it_works_with_what_it_has_and_says_so(fresh_database: Database) -> None:
    served, weaker = startup.settle_role(replace(fresh_database.config(), app_database_url=None))
    assert weaker is not None
    assert "console_app" in weaker
    with startup.connect(served, "app") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("console_owner",)
