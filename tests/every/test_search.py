"""Search over everything finds for each of the staff what their lists show them, and nothing besides, by any word."""

from __future__ import annotations

import random
import re

import pytest
from sqlalchemy import Text, select

from app.core.db import reading
from app.engine import search
from app.engine.registry import REGISTRY, discover
from app.engine.resource import Resource
from app.first_start import ROLES
from tests.every.conftest import PRIVATE, SEED, Company
from tests.every.test_statements import statements

every_role = pytest.mark.parametrize("role", sorted(ROLES))
TITLED = [each for each in discover() if each.title in each.table.c and isinstance(each.table.c[each.title].type, Text)]


def some(resources: list[Resource], role: str, most: int) -> list[Resource]:
    print(f"TEST_SEED={SEED}")
    return random.Random(f"{SEED}/{role}").sample(resources, min(most, len(resources)))


def title(company: Company, resource: Resource) -> str:
    column = resource.table.c[resource.title]
    return str(company.connection.scalar(select(column).where(column.is_not(None)).limit(1)) or "")[:60]


def found(company: Company, words: str, role: str) -> list[str]:
    """The addresses of the records in the palette's answer."""
    answer = company.get("/search?q=" + words.replace("%", "%25").replace("&", "%26").replace("#", "%23").replace("+", "%2B"),
                         role, **{"HX-Request": "true", "HX-Request-Type": "partial"})  # fmt: skip
    assert answer.status_code == 200, words
    return re.findall(r'data-href="([^"]+)" data-record', answer.get_data(as_text=True))


@every_role
def test_what_a_role_does_not_read_never_shows_up(company: Company, role: str) -> None:
    hidden = [each for each in TITLED if not company.view(each, role).reads]
    for resource in some(hidden, role, 2):
        name = title(company, resource)
        for words in (name, f"{resource.one} {name}"):
            assert [each for each in found(company, words, role) if each.startswith(f"{resource.path}/")] == [], words


@every_role
def test_every_answer_opens(company: Company, role: str) -> None:
    readable = [each for each in TITLED if company.view(each, role).reads and each.nav]
    places = [
        each for resource in some(readable, role, 2) for each in found(company, title(company, resource), role)[:2]
    ]
    for place in places:
        assert company.get(place, role).status_code == 200, place


@pytest.mark.parametrize("role", ["auditor", "viewer"])
def test_a_masked_value_is_neither_found_nor_shown(company: Company, role: str) -> None:
    own = str(company.actor(role).email)
    for words in ("qx-priv", "qx-private-1@masked", "907 555", "+19075550001", "9075550001", "2001:db8"):
        answer = company.get("/search?q=" + words.replace("+", "%2B"), role).get_data(as_text=True)
        assert "Nothing is called" in answer, words
    for words in ("a", "1", "inc", "customer 1", "@a"):
        page = company.get(f"/search?q={words}", role).get_data(as_text=True).replace(own, "")
        assert not PRIVATE.search(page), words


def test_the_owner_finds_them_so_these_searches_would(company: Company) -> None:
    assert found(company, "qx-private", "owner")
    assert found(company, "(907) 555-0001", "owner")


def test_another_company_is_never_found(company: Company) -> None:
    theirs = [each for each in TITLED if each.name in company.strangers and each.search]
    for resource in some(theirs, "owner", 8):
        name = company.connection.scalar(
            select(resource.table.c[resource.title]).where(resource.table.c.id == company.strangers[resource.name])
        )
        mine = search.find(reading(), search.read(str(name)[:60]), company.actor(), among=[resource], room=50)
        keys = {card.key for group in mine.groups for card in group.cards}
        assert company.strangers[resource.name] not in keys


def test_a_search_costs_a_bounded_number_of_statements(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks, three limits, the words once and a second look, then one statement for each kind of record shown."""
    find = company.actor()
    for words in ("a", "hospitl", "417", "bluestem cold storage", "zzzz qqqq"):
        with statements(monkeypatch) as sent:
            search.find(reading(), search.read(words), find)
        assert len(sent) <= 5 + 8, words


def test_every_place_searched_unasked_walks_indexes(company: Company) -> None:
    """What grows with the business has the trigrams of each searched column indexed, and how its titles begin."""
    from app.engine.search.places import places
    from tests.house.test_indexes import SMALL

    rows = company.connection.exec_driver_sql(
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'console' AND indexdef ~ 'gin_trgm_ops|left'"
    ).all()
    indexed: dict[str, str] = {}
    for table, definition in rows:
        indexed[table] = indexed.get(table, "") + definition
    for place in places(frozenset({"*.*"})):
        name = place.resource.name
        if not place.everyday or name in SMALL | STEADY:
            continue
        for column in (*place.words, *place.phones):
            assert f"{column} gin_trgm_ops" in indexed.get(name, ""), f"{name}.{column}"
        if place.title:
            assert f'"left"({place.title}, 60)' in indexed.get(name, ""), name


STEADY = frozenset({
    "ai_board_sessions", "ai_improvement_cycles", "ai_neural_pathways", "ai_neurons", "ai_patterns", "ab_tests", "app_users",
    "user_api_keys", "automations", "ai_memory_clusters", "persistent_context", "integrations", "message_templates",
    "webhook_endpoints", "compliance_items",
})  # fmt: skip
"""What a company has some dozens or hundreds of, for good: looking through it costs less than another index to keep."""


def test_all_of_them_are_declared() -> None:
    assert {each.name for each in REGISTRY} >= STEADY
