"""Saved views as people use them: kept, shared, opened first, changed, left behind by a role or a field, and taken back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from app.demo.habits import VIEWS
from app.domains.platform.starting_views import STARTING, write_defaults
from app.engine import saved_views
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from app.roles import ROLES
from tests.domains.conftest import House
from tests.web.desk import Desk, Form, sit, staff, undo_of
from tests.web.foreign import Foreign, keys

CUSTOMERS = "/crm/customers"


@pytest.fixture
def grace(app: Flask, house: House) -> Desk:
    """Grace bills; three customers owe her something, nothing, and a lot."""
    for name, status, terms in (("Alamo", "active", 30), ("Bluestem", "credit_hold", 60), ("Cedar", "active", 90)):
        house.given("customers", name=name, status=status, payment_terms_days=terms)
    return staff(app, house, "Grace", "billing")


def keep(desk: Desk, address: str, name: str, **asked: str) -> int:
    """Save what a list shows under a name, by its dialog; the view's number."""
    form = desk.opened(f"/views/new?list={quote(address)}", "list")
    answer = desk.send("/views/new", form, name=name, **asked)
    assert answer.status_code == 303, desk.sentence(answer)
    found = re.search(r"view=(\d+)$", answer.location)
    assert found
    return int(found[1])


def settings(desk: Desk, view: int, address: str = CUSTOMERS) -> Form:
    return desk.opened(f"/views/{view}?list={quote(address)}", "list")


def names(page: str) -> list[str]:
    return [word for word in ("Alamo", "Bluestem", "Cedar") if f">{word}<" in page]


def tabs(page: str) -> list[str]:
    row = page.partition('aria-label="Saved views"')[2].partition('<div class="filterbar"')[0]
    return [word.strip() for word in re.findall(r'<a href="[^"]*"[^>]*>([^<]+)', row)]


def open_tab(page: str) -> str:
    found = re.search(r'<a href="[^"]*" aria-current="page">([^<]+)', page.partition('aria-label="Saved views"')[2])
    return found[1] if found else ""


# -- keeping ---------------------------------------------------------------------------------------------------------


def test_a_view_keeps_filters_search_order_columns_rows_and_density(grace: Desk) -> None:
    asked = "status=active&q=a&sort=-name&cols=name:220,status,payment_terms_days&limit=25&density=compact"
    view = keep(grace, f"{CUSTOMERS}?{asked}&after=x", "Active ones")
    page = grace.page(f"{CUSTOMERS}?view={view}")
    assert names(page) == ["Alamo", "Cedar"] and page.index(">Cedar<") < page.index(">Alamo<")
    assert re.findall(r'<th scope="col" data-col="(\w+)"', page) == ["name", "status", "payment_terms_days"]
    assert '<col width="220">' in page and 'data-density="compact"' in page
    assert 'aria-label="25 rows per page"' in page and 'value="a"' in page
    assert open_tab(page) == "Active ones" and "Save as…" not in page, "nothing was changed yet"
    assert "View “Active ones” saved" in page and undo_of(page)


def test_everything_else_in_the_address_lies_over_the_view_and_marks_it_changed(grace: Desk) -> None:
    view = keep(grace, f"{CUSTOMERS}?status=active&sort=name", "Active ones")
    assert names(grace.page(f"{CUSTOMERS}?view={view}&sort=-name")) == ["Alamo", "Cedar"]
    assert names(grace.page(f"{CUSTOMERS}?view={view}&status=credit_hold")) == ["Bluestem"]
    page = grace.page(f"{CUSTOMERS}?view={view}")
    without = re.search(r'href="([^"]+)" aria-label="Remove filter Status', page)
    assert without
    bare = grace.page(without[1].replace("&amp;", "&"))
    assert names(bare) == ["Alamo", "Bluestem", "Cedar"], "a filter taken away stays away"
    assert open_tab(bare) == "Active ones" and ">Reset<" in bare and ">Save view<" in bare
    for kind in ("csv", "json"):
        text = grace.page(f"{CUSTOMERS}.{kind}?view={view}")
        assert "Cedar" in text and "Bluestem" not in text


def test_a_changed_view_is_saved_and_taken_back(grace: Desk, house: House) -> None:
    view = keep(grace, f"{CUSTOMERS}?status=active", "Mine to call")
    page = grace.get(f"{CUSTOMERS}?view={view}&payment_terms_days.gt=30").get_data(as_text=True)
    form = grace.form(page, "version")
    assert grace.send(f"/views/{view}/save", form).location == f"{CUSTOMERS}?view={view}"
    page = grace.page(f"{CUSTOMERS}?view={view}")
    assert names(page) == ["Cedar"]
    assert grace.send(f"/views/{view}/save", form).status_code == 409, "the page it was sent from is of before"
    undone = grace.send(undo_of(page), grace.form(page, "csrf_token"), next=CUSTOMERS)
    assert undone.status_code == 303
    assert names(grace.page(f"{CUSTOMERS}?view={view}")) == ["Alamo", "Cedar"]
    history = grace.page(f"/platform/saved_views/{view}/history")
    assert "Grace" in history and "undid" in history


def test_a_name_is_needed_and_stands_once_over_a_list(grace: Desk) -> None:
    keep(grace, CUSTOMERS, "Everything")
    form = grace.opened(f"/views/new?list={quote(CUSTOMERS)}", "list")
    for name, sentence in (
        ("", "Give the view a name."),
        ("everything", "There is a view of this name"),
        ("a\x00", "control"),
    ):
        answer = grace.send("/views/new", form, name=name)
        assert answer.status_code == 422 and sentence in grace.sentence(answer), name
    keep(grace, "/crm/invoices", "Everything")


# -- whose -----------------------------------------------------------------------------------------------------------


def test_what_somebody_keeps_for_herself_is_not_there_for_others(app: Flask, house: House, grace: Desk) -> None:
    view = keep(grace, f"{CUSTOMERS}?status=credit_hold", "Grace alone")
    for role in ("owner", "admin", "operations_manager", "dispatcher", "viewer"):
        other = staff(app, house, f"Another {role}", role)
        place = CUSTOMERS if role != "admin" else "/auth/app_users"
        assert "Grace alone" not in other.page(place)
        other.page(f"{CUSTOMERS}?view={view}", 404)
        other.page(f"{CUSTOMERS}.csv?view={view}", 404 if role != "viewer" else 403)
        other.page(f"/views/{view}?list={quote(place)}", 404)
        form = other.opened(f"/views/new?list={quote(place)}", "list")
        for act in ("save", "delete"):
            assert other.send(f"/views/{view}/{act}", form).status_code == 404
        if role in ("dispatcher", "viewer"):
            assert "Grace alone" not in other.page("/platform/saved_views")
            other.page(f"/platform/saved_views/{view}", 404)
    assert "Grace alone" in grace.page("/platform/saved_views")


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_changes_nothing_keeps_views_all_the_same(app: Flask, house: House, grace: Desk, role: str) -> None:
    carl = staff(app, house, "Carl", role)
    view = keep(carl, f"{CUSTOMERS}?status=active", "To read", first="on")
    page = carl.page(CUSTOMERS)
    assert open_tab(page) == "To read" and names(page) == ["Alamo", "Cedar"]
    form = carl.opened(f"/views/new?list={quote(CUSTOMERS)}", "list")
    assert carl.send("/views/new", form, name="For all", **{"for": "everyone"}).status_code == 403
    shared = settings(carl, view)
    assert carl.send(f"/views/{view}", shared, **{"for": "everyone"}).status_code == 403
    page = carl.page(carl.send(f"/views/{view}/delete", shared).location)
    assert "To read" not in tabs(page) and names(page) == ["Alamo", "Bluestem", "Cedar"]
    carl.send(undo_of(page), carl.form(page, "csrf_token"))
    assert open_tab(carl.page(CUSTOMERS)) == "To read"


def test_a_shared_view_opens_first_for_a_role_until_it_does_no_longer(app: Flask, house: House, grace: Desk) -> None:
    olga = staff(app, house, "Olga", "operations_manager")
    view = keep(olga, f"{CUSTOMERS}?status=credit_hold", "On hold", **{"for": "everyone"})
    assert "On hold" in tabs(grace.page(CUSTOMERS)) and open_tab(grace.page(CUSTOMERS)) == "All"
    form = settings(olga, view)
    olga.send(f"/views/{view}", form, roles=grace.actor.roles[0])
    page = grace.page(CUSTOMERS)
    assert open_tab(page) == "On hold" and names(page) == ["Bluestem"]
    assert names(grace.page(f"{CUSTOMERS}?view=all")) == ["Alamo", "Bluestem", "Cedar"]
    assert names(grace.page(f"{CUSTOMERS}?sort=name")) == ["Alamo", "Bluestem", "Cedar"], "an address that says what"
    assert open_tab(olga.page(CUSTOMERS)) == "All", "another role"

    grace.page(f"/views/{view}?list={quote(CUSTOMERS)}", 403)
    assert ">Save view</button>" not in grace.page(f"{CUSTOMERS}?view={view}&sort=name")
    own = keep(grace, f"{CUSTOMERS}?view={view}&sort=-name", "On hold, my way")
    assert names(grace.page(f"{CUSTOMERS}?view={own}")) == ["Bluestem"]

    # Another shared view takes the role over; then she chooses herself.
    second = keep(olga, f"{CUSTOMERS}?status=active", "Active", **{"for": "everyone"})
    olga.send(f"/views/{second}", settings(olga, second), roles=grace.actor.roles[0])
    assert open_tab(grace.page(CUSTOMERS)) == "Active"
    assert house.row("saved_views", view)["role_keys"] == []
    for first, opened in (("view:all", "All"), ("scope:Credit hold", "Credit hold"), (f"view:{own}", "On hold, my way"),
                          (f"view:{view}", "On hold"), ("usual", "Active")):  # fmt: skip
        grace.send("/views", grace.opened(f"/views?list={quote(CUSTOMERS)}", "list"), first=first)
        assert open_tab(grace.page(CUSTOMERS)) == opened, first
    form = grace.opened(f"/views?list={quote(CUSTOMERS)}", "list")
    assert grace.send("/views", form, first="view:999999").status_code == 400

    # Gone, and what had opened with it opens as declared.
    for each in (view, second):
        olga.send(f"/views/{each}/delete", settings(olga, each))
    assert open_tab(grace.page(CUSTOMERS)) == "All"
    grace.page(f"{CUSTOMERS}?view={view}", 404)


def test_tabs_stand_in_the_order_their_owner_gave_them(grace: Desk) -> None:
    made = [keep(grace, f"{CUSTOMERS}?limit={rows}", f"By {rows}") for rows in (25, 100, 200)]
    form = grace.opened(f"/views?list={quote(CUSTOMERS)}", "list")
    with grace.client.application.app_context():
        order = {**form.values, "order": [str(made[2]), str(made[0]), str(made[1])]}
        stepped = grace.client.post("/views", data={**order, "move": f"up:{made[1]}"}).get_data(as_text=True)
        assert re.findall(r'name="order" value="(\d+)"', stepped) == [str(made[each]) for each in (2, 1, 0)]
        done = grace.client.post("/views", data=order)
        assert done.status_code == 303, done.get_data(as_text=True)[-800:]
    assert [each for each in tabs(grace.page(CUSTOMERS)) if each.startswith("By")] == ["By 200", "By 25", "By 100"]


# -- what no longer fits ---------------------------------------------------------------------------------------------


def test_a_view_drops_what_a_role_does_not_see_and_names_nothing(app: Flask, house: House) -> None:
    people = "/auth/app_users"
    olga, luis = staff(app, house, "Olga", "operations_manager"), staff(app, house, "Luis", "dispatcher")
    asked = "labor_cost_hour.gt=10&status=active&cols=display_name,labor_cost_hour,status&sort=-labor_cost_hour"
    view = keep(olga, f"{people}?{asked}", "Dear people", **{"for": "everyone"})
    assert "left out" not in olga.page(f"{people}?view={view}")
    page = luis.page(f"{people}?view={view}")
    assert "3 parts of “Dear people” are left out: your role does not see what they ask for." in page
    assert "labor" not in page and "Loaded cost" not in page and "Olga" in page
    assert "labor" not in luis.page(f"{people}/columns?view={view}")
    assert "labor" not in luis.page(f"/views/new?list={quote(f'{people}?view={view}')}")


def test_a_view_says_what_no_longer_fits(grace: Desk, house: House) -> None:
    view = house.given(
        "saved_views", screen="crm/customers", name="Of old", app_user_id=grace.actor.app_user_id,
        filters=[["region", "west"], ["scope", "Nobody's"], ["status", "active"]], columns=["name", "region"],
    )  # fmt: skip
    page = grace.page(f"{CUSTOMERS}?view={view}")
    assert "3 parts of “Of old” (region, scope Nobody's, cols region) no longer fit this list and are left out." in page
    assert names(page) == ["Alamo", "Cedar"]
    for word in ("0x1", "-3", "x", "9" * 30):
        grace.page(f"{CUSTOMERS}?view={word}", 400)
    grace.page(f"{CUSTOMERS}?density=tight", 400)


# -- columns ---------------------------------------------------------------------------------------------------------


def test_columns_are_chosen_ordered_and_measured_without_script(grace: Desk, house: House) -> None:
    form = grace.opened(f"{CUSTOMERS}/columns?cols=name,status,number", "list")

    def chosen(**more: Any) -> Any:
        values = {name: value for name, value in form.values.items() if name not in ("cols", "keep")}
        with grace.client.application.app_context():
            return grace.client.post("/views/columns", data={**values, "cols": ["name", "status", "number"], **more})

    moved = chosen(move="up:number").get_data(as_text=True)
    assert re.findall(r'name="cols" value="(\w+)" checked', moved) == ["name", "number", "status"]
    assert chosen(**{"width.name": "220"}).location == f"{CUSTOMERS}?cols=name:220,status,number"
    assert chosen(**{"width.name": "5"}).status_code == 400
    assert chosen(cols=["name", "nonsense"]).status_code == 400

    # Kept: so this person has the list, wherever no view is open; nobody else does.
    kept = chosen(keep="on", density="roomy", **{"width.name": "220"})
    assert kept.location == f"{CUSTOMERS}?view=all"
    page = grace.page(f"{CUSTOMERS}?status=active")
    assert re.findall(r'data-col="(\w+)"', page) == ["name", "status", "number"] and 'data-density="roomy"' in page
    assert "My columns" not in page, "it is no view"
    with grace.client.application.app_context():
        drawn = grace.client.post(
            "/views/widths", data={**form.values, "list": CUSTOMERS, "cols": "name:300,status:90"}
        )
    assert (drawn.status_code, drawn.location) == (204, f"{CUSTOMERS}?density=roomy&cols=name:300,status:90")
    assert '<col width="300">' in grace.page(CUSTOMERS)

    # Into a view, where one is open.
    view = keep(grace, f"{CUSTOMERS}?status=active", "Active")
    form.values["list"] = f"{CUSTOMERS}?view={view}"
    chosen(keep="on", cols=["name", "payment_terms_days"])
    assert house.row("saved_views", view)["columns"] == ["name", "payment_terms_days"]
    assert open_tab(grace.page(f"{CUSTOMERS}?view={view}")) == "Active"


def test_the_chooser_says_what_is_masked_and_names_no_more_than_the_role_sees(app: Flask, house: House) -> None:
    luis = staff(app, house, "Luis", "dispatcher")
    assert "labor_cost_hour" not in luis.page("/auth/app_users/columns")
    reader = sit(app, house, "Rae", "customers.read")
    page = reader.page(f"{CUSTOMERS}/columns")
    assert page.count("Masked") == len(projection(REGISTRY["customers"], reader.actor).masked)


# -- other lists -----------------------------------------------------------------------------------------------------


def test_a_table_nobody_declared_and_the_atlas_have_views_too(foreign: Foreign) -> None:
    desk = foreign.desk()
    place = "/explorer/ugly.key_uuid"
    everything = keys(desk.get(place).get_data(as_text=True))
    field = re.search(r'data-col="(\w+)"', desk.page(place))
    assert field
    view = keep(desk, f"{place}?limit=10&sort=-{field[1]}", "The last ten", first="on")
    page = desk.get(place).get_data(as_text=True)
    assert open_tab(page) == "The last ten" and len(keys(page)) == 10 < len(everything)
    assert len(keys(desk.get(f"{place}?view=all").get_data(as_text=True))) == len(everything)
    desk.page(f"/explorer/ugly.key_text?view={view}", 404)
    atlas = keep(desk, "/explorer?scope=Undeclared", "Not ours")
    assert "console." not in "".join(re.findall(r'rowlink" href="[^"]*">([^<]*)', desk.page(f"/explorer?view={atlas}")))
    assert open_tab(desk.page(f"/explorer?view={atlas}")) == "Not ours"


def test_a_list_one_may_not_read_has_no_dialogs(app: Flask, house: House) -> None:
    luis = staff(app, house, "Luis", "dispatcher")
    for place in ("/crm/leads", "/explorer/public.tenants", "/nowhere/at_all", "//evil.example/x", "/"):
        luis.page(f"/views/new?list={quote(place)}", 404)
        luis.page(f"/views?list={quote(place)}", 404)


# -- what a company begins with --------------------------------------------------------------------------------------


def test_every_view_a_company_begins_with_reads_for_whom_it_is(house: House) -> None:
    lists = {saved_views.screen_of(each): each for each in REGISTRY}
    held = {role.key: frozenset(role.permissions) for role in ROLES}
    starting = [
        (each.screen, each.name, [*each.filters, ("cols", each.columns), ("sort", each.sort)], each.roles)
        for each in STARTING
    ]
    kept = [
        (screen, name, [*filters, ("sort", ",".join(sort))], (role,) if role else ())
        for screen, name, filters, sort, role in VIEWS
    ]
    for screen, name, asks, roles in starting + kept:
        for role in roles or ("owner",):
            view = projection(lists[screen], Actor(1, 1, 1, role, permissions=held[role]))
            fitted = saved_views.fit([pair for pair in asks if pair[1]], view, "America/Denver")
            assert view.reads and not fitted.hidden and not fitted.gone, (screen, name, role, fitted)
    taken = [(each.screen, role) for each in STARTING for role in each.roles]
    assert len(taken) == len(set(taken)), "a list opens for a role with one view"
    for _ in range(2):  # a second start adds nothing
        with transaction() as connection:
            write_defaults(connection, house.tenant_id)
    rows = REGISTRY["saved_views"].table
    made = house.connection.execute(rows.select().where(rows.c.tenant_id == house.tenant_id)).all()
    assert len(made) == len(STARTING)
