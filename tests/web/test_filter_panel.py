"""Olga narrows lists step by step, each step an address, and is told beside the field when a question is none."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, Forms, staff

LIST = "/crm/customers"


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    for number in range(3):
        house.given("customers", name=f"Customer {number}", status="active" if number else "prospect")
    return staff(app, house, "Olga", "operations_manager")


def asked(desk: Desk, path: str) -> list[tuple[str, str]]:
    """What the list is asked that a form of the panel leads to."""
    answer = desk.get(path)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return parse_qsl(urlsplit(answer.headers["Location"]).query)


@pytest.mark.parametrize(
    ("form", "question"),
    [
        ("add=status&op=eq&value=active", ("status", "active")),
        ("add=status&op=eq&value=active&value=prospect", ("status.in", "active,prospect")),
        ("add=status&op=ne&value=active", ("status.ne", "active")),
        ("add=name&op=contains&value=roof", ("name.contains", "roof")),
        ("add=name&op=empty&value=", ("name.null", "true")),
        ("add=created_at&op=last&days=30&value=", ("created_at.between", "-30d,today")),
        ("add=created_at&op=next&days=7&value=", ("created_at.between", "today,+7d")),
        ("add=created_at&op=eq&value=&preset=month", ("created_at", "month")),
        ("add=credit_limit&op=between&value=1&value2=2000", ("credit_limit.between", "1,2000")),
        ("add=parent.status&op=eq&value=active", ("parent.status", "active")),
        ("add=status&op=eq&value=active&into=any1", ("any1.status", "active")),
    ],
)
def test_a_form_of_the_panel_leads_to_a_plain_address(olga: Desk, form: str, question: tuple[str, str]) -> None:
    assert asked(olga, f"{LIST}/filters?sort=name&{form}") == [("sort", "name"), question]
    assert olga.get(f"{LIST}?{question[0]}={question[1].replace('+', '%2B')}").status_code == 200


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("add=name&op=contains&value=", "Say what it should be."),
        ("add=credit_limit&op=between&value=1&value2=", "Say up to what."),
        ("add=credit_limit&op=gt&value=much", "much"),
        ("add=created_at&op=last&days=soon", "Write how many days"),
        ("add=account_manager_id&op=eq&value.q=nobody of that name", "Nothing called"),
    ],
)
def test_half_a_question_comes_back_with_what_was_typed(olga: Desk, form: str, sentence: str) -> None:
    answer = olga.get(f"{LIST}/filters?sort=name&{form}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in page and 'role="alert"' in page
    typed = form.split("=")[-1]
    assert any(typed in each.values.values() for each in Forms(page).forms)


def test_a_record_is_named_by_words_without_script(olga: Desk, house: House) -> None:
    house.given("app_users", display_name="Maria Lopez", status="active")
    maria = house.given("app_users", display_name="Maria Stone", status="active")
    page = olga.page(f"{LIST}/filters?add=account_manager_id&op=eq&value=&value.q=maria", 422)
    assert "Choose one of these." in page and "Maria Lopez" in page
    asked_ = asked(olga, f"{LIST}/filters?add=account_manager_id&op=eq&value=&value.q=maria%20stone")
    assert asked_ == [("account_manager_id", str(maria))]


def test_a_filter_is_changed_where_it_stands_and_a_group_turned_about(olga: Desk) -> None:
    both = "any1.name.contains=1&any1.name.contains=2"
    page = olga.page(f"{LIST}?{both}")
    assert "Customer 1" in page and "Customer 2" in page and "Customer 0" not in page
    form = olga.page(f"{LIST}/filters?{both}&edit=1")
    assert 'value="2"' in form and "Change filter" not in form
    changed = asked(olga, f"{LIST}/filters?{both}&edit=1&into=any1&add=name&op=contains&value=0")
    assert changed == [("any1.name.contains", "1"), ("any1.name.contains", "0")]
    standing = olga.page(f"{LIST}/filters?{both}")
    assert f"{LIST}?all1.name.contains=1&all1.name.contains=2" in standing
    assert "Remove filter Customer contains 1" in standing


def test_a_second_answer_to_the_same_question_takes_the_place_of_the_first(olga: Desk) -> None:
    assert asked(olga, f"{LIST}/filters?status=active&add=status&op=eq&value=prospect") == [("status", "prospect")]


def test_counts_stand_beside_choices_and_through_fields_are_offered_to_who_reads_them(
    app: Flask, house: House, olga: Desk
) -> None:
    assert "2 customers" in olga.page(f"{LIST}/filters?field=status")
    assert "Through customer" in olga.page("/crm/jobs/filters")
    vic = staff(app, house, "Vic", "viewer")
    fields = vic.page("/crm/jobs/filters")
    assert "field=customer.status" in fields and "phone_e164" not in fields, "what is masked is nothing to ask for"
    assert vic.get("/crm/jobs/filters?field=customer.phone_e164").status_code == 400


def test_an_empty_list_says_what_emptied_it(olga: Desk) -> None:
    page = olga.page(f"{LIST}?status=active&name=Customer 0")
    assert "Without “Status is Active”, or without “Customer is Customer 0”, there are some." in page
    page = olga.page(f"{LIST}?status=inactive&name=Customer 0&scope=No e-mail")
    assert "By itself, “Status is Inactive” already leaves none." in page


def test_odd_places_and_many_groups_are_no_fault_of_the_console(olga: Desk) -> None:
    for place in ("0005", "7", "-1", "99999999999"):
        assert "Find a field" in olga.page(f"{LIST}/filters?status=active&edit={place}")
    nine = "&".join(f"{kind}{digit}.status=active" for kind in ("any", "all") for digit in range(1, 10))
    page = olga.page(f"{LIST}/filters?{nine}")
    assert "Add to this group" in page and "New group" not in page
    assert "new group" not in olga.page(f"{LIST}/filters?{nine}&field=name")
