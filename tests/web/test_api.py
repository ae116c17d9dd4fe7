"""Programs read and write the company's records by the rights, masks and rules of the person their key belongs to."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.clock import now
from app.engine import idempotency
from app.engine.apply import transaction
from tests.domains.conftest import House
from tests.web.desk import sit, staff
from tests.web.program import Program, program

CUSTOMERS = "/crm/customers"


@pytest.fixture
def accounting(app: Flask, house: House) -> Program:
    """Grace's nightly export, which may do whatever Grace may with customers."""
    return program(app, house, "Grace Okafor", "customers.*", "users.read", "jobs.read")


def customer(house: House, **values: Any) -> int:
    return house.given("customers", **{"name": "Bluestem Foods", "status": "active", **values})


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["status"] == status and body["detail"] and body["request_id"]
    return body


def fields_of(body: dict[str, Any]) -> set[str | None]:
    return {each.get("field") for each in body["errors"]}


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_list_is_walked_by_the_addresses_it_gives(house: House, accounting: Program) -> None:
    for number in range(25):
        customer(house, name=f"Customer {number:02}", open_balance=f"{number}.50")
    first = accounting.get(f"{CUSTOMERS}?sort=name&limit=10&cols=name,open_balance").json
    assert [each["name"] for each in first["data"]] == [f"Customer {number:02}" for number in range(10)]
    assert first["data"][3]["open_balance"] == "3.50"
    assert first["count"] == {"number": 25, "exact": True} and first["previous"] is None
    second = accounting.get(first["next"].removeprefix("/api/v1"))
    assert second.json["data"][0]["name"] == "Customer 10" and second.json["count"] is None
    assert 'rel="next"' in second.headers["Link"] and 'rel="prev"' in second.headers["Link"]
    back = accounting.get(second.json["previous"].removeprefix("/api/v1")).json
    assert [each["id"] for each in back["data"]] == [each["id"] for each in first["data"]]
    last = accounting.get(f"{CUSTOMERS}?sort=name&limit=10&before=end").json
    assert last["data"][-1]["name"] == "Customer 24" and last["next"] is None


def test_filters_scopes_and_search_are_those_of_the_page(house: House, accounting: Program) -> None:
    owing, _ = customer(house, name="Owing", open_balance="12.00"), customer(house, name="Paid")
    for question in (
        "open_balance.gt=0",
        "q=owin",
        "scope=No account manager&open_balance=12",
        "status=active&name=Owing",
    ):
        assert [each["id"] for each in accounting.get(f"{CUSTOMERS}?{question}").json["data"]] == [owing], question
    for question in (
        "no_such=1",
        "open_balance.like=1",
        "sort=nothing",
        "cols=nothing",
        "limit=9999",
        "after=x",
        "scope=None",
    ):
        problem(accounting.get(f"{CUSTOMERS}?{question}"), 400)


def test_a_record_is_whole_and_says_when_nothing_changed(house: House, accounting: Program) -> None:
    me = accounting.actor.app_user_id
    key = customer(house, account_manager_id=me, credit_limit="25000", tags=["roof", "vip"])
    answer = accounting.get(f"{CUSTOMERS}/{key}")
    body = answer.json
    assert (body["id"], body["version"], body["href"]) == (key, 1, f"/api/v1{CUSTOMERS}/{key}")
    assert body["account_manager_id"] == {"key": me, "label": "Grace Okafor"}
    assert (body["credit_limit"], body["tags"]) == ("25000.00", ["roof", "vip"])
    assert body["created_at"].endswith("Z") and body["archived_at"] is None
    again = accounting.get(f"{CUSTOMERS}/{key}", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    house.change("app_users", me or 0, display_name="Grace O.")
    assert accounting.get(f"{CUSTOMERS}/{key}", If_None_Match=answer.headers["ETag"]).status_code == 200
    problem(accounting.get(f"{CUSTOMERS}/{key}?colour=red"), 400)


def test_another_companys_record_and_one_that_never_was_look_alike(
    app: Flask, house: House, accounting: Program
) -> None:
    with transaction() as connection:
        there = connection.execute(
            text("INSERT INTO tenants (slug, name) VALUES (gen_random_uuid()::text, 'N') RETURNING id")
        ).scalar()
        key = connection.execute(
            text("INSERT INTO customers (tenant_id, number, name) VALUES (:t, 'C-1', 'Theirs') RETURNING id"),
            {"t": there},
        ).scalar()
    told = [problem(accounting.get(f"{CUSTOMERS}/{each}"), 404)["detail"] for each in (key, 10**12, 2**70)]
    assert len(set(told)) == 1
    for address in ("/crm/nothing", "/billing/customers", "/crm/customers/x"):
        problem(accounting.get(address), 404)


def test_what_the_owner_may_not_see_the_key_does_not_see(app: Flask, house: House) -> None:
    reader = program(app, house, "Vera", "customers.read")
    key = customer(house, phone_e164="+13035550142", email="ap@bluestem.example")
    shown = reader.get(f"{CUSTOMERS}/{key}").json
    assert "•" in shown["phone_e164"] and "ap@" not in str(shown)
    assert "0142" not in str(reader.get(f"{CUSTOMERS}?cols=phone_e164").json)
    problem(reader.get(f"{CUSTOMERS}?phone_e164=%2B13035550142"), 400)
    problem(reader.get(f"{CUSTOMERS}?sort=email"), 400)
    problem(reader.get("/crm/invoices"), 404)
    problem(reader.patch(f"{CUSTOMERS}/{key}", {"name": "X"}, If_Match='"1"'), 403)
    problem(reader.post(CUSTOMERS, {"name": "X"}), 403)
    problem(reader.delete(f"{CUSTOMERS}/{key}"), 403)
    problem(reader.post(f"{CUSTOMERS}/{key}/actions/hold", {"reason": "Late"}), 403)
    assert house.row("customers", key)["status"] == "active"


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_record_is_created_changed_and_archived_under_the_keys_own_name(house: House, accounting: Program) -> None:
    made = accounting.post(CUSTOMERS, {"name": "Ridgeline Dental", "credit_limit": "1000.00", "reason": "Import"})
    assert made.status_code == 201, made.json
    key = made.json["id"]
    assert made.headers["Location"] == f"/api/v1{CUSTOMERS}/{key}" and made.json["number"]
    changed = accounting.patch(f"{CUSTOMERS}/{key}", {"name": "Ridgeline"}, If_Match=made.headers["ETag"])
    assert (changed.status_code, changed.json["name"], changed.json["version"]) == (200, "Ridgeline", 2)
    assert accounting.delete(f"{CUSTOMERS}/{key}", If_Match='"2"').status_code == 204
    problem(accounting.get(f"{CUSTOMERS}/{key}"), 404)
    assert accounting.get(f"{CUSTOMERS}/{key}?archived=1").json["archived_at"]
    assert accounting.post(f"{CUSTOMERS}/{key}/actions/restore").json["archived_at"] is None
    sets = house.connection.execute(
        text("""SELECT DISTINCT s.actor_type, s.channel, s.api_key_id, s.reason FROM change_sets s
                JOIN change_entries e ON e.change_set_id = s.id WHERE e.table_name = 'customers' AND e.record_id = :id
                ORDER BY s.reason NULLS LAST"""),
        {"id": str(key)},
    ).all()
    assert sets == [("api_key", "api", accounting.key, "Import"), ("api_key", "api", accounting.key, None)]
    assert accounting.owner is not None
    assert "key Nightly export" in accounting.owner.page(f"{CUSTOMERS}/{key}/history")


def test_nobody_is_overwritten_unseen(house: House, accounting: Program) -> None:
    key = customer(house)
    place = f"{CUSTOMERS}/{key}"
    problem(accounting.patch(place, {"name": "Mine"}), 428)
    house.change("customers", key, name="Theirs")
    assert problem(accounting.patch(place, {"name": "Mine"}, If_Match='"1"'), 412)["version"] == 2
    problem(accounting.delete(place, If_Match='"1"'), 412)
    problem(accounting.patch(place, {"name": "Mine"}, If_Match="latest"), 400)
    assert house.row("customers", key)["name"] == "Theirs"
    assert accounting.patch(place, {"name": "Mine"}, If_Match="*").json["name"] == "Mine"


@pytest.mark.parametrize(
    ("body", "status", "faults"),
    [
        ({"colour": "red"}, 400, {"colour"}),
        ({"name": None}, 422, {"name"}),
        ({"name": "  "}, 422, {"name"}),
        ({"name": 7}, 422, {"name"}),
        ({"open_balance": "5.00"}, 422, {"open_balance"}),
        ({"credit_limit": 5}, 422, {"credit_limit"}),
        ({"credit_limit": "5.001", "email": "nobody"}, 422, {"credit_limit", "email"}),
        ({"account_manager_id": 10**12}, 422, {None}),
        ({"account_manager_id": "Grace"}, 422, {"account_manager_id"}),
        ({"tags": "roof"}, 422, {"tags"}),
        ({"kind": "planet"}, 422, {"kind"}),
        ({"name": "a\x00b"}, 422, {"name"}),
    ],
)
def test_what_cannot_be_taken_is_said_field_by_field(
    house: House, accounting: Program, body: dict[str, Any], status: int, faults: set[str | None]
) -> None:
    key = customer(house)
    assert fields_of(problem(accounting.patch(f"{CUSTOMERS}/{key}", body, If_Match='"1"'), status)) == faults
    assert house.row("customers", key)["version"] == 1


def test_a_body_that_is_no_json_object_is_refused(accounting: Program) -> None:
    for raw, kind, status in (
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('{"name": NaN}', "application/json", 400),
        ('{"name": "\\ud800"}', "application/json", 400),
        ("[" * 60_000, "application/json", 400),
        ("", "application/json", 400),
        ("name=X", "application/x-www-form-urlencoded", 415),
    ):
        with accounting.client.application.app_context():
            answer = accounting.client.post(
                f"/api/v1{CUSTOMERS}",
                data=raw,
                content_type=kind,
                headers={"Authorization": f"Bearer {accounting.secret}"},
            )
        problem(answer, status)


def test_a_move_is_made_with_what_it_asks_for(house: House, accounting: Program) -> None:
    key = customer(house)
    place = f"{CUSTOMERS}/{key}/actions"
    problem(accounting.post(f"{place}/hold", {}), 422)
    assert accounting.post(f"{place}/hold", {"reason": "90 days late"}).json["status"] == "credit_hold"
    assert "is credit hold" in problem(accounting.post(f"{place}/hold", {"reason": "Again"}), 409)["detail"]
    problem(accounting.post(f"{place}/hold", {"colour": 1}), 400)
    problem(accounting.post(f"{place}/nothing"), 404)


def test_a_table_tells_which_methods_it_knows(house: House, accounting: Program) -> None:
    key = customer(house)
    assert accounting.send("OPTIONS", CUSTOMERS).headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert accounting.send("OPTIONS", f"{CUSTOMERS}/{key}").headers["Allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"
    problem(accounting.send("PUT", f"{CUSTOMERS}/{key}", {}), 405)
    assert accounting.send("HEAD", f"{CUSTOMERS}/{key}").status_code == 200


# -- once ------------------------------------------------------------------------------------------------------------


def test_a_request_sent_twice_has_one_effect(house: House, accounting: Program) -> None:
    body = {"name": "Only once"}
    first = accounting.post(CUSTOMERS, body, Idempotency_Key="order-7")
    again = accounting.post(CUSTOMERS, body, Idempotency_Key="order-7")
    assert (again.status_code, again.data, again.headers["Location"]) == (201, first.data, first.headers["Location"])
    assert again.headers["ETag"] == first.headers["ETag"] and again.headers["Idempotent-Replayed"] == "true"
    problem(accounting.post(CUSTOMERS, {"name": "Another"}, Idempotency_Key="order-7"), 422)
    count = text("SELECT count(*) FROM customers WHERE tenant_id = :t")
    assert house.connection.execute(count, {"t": house.tenant_id}).scalar() == 1
    stored = house.connection.execute(text("SELECT answer FROM idempotent_requests WHERE key = 'order-7'")).scalar()
    assert b"Only once" not in bytes(stored)


def test_a_refused_request_leaves_its_key_free(accounting: Program) -> None:
    problem(accounting.post(CUSTOMERS, {"name": ""}, Idempotency_Key="k"), 422)
    assert accounting.post(CUSTOMERS, {"name": "Corrected"}, Idempotency_Key="k").status_code == 201
    problem(accounting.post(CUSTOMERS, {"name": "X"}, Idempotency_Key=" "), 400)


def test_while_one_is_under_way_the_other_waits_and_what_died_may_be_tried_again(
    house: House, accounting: Program
) -> None:
    body, place = {"name": "Under way"}, CUSTOMERS
    who = f"key:{accounting.key}"
    stale = text("UPDATE idempotent_requests SET status = NULL, answer = NULL, claimed_at = :at WHERE who = :who")
    assert accounting.post(place, body, Idempotency_Key="slow").status_code == 201
    with transaction() as connection:  # as if that process had died before it could commit
        connection.execute(stale, {"who": who, "at": "2126-01-01"})
    assert problem(accounting.post(place, body, Idempotency_Key="slow"), 409)
    with transaction() as connection:
        connection.execute(
            text("UPDATE idempotent_requests SET claimed_at = now() - interval '2 minutes' WHERE who = :who"),
            {"who": who},
        )
    assert accounting.post(place, body, Idempotency_Key="slow").status_code == 201


def test_a_request_whose_place_was_taken_changes_nothing(house: House) -> None:
    mine = idempotency.claim("key:0", f"lost-{house.tenant_id}", b"same")
    assert isinstance(mine, idempotency.Claim)
    with transaction() as connection:
        connection.execute(
            text("UPDATE idempotent_requests SET claim = gen_random_uuid() WHERE key = :key"), {"key": mine.key}
        )
    with pytest.raises(idempotency.UnderWay), transaction() as connection:
        mine.finish(connection, 201, None, b"")


def test_an_answer_is_not_replayed_to_lesser_rights(app: Flask, house: House, accounting: Program) -> None:
    first = accounting.post(CUSTOMERS, {"name": "Secret"}, Idempotency_Key="once")
    with transaction() as connection:
        connection.execute(
            text("UPDATE roles SET permissions = '{customers.create,customers.read}' WHERE tenant_id = :t"),
            {"t": house.tenant_id},
        )
    again = accounting.post(CUSTOMERS, {"name": "Secret"}, Idempotency_Key="once")
    assert (again.status_code, again.json, again.headers["Location"]) == (201, {}, first.headers["Location"])


# -- keys ------------------------------------------------------------------------------------------------------------


def test_nobody_is_told_who_they_are_not(app: Flask, house: House, accounting: Program) -> None:
    secret = accounting.secret
    forged = [
        "", "nonsense", "bc_", secret[:-1], secret[:-1] + ("0" if secret[-1] != "0" else "1"), "bc_aaaaa_" + "0" * 64,
        secret.upper(), "eyJhbGciOiJub25lIn0.e30.", f"{secret} {secret}",
    ]  # fmt: skip
    for each in forged:
        answer = Program(app.test_client(), each).get(CUSTOMERS)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    cookie = sit(app, house, "Olga", "*.*")
    with app.app_context():
        assert cookie.client.get(f"/api/v1{CUSTOMERS}").status_code == 401
        assert cookie.client.post(f"/api/v1{CUSTOMERS}", json={"name": "Forged"}).status_code == 401
        assert app.test_client().get(f"/api/v1{CUSTOMERS}?key={secret}").status_code == 401
    assert "Set-Cookie" not in accounting.get(CUSTOMERS).headers


def test_a_key_does_no_more_than_it_was_made_for_and_no_more_than_its_owner(app: Flask, house: House) -> None:
    form = program(app, house, "Priya", "leads.*", "customers.*", scopes=("leads.create", "leads.reveal"))
    made = form.post("/crm/leads", {"title": "From the website", "source": "web_form", "contact_name": "Ana Ruiz"})
    assert made.status_code == 201, made.json
    assert made.json == {"id": made.json["id"], "href": made.headers["Location"]}
    problem(form.get("/crm/leads"), 404)
    problem(form.get(CUSTOMERS), 404)
    with transaction() as connection:
        connection.execute(
            text("UPDATE roles SET permissions = '{customers.*}' WHERE tenant_id = :t"), {"t": house.tenant_id}
        )
    problem(form.post("/crm/leads", {"title": "Too late"}), 404)


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE user_api_keys SET status = 'revoked', revoked_at = now() WHERE app_user_id = :me",
        "UPDATE user_api_keys SET expires_at = now() WHERE app_user_id = :me",
        "UPDATE user_api_keys SET expires_at = NULL WHERE app_user_id = :me",
        "UPDATE app_users SET status = 'suspended' WHERE id = :me",
        "UPDATE users SET status = 'disabled' WHERE id = (SELECT user_id FROM app_users WHERE id = :me)",
    ],
)
def test_losing_access_is_felt_by_the_next_request(accounting: Program, ended: str) -> None:
    assert accounting.get(CUSTOMERS).status_code == 200
    with transaction() as connection:
        connection.execute(text(ended), {"me": accounting.actor.app_user_id})
    problem(accounting.get(CUSTOMERS), 401)


def test_a_key_works_only_from_where_it_may(app: Flask, house: House) -> None:
    bound = program(app, house, "Grace", "customers.read", networks=("203.0.113.0/24",))
    problem(bound.get(CUSTOMERS), 403)
    with app.app_context():
        answer = bound.client.get(
            f"/api/v1{CUSTOMERS}",
            headers={"Authorization": f"Bearer {bound.secret}"},
            environ_base={"REMOTE_ADDR": "::ffff:203.0.113.9"},
        )
    assert answer.status_code == 200


def test_too_many_requests_in_a_minute_wait(house: House, app: Flask) -> None:
    eager = program(app, house, "Grace", "customers.read", rate=3)
    answers = [eager.get(CUSTOMERS) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    problem(answers[4], 429)
    assert 1 <= int(answers[4].headers["Retry-After"]) <= 60
    with transaction() as connection:
        connection.execute(
            text("UPDATE api_uses SET minute = minute - interval '2 minutes' WHERE who = :who"),
            {"who": f"key:{eager.key}"},
        )
    assert eager.get(CUSTOMERS).status_code == 200


def test_use_is_written_now_and_then_and_shown_at_once(house: House, accounting: Program) -> None:
    from app.domains.auth import keys

    for _ in range(4):
        accounting.get(CUSTOMERS)
    row = house.row("user_api_keys", accounting.key)
    assert (row["use_count"], str(row["last_used_ip"])) == (1, "127.0.0.1") and row["last_used_at"]
    shown = next(each for each in keys.own(house.connection, accounting.actor) if each.id == accounting.key)
    assert shown.use_count == 4 and shown.last_used_at > row["last_used_at"]
    keys.write_uses()
    assert house.row("user_api_keys", accounting.key)["use_count"] == 4


def test_metrics_open_to_a_key_that_may_read_them(app: Flask, house: House) -> None:
    watcher = program(app, house, "Priya", "metrics.read")
    other = program(app, house, "Grace", "customers.read")
    for each, status in ((watcher, 200), (other, 404)):
        with app.app_context():
            answer = app.test_client().get(
                "/metrics",
                headers={"Authorization": f"Bearer {each.secret}"},
                environ_base={"REMOTE_ADDR": "192.0.2.1"},
            )
        assert answer.status_code == status


# -- making them -----------------------------------------------------------------------------------------------------


def test_a_key_is_made_shown_once_replaced_and_revoked(app: Flask, house: House) -> None:
    bea = staff(app, house, "Bea", "billing")
    form = bea.opened("/account/keys/new", "networks")
    page = bea.send("/account/keys/new", form, name="Month end", reach="read").get_data(as_text=True)
    secret = _secret(page)
    assert secret not in bea.page("/account/keys") and "Month end" in bea.page("/account/keys")
    reader = Program(app.test_client(), secret, bea)
    assert reader.get("/crm/invoices").status_code == 200
    problem(reader.post("/crm/invoices", {}), 403)
    kept = house.row("user_api_keys", reader.key)
    assert secret.encode() not in bytes(kept["key_hash"]) and kept["prefix"] == secret[:8]
    assert set(kept["scopes"]) >= {"invoices.read"} and "invoices.write" not in kept["scopes"]

    new = Program(app.test_client(), _secret(_press(bea, f"/account/keys/{reader.key}/rotate")), bea)
    assert new.get("/crm/invoices").status_code == reader.get("/crm/invoices").status_code == 200
    assert house.row("user_api_keys", new.key)["rotated_from_id"] == reader.key
    assert house.row("user_api_keys", reader.key)["expires_at"] < kept["expires_at"]
    _press(bea, f"/account/keys/{reader.key}/revoke", 303)
    problem(reader.get("/crm/invoices"), 401)
    assert new.get("/crm/invoices").status_code == 200


def test_who_may_make_keys_and_for_what(app: Flask, house: House) -> None:
    viewer, bea = staff(app, house, "Vera", "viewer"), staff(app, house, "Bea", "billing")
    viewer.page("/account/keys", 404)
    viewer.page("/account/keys/new", 404)
    assert "Your role makes no keys" in viewer.page("/account/api")
    form = bea.opened("/account/keys/new", "networks")
    form.values.pop("scope", None)
    for scope in ("users.write", "*.*", "apikeys.own"):
        form.values["scope"] = scope
        answer = bea.send("/account/keys/new", form, name="Beyond", reach="chosen")
        assert answer.status_code == 422 and "at least one thing" in answer.get_data(as_text=True)
    answer = bea.send("/account/keys/new", form, name="", reach="read", networks="everywhere", rate="0")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and all(f'id="f-{name}-err"' in page for name in ("name", "networks", "rate"))
    other = program(app, house, "Grace", "customers.read")
    for verb in ("rotate", "revoke"):
        _press(bea, f"/account/keys/{other.key}/{verb}", 404)
    assert other.get(CUSTOMERS).status_code == 200


def test_making_one_asks_for_the_password_first(app: Flask, house: House) -> None:
    bea = staff(app, house, "Bea", "billing")
    form = bea.opened("/account/keys/new", "networks")
    with transaction() as connection:
        connection.execute(
            text("UPDATE sessions SET elevated_until = NULL WHERE user_id = :id"), {"id": bea.actor.user_id}
        )
    for answer in (bea.get("/account/keys/new"), bea.send("/account/keys/new", form, name="Sneaky", reach="all")):
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/account/confirm")
    assert "No keys yet" in bea.page("/account/keys")


def test_every_staff_member_reads_how_it_is_used(app: Flask, house: House) -> None:
    for role in ("owner", "auditor"):
        page = staff(app, house, role.title(), role).page("/account/api")
        assert "/api/v1/openapi.json" in page and "/crm/customers" in page


def _secret(page: str) -> str:
    import re

    found = re.search(r'value="(bc_[a-z0-9]{5}_[0-9a-f]{64})"', page)
    assert found, page[:3000]
    return found[1]


def _press(desk: Any, path: str, status: int = 200) -> str:
    form = desk.opened("/account/api", "csrf_token")
    form.values = {"csrf_token": form.values["csrf_token"]}
    answer = desk.send(path, form)
    assert answer.status_code == status
    return str(answer.get_data(as_text=True))


def test_what_needs_a_second_person_is_never_done_by_a_program(app: Flask, house: House) -> None:
    invoice = house.given("invoices", customer_id=customer(house), number="INV-9", status="open", subtotal=480, total=480,
                          issue_date=date(2026, 5, 1), due_date=date(2026, 5, 31), finalized_at=now())  # fmt: skip
    billing = program(app, house, "Grace Okafor", "invoices.*")
    answer = billing.post(f"/crm/invoices/{invoice}/actions/write_off", {"reason": "Bankrupt"})
    said = problem(answer, 409)
    assert "needs a second person" in said["detail"]
    assert said["approval"]["decided_by"] == "approvals.decide.billing"
    assert said["approval"]["ask_at"] == f"/crm/invoices/{invoice}/actions/write_off"
    assert house.row("invoices", invoice)["status"] == "open"
