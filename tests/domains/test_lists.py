"""Every ready-made list and every computed column of the business tables can really be asked of PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.access import SYSTEM
from app.engine.listing import fetch, read_query
from app.engine.projection import projection
from app.engine.registry import discover

LISTS = [
    (resource.name, scope)
    for resource in discover()
    if resource.domain in ("crm", "tasks")
    for scope in (None, *resource.scopes)
]


@pytest.mark.parametrize(("table", "scope"), LISTS)
def test_a_list_opens_with_all_its_columns(house: Any, table: str, scope: str | None) -> None:
    resource = discover()[table]
    actor = SYSTEM(house.tenant_id)
    asked = [("cols", ",".join(each.name for each in resource.fields)), *([("scope", scope)] if scope else [])]
    query = read_query(asked, projection(resource, actor), "America/Denver")
    assert fetch(house.connection, query, actor, count=True).rows == []
