"""The ground other tests stand on: whose connection it is, and that a person can really sign in to a running console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, text

from tests.servers import Database


@pytest.mark.any_server
def test_the_application_works_as_a_role_that_owns_nothing(connection: Connection, owner_connection: Connection) -> None:
    question = text("SELECT current_user, (SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user)")
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
