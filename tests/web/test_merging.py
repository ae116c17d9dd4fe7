"""Merging as a person does it: from the queue, from a list, from a record; and where the old address leads afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.engine import tablename
from app.engine.duplicates import looking
from app.engine.merging import runs
from app.engine.registry import REGISTRY
from tests.domains.conftest import House
from tests.web.desk import Desk, Form, Forms, sit, staff
from tests.web.foreign import Foreign


@pytest.fixture
def dana(app: Flask, house: House) -> Desk:
    return staff(app, house, "Dana", "operations_manager")


def pair(house: House, name: str, **other: object) -> tuple[int, int]:
    """The same company twice, with a phone and a street of its own."""
    digits = f"{abs(hash((name, house.tenant_id))) % 10**7:07}"
    said = {
        "phone_e164": f"+1303{digits}",
        "bill_line1": f"{digits} Smith Rd",
        "bill_city": "Aurora",
        "bill_postal": "80011",
    }
    one = house.given("customers", name=name, status="active", **said)
    return one, house.given("customers", name=f"{name} LLC", status="active", **{**said, **other})


def question(page: str) -> Form:
    """The form that answers the question on the page, with the choices as they stand."""
    form = next(each for each in Forms(page).forms if "digest" in each.values)
    for name, value in re.findall(r'<input type="radio" form="merge" name="([^"]+)" value="([^"]+)" checked', page):
        form.values[name] = value
    return form


def post(who: Desk, path: str, **values: str) -> Any:
    """Send these values as a form of somebody's own page would."""
    return who.send(path, who.opened("/account", "csrf_token"), **values)


def test_the_queue_from_question_to_question(dana: Desk, house: House) -> None:
    """Two pairs are found; Dana merges the first and says of the second that they are not the same."""
    prairie = pair(house, "Prairie Gate", notes="Gate code 4411")
    bluestem = pair(house, "Bluestem Lofts")
    job = house.given("jobs", title="Leak", customer_id=prairie[1], status="new", contract_value=1200)
    looking.look(house.tenant_id, REGISTRY["customers"])
    page = dana.page("/duplicates/customers")
    first, second = (prairie, bluestem) if f'keys" value="{prairie[0]}' in page else (bluestem, prairie)
    assert "1 of 2" in page and "same phone, same street, same name" in page
    form = question(page)
    answer = dana.send("/crm/customers/merge", form)
    assert answer.status_code == 303
    assert house.row("customers", first[1])["merged_into_id"] == first[0]

    page = dana.page("/duplicates/customers")
    assert "1 of 1" in page
    form = question(page)
    answer = dana.send("/duplicates/customers/apart", form, reason="Two sites")
    assert answer.status_code == 303
    assert "No two customers are in question" in dana.page("/duplicates/customers")
    # Looked at again, it is not asked again; once what it rests on changes, it is.
    house.change("customers", second[0], notes="something else")
    looking.look(house.tenant_id, REGISTRY["customers"])
    assert "No two customers are in question" in dana.page("/duplicates/customers")
    house.change("customers", second[0], email="office@other.example")
    looking.look(house.tenant_id, REGISTRY["customers"])
    assert "Are these the same customer?" in dana.page("/duplicates/customers")
    answered = dana.page("/duplicates/customers/answered")
    assert "Two sites" in answered and "asked again" in answered
    assert house.row("jobs", job)["customer_id"] in (prairie[0], prairie[1])


def test_the_old_address_and_the_old_number_lead_to_the_kept_one(dana: Desk, house: House) -> None:
    kept = house.given("customers", name="Alamo Storage", number="C-00731", status="active")
    gone = house.given("customers", name="Alamo Self Storage", number="C-00988", status="active")
    form = question(dana.page(f"/crm/customers/merge?keys={kept}+{gone}&keep={kept}"))
    dana.send("/crm/customers/merge", form)
    answer = dana.get(f"/crm/customers/{gone}")
    assert answer.status_code == 303 and answer.headers["Location"] == f"/crm/customers/{kept}?was={gone}"
    assert "C-00988 was merged into this customer" in dana.page(f"/crm/customers/{kept}?was={gone}")
    assert "kept as it was" in dana.page(f"/crm/customers/{gone}?merged=1")
    where = "/crm/customers?view=all"
    assert f'data-key="{gone}"' not in dana.page(where), "it is out of the list, and comes when it is asked for"
    assert f'data-key="{kept}"' in dana.page(where)
    assert f'data-key="{gone}"' in dana.page(f"{where}&archived=1")
    assert f'data-key="{gone}"' in dana.page(f"{where}&status=merged")
    assert f'data-key="{gone}"' in dana.page(f"{where}&merged_into_id={kept}")
    found = dana.page("/search?q=C-00988")
    assert f"/crm/customers/{kept}" in found and f"/crm/customers/{gone}" not in found


def test_from_a_list_and_from_a_record(dana: Desk, house: House) -> None:
    kept, gone = pair(house, "Ironwood")
    assert 'formaction="/crm/customers/merge"' in dana.page("/crm/customers")
    answer = post(dana, "/crm/customers/merge", rows="these", keys=f"{kept} {gone}", list="/crm/customers")
    assert answer.status_code == 303 and f"keys={kept}+{gone}" in answer.headers["Location"]
    one = post(dana, "/crm/customers/merge", rows="these", keys=str(kept), list="/crm/customers")
    assert one.headers["Location"] == "/crm/customers"
    assert "Merge with another" in dana.page(f"/crm/customers/{kept}")
    found = dana.page(f"/crm/customers/{kept}/merge?q=Ironwood+LLC")
    assert f"/crm/customers/merge?keys={kept}+{gone}" in found


def test_what_is_masked_is_kept_unseen(app: Flask, house: House) -> None:
    """Vic may merge and sees no personal data; the address of the other customer is taken all the same."""
    vic = sit(app, house, "Vic", "customers.read", "customers.merge")
    kept = house.given("customers", name="Cedar Mesa", status="active")
    gone = house.given("customers", name="Cedar Mesa Inc", status="active", email="ruth@cedar.example")
    page = vic.page(f"/crm/customers/merge?keys={kept}+{gone}&keep={kept}")
    assert "ruth@cedar.example" not in page
    vic.send("/crm/customers/merge", question(page))
    assert house.row("customers", kept)["email"] == "ruth@cedar.example"


def test_a_page_that_is_out_of_date_is_refused_and_says_so(dana: Desk, house: House) -> None:
    kept, gone = pair(house, "Kestrel")
    form = question(dana.page(f"/crm/customers/merge?keys={kept}+{gone}&keep={kept}"))
    house.given("jobs", title="Late", customer_id=gone, status="new")
    answer = dana.send("/crm/customers/merge", form, take__name=str(gone))
    assert answer.status_code == 409
    assert "has changed since" in answer.text
    assert house.row("customers", gone)["status"] == "active"
    assert question(answer.text).values["take.name"] == str(gone)


def test_who_may_not_merge_finds_no_such_page(app: Flask, house: House) -> None:
    kept, gone = pair(house, "Larkspur")
    sales = staff(app, house, "Sam", "billing")
    assert sales.get("/duplicates").status_code == 404
    assert sales.get("/duplicates/customers").status_code == 404
    assert sales.get(f"/crm/customers/merge?keys={kept}+{gone}").status_code == 404
    assert "Merge with another" not in sales.page(f"/crm/customers/{kept}")


def test_exact_matches_together(dana: Desk, house: House) -> None:
    """Three pairs match exactly; one of them changes after the rehearsal and is left out, the others are merged."""
    pairs = [pair(house, name) for name in ("Aspen", "Bison", "Falcon")]
    looking.look(house.tenant_id, REGISTRY["customers"])
    assert "Review 3 exact matches together" in dana.page("/duplicates/customers")
    there = post(dana, "/duplicates/customers/exact").headers["Location"]
    number = int(there.rpartition("/")[2])
    assert "Being rehearsed" in dana.page(there)
    runs.rehearse(number, dana.actor)
    page = dana.page(there)
    assert "3 can be merged" in page
    assert post(dana, f"{there}/apply", reason="").status_code == 422
    house.given("jobs", title="Late", customer_id=pairs[1][1], status="new")
    assert post(dana, f"{there}/apply", reason="The same companies").status_code == 303
    done = runs.carry_out(number, dana.actor)
    assert (done.state, done.merged, done.left_out) == ("done", 2, 1)
    assert house.row("customers", pairs[1][1])["status"] == "active"
    assert {house.row("customers", pairs[n][1])["status"] for n in (0, 2)} == {"merged"}
    page = dana.page(there)
    assert "2 merged, 1 left out" in page and "has changed since" in page


def test_columns_of_others_that_were_never_declared(foreign: Foreign) -> None:
    """`visits.customer_id` is only called so: rows move where the table is open for editing, and are named and left where not."""
    for statement in (
        "CREATE SCHEMA fieldapp",
        "CREATE TABLE fieldapp.visits (id bigint PRIMARY KEY, customer_id bigint, note text)",
        "CREATE TABLE fieldapp.archive (id bigint PRIMARY KEY, customer_id bigint)",
        "GRANT USAGE ON SCHEMA fieldapp TO console_app, console_owner",
        "GRANT SELECT, UPDATE ON fieldapp.visits TO console_app",
        "GRANT SELECT ON fieldapp.archive TO console_app",
    ):
        foreign.run(statement)
    try:
        house, olga = foreign.house, foreign.desk("owner")
        kept, gone = (house.given("customers", name=name, status="active") for name in ("Juniper", "Juniper Inc"))
        foreign.root.execute("INSERT INTO fieldapp.visits VALUES (1, %s, 'roof'), (2, %s, 'roof')", [gone, kept])
        foreign.root.execute("INSERT INTO fieldapp.archive VALUES (1, %s)", [gone])
        foreign.decide(tablename.path("fieldapp", "visits"), "open", reason="so that it can be put right")
        page = olga.page(f"/crm/customers/merge?keys={kept}+{gone}&keep={kept}")
        assert "nobody has opened this table for editing" in page or "may only read" in page
        olga.send("/crm/customers/merge", question(page))
        assert foreign.row("SELECT customer_id FROM fieldapp.visits WHERE id = 1") == kept
        assert foreign.row("SELECT customer_id FROM fieldapp.archive WHERE id = 1") == gone
        assert house.row("customers", gone)["merged_into_id"] == kept
        number = house.connection.execute(
            text("SELECT max(change_set_id) FROM change_entries WHERE table_name = 'fieldapp.visits'")
        ).scalar_one()
        olga.press(f"/change-sets/{number}/undo", rows="all")
        assert foreign.row("SELECT customer_id FROM fieldapp.visits WHERE id = 1") == gone
        assert house.row("customers", gone)["status"] == "active"
    finally:
        foreign.run("DROP SCHEMA fieldapp CASCADE")


def test_contacts_and_properties_are_merged_alike(dana: Desk, house: House) -> None:
    """The same person twice at one customer: one is archived, leads to the other, and the primary one stays primary."""
    customer = house.given("customers", name="Sagebrush", status="active")
    kept = house.given("contacts", full_name="Pat Ruiz", customer_id=customer, email="pat@sage.example")
    gone = house.given(
        "contacts",
        full_name="Pat Ruiz",
        customer_id=customer,
        email="pat@sage.example",
        is_primary=True,
        title="Foreman",
    )
    looking.look(house.tenant_id, REGISTRY["contacts"])
    page = dana.page("/duplicates/contacts")
    assert "same e-mail, same name" in page
    dana.send("/crm/contacts/merge", question(page))
    found = house.row("contacts", kept)
    assert (found["is_primary"], found["title"]) == (True, "Foreman")
    assert (
        house.row("contacts", gone)["merged_into_id"] == kept and house.row("contacts", gone)["archived_at"] is not None
    )
    assert dana.get(f"/crm/contacts/{gone}").headers["Location"] == f"/crm/contacts/{kept}?was={gone}"
