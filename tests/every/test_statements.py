"""A page costs the same few statements however many rows it shows."""

from __future__ import annotations

import pytest

from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import Company
from tests.sent import kept_a_while, statements

every_resource = pytest.mark.parametrize("resource", list(discover()), ids=lambda each: each.name)
SESSION, VIEWS, PAGE, COUNT, OWN = 1, 1, 1, 1, 3
"""OWN: what a hand-made screen asks beside its list, and the minute in which somebody was last seen."""


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
        counts[limit] = sum(not kept_a_while(each) for each in sent)
    assert 0 < counts[200] <= counts[10] + 1 <= SESSION + VIEWS + PAGE + COUNT + OWN + 1, counts


@every_resource
def test_rows_alone_cost_the_session_the_views_and_the_page(
    company: Company, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.get(resource.path)
    with statements(monkeypatch) as sent:
        company.get(resource.path, **{"HX-Request-Type": "partial"})
    assert sum(not kept_a_while(each) for each in sent) == SESSION + VIEWS + PAGE, sent


@every_resource
def test_a_record_costs_a_few_statements_and_two_for_each_list_on_it(
    company: Company, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{resource.path}/{company.key(resource)}"
    company.get(place)
    with statements(monkeypatch) as sent:
        company.get(place)
    assert 0 < len(sent) <= 12 + 3 * len(resource.related), sent
