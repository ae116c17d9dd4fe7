"""How money comes in: payments, subscriptions, invoices."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, answer, check, code, move, page, task

MONEY = (
    Feature(
        "payments",
        "Payments",
        "Cheque and card, partial, over, refund, bounce, dispute; balances right to the cent after each.",
        number=25,
        tables=("payments", "payment_allocations"),
        parts=(
            move("confirming", "payments.confirm"),
            move("a bounce", "payments.bounce"),
            move("a dispute", "payments.dispute"),
            check("a check on allocations", "data.unallocated"),
            page("allocating by hand", "*allocate*"),
            move("a refund", "payments.refund"),
            answer("events of a card processor", "/hooks/*"),
        ),
        uses=(Use("payments received", "payments", "received_on"),),
    ),
    Feature(
        "subscriptions",
        "Subscriptions",
        "A year gives the right invoices, dunning, pause, cancellation and monthly revenue.",
        number=26,
        tables=("subscriptions",),
        parts=(
            move("starting", "subscriptions.start"),
            move("pausing", "subscriptions.pause"),
            move("cancelling", "subscriptions.cancel"),
            task("billing when due", "subscriptions.*"),
        ),
        uses=(Use("agreements changed", "subscriptions", "updated_at"),),
    ),
    Feature(
        "invoices",
        "Invoices",
        "From job to PDF, numbered without gaps, immutable after finalising; a credit note corrects.",
        number=27,
        tables=("invoices", "invoice_lines", "number_sequences"),
        parts=(
            move("finalising", "invoices.finalize"),
            move("voiding", "invoices.void"),
            code("numbers without gaps", "app.engine.apply:next_number"),
            check("totals that equal their lines", "data.invoice_lines"),
            page("an invoice as PDF", "*.pdf", "*pdf*"),
        ),
        uses=(
            Use("invoices issued", "invoices", "finalized_at"),
            Use("invoices sent", "invoices", "sent_at"),
        ),
    ),
)
