"""The demonstration company: the real export, and a company around it that agrees with itself and comes out the same twice."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app import demo
from app.config import ConfigError
from app.demo import company, hostile
from app.demo.decisions import DAYS
from app.demo.world import World
from app.domains.crm.centerpoint.arrival import TABLES
from app.domains.crm.centerpoint.export import FOLDER
from tests.conftest import DEMO_FIRST, DEMO_LAST, DEMO_LEADS
from tests.small_export import write_export

KEY = json.loads((FOLDER / "answer_key.json").read_text())
TODAY = date(2026, 11, 25)
DECISIONS = 1200

Query = Callable[..., list[tuple[Any, ...]]]


class Loaded:
    """A database with a demonstration company in it, and a way to ask it."""

    def __init__(self, owner_url: str, **how: Any) -> None:
        self.owner_url = owner_url
        self.tenant_id = demo.load(owner_url, decisions=DECISIONS, as_of=TODAY, **how)
        self.connection = psycopg.connect(owner_url, autocommit=True)
        self.connection.execute("SET search_path TO console, public")

    def __call__(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values or None).fetchall()

    def finds_nothing(self, query: str, *values: Any) -> None:
        """A rule as its exceptions: there are none."""
        assert self(query, *values) == []

    def one(self, query: str, *values: Any) -> Any:
        return self(query, *values)[0][0]


@pytest.fixture(scope="module")
def loads(postgres, migrated, process_name) -> Iterator[Callable[..., Loaded]]:
    """Load a company into a database of its own, once for every way of loading."""
    made: dict[str, Loaded] = {}
    with ExitStack() as open_until_the_end:

        def load(name: str, **how: Any) -> Loaded:
            if name not in made:
                database = open_until_the_end.enter_context(postgres.clone(migrated, f"{name}_{process_name}"))
                made[name] = Loaded(database.owner_url, **how)
                open_until_the_end.callback(made[name].connection.close)
            return made[name]

        yield load


@pytest.fixture(scope="module")
def normal(loads) -> Loaded:
    """The company of the whole export."""
    return loads("story")


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Path:
    """A quarter of the export, for companies that are only held against each other."""
    folder: Path = tmp_path_factory.mktemp("part")
    write_export(folder, DEMO_FIRST, DEMO_LAST, DEMO_LEADS)
    return folder


@pytest.fixture(scope="module")
def small(loads, part) -> Loaded:
    return loads("small", export=part)


@pytest.fixture(scope="module")
def again(loads, part) -> Loaded:
    return loads("again", export=part)


@pytest.fixture(scope="module")
def nasty(loads, part) -> Loaded:
    return loads("hostile", export=part, profile="hostile")


# --- the import --------------------------------------------------------------------------------------------------------


def test_rows_in_and_rows_listed_are_the_rows_of_the_files(normal):
    for file, count in KEY["counts"].items():
        if file == "totals_rows":
            continue
        listed = normal.one(
            "SELECT count(*) FROM import_refusals WHERE file = %s AND raw ->> 'kind' = 'row'", f"{file}.csv"
        )
        extra = KEY["counts"]["totals_rows"] if file == "invoices" else 0
        where = "" if file == "invoice_lines" else "WHERE external_source = 'centerpoint'"
        assert normal.one(f"SELECT count(*) FROM {file} {where}") + listed == count + extra, file


def test_every_refusal_has_file_row_key_and_reason(normal):
    normal.finds_nothing(
        "SELECT id FROM import_refusals WHERE reason = '' OR source <> 'centerpoint' OR raw = '{}'"
        " OR row_no < 2 OR record_key IS NULL AND raw ->> 'fault' <> 'totals_row'"
    )
    assert normal.one("SELECT count(*) FROM import_refusals WHERE reason LIKE 'value not taken: %'") == normal.one(
        "SELECT count(*) FROM import_refusals WHERE raw ->> 'kind' = 'value'"
    )


def test_cached_figures_agree_to_the_cent(normal):
    normal.finds_nothing(
        "SELECT i.number FROM invoices i LEFT JOIN (SELECT invoice_id, sum(amount) AS paid FROM payment_allocations GROUP BY 1)"
        " AS a ON a.invoice_id = i.id WHERE i.amount_paid <> coalesce(a.paid, 0) OR (i.status = 'paid') <> (i.balance = 0)"
    )
    normal.finds_nothing(
        "SELECT p.number FROM payments p LEFT JOIN (SELECT payment_id, sum(amount) AS used FROM payment_allocations GROUP BY 1)"
        " AS a ON a.payment_id = p.id WHERE p.amount_allocated <> coalesce(a.used, 0)"
    )
    normal.finds_nothing(
        "SELECT c.number FROM customers c LEFT JOIN (SELECT customer_id, sum(balance) FILTER (WHERE status = 'open') AS owed,"
        " sum(total - tax_total) AS billed FROM invoices WHERE status <> 'draft' GROUP BY 1) AS i ON i.customer_id = c.id"
        " WHERE c.open_balance <> coalesce(i.owed, 0) OR c.lifetime_revenue <> coalesce(i.billed, 0)"
    )
    normal.finds_nothing(
        "SELECT j.number FROM jobs j LEFT JOIN (SELECT job_id, sum(total - tax_total) AS billed FROM invoices GROUP BY 1) AS i"
        " ON i.job_id = j.id WHERE j.billed_total <> coalesce(i.billed, 0)"
    )


def test_documents_prove_their_totals(normal):
    for header, lines, key in (
        ("invoices", "invoice_lines", "invoice_id"),
        ("estimates", "estimate_lines", "estimate_id"),
        ("orders", "order_lines", "order_id"),
    ):
        normal.finds_nothing(
            f"SELECT h.id FROM {header} h LEFT JOIN (SELECT {key}, sum(line_total) AS net, sum(tax_amount) AS tax"
            f" FROM {lines} GROUP BY 1) AS l ON l.{key} = h.id"
            " WHERE (h.subtotal, h.tax_total) IS DISTINCT FROM (l.net, l.tax) OR h.total <> h.subtotal + h.tax_total"
        )


def test_faults_the_tables_hold_are_found_by_their_rules(normal):
    uninvoiced = normal(
        "SELECT external_id FROM jobs j WHERE is_billable AND status IN ('completed', 'authorized')"
        " AND completed_at < timestamptz '2026-11-20 00:00 America/Denver' - interval '2 days'"
        " AND NOT EXISTS (SELECT FROM invoices i WHERE i.job_id = j.id AND i.status <> 'void')"
    )
    assert {row[0] for row in uninvoiced} == set(KEY["completed_never_invoiced"])
    unreachable = normal(
        "SELECT external_id FROM customers c WHERE email IS NULL AND phone_e164 IS NULL AND NOT EXISTS"
        " (SELECT FROM contacts k WHERE k.customer_id = c.id AND (k.email IS NOT NULL OR k.phone_e164 IS NOT NULL))"
    )
    assert {row[0] for row in unreachable} == set(KEY["customer_unreachable"])
    copies = normal(
        "SELECT external_id FROM (SELECT external_id, received_on - lag(received_on) OVER (PARTITION BY customer_id, amount,"
        " reference ORDER BY received_on, id) AS days FROM payments) AS paired WHERE days <= 3"
    )
    assert {row[0] for row in copies} == {pair[1] for pair in KEY["probable_duplicate_payment"]}
    taxed = normal(
        "SELECT i.external_id FROM invoices i JOIN customers c ON c.id = i.customer_id WHERE c.tax_exempt AND i.tax_total > 0"
    )
    gone = {row[0] for row in normal("SELECT record_key FROM import_refusals WHERE file = 'invoices.csv'")}
    assert {row[0] for row in taxed} == set(KEY["tax_on_exempt"]) - gone


def test_the_history_tells_of_the_import(normal):
    sets = dict(normal("SELECT action, entry_count FROM change_sets WHERE channel = 'import'"))
    assert set(sets) == {f"import.{table}" for table in TABLES} - {
        "import.crm_activities",
        "import.payment_allocations",
    }
    assert sets["import.customers"] == 1089
    assert normal.one("SELECT count(*) FROM change_sets WHERE channel = 'outside'") == 0
    for table in TABLES:
        recorded = normal.one(
            "SELECT count(*) FROM change_entries WHERE table_name = %s AND operation = 'insert'", table
        )
        assert recorded == normal.one(f"SELECT count(*) FROM {table}"), table


def test_the_console_can_go_on_after_the_import(normal):
    with normal.connection.transaction(force_rollback=True):
        for table, values in (
            ("customers", "(tenant_id, number, name) VALUES (%s, 'C-new', 'New')"),
            ("user_tasks", "(tenant_id, number, title) VALUES (%s, 'T-new', 'New')"),
            ("ai_agents", "(tenant_id, key, name, role) VALUES (%s, 'new', 'New', 'New')"),
        ):
            highest = normal.one(f"SELECT max(id) FROM {table}")
            assert normal.one(f"INSERT INTO {table} {values} RETURNING id", normal.tenant_id) > highest
    for kind, table in {"customer": "customers", "job": "jobs", "invoice": "invoices", "payment": "payments",
                        "lead": "leads", "estimate": "estimates", "user_task": "user_tasks"}.items():  # fmt: skip
        following, width = normal("SELECT next_value, padding FROM number_sequences WHERE kind = %s", kind)[0]
        assert following > normal.one(f"SELECT max(substring(number FROM '\\d+$')::int) FROM {table}")
        assert normal.one(f"SELECT min(length(substring(number FROM '\\d+$'))) FROM {table}") == width


# --- the company around it -------------------------------------------------------------------------------------------


def test_every_role_has_its_person(normal):
    for role, email in company.ROLE_EMAILS.items():
        assert normal.one("SELECT count(*) FROM app_users WHERE email = %s AND status = 'active'", email) == 1, role
        if role not in ("worker", "viewer"):
            found = "SELECT count(*) FROM user_tasks t JOIN app_users u ON u.id = t.assignee_id WHERE u.email = %s"
            assert normal.one(found, email) > 0, role


def test_crews_are_out_today_and_nobody_is_in_two_places(normal):
    today = "(starts_at AT TIME ZONE 'America/Denver')::date = %s"
    assert normal.one(f"SELECT count(DISTINCT crew_lead_id) FROM job_visits WHERE {today}", TODAY) == 5
    assert normal.one(f"SELECT count(*) FROM job_visits WHERE {today} AND status = 'working'", TODAY) > 0
    normal.finds_nothing(
        "SELECT a.id FROM job_visits a JOIN job_visits b ON a.crew_lead_id = b.crew_lead_id AND a.id < b.id"
        " AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"
    )
    normal.finds_nothing(
        "SELECT number FROM jobs j WHERE status = 'scheduled' AND NOT EXISTS (SELECT FROM job_visits v WHERE v.job_id = j.id"
        " AND v.crew_lead_id IS NOT NULL AND v.starts_at >= %s)",
        TODAY,
    )
    open_in_finished = (
        "SELECT v.id FROM job_visits v JOIN jobs j ON j.id = v.job_id WHERE v.status NOT IN ('done', 'cancelled', 'no_access')"
        " AND j.status NOT IN ('scheduled', 'in_progress')"
    )
    normal.finds_nothing(open_in_finished)


def test_estimates_stand_in_every_state_and_obey_it(normal):
    states = {row[0] for row in normal("SELECT DISTINCT status FROM estimates")}
    assert states == {"draft", "internal_review", "sent", "viewed", "accepted", "declined", "expired", "superseded"}
    normal.finds_nothing("SELECT id FROM estimates WHERE status IN ('sent', 'viewed') AND valid_until < %s", TODAY)
    normal.finds_nothing("SELECT id FROM estimates WHERE status = 'expired' AND valid_until >= %s", TODAY)
    normal.finds_nothing(
        "SELECT id FROM estimates WHERE status IN ('draft', 'internal_review') AND sent_at IS NOT NULL"
    )
    normal.finds_nothing(
        "SELECT e.id FROM estimates e LEFT JOIN jobs j ON j.estimate_id = e.id WHERE e.status = 'accepted'"
        " AND (j.customer_id, j.contract_value) IS DISTINCT FROM (e.customer_id, e.subtotal)"
    )


def test_leads_stand_where_their_history_led_them(normal):
    assert normal.one("SELECT count(*) FROM leads WHERE external_source = 'centerpoint'") == 522
    assert {row[0] for row in normal("SELECT DISTINCT status FROM leads")} == {
        "new",
        "contacted",
        "quoted",
        "won",
        "lost",
    }
    normal.finds_nothing(
        "SELECT id FROM leads WHERE (status = 'new') <> (first_response_at IS NULL) OR (status = 'lost') <> (lost_at IS NOT NULL)"
        " OR first_response_at < created_at OR quoted_at < qualified_at OR greatest(stage_entered_at, lost_at, won_at) > %s"
        " OR score <> round(0.6 * fit_score + 0.4 * engagement_score)",
        "2026-11-25 19:00+00",
    )
    normal.finds_nothing(
        "SELECT l.id FROM leads l WHERE status <> 'new' AND NOT EXISTS (SELECT FROM crm_activities a WHERE a.lead_id = l.id"
        " AND a.direction = 'out' AND a.occurred_at = l.first_response_at)"
    )
    normal.finds_nothing(
        "SELECT e.id FROM estimates e JOIN leads l ON l.id = e.lead_id WHERE l.customer_id <> e.customer_id"
        " OR (l.status = 'won') <> (e.status = 'accepted') OR l.status NOT IN ('won', 'quoted')"
    )
    opened = "SELECT count(*) FROM leads WHERE status IN ('new', 'contacted', 'qualified', 'quoted')"
    for kind in (
        "owner_id IS NULL",
        "grade IN ('A1', 'A2', 'B1')",
        "next_action_at IS NULL",
        f"next_action_at > '{TODAY}'",
    ):
        assert 5 < normal.one(f"{opened} AND {kind}") < normal.one(opened) / 2, kind


def test_orders_and_agreements_agree_with_what_came_of_them(normal):
    normal.finds_nothing(
        "SELECT o.number FROM orders o LEFT JOIN (SELECT order_id, sum(total) AS billed FROM invoices GROUP BY 1) AS i"
        " ON i.order_id = o.id WHERE o.invoiced_total <> coalesce(i.billed, 0)"
        " OR (o.status = 'closed') <> (o.closed_at IS NOT NULL) OR o.status IN ('fulfilled', 'closed')"
        " AND EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id AND l.fulfilled_qty <> l.quantity)"
        " OR o.confirmed_at > o.fulfilled_at OR o.fulfilled_at > o.closed_at"
    )
    normal.finds_nothing(
        "SELECT l.id FROM invoice_lines i JOIN order_lines l ON l.id = i.order_line_id WHERE l.invoiced_qty <> i.quantity"
    )
    late = "EXISTS (SELECT FROM invoices i WHERE i.subscription_id = s.id AND i.status = 'open' AND i.due_date < %s)"
    normal.finds_nothing(f"SELECT number FROM subscriptions s WHERE status = 'active' AND {late}", TODAY)
    normal.finds_nothing(
        f"SELECT number FROM subscriptions s WHERE status IN ('past_due', 'unpaid') AND NOT {late}", TODAY
    )
    normal.finds_nothing(
        "SELECT number FROM subscriptions WHERE status IN ('active', 'past_due') AND NOT cancel_at_period_end"
        " AND next_invoice_on <= %s OR cancelled_at > timestamptz '2026-11-25 19:00+00' OR ends_on < starts_on",
        TODAY,
    )
    normal.finds_nothing(
        "SELECT slug FROM landing_pages p WHERE submissions < (SELECT count(*) FROM leads l WHERE l.landing_page_id = p.id)"
        " OR submissions > views"
    )


def test_files_are_what_their_newest_version_is_and_name_no_stored_bytes(normal):
    normal.finds_nothing(
        "SELECT f.id FROM file_metadata f LEFT JOIN file_versions v ON v.file_id = f.id AND v.version_no = f.current_version_no"
        " WHERE (f.storage_key, f.size_bytes, f.sha256, f.scan_status)"
        " IS DISTINCT FROM (v.storage_key, v.size_bytes, v.sha256, v.scan_status)"
        " OR f.storage_key <> 'demo/' || left(encode(f.sha256, 'hex'), 2) || '/' || substr(encode(f.sha256, 'hex'), 3, 2)"
        " || '/' || encode(f.sha256, 'hex') OR NOT f.tags @> '{demo}'"
    )
    normal.finds_nothing(
        "SELECT id FROM file_versions v WHERE restored_from_no IS NOT NULL AND sha256 <> (SELECT o.sha256 FROM file_versions o"
        " WHERE o.file_id = v.file_id AND o.version_no = v.restored_from_no)"
    )
    normal.finds_nothing(
        "SELECT e.number FROM estimates e LEFT JOIN documents d ON d.id = e.pdf_document_id WHERE e.sent_at IS NOT NULL"
        " AND (d.subject_type, d.subject_id) IS DISTINCT FROM ('estimates', e.id)"
    )


def test_a_decision_is_the_sum_of_its_calls(normal):
    assert normal.one("SELECT count(*) FROM ai_decision_logs") == DECISIONS
    normal.finds_nothing(
        "SELECT d.id FROM ai_decision_logs d LEFT JOIN (SELECT decision_id, count(*) AS n, sum(total_cost) AS cost,"
        " sum(input_tokens) AS given, sum(output_tokens) AS written FROM ai_calls GROUP BY 1) AS c ON c.decision_id = d.id"
        " WHERE (d.call_count, d.total_cost, d.input_tokens, d.output_tokens)"
        " IS DISTINCT FROM (c.n, c.cost, c.given, c.written) OR c.n NOT BETWEEN 1 AND 4"
    )
    normal.finds_nothing(
        "SELECT c.id FROM ai_calls c LEFT JOIN ai_model_prices p ON p.id = c.price_id WHERE c.total_cost <> c.input_cost"
        " + c.output_cost OR abs(c.output_cost - coalesce(c.output_tokens * p.output_per_mtok / 1000000, 0)) > 0.000001"
    )


def test_decisions_are_about_something_and_obey_their_states(normal):
    for table in ("customers", "jobs", "invoices", "estimates"):
        normal.finds_nothing(
            f"SELECT d.id FROM ai_decision_logs d LEFT JOIN {table} s ON s.id = d.subject_id"
            " WHERE d.subject_type = %s AND s.id IS NULL",
            table,
        )
    youngest, oldest = normal("SELECT max(decided_at), min(decided_at) FROM ai_decision_logs")[0]
    assert (youngest - oldest).days <= DAYS
    normal.finds_nothing(
        "SELECT id FROM ai_decision_logs WHERE status IN ('proposed', 'pending_approval') AND reviewed_at IS NOT NULL"
        " OR status IN ('overridden', 'rejected') AND review_verdict <> 'disagree' OR reviewed_at < decided_at"
        " OR outcome <> 'unknown' AND outcome_noted_at IS NULL"
    )
    waiting = "SELECT count(*) FROM ai_decision_logs WHERE reviewed_at IS NULL AND risk <> 'low'"
    assert normal.one(waiting) == normal.one(waiting + " AND status IN ('proposed', 'pending_approval')")


def test_memories_have_a_source_and_what_is_counted_of_them_is_there(normal):
    normal.finds_nothing(
        "SELECT m.id FROM ai_memories m WHERE NOT EXISTS (SELECT FROM memory_entries e WHERE e.consolidated_into_id = m.id)"
    )
    normal.finds_nothing(
        "SELECT m.id FROM ai_memories m LEFT JOIN (SELECT key, count(*) AS n, count(*) FILTER (WHERE key = ANY (used_ids)) AS u,"
        " max(created_at) AS last, min(created_at) AS first FROM memory_recalls, unnest(returned_ids) AS key GROUP BY 1) AS r"
        " ON r.key = m.id WHERE (m.recall_count, m.useful_count) <> (coalesce(r.n, 0), coalesce(r.u, 0))"
        " OR m.last_recalled_at IS DISTINCT FROM r.last OR r.first < m.created_at"
    )
    normal.finds_nothing(
        "SELECT c.id FROM ai_memory_clusters c WHERE member_count <> (SELECT count(*) FROM ai_memories m"
        " WHERE m.cluster_id = c.id AND m.state = 'active')"
    )
    normal.finds_nothing(
        "SELECT c.id FROM conversations c JOIN LATERAL (SELECT count(*) AS n, max(created_at) AS last FROM conversation_history"
        " WHERE conversation_id = c.id) AS h ON true WHERE (c.message_count, c.last_message_at) IS DISTINCT FROM (h.n, h.last)"
        " OR c.channel <> 'board' AND c.total_cost <> (SELECT coalesce(sum(total_cost), 0) FROM ai_calls"
        " WHERE conversation_id = c.id)"
    )
    open_ones = "SELECT count(*) FROM ai_memory_relationships WHERE kind = 'contradicts' AND resolved_at IS NULL"
    assert 3 < normal.one(open_ones) < 10


def test_history_of_health_is_marked_as_demonstration(normal):
    assert normal.one("SELECT count(*) FROM system_health WHERE NOT details @> '{\"demo\": true}'") == 0
    normal.finds_nothing(
        "SELECT check_key FROM (SELECT check_key, changed, status <> lag(status) OVER (PARTITION BY check_key ORDER BY"
        " checked_at) AS turned FROM system_health) AS told WHERE changed <> coalesce(turned, false)"
    )
    assert normal.one("SELECT count(DISTINCT check_key) FROM system_health WHERE changed") > 3


# --- twice, hostile, at scale ----------------------------------------------------------------------------------------


def _picture(loaded: Loaded) -> dict[str, str]:
    """A digest of every table, without what the server stamps by its own clock and dice."""
    tables = loaded(
        "SELECT relname FROM pg_class WHERE relnamespace = 'console'::regnamespace AND relkind = 'r'"
        " AND relname NOT LIKE 'procrastinate%' AND relname NOT IN ('change_sets', 'change_entries', 'alembic_version')"
    )
    stamped = "{created_at,updated_at,public_id,computed_at,version}"
    digest = "md5(coalesce(string_agg(told, '|' ORDER BY told), ''))"
    return {
        table: loaded.one(
            f"SELECT {digest} FROM (SELECT (to_jsonb(t) - %s::text[])::text AS told FROM {table} t) AS rows", stamped
        )
        for (table,) in tables
    }


def test_the_same_seed_and_day_tell_the_same_story(small, again):
    assert _picture(again) == _picture(small)


def test_another_seed_throws_other_dice_and_parts_do_not_share_them():
    def world(seed: int) -> World:
        return World(None, 1, demo._moment(TODAY), seed)  # type: ignore[arg-type]

    throws = [world(seed).dice(part).random() for seed in (1, 2) for part in ("tasks", "visits")]
    assert len(set(throws)) == 4
    assert throws[0] == world(1).dice("tasks").random()


def test_hostile_text_stands_wherever_text_can(nasty):
    spoiler = hostile.Spoiler(nasty.connection)
    untouched = []
    for table, columns in spoiler.columns.items():
        if not nasty.one(f"SELECT count(*) FROM {table}") or table in ("tenants", "metrics", "import_refusals", "change_sets",
                                                                       "change_entries", "governed_tables"):  # fmt: skip
            continue
        for column in columns:
            cell = sql.Identifier(column).as_string(nasty.connection)
            # One of the fragments must be there to the letter; bound columns may be empty throughout.
            filled = nasty.one(f"SELECT count({cell}) FROM {table}")
            found = nasty.one(
                f"SELECT EXISTS (SELECT FROM {table} WHERE {cell}::text = ANY (%s) OR length({cell}::text) > 9000"
                f" OR {cell}::text LIKE ANY (%s))",
                list(hostile.FRAGMENTS), ["{%", "[%"],
            )  # fmt: skip
            if filled and not found:
                untouched.append(f"{table}.{column}")
    assert untouched == []
    names = {row[0] for row in nasty("SELECT name FROM customers")}
    assert set(hostile.FRAGMENTS) | set(hostile.LONG) <= names


def test_hostile_rows_are_the_same_company(small, nasty):
    for table in (*TABLES, "estimates", "user_tasks", "ai_decision_logs", "ai_calls", "job_visits"):
        assert nasty.one(f"SELECT count(*) FROM {table}") == small.one(f"SELECT count(*) FROM {table}"), table


def _shape(loaded: Loaded) -> list[Any]:
    return [
        loaded("SELECT indexdef FROM pg_indexes WHERE schemaname = 'console' ORDER BY indexname"),
        loaded(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
            " WHERE connamespace = 'console'::regnamespace ORDER BY 1, 2"
        ),
        loaded(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
        ),
    ]


def test_growing_adds_rows_and_leaves_everything_in_place(again):
    grown = again
    shape, customers = _shape(grown), grown.one("SELECT max(id) FROM customers")
    for _ in range(2):
        demo.load(grown.owner_url, customers=3000, decisions=DECISIONS + 2500, as_of=TODAY)
        assert grown.one("SELECT count(*) FROM customers") == 3000
        assert grown.one("SELECT count(*) FROM ai_decision_logs") == DECISIONS + 2500
    assert _shape(grown) == shape
    bulk_entries = "SELECT count(*) FROM change_entries WHERE table_name = 'customers' AND record_id::bigint > %s"
    assert grown.one(bulk_entries, customers) == 0
    assert grown.one("SELECT count(*) FROM change_sets WHERE action = 'demo.bulk'") == 2
    grown.finds_nothing(
        "SELECT d.id FROM ai_decision_logs d WHERE d.call_count <> (SELECT count(*) FROM ai_calls c WHERE c.decision_id = d.id)"
    )


def test_a_company_that_is_there_does_not_turn_hostile(normal):
    with pytest.raises(ConfigError, match="without customers"):
        demo.load(normal.owner_url, profile="hostile", as_of=TODAY)


def test_an_unknown_profile_is_refused_before_anything_is_touched():
    with pytest.raises(ValueError, match="normal and hostile"):
        demo.load("postgresql://nowhere.invalid/none", profile="friendly")
