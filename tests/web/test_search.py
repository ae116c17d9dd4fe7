"""Dana, who runs operations, looks for things by whatever she has of them: half a name, a number, the telephone in her hand."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from app.engine.apply import transaction
from app.engine.search import vocabulary
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff


@pytest.fixture
def dana(app: Flask, house: House) -> Desk:
    """Her company: two customers that sound alike, a contact, an invoice and two jobs."""
    house.given("number_sequences", kind="customer", prefix="C-", padding=5, next_value=500)
    house.given("number_sequences", kind="invoice", prefix="INV-", padding=5, next_value=20_000)
    keep: dict[str, Any] = house.__dict__
    keep["cold"] = house.given(
        "customers", name="Bluestem Cold Storage", number="C-00417", status="active", bill_city="Commerce City",
        phone_e164="+13035550142", email="ap@bluestem.example", bill_line1="77 Quarry Road",
    )  # fmt: skip
    keep["dairy"] = house.given(
        "customers", name="Bluestem Dairy", number="C-00418", status="prospect", bill_city="Pueblo"
    )
    keep["maria"] = house.given(
        "contacts", customer_id=keep["cold"], full_name="Maria Delgado", mobile_e164="+17205550199"
    )
    keep["invoice"] = house.given("invoices", customer_id=keep["cold"], number="INV-10482", issue_date="2026-03-01")
    keep["job"] = house.given(
        "jobs", customer_id=keep["dairy"], number="J-24511", title="Spring inspection", work_type="inspection"
    )
    with transaction() as connection:
        vocabulary.read_up(connection)
    return staff(app, house, "Dana Whitfield", "operations_manager")


def lines(desk: Desk, words: str, **asked: str) -> list[str]:
    """What the palette shows: the address of each line, or the words of what is no link."""
    more = "".join(f"&{name}={quote(value)}" for name, value in asked.items())
    answer = desk.get(f"/search?q={quote(words)}{more}", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert answer.status_code == 200, words
    options = re.findall(r'<li role="option"([^>]*)>(.*?)</li>', answer.get_data(as_text=True), re.S)
    return [
        found[1] if (found := re.search(r'data-href="([^"]+)"', given)) else re.sub("<[^>]+>", "", inner).strip()
        for given, inner in options
    ]


def place(house: House, table: str, name: str) -> str:
    return f"/crm/{table}/{getattr(house, name)}"


WRITINGS = (
    "C-00417", "c-00417", "C 00417", "417", "00417", "Bluestem Cold Storage", "cold storage", "storage cold", "BLUESTEM C",
    "ap@bluestem.example", "77 Quarry", "cust 417", "customers quarry", "303 555 0142", "(303) 555-0142", "+1 303-555-0142",
    "3035550142", "555.0142", "5550142",
)  # fmt: skip
MISSPELT = ("blustem cold", "bleustem cold", "Bluestm Cold Storge", "cold storaeg", "cust blustem cold")


def test_a_customer_is_found_by_whatever_one_has(house: House, dana: Desk) -> None:
    for words in WRITINGS:
        assert lines(dana, words)[:1] == [place(house, "customers", "cold")], words


def test_a_slip_of_the_finger_is_forgiven(house: House, dana: Desk) -> None:
    for words in MISSPELT:
        assert lines(dana, words)[:1] == [place(house, "customers", "cold")], words
    assert "Shown is “" in dana.page(f"/search?q={quote(MISSPELT[0])}")


def test_the_number_itself_comes_before_what_only_holds_it(house: House, dana: Desk) -> None:
    house.given("customers", name="417 Lofts", number="C-00900")
    house.given("customers", name="Route 417 Diner", number="C-00901")
    assert lines(dana, "417")[0] == place(house, "customers", "cold")


def test_a_number_of_another_program_may_look_like_a_telephone_s(house: House, dana: Desk) -> None:
    old = house.given("customers", name="Quarry Dental", number="612458-01", status="active")
    assert lines(dana, "612458-01")[:1] == [f"/crm/customers/{old}"]
    assert f"/crm/customers/{old}" not in lines(dana, "612 458 01 99")


def test_what_begins_so_comes_before_what_holds_it_and_the_newest_of_two_alike_first(house: House, dana: Desk) -> None:
    holds = house.given("customers", name="Old Bluestem Inn", number="C-00902")
    found = [each for each in lines(dana, "bluestem") if each.startswith("/crm/customers/")]
    assert found[-1] == f"/crm/customers/{holds}"
    assert len(found) == 3


def test_a_kind_of_record_narrows_it_before_or_behind(house: House, dana: Desk) -> None:
    invoice = place(house, "invoices", "invoice")
    assert lines(dana, "inv 10482")[0] == lines(dana, "INV-10482")[0] == lines(dana, "10482")[0] == invoice
    assert lines(dana, "inv bluestem")[0] == lines(dana, "bluestem inv")[0] == invoice
    assert lines(dana, "job dairy") == [place(house, "jobs", "job")]


def test_signs_narrow_it_to_people_tables_errors_and_commands(house: House, dana: Desk) -> None:
    assert place(house, "contacts", "maria") in lines(dana, "@maria")
    assert lines(dana, "@bluestem") == [place(house, "contacts", "maria")]  # whoever belongs to them
    assert "/crm/jobs" in lines(dana, "#jobs")
    house.given("error_groups", title="Printer on fire", fingerprint="f" * 64, error_type="Fire", source="web")
    assert any("/analytics/error_groups/" in each for each in lines(dana, "!printer"))
    assert lines(dana, ">new cust") == ["/crm/customers/new"]
    assert lines(dana, ">sign out") == ["Sign out"]


def test_screens_and_ready_made_lists_are_found_by_name(house: House, dana: Desk) -> None:
    assert "/crm/invoices?scope=" not in lines(dana, "customers")[0]
    assert "/crm/customers" in lines(dana, "customers")
    assert "/crm/customers?scope=Overdue+balance" in lines(dana, "overdue balance")
    assert "/health" in lines(dana, "helath")
    kept = house.given("saved_views", app_user_id=dana.actor.app_user_id, screen="crm/customers", name="Hail zone July")
    assert f"/crm/customers?view={kept}" in lines(dana, "hail zone")


def test_commands_act_on_the_open_record_each_on_its_own_page(house: House, dana: Desk) -> None:
    here = place(house, "customers", "cold")
    offered = lines(dana, ">", at=f"{here}/history")
    assert f"{here}/edit" in offered
    assert f"/crm/jobs/new?customer_id={house.cold}" in offered  # type: ignore[attr-defined]
    assert any(each.startswith(f"{here}/actions/") for each in offered)
    assert lines(dana, "", of=here)[0] == here
    assert not any("cold" in each.lower() for each in lines(dana, ">", at="/crm/customers/999999"))


def test_recent_places_come_under_the_names_they_have_now(house: House, dana: Desk) -> None:
    here = place(house, "customers", "dairy")
    assert lines(dana, "", recent=f"{here},/crm/jobs,/crm/customers/999999,/nowhere")[:2] == [here, "/crm/jobs"]


def test_who_may_not_read_or_make_is_offered_nothing_of_it(app: Flask, house: House, dana: Desk) -> None:
    finn = sit(app, house, "Finn", "jobs.read", "home.read")
    for words in (
        "bluestem cold",
        "417",
        "C-00417",
        "ap@bluestem.example",
        "cust 417",
        "@maria",
        "inv 10482",
        "customers",
    ):
        assert [each for each in lines(finn, words) if "/crm/jobs" not in each] == [], words
    here = place(house, "customers", "cold")
    assert here not in str([lines(finn, ">", at=here), lines(finn, "", of=here), lines(finn, "", recent=here)])
    assert not any(each.endswith("/new") for each in lines(finn, ">new"))


def test_a_masked_value_leads_nowhere(app: Flask, house: House, dana: Desk) -> None:
    """Rae reads customers and not their personal data: a name finds one, its address and telephone do not."""
    rae = sit(app, house, "Rae", "customers.read", "home.read")
    assert lines(rae, "bluestem cold")[0] == place(house, "customers", "cold")
    for words in ("ap@bluestem.example", "303 555 0142", "0142", "77 Quarry", "quary road"):
        assert lines(rae, words) == [], words
    assert "Quarry" not in dana.page("/search?q=bluestem")


HOSTILE = (
    "%", "\\", "a%' OR 1=1 --", "<script>", "%(tenant)s", "ab", "\U0001f3e0 roof\u202e", "0" * 40, "+", "@", ">>", "x" * 200,
    "ß İ ﬁ _ a b c",
)  # fmt: skip


def test_anything_typed_is_only_text(dana: Desk) -> None:
    for words in HOSTILE:
        page = dana.get(f"/search?q={quote(words)}")
        assert page.status_code == 200, words
        assert "<script>" not in page.get_data(as_text=True).partition("<main")[2], words


def test_what_no_search_can_hold_is_refused_with_a_sentence(dana: Desk) -> None:
    assert "at most 200" in dana.page("/search?q=" + "x" * 201, status=400)
    assert dana.get("/search?q=%00").status_code == 400


def test_the_page_says_how_to_begin_and_that_nothing_was_found(dana: Desk) -> None:
    assert "New customer" in dana.page("/search")
    page = dana.page("/search?q=zebra+crossing")
    assert "Nothing is called “zebra crossing”" in page


def test_a_search_that_takes_too_long_says_what_it_left_out(
    app: Flask, house: House, dana: Desk, owner_connection: Any
) -> None:
    """Somebody holds a table shut: what stands elsewhere is found, and the answer says that it is not all."""
    owner_connection.exec_driver_sql("LOCK TABLE console.crm_activities IN ACCESS EXCLUSIVE MODE")
    page = dana.page("/search?q=bluestem")
    owner_connection.rollback()
    assert "Bluestem Cold Storage" in re.sub("<[^>]+>", "", page)
    assert "not every table was looked through" in page
