"""No edit of the history goes unnoticed, not even by the owner of the database: one command names the first broken link."""

from __future__ import annotations

import threading

from sqlalchemy import text

from app.engine import sealing
from tests.engine.conftest import Company

TAMPERINGS = (
    ("DELETE FROM change_entries WHERE change_set_id = :set", "entries were removed"),
    (
        "INSERT INTO change_entries (change_set_id, table_name, record_id, operation, after)"
        " VALUES (:set, 'customers', '1', 'insert', '{}')",
        "entries were added",
    ),
    ("UPDATE change_sets SET reason = 'because I say so' WHERE id = :set", "was edited after it was sealed"),
    ("UPDATE change_sets SET app_user_id = NULL, actor_type = 'system' WHERE id = :set", "was edited"),
    ("UPDATE change_sets SET sealed_at = now() - interval '1 year' WHERE id = :set", "was edited"),
    ("UPDATE change_sets SET row_hash = sha256('x') WHERE id = :set", "was edited after it was sealed"),
    ("UPDATE change_sets SET prev_hash = sha256('x') WHERE id = :set", "does not follow the one before it"),
    (
        "WITH e AS (DELETE FROM change_entries WHERE change_set_id = :set) DELETE FROM change_sets WHERE id = :set",
        "is gone",
    ),
    (
        "UPDATE change_sets SET seal_no = NULL, prev_hash = NULL, row_hash = NULL, sealed_at = NULL WHERE id = :set",
        "is gone",
    ),
)


def a_week(company: Company) -> None:
    """Six sets of Dana's, sealed."""
    for day in range(6):
        with company.as_dana(f"day {day}") as connection:
            connection.execute(
                text("UPDATE customers SET notes = :note WHERE id = :id"), {"note": f"day {day}", "id": company.alamo}
            )
    with company.app.begin() as connection:
        assert sealing.seal(connection) >= 6


def proof(company: Company) -> sealing.Verdict:
    with company.app.begin() as connection:
        return sealing.verify(connection)


def of_day(company: Company, day: int) -> int:
    return int(company.does("SELECT id FROM change_sets WHERE reason = :reason", reason=f"day {day}"))


def test_an_untouched_ledger_is_whole(company: Company) -> None:
    a_week(company)
    verdict = proof(company)
    assert (verdict.ok, verdict.first_broken, verdict.unsealed) == (True, None, 0)
    assert verdict.head[0] == verdict.sets_checked
    assert len(verdict.head[1] or "") == 64


def test_the_owner_edits_an_entry_and_the_proof_names_it(company: Company) -> None:
    a_week(company)
    entry = company.does("SELECT id FROM change_entries WHERE change_set_id = :s", s=of_day(company, 2))
    company.does('UPDATE change_entries SET after = after || \'{"notes": "nothing"}\' WHERE id = :id', id=entry)
    verdict = proof(company)
    assert not verdict.ok
    assert verdict.first_broken == (
        f"Entry {entry} of change set {of_day(company, 2)} (customers {company.alamo}) was edited after it was sealed."
    )


def test_the_owner_edits_a_set_and_the_proof_says_so(company: Company) -> None:
    a_week(company)
    for tamper, said in TAMPERINGS:
        with company.owner.connect() as connection:  # never committed: the next one finds the ledger whole again
            connection.execute(text(tamper), {"set": of_day(company, 3)})
            assert said in (sealing.verify(connection).first_broken or ""), tamper
    assert proof(company).ok


def test_cutting_off_the_end_of_the_chain_is_seen(company: Company) -> None:
    a_week(company)
    company.does("DELETE FROM change_entries WHERE change_set_id = :set", set=of_day(company, 5))
    company.does("DELETE FROM change_sets WHERE id = :set", set=of_day(company, 5))
    assert "The end of the chain is gone" in (proof(company).first_broken or "")


def test_a_set_put_in_between_is_seen(company: Company) -> None:
    a_week(company)
    company.does(
        "INSERT INTO change_sets (tenant_id, actor_type, app_user_id, channel, reason, created_at, xid)"
        " SELECT tenant_id, actor_type, app_user_id, channel, 'day 3 and a half', created_at, xid"
        " FROM change_sets WHERE id = :set",
        set=of_day(company, 3),
    )
    assert "was put in after its time" in (proof(company).first_broken or "")
    with company.app.begin() as connection:
        assert sealing.seal(connection) == 0
    assert "was put in after its time" in (proof(company).first_broken or "")


def test_an_entry_without_its_set_is_seen(company: Company) -> None:
    a_week(company)
    with company.as_dana("not sealed yet") as connection:
        connection.execute(text("UPDATE customers SET notes = 'late' WHERE id = :id"), {"id": company.alamo})
    company.does("DELETE FROM change_sets WHERE reason = 'not sealed yet'")
    assert "which is gone" in (proof(company).first_broken or "")


def test_the_sealer_leaves_what_is_not_finished_and_holds_nobody_up(company: Company) -> None:
    a_week(company)
    with company.as_dana("slow") as slow:
        slow.execute(text("UPDATE customers SET notes = 'slow' WHERE id = :id"), {"id": company.alamo})
        with company.as_dana("quick") as quick:
            quick.execute(text("UPDATE roles SET description = 'x' WHERE key = 'viewer'"))
        with company.app.begin() as connection:
            assert sealing.seal(connection) == 1
        assert proof(company).ok
    with company.app.begin() as connection:
        assert sealing.seal(connection) == 1  # began before the last seal, ended after it, and is no stranger for that
    assert proof(company).ok
    assert proof(company).unsealed == 0


def test_the_first_of_some_batches_is_sealed_while_the_next_is_written(company: Company) -> None:
    note = text("UPDATE customers SET notes = :note WHERE id = :id")
    with company.as_dana("batch 1") as first:
        first.execute(note, {"note": "one", "id": company.alamo})
        group = first.info["change_set"]
    with company.as_dana("batch 2", group=group) as second:
        second.execute(note, {"note": "two", "id": company.alamo})
        with company.app.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
            assert sealing.seal(connection) >= 1
    assert proof(company).ok


def test_two_sealers_at_once_make_one_chain(company: Company) -> None:
    for day in range(8):
        with company.as_dana(f"day {day}") as connection:
            connection.execute(
                text("UPDATE customers SET notes = :n WHERE id = :id"), {"n": str(day), "id": company.alamo}
            )
    sealed: list[int] = []

    def work() -> None:
        with company.app.begin() as connection:
            sealed.append(sealing.seal(connection))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    verdict = proof(company)
    assert (verdict.ok, verdict.unsealed) == (True, 0)
    assert sum(sealed) == verdict.sets_checked
