"""Every ready-made list and every computed column of the business tables can really be asked of PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.access import SYSTEM
from app.engine.listing import fetch, read_query
from app.engine.projection import projection
from app.engine.registry import discover
from app.roles import PERMISSIONS

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


def test_every_move_asks_for_a_permission_a_role_can_hold() -> None:
    asked = {
        (resource.name, move.key, permission)
        for resource in discover()
        for move in (*(resource.lifecycle.transitions if resource.lifecycle else ()), *resource.actions)
        for permission in (move.may, *getattr(move, "also", ()))
    }
    assert {each for each in asked if each[2] not in PERMISSIONS} == set()
