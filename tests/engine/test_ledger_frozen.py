"""What was billed and what was decided stays as it was, whoever tries: the database itself refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.engine.conftest import Company

LINE = (
    "INSERT INTO invoice_lines (tenant_id, invoice_id, description, quantity, unit_price, line_total)"
    " VALUES (:t, :i, 'Leak repair', 1, 400, 400)"
)


EDITS = (
    "UPDATE invoices SET subtotal = 1, total = 1 WHERE id = :i",
    "UPDATE invoices SET number = 'INV-2' WHERE id = :i",
    "UPDATE invoices SET status = 'draft', finalized_at = NULL WHERE id = :i",
    "DELETE FROM invoices WHERE id = :i",
    "UPDATE invoice_lines SET unit_price = 1 WHERE invoice_id = :i",
    "DELETE FROM invoice_lines WHERE invoice_id = :i",
    "INSERT INTO invoice_lines (tenant_id, invoice_id, description) SELECT tenant_id, id, 'more' FROM invoices"
    " WHERE id = :i",
)


def draft(company: Company) -> int:
    return int(
        company.does(
            "INSERT INTO invoices (tenant_id, customer_id, subtotal, total) VALUES (:t, :c, 400, 400) RETURNING id",
            t=company.tenant,
            c=company.alamo,
        )
    )


def finalized(company: Company) -> int:
    invoice = draft(company)
    company.does(LINE, t=company.tenant, i=invoice)
    company.does(
        "UPDATE invoices SET status = 'open', number = 'INV-1', issue_date = '2026-05-01', due_date = '2026-05-31',"
        " finalized_at = now() WHERE id = :i",
        i=invoice,
    )
    return invoice


def test_a_finalised_invoice_stands(company: Company) -> None:
    invoice = finalized(company)
    for edit in EDITS:
        with pytest.raises(DBAPIError, match="INV-1 is finalised"), company.app.begin() as connection:
            connection.execute(text(edit), {"i": invoice})


def test_a_finalised_invoice_is_still_paid_sent_and_voided(company: Company) -> None:
    invoice = finalized(company)
    company.does(
        "UPDATE invoices SET sent_at = now(), amount_paid = 400, status = 'paid', paid_at = now() WHERE id = :i",
        i=invoice,
    )
    assert company.does("SELECT balance FROM invoices WHERE id = :i", i=invoice) == 0


def test_a_draft_is_edited_and_deleted_with_its_lines(company: Company) -> None:
    invoice = draft(company)
    company.does(LINE, t=company.tenant, i=invoice)
    company.does("UPDATE invoice_lines SET unit_price = 300 WHERE invoice_id = :i", i=invoice)
    company.does("DELETE FROM invoices WHERE id = :i", i=invoice)
    assert company.does("SELECT count(*) FROM invoice_lines") == 0


def test_an_import_brings_a_finalised_invoice_and_its_lines_in_one_transaction(company: Company) -> None:
    arrives = text(
        "INSERT INTO invoices (tenant_id, customer_id, subtotal, total, status, number, issue_date, due_date,"
        " finalized_at) VALUES (:t, :c, 400, 400, 'open', 'CP-9', '2024-01-01', '2024-02-01', now()) RETURNING id"
    )
    with company.owner.begin() as connection:
        invoice = connection.scalar(arrives, {"t": company.tenant, "c": company.alamo})
        connection.execute(text(LINE), {"t": company.tenant, "i": invoice})
    with pytest.raises(DBAPIError, match="CP-9 is finalised"):
        company.does(LINE, t=company.tenant, i=invoice)


def test_a_decision_is_reviewed_but_not_reworded(company: Company) -> None:
    agent = company.does(
        "INSERT INTO ai_agents (tenant_id, key, name, role) VALUES (:t, 'est', 'Estimator', 'Estimator') RETURNING id",
        t=company.tenant,
    )
    decision = company.does(
        "INSERT INTO ai_decision_logs (tenant_id, agent_id, kind, trigger, question, chosen)"
        " VALUES (:t, :a, 'estimate.price', 'user', 'Which price?', '4,200') RETURNING id",
        t=company.tenant,
        a=agent,
    )
    assert company.entries("ai_decision_logs") == []
    with company.as_dana("checked against the price book") as connection:
        connection.execute(
            text("UPDATE ai_decision_logs SET reviewed_at = now(), review_verdict = 'agree' WHERE id = :id"),
            {"id": decision},
        )
    assert company.entries("ai_decision_logs")[0].after["review_verdict"] == "agree"
    with pytest.raises(DBAPIError, match="is a record"):
        company.does("UPDATE ai_decision_logs SET chosen = '3,900'")


def test_a_call_that_has_ended_may_only_be_redacted(company: Company) -> None:
    company.does(
        "INSERT INTO ai_calls (tenant_id, trace_id, span_id, provider, model_requested, input, status)"
        " VALUES (:t, 'tr', 'sp', 'openai', 'gpt', '{\"q\": \"a name\"}', 'running')",
        t=company.tenant,
    )
    company.does("UPDATE ai_calls SET status = 'ok', output_tokens = 40")
    company.does("UPDATE ai_calls SET input = NULL, redacted_at = now()")
    with pytest.raises(DBAPIError, match="has ended"):
        company.does("UPDATE ai_calls SET output_tokens = 4")
