"""Drafts: what Olga typed is hers alone, comes back when she does, and survives the end of her session."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.domains.platform.upkeep import prune
from app.engine.apply import transaction
from app.web import session_rows
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff, words


@pytest.fixture
def bluestem(house: House) -> str:
    key = house.given("customers", name="Bluestem", status="active", source="Referral")
    return f"/crm/customers/{key}"


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    return staff(app, house, "Olga", "operations_manager")


def keep(desk: Desk, path: str, **values: str) -> Any:
    """What the page does by itself a moment after somebody typed."""
    form = desk.opened(path)
    sent = {**form.values, **values, "draft.do": "keep"}
    with desk.client.application.app_context():
        return desk.client.post(path, data=sent, headers={"HX-Request": "true", "HX-Request-Type": "partial"})


def drafts_in_database() -> int:
    """As the console's own role sees them when nobody is named."""
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM form_drafts")).scalar_one())


def test_a_draft_is_kept_offered_with_what_differs_restored_and_gone_once_saved(
    olga: Desk, house: House, bluestem: str
) -> None:
    edit = f"{bluestem}/edit"
    said = keep(olga, edit, source="Walked in", name="Bluestem Cold Storage", reason="As on the sign")
    assert said.status_code == 200 and "Draft saved" in words(said) and "Discard" in words(said)
    assert house.row("customers", int(bluestem.split("/")[-1]))["source"] == "Referral", "a draft is no save"

    page = olga.page(edit)
    assert "You began this" in page and "Came from" in page
    assert "<del>Referral</del>" in page and "<ins>Walked in</ins>" in page
    assert olga.opened(edit).values["source"] == "Referral", "offered, not forced"

    restored = olga.page(f"{edit}?draft=mine")
    form = olga.form(restored, "version")
    assert "This is your draft" in restored
    assert (form.values["source"], form.values["reason"]) == ("Walked in", "As on the sign")
    assert olga.send(edit, form).status_code == 303
    assert house.row("customers", int(bluestem.split("/")[-1]))["name"] == "Bluestem Cold Storage"
    assert "You began this" not in olga.page(edit)


def test_a_draft_is_for_its_author_alone_by_every_way_in(app: Flask, house: House, olga: Desk, bluestem: str) -> None:
    keep(olga, f"{bluestem}/edit", source="Met at the fair")
    keep(olga, "/crm/customers/new", name="Nobody yet")
    for who, role in (("Sam", "sales"), ("Oz", "owner"), ("Ada", "admin")):
        other = staff(app, house, who, role)
        if role != "admin":
            assert "Met at the fair" not in other.page(f"{bluestem}/edit?draft=mine")
            assert "Nobody yet" not in other.page("/crm/customers/new?draft=mine")
        there = other.get("/explorer/console.form_drafts")
        assert "Met at the fair" not in words(there) and 'data-key="' not in words(there)
    assert drafts_in_database() == 0, "without its author named, the database shows none"
    assert "Met at the fair" in olga.page(f"{bluestem}/edit")
    assert "Nobody yet" in olga.page("/crm/customers/new?draft=mine")


def test_what_others_changed_since_is_said_and_the_save_shows_both(olga: Desk, house: House, bluestem: str) -> None:
    edit = f"{bluestem}/edit"
    keep(olga, edit, source="Walked in")
    house.staff("Priya", "owner")
    house.edit("Priya", "customers", int(bluestem.split("/")[-1]), source="Radio")
    assert "Priya has changed the customer since" in olga.page(edit)
    form = olga.form(olga.page(f"{edit}?draft=mine"), "version")
    clash = olga.send(edit, form)
    assert clash.status_code == 409 and "Radio" in words(clash) and "Walked in" in words(clash)


def test_discarding_needs_no_script_and_what_is_the_same_is_not_offered(olga: Desk, bluestem: str) -> None:
    edit = f"{bluestem}/edit"
    keep(olga, edit, source="Walked in")
    discard = olga.form(olga.page(edit), "draft.do")
    gone = olga.send(f"{edit}?from=list", discard)
    assert (gone.status_code, gone.location) == (303, f"{edit}?from=list")
    assert "You began this" not in olga.page(edit)
    keep(olga, edit)
    assert "You began this" not in olga.page(edit)


def test_only_the_form_s_own_fields_are_kept_never_a_secret_and_not_without_end(
    app: Flask, house: House, olga: Desk, bluestem: str
) -> None:
    keep(olga, f"{bluestem}/edit", source="Walked in", password="hunter2", lifetime_revenue="1", nonsense="x")
    with transaction() as connection:
        connection.execute(text("SELECT set_config('console.author', :me, true)"), {"me": str(olga.actor.app_user_id)})
        typed = connection.execute(text("SELECT typed FROM form_drafts")).scalar_one()
    assert typed["source"] == "Walked in" and not {"password", "lifetime_revenue", "nonsense", "csrf_token"} & set(
        typed
    )
    assert "Too long" in words(keep(olga, f"{bluestem}/edit", notes="n" * 70_000))
    sam = sit(app, house, "Sam", "customers.read")
    assert sam.send(f"{bluestem}/edit", olga.opened(f"{bluestem}/edit"), draft__do="keep").status_code in (
        400,
        404,
    )


def test_a_draft_runs_out(olga: Desk, bluestem: str) -> None:
    keep(olga, f"{bluestem}/edit", source="Walked in")
    with transaction() as connection:
        connection.execute(text("SELECT set_config('console.author', :me, true)"), {"me": str(olga.actor.app_user_id)})
        connection.execute(text("UPDATE form_drafts SET expires_at = now() - interval '1 minute'"))
    assert "You began this" not in olga.page(f"{bluestem}/edit")
    assert prune()["drafts"] >= 1


# -- the session ends while somebody types ---------------------------------------------------------------------------


def end_session(desk: Desk) -> None:
    with transaction() as connection:
        session_rows.end(connection, "revoked", user_id=desk.actor.user_id)


def come_in(app: Flask, house: House, desk: Desk, who: Desk) -> None:
    """`who` signs in at this desk."""
    with transaction() as connection:
        visit = house.given("user_sessions", user_id=who.actor.user_id, outcome="success")
        token = session_rows.begin(
            connection,
            user_id=who.actor.user_id or 0,
            tenant_id=house.tenant_id,
            user_session_id=visit,
            ip=None,
            agent="test",
        )
    desk.client.set_cookie("console", token)


def test_without_script_the_form_waits_behind_the_sign_in_for_its_author(
    app: Flask, house: House, olga: Desk, bluestem: str
) -> None:
    edit, sam = f"{bluestem}/edit?from=list", staff(app, house, "Sam", "sales")
    form = olga.opened(edit)
    end_session(olga)
    asked = olga.send(edit, form, source="Walked in", reason="Told at the counter")
    assert asked.status_code == 303 and asked.location.startswith("/sign-in?next=")
    assert "Walked in" not in olga.page(asked.location), "nothing of it stands on the page everybody sees"
    assert house.row("customers", int(bluestem.split("/")[-1]))["source"] == "Referral"
    back = re.search(r'name="next" value="([^"]+)"', olga.page(asked.location))
    assert back and back[1] == f"{bluestem}/edit?draft=mine&from=list"

    come_in(app, house, olga, sam)
    assert "Walked in" not in olga.page(back[1]), "another person at the same desk"
    come_in(app, house, olga, olga)
    again = olga.form(olga.page(back[1]), "version")
    assert (again.values["source"], again.values["reason"]) == ("Walked in", "Told at the counter")
    assert olga.send(edit, again).location == f"{bluestem}?from=list"


def test_a_small_form_waits_as_well(app: Flask, house: House, olga: Desk, bluestem: str) -> None:
    hold = f"{bluestem}/actions/hold"
    page = olga.page(bluestem)
    found = re.search(rf'href="({bluestem}/actions/[^"]+)"', page)
    assert found
    hold = found[1]
    form = olga.opened(hold, "reason")
    end_session(olga)
    asked = olga.send(hold, form, reason="Two invoices past 90 days")
    back = re.search(r'name="next" value="([^"]+)"', olga.page(asked.location))
    assert back
    come_in(app, house, olga, olga)
    assert olga.opened(back[1], "reason").values["reason"] == "Two invoices past 90 days"


def test_a_forged_mark_keeps_nothing(app: Flask, house: House, olga: Desk, bluestem: str) -> None:
    form = olga.opened(f"{bluestem}/edit")
    end_session(olga)
    asked = olga.send(f"{bluestem}/edit", form, source="Walked in", typed__by="WzEsMV0.forged.mark")
    assert asked.location == f"/sign-in?next={bluestem}/edit".replace("/crm", "/crm")
    come_in(app, house, olga, olga)
    assert "You began this" not in olga.page(f"{bluestem}/edit")


SCRIPT = {"HX-Request": "true", "HX-Request-Type": "partial"}


def test_a_script_is_asked_to_sign_in_over_the_page_and_sends_again(
    app: Flask, house: House, olga: Desk, bluestem: str
) -> None:
    edit, sam = f"{bluestem}/edit", staff(app, house, "Sam", "sales")
    form = olga.opened(edit)
    by = re.search(r'data-by="([^"]+)"', olga.page(bluestem))
    assert by
    end_session(olga)
    with app.app_context():
        asked = olga.client.post(
            edit, data=form.values, headers={**SCRIPT, "HX-Current-URL": f"http://localhost{edit}"}
        )
    assert (asked.status_code, asked.headers["Sign-In"]) == (401, "again")
    assert asked.headers["HX-Redirect"] == f"/sign-in?next={edit}"
    dialog = words(olga.get(f"/sign-in/again?by={by[1]}", **SCRIPT))
    assert '<dialog id="again"' in dialog and olga.actor.email in dialog and "data-csrf" not in dialog

    come_in(app, house, olga, sam)
    other = words(olga.get(f"/sign-in/again?by={by[1]}", **SCRIPT))
    assert 'data-same="no"' in other and "csrf" not in other, "nothing of Olga's page goes on under Sam's name"
    come_in(app, house, olga, olga)
    back = words(olga.get(f"/sign-in/again?by={by[1]}", **SCRIPT))
    token = re.search(r'data-same="yes" data-csrf="([^"]+)"', back)
    assert token
    with app.app_context():
        stale = olga.client.post(edit, data=form.values, headers=SCRIPT)
        assert (stale.status_code, stale.headers["Sign-In"]) == (400, "again"), "a form of the session before"
        sent = {**form.values, "source": "Walked in", "csrf_token": token[1]}
        assert olga.client.post(edit, data=sent, headers=SCRIPT).status_code == 303
    assert house.row("customers", int(bluestem.split("/")[-1]))["source"] == "Walked in"
    assert olga.get("/sign-in/again").location == "/sign-in"
