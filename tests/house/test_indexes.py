"""Every list opens by walking an index in its declared order, so that its first page costs the same at any size."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from app.engine import listing
from app.engine.access import Actor
from app.engine.projection import projection
from app.engine.registry import discover
from app.engine.resource import Resource

# What stays small by its nature, or belongs to no company: sorting it costs nothing, an index would cost every write.
SMALL = frozenset({
    "ai_agents", "app_user_roles", "ai_model_prices", "roles", "sessions", "users", "user_profiles", "auth_tokens", "saved_views",
    "number_sequences", "tenants", "atlas_entries", "lead_scoring_rules", "customer_segments", "landing_pages", "ad_campaigns",
    "automation_templates", "ai_automation_rules", "workflow_automations", "workflow_definitions", "task_templates", "workers",
    "cron_jobs",
})  # fmt: skip


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(inner for each in plan.get("Plans", ()) for inner in nodes(each))]


@pytest.mark.parametrize(
    "resource", [each for each in discover() if each.name not in SMALL], ids=lambda each: each.name
)
def test_the_declared_order_is_an_index(connection: Connection, resource: Resource) -> None:
    reader = Actor(1, 1, 1, "Rae", permissions=frozenset({resource.permission("read")}))
    query = listing.read_query([("cols", resource.fields[0].name)], projection(resource, reader), "UTC")
    prepared = listing._prepared(query, reader, listing.sort_keys(query), None, False)
    given = dict(prepared.constants) | listing.values(query, reader) | {"n": 51}
    for other_way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
        connection.exec_driver_sql(f"SET LOCAL enable_{other_way} = off")
    plan = listing.run(connection, f"EXPLAIN (FORMAT JSON) {prepared.sql}", given)[0][0][0]["Plan"]
    # The finished page may be sorted once more when titles are joined to it; the table itself may not be.
    pages = [each for each in nodes(plan) if each["Node Type"] == "Limit" and _reads(each, resource.name)]
    assert pages
    for page in pages:
        below = [each["Node Type"] for each in nodes(page)]
        if below.count("Limit") == 1:  # the innermost cut, where the rows come from
            assert not {"Sort", "Incremental Sort", "Seq Scan", "Bitmap Heap Scan"} & set(below), below


def _reads(plan: dict[str, Any], table: str) -> bool:
    return any(each.get("Relation Name") == table for each in nodes(plan))
