"""Every table and view of a foreign database opens for every role that may look, and shows nothing it should not."""

from __future__ import annotations

import json
import re

import pytest

from app.engine import exports, tablename
from app.roles import ROLES
from app.web import explorer
from tests import ugly
from tests.web.foreign import Foreign, keys

LOOKERS = ("owner", "admin", "operations_manager", "ai_operator", "auditor")
HARD = ("Odd Names", "public", "ugly")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that takes for ever is stopped here as elsewhere, only sooner."""
    monkeypatch.setattr(explorer, "TIME_LIMIT", "300ms")
    monkeypatch.setattr(exports, "TIME_LIMIT", "300ms")


def opened(foreign: Foreign, role: str, place: str, **headers: str) -> list[str]:
    """The keys of a list that opened, with nothing private on it."""
    response = foreign.desk(role).get(place, **headers)
    assert response.status_code == 200, (role, place)
    page = response.get_data(as_text=True)
    assert ugly.PRIVATE not in page and ugly.SECRET not in page, (role, place)
    return keys(page)


@pytest.mark.parametrize("role", LOOKERS)
def test_every_table_that_makes_trouble_opens(foreign: Foreign, role: str) -> None:
    # Administrators see what owners see, and operators of agents what auditors do; they look at every third.
    step = 3 if role in ("admin", "ai_operator") else 1
    for schema, name in foreign.tables(*HARD)[::step]:
        place = tablename.path(schema, name)
        found = opened(foreign, role, place)
        if found:
            opened(foreign, role, f"{place}/{found[0]}")


def test_the_long_tail_opens_and_so_do_its_rows(foreign: Foreign) -> None:
    tail = foreign.tables("legacy")
    assert len(tail) + len(foreign.tables(*HARD)) >= 300
    for number, (schema, name) in enumerate(tail):
        place = tablename.path(schema, name)
        # The frame around the rows is the same for all, so most are asked for their rows alone.
        found = opened(foreign, "owner", place, **({} if number % 10 == 1 else {"HX-Request-Type": "partial"}))
        if found and number % 10 == 1:
            opened(foreign, "owner", f"{place}/{found[0]}")


def test_what_can_be_read_can_be_taken_out_and_what_cannot_says_why(foreign: Foreign) -> None:
    for schema, name in foreign.tables(*HARD):
        for kind in ("json", "csv", "xlsx") if schema == "Odd Names" else ("json",):
            response = foreign.desk().get(f"{tablename.path(schema, name)}.{kind}")
            assert response.status_code in (200, 409), (schema, name, kind)
            if kind == "json":
                said = json.loads(response.data)
                assert isinstance(said, list) or "cannot read" in said["error"]
                assert ugly.PRIVATE not in response.text and ugly.SECRET not in response.text


def test_the_pages_around_a_list_open_as_well(foreign: Foreign) -> None:
    for schema, name in foreign.tables(*HARD)[::3]:
        for page in ("structure", "filters", "columns", "history"):
            assert foreign.desk().get(f"{tablename.path(schema, name)}/{page}").status_code == 200, (schema, name, page)


def test_the_console_s_own_tables_lead_to_their_pages_or_are_read_only(foreign: Foreign) -> None:
    desk, led = foreign.desk(), 0
    for schema, name in foreign.tables("console"):
        response = desk.get(tablename.path(schema, name))
        if response.status_code == 303:
            led += 1
            assert not response.location.startswith("/explorer/")
        else:
            assert "The console keeps this table by itself" in response.text, name
    assert led > 60
    assert desk.get("/explorer/console.change_entries").location == "/change-sets"
    assert desk.get("/explorer/console.customers?status=active").location == "/crm/customers?status=active"


@pytest.mark.parametrize("role", [each.key for each in ROLES if each.key not in LOOKERS and each.key != "worker"])
def test_for_all_others_there_is_no_explorer(foreign: Foreign, role: str) -> None:
    desk = foreign.desk(role)
    for page in ("", "/1", "/structure", "/filters", ".csv", "/history", "/new"):
        assert desk.get(f"/explorer/ugly.many{page}").status_code == 404, page


def test_broken_views_say_what_the_database_says(foreign: Foreign) -> None:
    for name, words in (
        ("a_broken_view", "This part was never finished."), ("a_dividing_view", "Division by zero."),
        ("an_unpopulated_matview", "has not been populated"),
    ):  # fmt: skip
        assert words in foreign.desk().page(f"/explorer/ugly.{name}")


def test_a_list_that_takes_too_long_is_stopped_and_keeps_its_filters(foreign: Foreign) -> None:
    page = foreign.desk().page("/explorer/ugly.a_slow_view?word=slow&q=slow")
    assert "Stopped before it was done" in page and "Narrow it with a filter" in page
    assert re.search(r'class="chip">.*?Word.*?slow', page, re.S) and 'value="slow"' in page


def test_what_is_no_table_is_no_page(foreign: Foreign) -> None:
    for place in ("ugly.nothing", "nowhere.many", "ugly.many_pkey", "pg_catalog.~zz", "~00.a", "x"):
        assert foreign.desk().get(f"/explorer/{place}").status_code == 404, place
    assert foreign.desk().get("/explorer/Odd Names.with.dots").location == "/explorer/Odd~20Names.with~2edots"
