"""Who may open what: every table, by every role, at every address of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.fields import Edit
from app.engine.registry import discover
from app.engine.resource import Resource
from app.first_start import ROLES
from tests.every.conftest import Company

RESOURCES = list(discover())
every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)


@every_resource
def test_a_list_opens_for_who_may_read_it_and_does_not_exist_for_anybody_else(
    company: Company, resource: Resource
) -> None:
    key, path = company.key(resource), resource.path
    parts = [f"{path}/filters", f"{path}/columns"]
    nowhere = [
        path,
        *parts,
        f"{path}/{key}",
        f"{path}/{key}/history",
        *(f"{path}.{kind}" for kind in ("csv", "xlsx", "json")),
    ]
    for role in ROLES:
        reads = company.view(resource, role).reads
        # What a list is filtered by and shows is put together for every reader alike; the owner sees most of it. One guard
        # stands before all addresses of a table, so one stranger tries them all and the others the first.
        for address in [f"{path}?limit=10", *(parts if role == "owner" else ())] if reads else nowhere:
            part = {"HX-Request-Type": "partial"} if role != "owner" else {}
            assert company.get(address, role, **part).status_code == (200 if reads else 404), (role, address)
        nowhere = nowhere if reads else nowhere[:1]


@every_resource
def test_a_record_opens_with_its_history(company: Company, resource: Resource) -> None:
    place = f"{resource.path}/{company.key(resource)}"
    assert company.get(place).status_code == 200
    assert company.get(f"{place}/history").status_code == 200


@every_resource
def test_the_viewer_reads_but_takes_nothing_out(company: Company, resource: Resource) -> None:
    expected = 403 if company.view(resource, "viewer").reads else 404
    assert company.get(f"{resource.path}.csv", "viewer").status_code == expected


@every_resource
def test_forms_open_for_who_may_write_and_say_why_not_elsewhere(company: Company, resource: Resource) -> None:
    key, view = company.key(resource), company.view(resource)
    lifecycle = resource.lifecycle
    status = row_of(company, resource, key)[lifecycle.field] if lifecycle else None
    changes = view.writes and any(
        not (lifecycle and lifecycle.is_frozen(status, each.name)) for each in view.writable(Edit.FORM)
    )
    for address, may in ((f"{resource.path}/new", view.creates), (f"{resource.path}/{key}/edit", changes)):
        response = company.get(address)
        assert response.status_code == (200 if may else 403), address
        if resource.read_only and not may:
            assert resource.read_only in response.get_data(as_text=True).replace("&#39;", "'")


@every_resource
def test_a_table_kept_by_the_console_refuses_every_write_with_its_reason(company: Company, resource: Resource) -> None:
    if resource.read_only is None:
        return
    key = company.key(resource)
    before = row_of(company, resource, key)
    for address in (f"{resource.path}/new", f"{resource.path}/{key}/edit", f"{resource.path}/{key}/delete"):
        response = company.post(address, {each.name: "x" for each in resource.fields}, Accept="application/json")
        assert (response.status_code, response.json["error"]) == (403, resource.read_only), address
    assert row_of(company, resource, key) == before


@every_resource
def test_who_may_only_read_writes_nothing_by_a_forged_form(company: Company, resource: Resource) -> None:
    key = company.key(resource)
    before = row_of(company, resource, key)
    for role in ("auditor", "viewer"):
        for address in ("new", f"{key}/edit", f"{key}/delete"):
            response = company.post(f"{resource.path}/{address}", {each.name: "1" for each in resource.fields}, role)
            assert response.status_code in (403, 404), (role, address)
    assert row_of(company, resource, key) == before


@every_resource
def test_a_record_of_another_company_is_nowhere(company: Company, resource: Resource) -> None:
    key = company.strangers.get(resource.name)
    if key is None:
        return
    place = f"{resource.path}/{key}"
    for address in (place, f"{place}/history", f"{place}/edit"):
        assert company.get(address).status_code == 404, address
    refused = 404 if resource.read_only is None else 403
    assert company.get(f"{place}/delete").status_code == refused
    assert company.post(f"{place}/delete", {}).status_code == refused
    assert company.post(f"{place}/edit", {"name": "Ours now"}).status_code == 404
    exported = company.get(f"{resource.path}.csv?cols={resource.fields[0].name}").get_data(as_text=True)
    assert f"\n{key}," not in exported
    offered = company.get(f"/lookups/{resource.name}?q={key}", Accept="application/json")
    if offered.status_code == 200:
        assert key not in [each["key"] for each in offered.json]


def test_whoever_is_not_signed_in_sees_nothing_at_all(company: Company) -> None:
    visitor = company.app.test_client()
    for resource in RESOURCES:
        for address in (resource.path, f"{resource.path}.csv", f"{resource.path}/1", f"/lookups/{resource.name}"):
            response = visitor.get(address)
            assert response.status_code == 303, address
            assert response.headers["Location"].startswith("/sign-in")


def test_a_right_table_under_a_wrong_domain_is_no_address(company: Company) -> None:
    assert company.get("/ai/customers").status_code == 404
    assert company.get("/crm/alembic_version").status_code == 404
    assert company.get("/crm/change_entries").status_code == 404


def row_of(company: Company, resource: Resource, key: int) -> dict[str, Any]:
    table = resource.table
    return dict(company.connection.execute(table.select().where(table.c.id == key)).mappings().one())
