"""What engineers asked at the SQL desk: the queries they kept, and what was sent over the last days."""

from __future__ import annotations

from datetime import timedelta

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

# Owner, name, what for, statement, parameters, shared.
KEPT: tuple[tuple[str, str, str, str, tuple[str, ...], bool], ...] = (
    ("Ingrid Solheim", "Open balance by city", "Which towns owe us most",
     "SELECT bill_city, sum(open_balance) AS owed\nFROM customers\nWHERE open_balance > 0\n"
     "GROUP BY bill_city\nORDER BY owed DESC",
     (), True),
    ("Ingrid Solheim", "Customers in a city", "To fix what was imported under a wrong city",
     "SELECT id, name, bill_city, bill_postal\nFROM customers\nWHERE bill_city = :city\nORDER BY name", ("city",), True),
    ("Owen Prescott", "Spend on models by day", "The chart for Monday",
     "SELECT date_trunc('day', started_at)::date AS day, round(sum(total_cost), 2) AS spent\nFROM ai_calls\n"
     "WHERE started_at > now() - interval '30 days'\nGROUP BY 1\nORDER BY 1", (), False),
)  # fmt: skip

# Who, days ago, kept query by its place or none, shape, tables, what came of it, why, rows, milliseconds.
SENT: tuple[tuple[str, int, int | None, str, tuple[str, ...], str, str | None, int | None, int], ...] = (
    ("Ingrid Solheim", 1, 0, "", ("customers",), "done", None, 41, 12),
    ("Ingrid Solheim", 1, 1, "", ("customers",), "done", None, 14, 6),
    ("Owen Prescott", 2, 2, "", ("ai_calls",), "done", None, 31, 48),
    ("Ingrid Solheim", 3, None, "SELECT * FROM pg_stat_activity", (), "refused",
     "There is no table “pg_stat_activity” at the desk, or your role does not show it whole.", None, 0),
    ("Owen Prescott", 4, None, "SELECT count(*) FROM ai_calls AS a, ai_calls AS b", ("ai_calls",), "timed_out",
     "It took longer than 10 seconds and was stopped. Narrow it, or give it more time.", None, 10_004),
)  # fmt: skip


def questions(world: World) -> None:
    """Kept queries, and the log of what was sent."""
    kept = world.write("sql_queries", [
        {"app_user_id": world.staff[who], "name": name, "about": about, "statement": statement,
         "parameters": list(parameters), "shared": shared}
        for who, name, about, statement, parameters, shared in KEPT
    ])  # fmt: skip
    sent: list[Record] = []
    for place, (who, ago, query, shape, tables, outcome, why, rows, took) in enumerate(SENT):
        at = world.local(-ago, 9 + place, 20)
        statement = shape if query is None else KEPT[query][3]
        sent.append({
            "created_at": at, "app_user_id": world.staff[who], "query_id": None if query is None else kept[query]["id"],
            "kind": "run", "statement": statement, "shape": " ".join((shape or statement).split()), "parameters": Jsonb({}),
            "tables": list(tables), "masked": [], "outcome": outcome, "why": why, "row_count": rows, "duration_ms": took,
            "time_limit": 10, "ended_at": at + timedelta(milliseconds=took), "request_id": None,
        })  # fmt: skip
    world.write("sql_runs", sent)
