"""A fix of many records at the desk: chosen in a list, rehearsed, applied with a reason, found again and taken back."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from flask import Flask

from app.core.db import db
from app.engine import listing, selection
from app.engine.apply import transaction
from app.engine.bulk import operations, plans, work
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from app.web import plans as screens
from tests.domains.conftest import House
from tests.servers import Database
from tests.web.desk import Desk, sit, staff, undo_of
from tests.working import nothing_waits, work_off

__all__ = ["nothing_waits"]

LIST = "/crm/customers"


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    """Olga, who runs operations, and customers of whom some are in a city that does not exist."""
    for name, city in (("Alamo", "Denvr"), ("Bluestem", "Denvr"), ("Cedar", "Denver"), ("Dry Creek", "Casper")):
        house.given("customers", name=name, bill_city=city, status="active", email=f"{name[:3].lower()}@a.example")
    return staff(app, house, "Olga", "operations_manager")


def seal(desk: Desk, query: str = "", **given: Any) -> str:
    """Press Edit in the bar of a list; the address of the plan."""
    form = desk.form(desk.page(f"{LIST}{query}"), "keys")
    answer = desk.send("/plans", form, **given)
    assert answer.status_code == 303, desk.sentence(answer)
    return str(answer.headers["Location"])


def rehearse(desk: Desk, at: str, status: int = 303, **given: str) -> Any:
    form = desk.form(desk.page(at), "do.bill_city")
    answer = desk.send(f"{at}/rehearse", form, **given)
    assert answer.status_code == status, desk.sentence(answer)
    return answer


def cities(house: House) -> list[str]:
    rows = REGISTRY["customers"].table
    found = house.connection.execute(rows.select().where(rows.c.tenant_id == house.tenant_id).order_by(rows.c.name))
    return [row.bill_city for row in found]


def test_a_wrong_city_is_put_right_in_all_that_match_and_taken_back(house: House, olga: Desk) -> None:
    at = seal(olga, "?bill_city=Denvr", rows="all")
    assert "Edit 2 customers" in olga.page(at)
    rehearse(olga, at, do__bill_city="set", bill_city="Denver")
    page = olga.page(at)
    assert "Set City to “Denver”" in page and "Apply to 2 customers" in page
    assert "<del>Denvr</del>" in page and "<ins>Denver</ins>" in page
    assert cities(house) == ["Denvr", "Denvr", "Denver", "Casper"]
    form = olga.form(page, "reason")
    refused = olga.send(f"{at}/apply", form, reason=" ")
    assert refused.status_code == 422 and "Say why" in olga.sentence(refused)
    answer = olga.send(f"{at}/apply", form, reason="mistyped at intake")
    assert answer.status_code == 303
    page = olga.page(at)
    assert "2 customers changed" in page and "mistyped at intake" in page
    assert cities(house) == ["Denver", "Denver", "Denver", "Casper"]
    twice = olga.send(f"{at}/apply", form, reason="mistyped at intake")
    assert twice.status_code == 409 and "Nothing was done twice" in olga.sentence(twice)
    assert at in olga.page("/plans")
    undo = undo_of(page)
    assert olga.send(undo, olga.form(olga.get(at).get_data(as_text=True), "csrf_token")).status_code == 303
    assert cities(house) == ["Denvr", "Denvr", "Denver", "Casper"]


def test_what_is_typed_wrongly_is_said_beside_its_field_and_kept(house: House, olga: Desk) -> None:
    at = seal(olga, rows="all")
    answer = rehearse(
        olga,
        at,
        422,
        do__payment_terms_days="add",
        payment_terms_days__amount="soon",
        do__bill_city="set",
        bill_city="",
    )
    said = olga.sentence(answer)
    assert "Enter a number" in said and "to empty it, choose Clear" in said
    assert 'value="soon"' in said
    nothing = rehearse(olga, at, 422)
    assert "Choose at least one field" in olga.sentence(nothing)
    assert cities(house) == ["Denvr", "Denvr", "Denver", "Casper"]


def test_rows_can_be_looked_at_by_what_becomes_of_them(olga: Desk) -> None:
    at = seal(olga, rows="all")
    rehearse(olga, at, do__bill_city="replace", bill_city__find="denvr", bill_city__with="Denver")
    assert "Alamo" in olga.page(f"{at}?outcome=changes") and "Cedar" not in olga.page(f"{at}?outcome=changes")
    assert "Cedar" in olga.page(f"{at}?outcome=already")
    olga.page(f"{at}?outcome=maybe", 400)
    olga.page(f"{at}?after=x", 400)


def test_a_plan_is_its_makers_alone_and_the_role_decides_what_is_offered(app: Flask, house: House, olga: Desk) -> None:
    at = seal(olga, rows="all")
    other = staff(app, house, "Otto", "operations_manager")
    other.page(at, 404)
    reader = sit(app, house, "Rita", "customers.read", "export.read")
    assert "formaction" not in reader.page(LIST)
    form = reader.form(reader.page(LIST), "keys")
    assert reader.send("/plans", form, rows="all").status_code == 403
    assert reader.send("/plans", form, rows="all", list="/auth/users").status_code == 404
    assert reader.send("/plans", form, rows="all", list="//evil.example/x/y").status_code == 404


def test_a_large_fix_is_rehearsed_and_applied_by_the_worker_who_tells(
    app: Flask, database: Database, house: House, olga: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "AT_ONCE", 1)
    at = seal(olga, "?bill_city=Denvr", rows="all")
    rehearse(olga, at, do__bill_city="set", bill_city="Denver")
    assert "Nothing is written. You can leave this page" in olga.page(at)
    work_off(app, database)
    page = olga.page(at)
    assert "Apply to 2 customers" in page
    assert olga.send(f"{at}/apply", olga.form(page, "reason"), reason="wrong").status_code == 303
    assert "What is done stays done" in olga.page(at)
    work_off(app, database)
    assert cities(house)[:2] == ["Denver", "Denver"]
    page = olga.page("/notices")
    assert "2 customers changed" in page and "Your rehearsal over 2 customers is ready" in page


def test_moves_and_archiving_have_a_rehearsal_too(house: House, olga: Desk) -> None:
    at = seal(olga, "?bill_city=Denvr", rows="all")
    page = olga.page(at)
    assert re.search(rf"{at}\?change=1&move=\w+", page)
    form = olga.form(page, "csrf_token")
    if 'name="away" value="archive"' in page:
        assert olga.send(f"{at}/rehearse", form, away="archive").status_code == 303
        assert "Archive customers" in olga.page(at)
    thrown = olga.send(f"{at}/discard", form)
    assert thrown.status_code == 303
    assert "Thrown away" in olga.page("/plans")
    assert cities(house) == ["Denvr", "Denvr", "Denver", "Casper"]


def test_every_operation_every_resource_declares_can_be_read(house: House) -> None:
    """The form of each resource offers only what the engine then takes, or refuses with a sentence."""
    owner = house.person("Olga", "*.*")
    offered = 0
    with db.engine.connect() as connection:
        for resource in REGISTRY:
            view = projection(resource, owner)
            for field in operations.fields(view):
                assert operations.operations(view, field), (resource.name, field.name)
                for each in operations.operations(view, field):
                    assert each.key in operations.OPERATIONS
                    offered += 1
                if "clear" in {each.key for each in operations.operations(view, field)}:
                    edits = {"kind": "fields", "steps": [{"field": field.name, "do": "clear"}]}
                    assert work.of(connection, resource, edits, owner).title == f"Clear {field.title}"
    assert offered > 200
    mark = secrets.token_hex(4)
    house.given("customers", name=mark, bill_city="Denvr")
    view = projection(REGISTRY["customers"], owner)
    listed = listing.read_query([("name", mark)], view, owner.timezone)
    with transaction() as connection:
        number = plans.seal(connection, selection.Selection(listed), LIST, owner)
        assert plans.find(connection, number, owner.tenant_id).total == 1
