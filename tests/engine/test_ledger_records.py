"""Every change of a governed record is in the history, whoever makes it and by whatever program."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.engine import sealing
from tests.engine.conftest import Company

pytestmark = pytest.mark.any_server


def test_dana_changes_a_phone_and_the_history_says_who_why_before_and_after(company: Company) -> None:
    with company.as_dana("new number from the site manager") as connection:
        connection.execute(
            text("UPDATE customers SET phone_e164 = '+12105550199' WHERE id = :id"), {"id": company.alamo}
        )
    born, changed = company.entries(record=company.alamo)
    assert (born.operation, born.after["name"], born.before) == ("insert", "Alamo Storage LLC", None)
    assert (changed.operation, changed.tenant_id, changed.actor_type) == ("update", company.tenant, "user")
    assert (changed.app_user_id, changed.reason) == (company.dana, "new number from the site manager")
    assert set(changed.after) == {"phone_e164", "version", "updated_at"}
    assert (changed.before["phone_e164"], changed.after["phone_e164"]) == ("+12105550100", "+12105550199")
    assert (changed.before["version"], changed.after["version"]) == (1, 2)


def test_a_program_outside_is_recorded_by_its_login_and_its_name(company: Company) -> None:
    company.does("UPDATE customers SET notes = 'gate code 4411' WHERE id = :id", id=company.alamo)
    changed = company.entries(record=company.alamo)[-1]
    assert (changed.actor_type, changed.channel, changed.application_name) == ("outside", "outside", "psql")
    assert changed.db_role == company.does("SELECT session_user")
    assert (changed.set_tenant, changed.entry_count) == (company.tenant, 1)


def test_one_statement_over_many_rows_is_one_entry_for_each_that_changed(company: Company) -> None:
    company.does(
        "INSERT INTO customers (tenant_id, number, name) SELECT :t, 'N-' || n, 'Neighbor ' || n"
        " FROM generate_series(1, 500) n",
        t=company.tenant,
    )
    with company.as_dana() as connection:
        connection.execute(text("UPDATE customers SET tags = '{north}' WHERE number LIKE 'N-%'"))
        connection.execute(text("UPDATE customers SET tags = '{north}' WHERE number LIKE 'N-%'"))
        connection.execute(text("DELETE FROM customers WHERE number IN ('N-1', 'N-2')"))
    recorded = [entry for entry in company.entries() if entry.app_user_id == company.dana]
    assert [entry.operation for entry in recorded] == ["update"] * 500 + ["delete"] * 2
    assert {entry.entry_count for entry in recorded} == {502}
    assert (recorded[-1].before["name"], recorded[-1].after) == ("Neighbor 2", None)


def test_an_update_that_changes_nothing_leaves_neither_version_nor_set(company: Company) -> None:
    sets = company.does("SELECT count(*) FROM change_sets")
    company.does("UPDATE customers SET name = name")
    assert company.does("SELECT version FROM customers WHERE id = :id", id=company.alamo) == 1
    assert company.does("SELECT count(*) FROM change_sets") == sets


def test_the_database_counts_versions_whatever_a_writer_claims(company: Company) -> None:
    company.does("UPDATE customers SET version = 77, updated_at = '2001-01-01' WHERE id = :id", id=company.alamo)
    assert company.does("SELECT version FROM customers WHERE id = :id", id=company.alamo) == 2
    assert company.does("SELECT updated_at > now() - interval '1 hour' FROM customers WHERE id = :id", id=company.alamo)


def test_a_password_changes_without_the_history_knowing_it(company: Company) -> None:
    company.does("INSERT INTO users (email, password_hash) VALUES ('ruth@hill.example', 'argon-one')")
    company.does("UPDATE users SET password_hash = 'argon-two', mfa_secret_enc = '\\x0badcafe', mfa_enabled = true")
    entries = company.entries("users")
    assert (entries[0].after["password_hash"], entries[0].after["mfa_secret_enc"]) == ("[secret]", None)
    assert entries[1].before["password_hash"] == entries[1].after["password_hash"] == "[secret]"
    assert entries[1].after["mfa_secret_enc"] == "[secret]"
    assert not [entry for entry in entries if "argon" in str(entry) or "0badcafe" in str(entry)]


def test_what_goes_with_its_parent_is_recorded_too(company: Company) -> None:
    company.does(
        "INSERT INTO contacts (tenant_id, customer_id, full_name) VALUES (:t, :c, 'Luis Ortega')",
        t=company.tenant,
        c=company.alamo,
    )
    with company.as_dana() as connection:
        connection.execute(text("DELETE FROM customers WHERE id = :id"), {"id": company.alamo})
    assert company.entries("contacts")[-1].operation == "delete"
    assert company.entries("contacts")[-1].app_user_id == company.dana


def test_a_record_given_another_key_leaves_and_arrives(company: Company) -> None:
    company.does("UPDATE customers SET id = DEFAULT WHERE id = :id", id=company.alamo)
    assert [entry.operation for entry in company.entries()] == ["insert", "delete", "insert"]


def test_even_truncate_is_written_down(company: Company) -> None:
    company.does("TRUNCATE saved_views, contacts, customers CASCADE")
    gone = company.entries(record=company.alamo)[-1]
    assert (gone.operation, gone.before["name"]) == ("delete", "Alamo Storage LLC")


def test_moments_read_the_same_from_every_time_zone(company: Company) -> None:
    with company.owner.begin() as connection:
        connection.execute(text("SET LOCAL timezone = 'Asia/Tokyo'"))
        connection.execute(
            text("UPDATE customers SET last_job_at = '2026-03-01 09:00+00' WHERE id = :id"), {"id": company.alamo}
        )
    assert company.entries(record=company.alamo)[-1].after["last_job_at"] == "2026-03-01T09:00:00+00:00"


def test_a_change_that_is_rolled_back_leaves_no_history(company: Company) -> None:
    before = len(company.entries())
    with pytest.raises(DBAPIError, match="ck_customers_payment_terms_days"), company.as_dana() as connection:
        connection.execute(text("UPDATE customers SET notes = 'x'; UPDATE customers SET payment_terms_days = 900"))
    assert len(company.entries()) == before


def test_replaying_the_history_gives_todays_rows_until_someone_goes_behind_its_back(company: Company) -> None:
    with company.as_dana() as connection:
        connection.execute(text("UPDATE customers SET credit_limit = 5000 WHERE id = :id"), {"id": company.alamo})
    with company.owner.connect() as connection:
        assert sealing.replay_check(connection) == []
    company.does("ALTER TABLE customers DISABLE TRIGGER ledger_update")
    company.does("UPDATE customers SET credit_limit = 90000 WHERE id = :id", id=company.alamo)
    company.does("ALTER TABLE customers ENABLE TRIGGER ledger_update")
    with company.owner.connect() as connection:
        found = sealing.replay_check(connection)
    assert any("credit_limit is 90000.00, and the ledger leaves 5000.00" in sentence for sentence in found)


def test_a_large_update_is_written_down_like_many_small_ones(company: Company) -> None:
    """Past 200 rows the ledger takes another way, which must say the same: each record what changed on it, no more."""
    company.does(
        "INSERT INTO customers (tenant_id, number, name, notes, tags) SELECT :tenant, 'L' || n, 'Large ' || n, '', '{a}'"
        " FROM generate_series(1, 300) AS n",
        tenant=company.tenant,
    )
    with company.as_dana("a bulk fix") as connection:
        connection.execute(
            text(
                "UPDATE customers SET notes = CASE WHEN id % 3 = 0 THEN notes ELSE 'seen' END,"
                " tags = CASE WHEN id % 3 = 1 THEN '{a,b}' ELSE tags END,"
                " credit_limit = CASE WHEN id % 3 = 0 THEN credit_limit ELSE 12.50 END WHERE number LIKE 'L%'"
            )
        )
    made = [each for each in company.entries() if each.reason == "a bulk fix"]
    assert {int(each.record_id) % 3 for each in made} == {1, 2}
    assert {each.entry_count for each in made} == {200}
    assert {each.set_tenant for each in made} == {company.tenant} == {each.tenant_id for each in made}
    kept = {"version", "updated_at"}
    for each in made:
        wanted = {"notes", "credit_limit"} | ({"tags"} if int(each.record_id) % 3 == 1 else set())
        assert set(each.after) - kept == wanted == set(each.before) - kept
    with company.as_dana("other keys") as connection:
        connection.execute(text("UPDATE customers SET id = DEFAULT WHERE number LIKE 'L%'"))
    assert {each.operation for each in company.entries() if each.reason == "other keys"} == {"insert", "delete"}
    with company.as_dana("nothing") as connection:
        connection.execute(text("UPDATE customers SET notes = notes"))
    assert not [each for each in company.entries() if each.reason == "nothing"]
    with company.owner.connect() as connection:
        assert sealing.replay_check(connection) == []
