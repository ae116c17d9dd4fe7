"""What may be wrong with customers, work and money, and what puts each right: data rules 01 to 08, 10 to 16, 19 and 20.

Numbers and fixes are those of the figures' dictionary (section 4); 26 and 27 are two more that exports of other systems
bring along. How an amount is worked out stands with the documents themselves (`totals`, `posting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.clock import zone_of
from app.core.formats import money
from app.domains.crm import totals
from app.domains.crm.subscription_lifecycle import after_one, bill, to_be_billed
from app.domains.crm.tables import table
from app.engine.approval_rules import needed
from app.engine.fields import Invalid, Phone
from app.engine.fields.email import SHAPE
from app.engine.plan import Change, Made
from app.engine.quality.rules import Fixed, Fixing, Only, rule
from app.engine.refusals import NotAllowed
from app.engine.states import Moving

CALENDAR = "It comes true by the calendar, without anybody writing anything, so every record is looked at."
COMPARES = "Records are compared with each other, so every record is looked at."
NOTHING = Decimal(0)


def _named(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


def _invoice(row: Mapping[str, Any]) -> str:
    return f"invoice {row['number']}" if row["number"] else f"draft {row['id']}"


def _given_out(fixing: Fixing, title: str, assignee: Any, kind: str = "data_fix") -> Change:
    """A task about the record, for tomorrow at nine where the company is."""
    about = {"subject_type": fixing.resource.name, "subject_id": fixing.record["id"]}
    due = datetime.combine(fixing.today + timedelta(days=1), time(9), zone_of(fixing.actor.timezone))
    return fixing.make(
        "user_tasks", title=title, kind=kind, source="data_quality", status="todo", assignee_id=assignee, due_at=due, **about
    )  # fmt: skip


def _open_task(fixing: Fixing) -> str | None:
    """The task somebody has about this record already."""
    tasks = table("user_tasks").c
    asked = select(tasks.number).where(
        tasks.subject_type == fixing.resource.name,
        tasks.subject_id == fixing.record["id"],
        tasks.source == "data_quality",
        tasks.status.in_(("todo", "in_progress", "blocked")),
    )
    found: str | None = fixing.connection.execute(asked.limit(1)).scalar()
    return found


# -- 01, 02: documents and their sums ---------------------------------------------------------------------------------


@rule(
    "DQ-01", "Invoice differs from its lines", "invoices", severity="critical", group="numbers", owner="billing",
    watches={"invoices": "id", "invoice_lines": "invoice_id"}, worth=("total",),
)  # fmt: skip
def invoice_and_lines(only: Only) -> str:
    """The subtotal is not the sum of the lines, or the tax not the sum of theirs: the customer pays what no line explains.

    One whose difference a credit note takes back is right again.
    """
    return f"""
        SELECT i.id, abs(i.subtotal - l.lines) + abs(i.tax_total - l.tax) AS amount, i.currency, jsonb_build_object(
            'subtotal', i.subtotal, 'lines come to', l.lines, 'tax', i.tax_total, 'tax of the lines', l.tax) AS details
        FROM invoices i CROSS JOIN LATERAL (
            SELECT coalesce(sum(line_total), 0) AS lines, coalesce(sum(tax_amount), 0) AS tax
            FROM invoice_lines WHERE invoice_id = i.id) l
        WHERE i.tenant_id = :tenant AND i.archived_at IS NULL AND i.status <> 'void'
            AND (i.subtotal <> l.lines OR i.tax_total <> l.tax)
            AND NOT EXISTS (SELECT FROM invoices k WHERE k.credit_of_id = i.id AND k.status <> 'void'
                AND k.archived_at IS NULL AND k.subtotal = i.subtotal - l.lines AND k.tax_total = i.tax_total - l.tax)
            {only("i.id")}"""


@invoice_and_lines.fix("recompute", "Recompute, or credit the difference", "invoices.write", "invoices.create")
def recompute_or_credit(fixing: Fixing) -> Fixed:
    """A draft's totals become those of its lines. A finalized invoice stays as it was sent: what it says above its lines
    is credited by a draft credit note.
    """
    invoice = fixing.record
    proven = totals.header_of(fixing.connection, "invoice_lines", "invoice_id", invoice)
    if invoice["status"] == "draft":
        total = money(proven["total"], invoice["currency"])
        return Fixed(f"The draft comes to {total}, as its lines do.", (fixing.change("invoices", invoice, **proven),))
    net, tax = invoice["subtotal"] - proven["subtotal"], invoice["tax_total"] - proven["tax_total"]
    if invoice["kind"] != "invoice" or net < 0 or tax < 0:
        raise NotAllowed("Its lines come to more than it says. What was billed too little is billed by a new invoice.")
    rate = (tax / net * 100).quantize(Decimal("0.0001")) if net else NOTHING
    if totals.cents(net * rate / 100) != tax:
        raise NotAllowed("Only the tax differs; write the credit note by hand, so that its tax is right to the cent.")
    words = f"Corrects {_invoice(invoice)}: its total was above its lines"
    return Fixed(
        f"A draft credit note over {money(net + tax, invoice['currency'])} corrects {_invoice(invoice)}.",
        _credit(fixing, invoice, net, rate, words),
    )


def _credit(
    fixing: Fixing, invoice: Mapping[str, Any], net: Decimal, rate: Decimal, words: str
) -> tuple[Change, Change]:
    note = fixing.make(
        "invoices", kind="credit_note", status="draft", credit_of_id=invoice["id"], customer_id=invoice["customer_id"],
        job_id=invoice["job_id"], property_id=invoice["property_id"], contact_id=invoice["contact_id"],
        currency=invoice["currency"], terms_days=0, memo=words,
    )  # fmt: skip
    line = fixing.make(
        "invoice_lines", invoice_id=Made(0), position=1, description=words, quantity=Decimal(1), unit="each",
        unit_price=net, tax_rate=rate, cost_type="other",
    )  # fmt: skip
    return note, line


@rule(
    "DQ-02", "Paid and credited differ from what was allocated", "invoices", severity="critical", group="numbers",
    owner="billing", watches={"invoices": "id", "payment_allocations": "invoice_id"}, worth=("amount_paid", "balance"),
)  # fmt: skip
def settled_and_allocated(only: Only) -> str:
    """What an invoice says was paid, credited or written off is not the sum of the allocations that stand: it is chased
    for money that came, or not chased for money that did not.
    """
    return f"""
        SELECT i.id, i.currency, abs(i.amount_paid - a.paid) + abs(i.amount_credited - a.credited)
                + abs(i.amount_written_off - a.written_off) AS amount,
            jsonb_build_object('paid', i.amount_paid, 'allocated', a.paid, 'credited', i.amount_credited,
                'credits allocated', a.credited, 'written off', i.amount_written_off) AS details
        FROM invoices i CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE kind = 'payment'), 0) AS paid,
                coalesce(sum(amount) FILTER (WHERE kind IN ('credit', 'discount')), 0) AS credited,
                coalesce(sum(amount) FILTER (WHERE kind = 'write_off'), 0) AS written_off
            FROM payment_allocations WHERE invoice_id = i.id AND reversed_at IS NULL) a
        WHERE i.tenant_id = :tenant AND i.archived_at IS NULL AND i.kind = 'invoice'
            AND (i.amount_paid, i.amount_credited, i.amount_written_off) IS DISTINCT FROM
                (a.paid, a.credited, a.written_off)
            {only("i.id")}"""


@settled_and_allocated.fix("recompute", "Recompute from the allocations", "payments.allocate")
def recompute_settled(fixing: Fixing) -> Fixed:
    """The three sums become those of the allocations, and the state follows from what is left to pay."""
    invoice, allocations = fixing.record, table("payment_allocations").c
    sums = {"payment": NOTHING, "credit": NOTHING, "write_off": NOTHING}
    asked = select(allocations.kind, allocations.amount).where(
        allocations.invoice_id == invoice["id"], allocations.reversed_at.is_(None)
    )
    for kind, amount in fixing.connection.execute(asked):
        sums["credit" if kind == "discount" else kind] += amount
    left = invoice["total"] - invoice["retainage_withheld"] - sum(sums.values())
    if left < 0:
        raise NotAllowed("More is allocated to it than it comes to; reverse an allocation first.")
    after: dict[str, Any] = {
        "amount_paid": sums["payment"], "amount_credited": sums["credit"], "amount_written_off": sums["write_off"],
    }  # fmt: skip
    if invoice["status"] in ("open", "paid"):
        after["status"] = "open" if left else "paid"
        after["paid_at"] = None if left else invoice["paid_at"] or fixing.at
    state = f"{money(left, invoice['currency'])} is left to pay" if left else "nothing is left to pay"
    return Fixed(
        f"{money(sums['payment'], invoice['currency'])} paid by its allocations; {state}.",
        (fixing.change("invoices", invoice, **after),),
    )


# -- 03, 04: work done and not billed ---------------------------------------------------------------------------------


@rule(
    "DQ-03", "Completed job without an invoice", "jobs", severity="critical", group="blocks", owner="billing",
    whole=CALENDAR, worth=("contract_value", "approved_changes"),
)  # fmt: skip
def completed_unbilled(only: Only) -> str:
    """Billable work, done more than three days ago, for which nobody has made an invoice: money we have earned and not
    asked for.
    """
    return f"""
        SELECT j.id, greatest(j.contract_value + j.approved_changes, 0) AS amount, j.currency,
            jsonb_build_object('completed', j.completed_at::date, 'state', j.status) AS details
        FROM jobs j WHERE j.tenant_id = :tenant AND j.archived_at IS NULL AND j.is_billable
            AND j.status IN ('completed', 'authorized')
            AND j.completed_at < CAST(:at AS timestamptz) - interval '3 days'
            AND NOT EXISTS (SELECT FROM invoices i WHERE i.job_id = j.id AND i.kind = 'invoice' AND i.status <> 'void'
                AND i.archived_at IS NULL)
            {only("j.id")}"""


@completed_unbilled.fix("invoice", "Draft the invoice", "invoices.create")
def draft_invoice(fixing: Fixing) -> Fixed:
    """A draft over the agreed value with its changes: by the estimate's lines where they come to it, else as one line."""
    job = fixing.record
    worth = job["contract_value"] + job["approved_changes"]
    if worth <= 0:
        raise NotAllowed("No value was agreed for this job. Enter its contract value, and it can be billed.")
    return _bill_job(fixing, worth, "standard", _lines_of(fixing, job))


def _lines_of(fixing: Fixing, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The estimate's chosen lines where they come to just what was agreed."""
    if job["estimate_id"] is None or job["approved_changes"]:
        return []
    rows = table("estimate_lines")
    found = fixing.connection.execute(
        select(rows)
        .where(rows.c.estimate_id == job["estimate_id"], rows.c.is_selected)
        .order_by(rows.c.position, rows.c.id)
    ).mappings()
    lines = [{name: row[name] for name in _KEPT} | {"estimate_line_id": row["id"]} for row in found]
    return lines if sum((totals.line(each)["line_total"] for each in lines), NOTHING) == job["contract_value"] else []


_KEPT = (
    "position", "product_id", "description", "quantity", "unit", "unit_price", "unit_cost", "discount_amount", "tax_rate",
    "cost_type",
)  # fmt: skip


def _bill_job(fixing: Fixing, worth: Decimal, kind: str, lines: list[dict[str, Any]]) -> Fixed:
    job = fixing.record
    customer = fixing.row("customers", job["customer_id"])
    site = fixing.row("properties", job["property_id"]) if job["property_id"] else None
    rate = NOTHING if customer["tax_exempt"] or site is None else site["tax_rate"] or NOTHING
    whole = {
        "position": 1, "description": job["title"] if kind == "standard" else f"{job['title']}, the rest of what was agreed",
        "quantity": Decimal(1), "unit": "each", "unit_price": worth, "tax_rate": rate, "cost_type": "other",
    }  # fmt: skip
    invoice = fixing.make(
        "invoices", kind="invoice", billing_kind=kind, status="draft", customer_id=job["customer_id"], job_id=job["id"],
        property_id=job["property_id"], contact_id=job["contact_id"], estimate_id=job["estimate_id"],
        po_number=job["po_number"], currency=job["currency"], terms_days=customer["payment_terms_days"],
    )  # fmt: skip
    made = [fixing.make("invoice_lines", invoice_id=Made(0), **line) for line in lines or [whole]]
    many = "1 line" if len(made) == 1 else f"{len(made)} lines"
    sums = [totals.line(each.after) for each in made]
    total = sum((each["line_total"] + each["tax_amount"] for each in sums), NOTHING)
    return Fixed(
        f"A draft invoice over {money(total, job['currency'])} with {many} for {job['number']}.", (invoice, *made)
    )


@rule(
    "DQ-04", "Closed job billed too low", "jobs", severity="critical", group="numbers", owner="billing",
    watches={"jobs": "id", "invoices": "job_id"}, worth=("contract_value", "approved_changes", "billed_total"),
)  # fmt: skip
def closed_underbilled(only: Only) -> str:
    """A job counts as billed or closed, and less was billed than agreed. One with a draft waiting is being put right."""
    return f"""
        SELECT j.id, j.contract_value + j.approved_changes - j.billed_total AS amount, j.currency, jsonb_build_object(
            'agreed', j.contract_value + j.approved_changes, 'billed', j.billed_total) AS details
        FROM jobs j WHERE j.tenant_id = :tenant AND j.archived_at IS NULL AND j.is_billable
            AND j.status IN ('invoiced', 'closed') AND j.billed_total < j.contract_value + j.approved_changes
            AND NOT EXISTS (SELECT FROM invoices i WHERE i.job_id = j.id AND i.kind = 'invoice' AND i.status = 'draft'
                AND i.archived_at IS NULL)
            {only("j.id")}"""


@closed_underbilled.fix("final", "Draft the final invoice", "invoices.create")
def draft_final(fixing: Fixing) -> Fixed:
    """A draft final invoice over what has not been billed."""
    job = fixing.record
    return _bill_job(fixing, job["contract_value"] + job["approved_changes"] - job["billed_total"], "final", [])


@closed_underbilled.fix("unbillable", "Mark as not billable", "jobs.authorize", reason=True)
def not_to_be_billed(fixing: Fixing) -> Fixed:
    """The rest is given up: the job counts as work that is not billed."""
    return Fixed(
        f"{fixing.record['number']} is not billable any more.",
        (fixing.change("jobs", fixing.record, is_billable=False, billing_method="none"),),
    )


# -- 05 to 08: people -------------------------------------------------------------------------------------------------


@rule(
    "DQ-05", "Customer nobody can reach", "customers", severity="info", group="blocks",
    watches={"customers": "id", "contacts": "customer_id"}, worth=("open_balance",),
)  # fmt: skip
def unreachable(only: Only) -> str:
    """No contact with an e-mail address or a telephone number. Grave where the customer has neither of its own."""
    return f"""
        SELECT c.id, nullif(c.open_balance, 0) AS amount, c.currency,
            CASE WHEN c.email IS NULL AND c.phone_e164 IS NULL THEN 'warn' ELSE 'info' END AS severity,
            jsonb_build_object('address of its own', CASE WHEN c.email IS NULL AND c.phone_e164 IS NULL THEN 'none'
                ELSE 'yes, but no contact to ask for' END) AS details
        FROM customers c WHERE c.tenant_id = :tenant AND c.archived_at IS NULL AND c.status NOT IN ('merged', 'inactive')
            AND NOT EXISTS (SELECT FROM contacts k WHERE k.customer_id = c.id AND k.archived_at IS NULL
                AND (k.email IS NOT NULL OR k.phone_e164 IS NOT NULL OR k.mobile_e164 IS NOT NULL))
            {only("c.id")}"""


@unreachable.fix("contact", "Make a contact, or have somebody ask", "customers.create", "tasks.create")
def somebody_to_reach(fixing: Fixing) -> Fixed:
    """A contact with the customer's own address; where it has none, a task for whoever looks after it."""
    customer = fixing.record
    if customer["email"] or customer["phone_e164"]:
        contacts = table("contacts").c
        main = select(contacts.id).where(
            contacts.customer_id == customer["id"], contacts.is_primary, contacts.archived_at.is_(None)
        )
        first = fixing.connection.execute(main.limit(1)).first() is None
        made = fixing.make(
            "contacts", customer_id=customer["id"], full_name=customer["name"], role="primary" if first else "other",
            is_primary=first, email=customer["email"], phone_e164=customer["phone_e164"],
            preferred_channel="email" if customer["email"] else "phone",
        )  # fmt: skip
        return Fixed("A contact with the customer's own address is made.", (made,))
    given = _open_task(fixing)
    if given:
        raise NotAllowed(f"Somebody has the task of asking already: {given}.")
    task = _given_out(fixing, f"Find somebody to reach at {customer['name']}", customer["account_manager_id"])
    return Fixed("A task to find an address is given to the account manager.", (task,), cures=False)


@rule(
    "DQ-06", "The same customer twice", "customers", group="numbers", whole=COMPARES, page="/duplicates",
    unfixed="Two records become one side by side, keeping the better value of each field. The older one is kept.",
    worth=("open_balance",),
)  # fmt: skip
def same_customer(only: Only) -> str:
    """Another customer came first that seems to be the same: by name and telephone number to the letter, or by all that
    the search for duplicates compares. The newer one is accused, unless somebody said that they are two.
    """
    return f"""
        SELECT DISTINCT ON (c.id) c.id, nullif(c.open_balance, 0) AS amount, c.currency,
            jsonb_build_object('same as', o.number, 'match', p.score) AS details
        FROM (
            SELECT x.first AS one, x.id AS other, NULL::numeric AS score FROM (
                SELECT c.id, first_value(c.id) OVER alike AS first FROM customers c
                WHERE c.tenant_id = :tenant AND c.archived_at IS NULL AND c.status <> 'merged' AND c.name_norm <> ''
                    AND c.phone_e164 IS NOT NULL
                WINDOW alike AS (PARTITION BY c.name_norm, c.phone_e164 ORDER BY c.created_at, c.id)) x
            WHERE x.id <> x.first
            UNION ALL
            SELECT d.left_id, d.right_id, d.score FROM duplicate_scopes s JOIN duplicate_pairs d ON d.scope_id = s.id
            WHERE s.tenant_id = :tenant AND s.table_name = 'customers'
                AND NOT EXISTS (SELECT FROM not_duplicates n WHERE n.tenant_id = :tenant AND n.table_name = 'customers'
                    AND n.left_id = d.left_id AND n.right_id = d.right_id AND n.basis = encode(d.basis, 'hex'))
        ) p JOIN customers c ON c.id = p.other JOIN customers o ON o.id = p.one
        WHERE c.tenant_id = :tenant AND c.archived_at IS NULL AND c.merged_into_id IS NULL AND o.archived_at IS NULL
            AND o.merged_into_id IS NULL AND (p.score IS NOT NULL OR NOT EXISTS (
                SELECT FROM not_duplicates n WHERE n.tenant_id = :tenant AND n.table_name = 'customers'
                    AND n.left_id = least(p.one, p.other) AND n.right_id = greatest(p.one, p.other)))
            {only("c.id")}
        ORDER BY c.id, p.score DESC NULLS LAST"""


@rule(
    "DQ-07", "The same open lead twice", "leads", group="order", owner="sales", whole=COMPARES, worth=("estimated_value",),
)  # fmt: skip
def same_lead(only: Only) -> str:
    """Two open leads of 90 days with one address or number: two people call the same person, and the pipeline counts it
    twice. The newer one is accused.
    """
    return f"""
        SELECT n.id, n.estimated_value AS amount, n.currency, jsonb_build_object('same as', min(o.number),
            'first', min(o.id)) AS details
        FROM leads n JOIN leads o ON o.tenant_id = n.tenant_id AND (o.created_at, o.id) < (n.created_at, n.id)
            AND o.created_at >= n.created_at - interval '90 days' AND (o.email_norm = n.email_norm
                OR o.phone_e164 = n.phone_e164)
        WHERE n.tenant_id = :tenant AND n.archived_at IS NULL AND o.archived_at IS NULL
            AND n.status IN ('new', 'contacted', 'qualified', 'quoted')
            AND o.status IN ('new', 'contacted', 'qualified', 'quoted') {only("n.id")}
        GROUP BY n.id"""


@same_lead.fix("disqualify", "Keep the first, end the second", "leads.disqualify")
def end_the_second(fixing: Fixing) -> Fixed:
    """The newer lead ends as a duplicate; what was said and is still to be done moves to the first."""
    lead, first = fixing.record, fixing.row("leads", fixing.details.get("first"))
    if first["status"] not in ("new", "contacted", "qualified", "quoted"):
        raise NotAllowed(f"{first['number']} is decided meanwhile; look again.")
    changes = [
        fixing.change(
            "leads", lead, status="disqualified", lost_reason="duplicate", duplicate_of_id=first["id"], lost_at=fixing.at,
            probability_pct=NOTHING, next_action_at=None, stage_entered_at=fixing.at,
        )
    ]  # fmt: skip
    activities, tasks = table("crm_activities"), table("user_tasks")
    said = fixing.connection.execute(select(activities).where(activities.c.lead_id == lead["id"])).mappings().all()
    changes += [fixing.change("crm_activities", dict(row), lead_id=first["id"]) for row in said]
    open_ = (
        fixing.connection.execute(
            select(tasks).where(
                tasks.c.subject_type == "leads",
                tasks.c.subject_id == lead["id"],
                tasks.c.status.in_(("todo", "in_progress", "blocked")),
            )
        )
        .mappings()
        .all()
    )
    changes += [fixing.change("user_tasks", dict(row), subject_id=first["id"]) for row in open_]
    moved = f"{len(said)} activities and {len(open_)} tasks move to {first['number']}"
    return Fixed(f"{lead['number']} ends as a duplicate; {moved}.", tuple(changes))


_MAIL = SHAPE.pattern.replace("'", "''")
_PHONE = r"^\+[1-9][0-9]{6,14}$"
_ADDRESSES = {
    "contacts": ("email", "phone_e164", "mobile_e164"),
    "leads": ("email", "phone_e164"),
    "customers": ("email", "phone_e164"),
}


@rule(
    "DQ-08", "E-mail or telephone number cannot be right", "contacts", "leads", "customers", group="blocks",
    watches={"contacts": "id", "leads": "id", "customers": "id"},
)  # fmt: skip
def malformed(only: Only) -> str:
    """An address no mail server takes, or a number no telephone dials: whatever is sent there comes back, or nowhere."""
    parts = []
    for name, columns in _ADDRESSES.items():
        wrong = [
            f"CASE WHEN x.{each} !~ '^(?:{_MAIL})$' THEN '{each}' END"
            if each == "email"
            else f"CASE WHEN x.{each} !~ '{_PHONE}' THEN '{each}' END"
            for each in columns
        ]
        parts.append(f"""
            SELECT x.id, '{name}' AS subject_type, jsonb_build_object('fields', b.fields) AS details
            FROM {name} x CROSS JOIN LATERAL (SELECT concat_ws(', ', {", ".join(wrong)}) AS fields) b
            WHERE x.tenant_id = :tenant AND x.archived_at IS NULL AND b.fields <> '' {only("x.id")}""")
    return " UNION ALL ".join(parts)


@malformed.fix("normalise", "Write it as it is dialled and mailed")
def normalise(fixing: Fixing) -> Fixed:
    """In lower case without blanks, or with the country's code in front. Nothing is guessed: what stays unreadable stays."""
    resource, record = fixing.resource, fixing.record
    if not fixing.actor.may(resource.permission("write")):
        raise NotAllowed(f"Your role does not change {resource.plural.lower()}.")
    after: dict[str, Any] = {}
    for name in _ADDRESSES[resource.name]:
        value = record[name]
        if value is None:
            continue
        read = _mail(value) if name == "email" else _number(value)
        if read is None:
            title = resource.field(name).title.lower()
            raise NotAllowed(f"The {title} cannot be read as anything; ask, and write it anew.")
        after[name] = read
    return Fixed("Written as it is dialled and mailed.", (fixing.change(resource.name, record, **after),))


def _mail(value: str) -> str | None:
    bare = "".join(value.split()).lower().removeprefix("mailto:").strip(".,;<>")
    return bare if SHAPE.fullmatch(bare) else None


def _number(value: str) -> str | None:
    try:
        return str(Phone("number").parse(value))
    except Invalid:
        return None


# -- 10, 11: payments -------------------------------------------------------------------------------------------------


@rule(
    "DQ-10", "Unallocated payment while invoices are open", "payments", group="numbers", owner="billing",
    whole="Whether it can settle anything depends on the customer's other invoices, so every payment is looked at.",
    worth=("unallocated",),
)  # fmt: skip
def unallocated(only: Only) -> str:
    """Money came and settles nothing, while the same customer owes in the same currency: we chase what we have."""
    return f"""
        SELECT p.id, p.unallocated AS amount, p.currency, jsonb_build_object('received', p.received_on, 'open invoices',
            o.number, 'owed', o.owed) AS details
        FROM payments p CROSS JOIN LATERAL (
            SELECT count(*) AS number, sum(i.balance) AS owed FROM invoices i WHERE i.customer_id = p.customer_id
                AND i.currency = p.currency AND i.kind = 'invoice' AND i.status = 'open' AND i.balance > 0) o
        WHERE p.tenant_id = :tenant AND p.status = 'succeeded' AND p.direction = 'in' AND p.unallocated > 0
            AND o.number > 0 {only("p.id")}"""


@unallocated.fix("allocate", "Allocate, oldest due first", "payments.allocate")
def allocate(fixing: Fixing) -> Fixed:
    """What is left of the payment settles the customer's open invoices, the one due longest first."""
    payment, problems, rows = fixing.record, table("data_quality_findings").c, table("invoices")
    twice = select(problems.id).where(
        problems.tenant_id == payment["tenant_id"], problems.rule_key == "DQ-11", problems.status == "open",
        problems.subject_type == "payments", problems.subject_id == payment["id"],
    )  # fmt: skip
    if fixing.connection.execute(twice.limit(1)).first() is not None:
        raise NotAllowed("It seems to be another payment entered a second time (DQ-11); decide that first.")
    owed = fixing.connection.execute(
        select(rows).where(
            rows.c.customer_id == payment["customer_id"], rows.c.currency == payment["currency"],
            rows.c.kind == "invoice", rows.c.status == "open", rows.c.balance > 0,
        ).order_by(rows.c.due_date, rows.c.id)
    ).mappings()  # fmt: skip
    left, changes, settled = payment["unallocated"], [], []
    for invoice in owed:
        if left <= 0:
            break
        taken = min(left, invoice["balance"])
        left -= taken
        changes.append(
            fixing.make(
                "payment_allocations", invoice_id=invoice["id"], kind="payment", payment_id=payment["id"], amount=taken,
                allocated_on=fixing.today, allocated_by=fixing.actor.app_user_id,
            )
        )  # fmt: skip
        done = taken == invoice["balance"]
        after = {"amount_paid": invoice["amount_paid"] + taken}
        changes.append(
            fixing.change(
                "invoices", dict(invoice), **after, **({"status": "paid", "paid_at": fixing.at} if done else {})
            )
        )
        settled.append(f"{invoice['number']} {money(taken, payment['currency'])}")
    spent = payment["unallocated"] - left
    changes.append(fixing.change("payments", payment, amount_allocated=payment["amount_allocated"] + spent))
    return Fixed(f"{money(spent, payment['currency'])} settles {', '.join(settled[:4])}.", tuple(changes))


@rule(
    "DQ-11", "Payment entered twice, it seems", "payments", severity="critical", group="numbers", owner="billing",
    whole=COMPARES, worth=("amount",),
)  # fmt: skip
def twice(only: Only) -> str:
    """Same customer, amount and reference within three days. The later one is accused, until it is paid back."""
    return f"""
        SELECT id, amount, currency, jsonb_build_object('reference', reference, 'days apart', received_on - before,
            'same as', first) AS details FROM (
            SELECT p.id, p.amount, p.currency, p.reference, p.received_on, lag(p.received_on) OVER alike AS before,
                lag(p.number) OVER alike AS first
            FROM payments p WHERE p.tenant_id = :tenant AND p.direction = 'in' AND p.status IN ('pending', 'succeeded')
                AND p.reference IS NOT NULL AND p.amount_refunded = 0
            WINDOW alike AS (PARTITION BY p.customer_id, p.currency, p.amount, p.reference
                ORDER BY p.received_on, p.id)) paired
        WHERE received_on - before <= 3 {only("id")}"""


@twice.fix("refund", "Ask to pay it back", "payments.create", at_once=False)
def pay_back(fixing: Fixing) -> Fixed:
    """A refund over what of it settles no invoice, which somebody else decides."""
    payment = fixing.record
    if payment["status"] != "succeeded" or payment["unallocated"] <= 0:
        raise NotAllowed("All of it settles invoices; reverse those allocations first, then it can be paid back.")
    amount = payment["unallocated"]
    words = f"Paying {money(amount, payment['currency'])} back needs a second person."
    need = needed(
        fixing.connection, fixing.actor, "refund", amount=amount, currency=payment["currency"], why=words
    )  # fmt: skip
    refund = fixing.make(
        "payments", customer_id=payment["customer_id"], direction="refund", refund_of_id=payment["id"],
        method=payment["method"], status="pending", amount=amount, currency=payment["currency"],
        received_on=fixing.today, memo=f"{payment['number']} was entered twice",
    )  # fmt: skip
    changed = fixing.change("payments", payment, amount_refunded=payment["amount_refunded"] + amount)
    return Fixed(
        f"{money(amount, payment['currency'])} of {payment['number']} is paid back.", (refund, changed), needs=need
    )


@twice.fix("distinct", "It is another payment", "payments.write", at_once=False)
def distinct(fixing: Fixing) -> Fixed:
    """Two payments that happen to look alike: nothing is written but that somebody looked."""
    return Fixed(
        f"{fixing.record['number']} counts as a payment of its own.",
        (),
        waives=f"{fixing.actor.name} looked: a payment of its own, not a second entry.",
    )


# -- 12, 13: estimates ------------------------------------------------------------------------------------------------


@rule(
    "DQ-12", "Accepted estimate without a job", "estimates", group="blocks",
    watches={"estimates": "id", "jobs": "estimate_id", "orders": "estimate_id"}, worth=("total",),
)  # fmt: skip
def accepted_not_begun(only: Only) -> str:
    """The customer said yes, and nobody has begun: neither a job nor an order came of it."""
    return f"""
        SELECT e.id, e.total AS amount, e.currency, jsonb_build_object('accepted', e.accepted_at::date) AS details
        FROM estimates e WHERE e.tenant_id = :tenant AND e.archived_at IS NULL AND e.status = 'accepted'
            AND NOT EXISTS (SELECT FROM jobs j WHERE j.estimate_id = e.id AND j.archived_at IS NULL)
            AND NOT EXISTS (SELECT FROM orders o WHERE o.estimate_id = e.id AND o.status <> 'cancelled'
                AND o.archived_at IS NULL)
            {only("e.id")}"""


@accepted_not_begun.fix("convert", "Make the job", "jobs.create")
def convert(fixing: Fixing) -> Fixed:
    """A new job over what was accepted before tax, with the estimate's customer, site and cost."""
    estimate = fixing.record
    if estimate["customer_id"] is None:
        raise NotAllowed("The estimate names no customer; say on it who pays first.")
    job = fixing.make(
        "jobs", title=estimate["title"], kind="production", status="new", customer_id=estimate["customer_id"],
        property_id=estimate["property_id"], contact_id=estimate["contact_id"], estimate_id=estimate["id"],
        sales_rep_id=estimate["estimator_id"], billing_method="fixed", currency=estimate["currency"],
        contract_value=estimate["total"] - estimate["tax_total"], est_cost=estimate["cost_total"],
    )  # fmt: skip
    worth = money(estimate["total"] - estimate["tax_total"], estimate["currency"])
    return Fixed(
        f"A new job over {worth} for {estimate['number']}.",
        (job, fixing.change("estimates", estimate, converted_at=fixing.at)),
    )


@rule(
    "DQ-13", "Estimate still live past its validity", "estimates", owner="sales", whole=CALENDAR, worth=("total",),
)  # fmt: skip
def past_validity(only: Only) -> str:
    """Sent and unanswered, and the day until which it holds is over: it counts as pipeline and can be accepted no more."""
    return f"""
        SELECT e.id, e.total AS amount, e.currency, jsonb_build_object('valid until', e.valid_until, 'state', e.status)
            AS details
        FROM estimates e WHERE e.tenant_id = :tenant AND e.archived_at IS NULL AND e.status IN ('sent', 'viewed')
            AND e.valid_until < :today {only("e.id")}"""


@past_validity.fix("expire", "Let it expire", "estimates.decline")
def expire(fixing: Fixing) -> Fixed:
    """It is over, as its date says."""
    changed = fixing.change("estimates", fixing.record, status="expired")
    return Fixed(f"{fixing.record['number']} is expired.", (changed,))


@past_validity.fix("extend", "Extend by 30 days", "estimates.write")
def extend(fixing: Fixing) -> Fixed:
    """The offer stands for 30 more days from today."""
    until = fixing.today + timedelta(days=30)
    return Fixed(
        f"{fixing.record['number']} holds until {_named(until)}.",
        (fixing.change("estimates", fixing.record, valid_until=until),),
    )


# -- 14, 15: crews ----------------------------------------------------------------------------------------------------


@rule(
    "DQ-14", "Scheduled job without a coming visit", "jobs", group="blocks", owner="dispatcher", whole=CALENDAR,
    worth=("contract_value",), opens=lambda key: ("Plan a visit", f"/crm/job_visits/new?job_id={key}"),
)  # fmt: skip
def scheduled_for_nobody(only: Only) -> str:
    """It counts as scheduled, and no crew with a lead is coming: the customer waits for nobody."""
    return f"""
        SELECT j.id, nullif(j.contract_value, 0) AS amount, j.currency,
            jsonb_build_object('was to start', j.scheduled_start) AS details
        FROM jobs j WHERE j.tenant_id = :tenant AND j.archived_at IS NULL AND j.status = 'scheduled'
            AND NOT EXISTS (SELECT FROM job_visits v WHERE v.job_id = j.id AND v.crew_lead_id IS NOT NULL
                AND v.status IN ('scheduled', 'dispatched', 'working', 'paused') AND v.ends_at > CAST(:at AS timestamptz))
            {only("j.id")}"""


@scheduled_for_nobody.fix("back", "Back to be scheduled", "jobs.schedule")
def back_to_approved(fixing: Fixing) -> Fixed:
    """It returns to the tray of jobs that wait for a crew and a day."""
    changed = fixing.change(
        "jobs", fixing.record, status="approved", stage_entered_at=fixing.at, scheduled_start=None, scheduled_end=None
    )
    return Fixed(f"{fixing.record['number']} waits to be scheduled again.", (changed,))


@rule(
    "DQ-15",
    "Crew lead in two places at once",
    "job_visits",
    severity="critical",
    group="blocks",
    owner="dispatcher",
    whole=COMPARES,
)
def double_booked(only: Only) -> str:
    """One crew lead on two roofs at the same time. The later visit is accused."""
    return f"""
        SELECT l.id, jsonb_build_object('meets visit', min(e.id), 'from', l.starts_at, 'to', l.ends_at) AS details
        FROM job_visits l JOIN job_visits e ON e.tenant_id = l.tenant_id AND e.crew_lead_id = l.crew_lead_id
            AND (e.starts_at, e.id) < (l.starts_at, l.id) AND (e.starts_at, e.ends_at) OVERLAPS (l.starts_at, l.ends_at)
        WHERE l.tenant_id = :tenant AND l.ends_at > CAST(:at AS timestamptz) AND l.status IN ('scheduled', 'dispatched')
            AND e.ends_at > CAST(:at AS timestamptz) AND e.status IN ('scheduled', 'dispatched', 'working', 'paused')
            {only("l.id")}
        GROUP BY l.id"""


BEGINS, ENDS = time(7), time(17)
"""The working day in which a visit is moved to."""


@double_booked.fix("move", "Move to the next free slot", "visits.write")
def move(fixing: Fixing) -> Fixed:
    """The later visit goes where its crew lead is next free for as long, within a working day, on a weekday."""
    visit, rows = fixing.record, table("job_visits")
    zone, lasts = zone_of(fixing.actor.timezone), visit["ends_at"] - visit["starts_at"]
    taken = [
        (row.starts_at, row.ends_at)
        for row in fixing.connection.execute(
            select(rows.c.starts_at, rows.c.ends_at).where(
                rows.c.crew_lead_id == visit["crew_lead_id"], rows.c.id != visit["id"], rows.c.ends_at > fixing.at,
                rows.c.status.in_(("scheduled", "dispatched", "working", "paused")),
            ).order_by(rows.c.starts_at)
        )
    ]  # fmt: skip
    start = max(visit["starts_at"], fixing.at.replace(second=0, microsecond=0))
    for _ in range(len(taken) * 2 + 60):
        meets = [end for begin, end in taken if begin < start + lasts and start < end]
        local = start.astimezone(zone)
        opens, closes = (datetime.combine(local.date(), each, zone) for each in (BEGINS, ENDS))
        if meets:
            start = max(meets)
        elif local.weekday() > 4 or (start > opens and (start + lasts).astimezone(zone) > closes):
            start = datetime.combine(local.date() + timedelta(days=1), BEGINS, zone)
        elif start < opens:
            start = opens
        else:
            local_words = f"{local:%a} {_named(local.date())} {local:%H:%M}"
            changed = fixing.change("job_visits", visit, starts_at=start, ends_at=start + lasts)
            return Fixed(f"The visit moves to {local_words}.", (changed,))
    raise NotAllowed("No free slot was found in the coming weeks; plan it by hand.")


# -- 16: leads --------------------------------------------------------------------------------------------------------


@rule(
    "DQ-16",
    "Open lead lying still",
    "leads",
    severity="info",
    owner="sales",
    whole=CALENDAR,
    worth=("estimated_value",),
)
def lying_still(only: Only) -> str:
    """Over 14 days in its stage, and nothing is planned, or the day of it has passed."""
    return f"""
        SELECT l.id, l.estimated_value AS amount, l.currency, jsonb_build_object('stage', l.status, 'since',
            l.stage_entered_at::date) AS details
        FROM leads l WHERE l.tenant_id = :tenant AND l.archived_at IS NULL
            AND l.status IN ('new', 'contacted', 'qualified', 'quoted')
            AND l.stage_entered_at < CAST(:at AS timestamptz) - interval '14 days'
            AND (l.next_action_at IS NULL OR l.next_action_at < CAST(:at AS timestamptz)) {only("l.id")}"""


@lying_still.fix("follow_up", "Follow up tomorrow", "tasks.create", "leads.write")
def follow_up(fixing: Fixing) -> Fixed:
    """A task for its owner, tomorrow at nine."""
    lead = fixing.record
    task = _given_out(fixing, f"Follow up {lead['title']}", lead["owner_id"] or fixing.actor.app_user_id, "follow_up")
    return Fixed(
        f"A follow-up of {lead['number']} tomorrow at nine.",
        (task, fixing.change("leads", lead, next_action_at=task.after["due_at"])),
    )


# -- 19, 20: agreements -----------------------------------------------------------------------------------------------


@rule(
    "DQ-19", "Agreement without a coming invoice", "subscriptions", severity="critical", group="numbers", owner="billing",
    whole=CALENDAR, worth=("mrr",),
)  # fmt: skip
def nobody_bills(only: Only) -> str:
    """In force, and the day of the next invoice is missing or was before yesterday: we work and do not bill."""
    return f"""
        SELECT s.id, s.mrr AS amount, s.currency, jsonb_build_object('next invoice', s.next_invoice_on) AS details
        FROM subscriptions s WHERE s.tenant_id = :tenant AND s.archived_at IS NULL AND s.status IN ('active', 'past_due')
            AND NOT s.cancel_at_period_end
            AND (s.next_invoice_on IS NULL OR s.next_invoice_on < CAST(:today AS date) - 1) {only("s.id")}"""


@nobody_bills.fix("date", "Work out the day", "subscriptions.write")
def next_day(fixing: Fixing) -> Fixed:
    """The next period's first day from today on, counted from the period it is in. Periods in between are not billed."""
    agreed = fixing.record
    day = agreed["next_invoice_on"] or agreed["current_period_end"] or agreed["starts_on"]
    for _ in range(1_000):
        if day >= fixing.today:
            break
        day = after_one(day, agreed["interval_unit"], agreed["interval_count"])
    if agreed["ends_on"] is not None and agreed["ends_on"] <= day:
        raise NotAllowed("The agreement ends before its next period begins; let it run out.")
    return Fixed(
        f"{agreed['number']} is billed next on {_named(day)}.",
        (fixing.change("subscriptions", agreed, next_invoice_on=day),),
    )


@nobody_bills.fix("bill", "Bill the period now", "subscriptions.write", "invoices.create")
def bill_now(fixing: Fixing) -> Fixed:
    """The period that is due as a draft invoice. Where more than one is due, the next is billed after it."""
    agreed = fixing.record
    why = to_be_billed(agreed)
    if why:
        raise NotAllowed(why)
    after = dict(bill(Moving(agreed, {}, fixing.actor, fixing.connection, fixing.at)))
    before = {name: agreed[name] for name in after}
    moved = Change(fixing.resource, "update", agreed["id"], before, after, agreed["version"])
    ends = after["current_period_end"]
    rest = ends >= fixing.today - timedelta(days=1)
    return Fixed(
        f"A draft invoice for {agreed['number']} from {_named(agreed['next_invoice_on'])} to {_named(ends)}.",
        (moved,),
        cures=rest,
    )


@rule("DQ-20", "Maintenance visit overdue", "subscriptions", group="blocks", whole=CALENDAR, worth=("mrr",))
def visit_overdue(only: Only) -> str:
    """A service agreement in force whose visit is more than 14 days late: what was sold is not delivered."""
    return f"""
        SELECT s.id, s.mrr AS amount, s.currency, jsonb_build_object('visit was due', s.next_visit_on) AS details
        FROM subscriptions s WHERE s.tenant_id = :tenant AND s.archived_at IS NULL AND s.status IN ('active', 'past_due')
            AND s.kind = 'service_agreement' AND s.next_visit_on < CAST(:today AS date) - 14 {only("s.id")}"""


@visit_overdue.fix("job", "Make the inspection job", "jobs.create")
def inspect(fixing: Fixing) -> Fixed:
    """A job for the visit that is late; the one after it is due a period later."""
    agreed = fixing.record
    apart = timedelta(days=round(365 / (agreed["visits_per_year"] or 1)))
    job = fixing.make(
        "jobs", title=f"Maintenance visit: {agreed['name']}", kind="service", work_type="maintenance", status="new",
        priority="high", customer_id=agreed["customer_id"], property_id=agreed["property_id"],
        subscription_id=agreed["id"], billing_method="none", is_billable=False, currency=agreed["currency"],
    )  # fmt: skip
    following = fixing.today + apart
    return Fixed(
        f"A maintenance job under {agreed['number']}; the visit after it is due {_named(following)}.",
        (job, fixing.change("subscriptions", agreed, next_visit_on=following)),
    )


# -- 26, 27: what exports of other systems bring along ----------------------------------------------------------------


@rule(
    "DQ-26", "Tax on an exempt customer's invoice", "invoices", severity="critical", group="numbers", owner="billing",
    watches={"invoices": "id", "customers": "<customer_id"}, worth=("tax_total",),
)  # fmt: skip
def taxed_though_exempt(only: Only) -> str:
    """The customer's exemption held on the day of the invoice, and tax was charged. One it was credited on is right."""
    return f"""
        SELECT i.id, i.tax_total AS amount, i.currency, jsonb_build_object('tax', i.tax_total, 'issued', i.issue_date)
            AS details
        FROM invoices i JOIN customers c ON c.id = i.customer_id
        WHERE i.tenant_id = :tenant AND i.archived_at IS NULL AND i.kind = 'invoice' AND i.status <> 'void'
            AND i.tax_total > 0 AND c.tax_exempt
            AND (c.tax_exempt_expires_on IS NULL OR c.tax_exempt_expires_on >= coalesce(i.issue_date, CAST(:today AS date)))
            AND NOT EXISTS (SELECT FROM invoices k WHERE k.credit_of_id = i.id AND k.status <> 'void'
                AND k.archived_at IS NULL AND k.total >= i.tax_total)
            {only("i.id")}"""


@taxed_though_exempt.fix("credit", "Take the tax off", "invoices.write", "invoices.create")
def take_tax_off(fixing: Fixing) -> Fixed:
    """A draft's lines lose their tax. On a finalized invoice it is credited by a draft credit note."""
    invoice, rows = fixing.record, table("invoice_lines")
    tax = money(invoice["tax_total"], invoice["currency"])
    if invoice["status"] != "draft":
        words = f"Tax charged in error on {_invoice(invoice)}: the customer is exempt"
        return Fixed(
            f"A draft credit note over {tax} takes the tax of {_invoice(invoice)} back.",
            _credit(fixing, invoice, invoice["tax_total"], NOTHING, words),
        )
    lines = fixing.connection.execute(select(rows).where(rows.c.invoice_id == invoice["id"], rows.c.tax_rate > 0))
    changes = tuple(fixing.change("invoice_lines", dict(row), tax_rate=NOTHING) for row in lines.mappings())
    return Fixed(f"{tax} of tax comes off the draft.", changes)


@rule(
    "DQ-27", "Invoice dated before its job", "invoices", group="order", owner="billing",
    watches={"invoices": "id", "jobs": "<job_id"}, worth=("total",),
    unfixed="An issued invoice keeps its date. Correct the day its job was opened, or credit the invoice and issue it anew.",
)  # fmt: skip
def before_its_job(only: Only) -> str:
    """Billed before anybody asked for the work: one of the two dates is wrong, and with it the month it is counted in."""
    return f"""
        SELECT i.id, i.total AS amount, i.currency, jsonb_build_object('issued', i.issue_date, 'job opened',
            (j.requested_at AT TIME ZONE t.timezone)::date) AS details
        FROM invoices i JOIN jobs j ON j.id = i.job_id JOIN tenants t ON t.id = i.tenant_id
        WHERE i.tenant_id = :tenant AND i.archived_at IS NULL AND i.kind = 'invoice' AND i.status <> 'void'
            AND i.issue_date < (j.requested_at AT TIME ZONE t.timezone)::date {only("i.id")}"""
