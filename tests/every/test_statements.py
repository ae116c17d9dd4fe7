"""A page costs the same few statements however many rows it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import Company

every_resource = pytest.mark.parametrize("resource", list(discover()), ids=lambda each: each.name)
SESSION, VIEWS, PAGE, COUNT, SIZE, PLAN, HEALTH = 1, 1, 1, 1, 1, 1, 1


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is sent to the database meanwhile; counted at the driver, since lists go past SQLAlchemy."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *rest: Any, **named: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        yield sent


@every_resource
def test_a_list_sends_no_statement_per_row(
    company: Company, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = ",".join(each.name for each in resource.fields)
    counts = {}
    for limit in (10, 200):
        address = f"{resource.path}?limit={limit}&cols={every}"
        company.get(address)
        with statements(monkeypatch) as sent:
            assert company.get(address).status_code == 200
        counts[limit] = len(sent)
    assert 0 < counts[200] <= counts[10] + 1 <= SESSION + VIEWS + PAGE + COUNT + SIZE + PLAN + HEALTH + 1, counts


@every_resource
def test_rows_alone_cost_the_session_the_views_and_the_page(
    company: Company, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.get(resource.path)
    with statements(monkeypatch) as sent:
        company.get(resource.path, **{"HX-Request-Type": "partial"})
    sent = [each for each in sent if "AS last" not in each]  # the light in the bar, asked anew every few seconds
    assert len(sent) == SESSION + VIEWS + PAGE, sent


@every_resource
def test_a_record_costs_a_few_statements_and_two_for_each_list_on_it(
    company: Company, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{resource.path}/{company.key(resource)}"
    company.get(place)
    with statements(monkeypatch) as sent:
        company.get(place)
    assert 0 < len(sent) <= 12 + 3 * len(resource.related), sent
