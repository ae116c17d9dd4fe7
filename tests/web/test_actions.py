"""A status moves only along its life cycle: what is refused is refused in a sentence, and nothing has moved."""

from __future__ import annotations

import pytest
from flask import Flask

from app.engine.registry import REGISTRY
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff, undo_of

JOBS = "/crm/jobs"


@pytest.fixture
def dana(app: Flask, house: House) -> Desk:
    customer = house.given("customers", name="Bluestem", status="active")
    house.customer = customer  # type: ignore[attr-defined]
    house.job = house.given("jobs", title="Reroof hangar 3", customer_id=customer, status="approved")  # type: ignore[attr-defined]
    house.place = f"{JOBS}/{house.job}"  # type: ignore[attr-defined]
    return staff(app, house, "Dana Kowalski", "dispatcher")


def status(house: House) -> str:
    return str(house.row("jobs", house.job)["status"])  # type: ignore[attr-defined]


def test_a_guard_refuses_in_words_and_keeps_what_was_typed(house: House, dana: Desk) -> None:
    answer = dana.press(f"{house.place}/actions/schedule", reason="As agreed")  # type: ignore[attr-defined]
    assert answer.status_code == 409
    page = dana.sentence(answer)
    assert 'role="alert"' in page
    assert "Nothing was changed." in page
    assert "As agreed" in page
    assert status(house) == "approved"


def test_a_move_that_asks_for_something_says_what_is_missing_and_where(house: House, dana: Desk) -> None:
    answer = dana.press(f"{house.place}/actions/hold", hold_reason="")  # type: ignore[attr-defined]
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="hold_reason-err"' in page
    assert dana.form(page, "hold_reason").focus == "hold_reason"
    assert status(house) == "approved"


def test_a_move_made_is_told_kept_and_taken_back(house: House, dana: Desk) -> None:
    form = dana.opened(f"{house.place}/actions/hold", "hold_reason")  # type: ignore[attr-defined]
    reason = next(value for value in house_words("jobs", "hold_reason"))
    assert dana.send(f"{house.place}/actions/hold", form, hold_reason=reason).status_code == 303  # type: ignore[attr-defined]
    assert status(house) == "on_hold"
    page = dana.page(house.place)  # type: ignore[attr-defined]
    assert "put on hold" in page
    dana.send(undo_of(page), dana.form(page, "csrf_token"))
    assert status(house) == "approved"


def test_a_move_from_the_wrong_state_names_the_state(house: House, dana: Desk) -> None:
    answer = dana.press(f"{house.place}/actions/resume")  # type: ignore[attr-defined]
    assert answer.status_code == 409
    assert "This job is approved; only on hold can be moved this way." in dana.sentence(answer)
    assert status(house) == "approved"


def test_a_move_the_role_does_not_make_is_refused_however_it_is_asked(house: House, dana: Desk) -> None:
    form = dana.opened(f"{house.place}/actions/hold", "hold_reason")  # type: ignore[attr-defined]
    answer = dana.send(f"{house.place}/actions/cancel", form, cancel_reason="No longer wanted")  # type: ignore[attr-defined]
    assert answer.status_code == 403
    assert "it needs jobs.cancel" in dana.sentence(answer)
    assert status(house) == "approved"
    assert "Cancel job" not in dana.page(house.place)  # type: ignore[attr-defined]


def test_a_move_only_the_console_makes_is_made_by_nobody(app: Flask, house: House, dana: Desk) -> None:
    house.change(
        "jobs", house.job, status="authorized", completed_at="2026-01-01T00:00Z", authorized_at="2026-01-02T00:00Z"
    )  # type: ignore[attr-defined]
    owner = staff(app, house, "Olga", "owner")
    answer = owner.press(f"{house.place}/actions/invoice")  # type: ignore[attr-defined]
    assert answer.status_code == 409
    assert "The console makes this move by itself." in owner.sentence(answer)
    assert status(house) == "authorized"


@pytest.mark.parametrize("action", ["nonsense", "delete", "__class__"])
def test_a_move_that_does_not_exist_is_no_address(house: House, dana: Desk, action: str) -> None:
    assert dana.get(f"{house.place}/actions/{action}").status_code == 404  # type: ignore[attr-defined]


def test_a_move_needs_its_reason_where_the_history_must_have_one(app: Flask, house: House, dana: Desk) -> None:
    bea = staff(app, house, "Bea", "billing")
    place = f"/crm/customers/{house.customer}"  # type: ignore[attr-defined]
    answer = bea.press(f"{place}/actions/hold", reason="   ")
    assert answer.status_code == 422
    assert "Say why" in bea.sentence(answer)
    assert bea.press(f"{place}/actions/hold", reason="90 days overdue").status_code == 303
    assert house.row("customers", house.customer)["status"] == "credit_hold"  # type: ignore[attr-defined]
    assert "90 days overdue" in bea.page(f"{place}/history")


def test_the_button_leads_back_only_to_this_console(app: Flask, house: House, dana: Desk) -> None:
    bea = staff(app, house, "Bea", "billing")
    place = f"/crm/customers/{house.customer}/actions/hold"  # type: ignore[attr-defined]
    for away in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        house.change("customers", house.customer, status="active")  # type: ignore[attr-defined]
        answer = bea.press(place, reason="Overdue", next=away)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/crm/customers/{house.customer}", away  # type: ignore[attr-defined]


def test_a_frozen_record_says_why_and_offers_no_field(app: Flask, house: House, dana: Desk) -> None:
    other = house.given("customers", name="Old name", status="merged", merged_into_id=house.customer)  # type: ignore[attr-defined]
    ana = sit(app, house, "Ana", "customers.*")
    place = f"/crm/customers/{other}/edit"
    assert REGISTRY["customers"].lifecycle.why_frozen in ana.page(place, 403)
    assert f'href="{place}"' not in ana.page(place.removesuffix("/edit") + "?merged=1")
    answer = ana.send(place, ana.opened("/crm/customers/new"), name="Renamed")
    assert answer.status_code == 403
    assert house.row("customers", other)["name"] == "Old name"


def house_words(table: str, name: str) -> tuple[str, ...]:
    return tuple(REGISTRY[table].table.c[name].info.get("choices", ()) or ("Weather",))
