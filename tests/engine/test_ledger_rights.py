"""The application writes history only by doing things: it can neither edit the ledger nor speak under another's name."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.engine.conftest import Company

pytestmark = pytest.mark.any_server

FORGERIES = (
    "UPDATE change_entries SET after = '{}'",
    "DELETE FROM change_entries",
    "TRUNCATE change_entries",
    "INSERT INTO change_entries (change_set_id, table_name, record_id, operation, after)"
    " VALUES (1, 'customers', '1', 'insert', '{}')",
    "UPDATE change_sets SET reason = 'never happened'",
    "DELETE FROM change_sets",
    "INSERT INTO change_sets (actor_type, channel) VALUES ('system', 'system')",
    "UPDATE ledger_head SET seal_no = 0",
    "UPDATE governed_tables SET secrets = '{name}'",
    "SELECT ungovern('customers')",
    "SELECT govern('customers')",
    "SELECT masked('{}', '{}')",
    "ALTER TABLE customers DISABLE TRIGGER ALL",
    "DROP TRIGGER ledger_update ON customers",
    "CREATE TABLE mine (id int)",
    "TRUNCATE customers CASCADE",
    "SET session_replication_role = replica",
    "CREATE TRIGGER t AFTER INSERT ON change_sets EXECUTE FUNCTION record_changes('customers', '', '{}')",
)
READ_ONLY_LOGS = (
    "UPDATE user_sessions SET outcome = 'success'",
    "DELETE FROM user_sessions",
    "UPDATE ai_decision_logs SET reasoning = 'because'",
    "DELETE FROM ai_decision_logs",
    "UPDATE ai_calls SET trace_id = 'x'",
    "UPDATE system_health SET status = 'ok'",
    "DELETE FROM error_logs",
    "UPDATE error_logs SET message = ''",
    "UPDATE metrics SET name = 'x'",
    "UPDATE payment_allocations SET amount = 1",
    "DELETE FROM payment_allocations",
    "DELETE FROM users",
    "DELETE FROM app_users",
    "DELETE FROM tenants",
)


@pytest.mark.parametrize("sql", FORGERIES + READ_ONLY_LOGS)
def test_the_application_may_not(connection: Connection, sql: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner|must be called"):
        connection.execute(text(sql))


def test_a_number_taken_from_another_transaction_counts_for_nothing(company: Company) -> None:
    with company.as_dana() as connection:
        danas = connection.info["change_set"]
    with company.app.begin() as connection:
        connection.execute(text("SELECT set_config('console.change_set', :id, true)"), {"id": str(danas)})
        connection.execute(text("UPDATE customers SET notes = 'not me' WHERE id = :id"), {"id": company.alamo})
    forged = company.entries(record=company.alamo)[-1]
    assert forged.change_set_id != danas
    assert forged.actor_type == "outside"


@pytest.mark.parametrize(
    "at_the_end", ["", "SET CONSTRAINTS ALL IMMEDIATE", "SELECT set_config('console.change_set', '', true)"]
)
def test_what_is_rehearsed_past_the_ledger_cannot_be_kept(company: Company, at_the_end: str) -> None:
    before = company.entries(record=company.alamo)

    def rehearse_and_commit() -> None:
        with company.app.begin() as connection:
            connection.execute(text("SELECT open_change_set('system', NULL, 'rehearsal')"))
            changed = text("UPDATE customers SET notes = 'past the ledger' WHERE id = :id RETURNING notes")
            assert connection.execute(changed, {"id": company.alamo}).scalar() == "past the ledger"
            if at_the_end:
                connection.execute(text(at_the_end))

    with pytest.raises(DBAPIError, match="nothing of it is kept"):
        rehearse_and_commit()
    with company.app.begin() as connection:
        notes = connection.execute(text("SELECT notes FROM customers WHERE id = :id"), {"id": company.alamo}).scalar()
    assert notes != "past the ledger" and company.entries(record=company.alamo) == before


@pytest.mark.parametrize(
    "call",
    [
        "SELECT open_change_set('user', NULL, 'console')",
        "SELECT open_change_set('nobody', NULL, 'console')",
        "SELECT open_change_set('system', NULL, 'telepathy')",
        "SELECT open_change_set('user', 999999, 'console')",
    ],
)
def test_nobody_acts_without_a_name(connection: Connection, call: str) -> None:
    with pytest.raises(DBAPIError, match=r"ck_change_sets|fk_change_sets"):
        connection.execute(text(call))


def test_the_application_prunes_only_what_retention_has_released(company: Company) -> None:
    company.does(
        "INSERT INTO system_health (check_key, group_key, status, checked_at, changed) VALUES"
        " ('db.ping_ms', 'db', 'ok', now() - interval '60 days', false),"
        " ('db.ping_ms', 'db', 'crit', now() - interval '60 days', true), ('db.ping_ms', 'db', 'ok', now(), false)"
    )
    with company.app.begin() as connection:
        assert connection.scalar(text("SELECT prune_log('system_health', now())")) == 1
        assert connection.scalar(text("SELECT count(*) FROM system_health")) == 2
    with pytest.raises(DBAPIError, match="not a log that is pruned"), company.app.begin() as connection:
        connection.execute(text("SELECT prune_log('change_sets', now())"))
