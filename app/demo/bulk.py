"""Millions of rows made inside the server: what a list, a search and an index feel like at the size of a large platform.

Every value is computed from the row's number and the seed, so the same numbers give the same rows. Such rows are scenery:
they do not enter the ledger (one change set says so), and their indexes and foreign keys are put aside while they are
written and proven afterwards, all in one transaction.
"""

from __future__ import annotations

from typing import Any

from app.demo.agents import AGENTS
from app.demo.company import account_managers
from app.demo.hostile import FRAGMENTS
from app.demo.unburdened import unburdened
from app.demo.world import World

PORTION = 500_000

FIRST = ("Bluestem", "Lowline", "Ironwood", "Granite Peak", "Cedar Mesa", "Mesa Verde", "Union Depot", "Silver Spruce", "Harlan",
         "Prairie", "Front Range", "Aspen", "Chinook", "Kestrel", "Juniper", "Summit", "Red Rock", "Platte", "Arrowhead",
         "Larkspur", "Tamarack", "Bison", "Sagebrush", "Meadowlark", "Timberline", "Copper", "Falcon", "Sandhill")  # fmt: skip
SECOND = ("Cold Storage", "Logistics", "Business Park", "Grocers", "Lofts", "Senior Living", "Distribution", "Brewing",
          "Medical", "Apartments", "School District", "Church", "Self Storage", "Foods", "Motors", "Hospital", "Retail",
          "Warehouse", "Data Center", "Hotel", "Manufacturing", "Dairy", "Printing", "Aviation")  # fmt: skip
THIRD = ("Inc", "LLC", "Group", "Partners", "of Denver", "West", "North", "Holdings", "Co", "Properties")
PLACES = (("Denver", "CO", "80202"), ("Aurora", "CO", "80012"), ("Fort Collins", "CO", "80524"), ("Greeley", "CO", "80631"),
          ("Colorado Springs", "CO", "80903"), ("Cheyenne", "WY", "82001"), ("Laramie", "WY", "82070"),
          ("Casper", "WY", "82601"), ("Omaha", "NE", "68102"), ("Lincoln", "NE", "68508"), ("Scottsbluff", "NE", "69361"),
          ("Wichita", "KS", "67202"), ("Goodland", "KS", "67735"))  # fmt: skip

# A number between 0 and 1 from a row's number, a salt and the seed; `floor(x * n)` picks one of n.
DIE = "((hashint8extended({row}, %(seed)s + {salt}) & 1048575) / 1048576.0)"


def die(salt: int, row: str = "n") -> str:
    """SQL for one throw, a fraction of one."""
    return DIE.format(row=row, salt=salt)


def pick(salt: int, array: str, size: str) -> str:
    """SQL for one element of an array parameter."""
    return f"(%({array})s::text[])[1 + floor({die(salt)} * {size})::int]"


CUSTOMERS = f"""
INSERT INTO customers (id, tenant_id, number, name, kind, status, account_manager_id, source, email, phone_e164, bill_line1,
    bill_city, bill_region, bill_postal, payment_terms_days, tax_exempt, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT n, %(tenant)s, 'C-' || lpad((n + %(shift)s)::text, greatest(5, length((n + %(shift)s)::text)), '0'), name,
    CASE WHEN d < 0.9 THEN 'company' ELSE 'government' END,
    CASE WHEN d < 0.86 THEN 'active' WHEN d < 0.95 THEN 'prospect' WHEN d < 0.98 THEN 'inactive' ELSE 'credit_hold' END,
    (%(managers)s::bigint[])[1 + n %% array_length(%(managers)s::bigint[], 1)], 'demo',
    CASE WHEN d < 0.93 THEN 'office' || n || '@' || replace(lower(split_part(name, ' ', 1)), ' ', '') || '.example' END,
    '+1' || (ARRAY['303','307','316','402','719','720','970'])[1 + n %% 7] || '555'
        || lpad((n / 7 %% 10000)::text, 4, '0'),
    (1 + floor({die(3)} * 9800)::int)::text || ' ' || {pick(4, "firsts", "%(n_first)s")} || ' Street',
    place[1], place[2], place[3], (ARRAY[0, 30, 30, 30, 45, 60])[1 + floor({die(6)} * 6)::int], d > 0.88,
    %(at)s::timestamptz - make_interval(secs => {die(7)} * 157680000),
    %(at)s::timestamptz - make_interval(secs => {die(8)} * 7776000)
FROM (
    SELECT n, {die(5)} AS d,
        {pick(1, "firsts", "%(n_first)s")} || ' ' || {pick(2, "seconds", "%(n_second)s")} || ' '
        || {pick(9, "thirds", "%(n_third)s")} || ' ' || n AS name,
        string_to_array({pick(10, "places", "%(n_place)s")}, '|') AS place
    FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n
) AS made
"""

# Oldest first, so that physical order, id and date agree as they do in a log that grew.
DECISIONS = f"""
INSERT INTO ai_decision_logs (id, tenant_id, agent_id, kind, trigger, question, chosen, confidence, risk, status, decided_at,
    subject_type, subject_id, model, latency_ms, reviewed_by, reviewed_at, review_verdict, overridden_to, outcome, created_at,
    updated_at)
OVERRIDING SYSTEM VALUE
SELECT n, %(tenant)s, agent, kind, (ARRAY['event','event','schedule','automation','user'])[1 + floor({die(1)} * 5)::int],
    question, chosen, round((0.5 + 0.49 * sure)::numeric, 4), risk,
    CASE WHEN fate < 0.9 THEN 'executed' WHEN fate < 0.93 THEN 'rejected' WHEN fate < 0.96 THEN 'overridden'
         WHEN fate < 0.985 THEN 'failed' ELSE 'reverted' END,
    at, 'customers', subject, model, 300 + floor(sure * 7000)::int,
    CASE WHEN seen THEN %(reviewer)s::bigint END, CASE WHEN seen THEN at + interval '3 hours' END,
    CASE WHEN seen THEN CASE WHEN fate < 0.9 THEN 'agree' ELSE 'disagree' END END,
    CASE WHEN fate >= 0.93 AND fate < 0.96 THEN 'Another choice' END,
    CASE WHEN fate >= 0.9 THEN 'unknown' WHEN sure > 0.35 THEN 'good' WHEN sure > 0.12 THEN 'neutral' ELSE 'bad' END, at, at
FROM (
    SELECT n, die_fate AS fate, sure, at, subject, (%(agents)s::bigint[])[which] AS agent, (%(kinds)s::text[])[which] AS kind,
        (%(questions)s::text[])[which] || ' ' || subject AS question, (%(choices)s::text[])[which] AS chosen,
        (%(models)s::text[])[which] AS model,
        CASE WHEN r < 0.78 THEN 'low' WHEN r < 0.95 THEN 'medium' ELSE 'high' END AS risk,
        r >= 0.78 OR r < 0.05 AS seen
    FROM (
        SELECT n, {die(2)} AS die_fate, {die(3)} AS sure, {die(4)} AS r, 1 + floor({die(5)} * %(n_kind)s)::int AS which,
            %(first_subject)s::bigint + floor({die(6)} * %(n_subject)s)::bigint AS subject,
            %(since)s::timestamptz + make_interval(secs => %(step)s * (n - %(first)s)) AS at
        FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n
    ) AS thrown
) AS made
"""

CALLS = f"""
INSERT INTO ai_calls (tenant_id, trace_id, span_id, agent_id, decision_id, operation, provider, model_requested, model_used,
    started_at, latency_ms, status, finish_reason, created_at)
SELECT %(tenant)s, md5(n::text || '/' || %(seed)s), lpad(to_hex(n), 16, '0'), agent_id, n, 'chat', 'local', model, model,
    decided_at, latency_ms, 'ok', 'stop', decided_at
FROM (SELECT id AS n, agent_id, model, decided_at, latency_ms, {die(11, "id")} AS d FROM ai_decision_logs
      WHERE id BETWEEN %(low)s AND %(high)s) AS decided
"""


def customers(world: World, count: int) -> None:
    """`count` customers beyond those that are there."""
    low, high = _range(world, "customers", count)
    given = world.rows(
        "SELECT next_value FROM number_sequences WHERE tenant_id = %s AND kind = 'customer'", world.tenant_id
    )
    shift = given[0][0] - low if given else 0
    values = _shared(world) | {
        "shift": shift, "managers": account_managers(world),
        "firsts": list(FIRST), "seconds": list(FRAGMENTS if world.spoiler else SECOND), "thirds": list(THIRD),
        "places": ["|".join(place) for place in PLACES], "n_place": len(PLACES), "n_first": len(FIRST),
        "n_second": len(FRAGMENTS if world.spoiler else SECOND), "n_third": len(THIRD),
    }  # fmt: skip
    world.chapter("bulk", f"Demonstration at scale: {count:,} customers, written without single ledger entries")
    with unburdened(world, "customers", quietly=True):
        _portions(world, CUSTOMERS, values, low, high)
    world.analyzed.discard("customers")
    world.numbered("customer", "C-", 5, high + shift)


def decisions(world: World, agent_ids: dict[str, int], count: int, with_calls: bool) -> None:
    """`count` lean decisions over the three years before the ninety days, with one call each if asked."""
    low, high = _range(world, "ai_decision_logs", count)
    menu = [(agent, kind) for agent in AGENTS for kind in agent.kinds]
    first, last = world.rows("SELECT min(id), max(id) FROM customers WHERE tenant_id = %s", world.tenant_id)[0]
    span = 3 * 365 * 86_400
    texts = [kind.question.format(label="customer", day="the day after") for _agent, kind in menu]
    values = _shared(world) | {
        "agents": [agent_ids[agent.key] for agent, _kind in menu], "kinds": [kind.key for _agent, kind in menu],
        "questions": [FRAGMENTS[place % len(FRAGMENTS)] for place in range(len(menu))] if world.spoiler else texts,
        "choices": [kind.options[0] for _agent, kind in menu], "models": [agent.model for agent, _kind in menu],
        "n_kind": len(menu), "reviewer": world.staff["Samir Haddad"], "first_subject": first,
        "n_subject": last - first + 1, "step": span / count, "first": low, "since": world.local(-90 - 3 * 365),
    }  # fmt: skip
    world.chapter("bulk", f"Demonstration at scale: {count:,} AI decisions")
    with unburdened(world, "ai_decision_logs"):
        _portions(world, DECISIONS, values, low, high)
    if with_calls:
        with unburdened(world, "ai_calls"):
            _portions(world, CALLS, values, low, high)
        world.connection.execute(
            "UPDATE ai_decision_logs SET call_count = 1, trace_id = md5(id::text || '/' || %(seed)s)"
            " WHERE id BETWEEN %(low)s AND %(high)s",
            {"seed": str(world.seed), "low": low, "high": high},
        )


def _range(world: World, table: str, count: int) -> tuple[int, int]:
    world.touched.add(table)
    low = world.rows(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")[0][0]
    return low, low + count - 1


def _shared(world: World) -> dict[str, Any]:
    return {"tenant": world.tenant_id, "seed": world.seed, "at": world.at}


def _portions(world: World, statement: str, values: dict[str, Any], low: int, high: int) -> None:
    for start in range(low, high + 1, PORTION):
        end = min(start + PORTION - 1, high)
        world.connection.execute(statement, values | {"low": start, "high": end}, prepare=False)
