"""Every table over the API: for who may read it whole, masked where its pages are, and no address for anybody else."""

from __future__ import annotations

import pytest

from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import PRIVATE, Company
from tests.web.program import Program, key_of

RESOURCES = list(discover())


@pytest.fixture(scope="module")
def programs(company: Company) -> dict[str, Program]:
    """A key for everything each of three people may do."""
    roles = ("owner", "auditor", "viewer")
    return {role: Program(company.app.test_client(), key_of(company.actor(role), rate=100_000)) for role in roles}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_a_table_is_read_over_the_api_by_the_rights_of_its_pages(
    company: Company, programs: dict[str, Program], resource: Resource
) -> None:
    place, key = f"/{resource.domain}/{resource.name}", company.key(resource)
    listed = programs["owner"].get(f"{place}?limit=10")
    assert listed.status_code == 200 and listed.json["data"][0]["id"] == key
    record = programs["owner"].get(f"{place}/{key}")
    assert record.status_code == 200
    assert record.json.keys() >= {"id", "version", "href", *(each.name for each in resource.fields)}
    assert programs["owner"].get(f"{place}/{key}", If_None_Match=record.headers["ETag"]).status_code == 304
    assert programs["viewer"].get(place).status_code == (200 if company.view(resource, "viewer").reads else 404)
    masked = programs["auditor"].get(f"{place}/{company.key(resource, 'auditor')}")
    assert masked.status_code == 200 and PRIVATE.findall(masked.get_data(as_text=True)) == []
    if resource.table.c.get("tenant_id") is not None and resource.name in company.strangers:
        assert programs["owner"].get(f"{place}/{company.strangers[resource.name]}").status_code == 404
