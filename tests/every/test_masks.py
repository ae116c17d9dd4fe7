"""What a role may not see is on no page, in no file, in no order and in no answer of any search."""

from __future__ import annotations

import io
import zipfile

import pytest

from app.engine.fields import Reference
from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import PRIVATE, Company

PERSONAL = [resource for resource in discover() if any(each.personal for each in resource.fields)]
POINTING = [
    resource
    for resource in discover()
    if any(isinstance(each, Reference) and each.to in {one.name for one in PERSONAL} for each in resource.fields)
]
every_personal = pytest.mark.parametrize("resource", PERSONAL, ids=lambda each: each.name)
every_reader = pytest.mark.parametrize("role", ["auditor", "viewer"])


def private_on(company: Company, address: str, role: str) -> list[str]:
    """The personal values in an answer, other than the reader's own address, which stands in the account menu."""
    response = company.get(address, role)
    assert response.status_code == 200, address
    text = response.get_data(as_text=True).replace(str(company.actor(role).email), "")
    return [text[max(found.start() - 60, 0) : found.end()] for found in PRIVATE.finditer(text)]


@every_personal
def test_the_owner_sees_them_so_this_search_would_find_them(company: Company, resource: Resource) -> None:
    names = ",".join(each.name for each in resource.fields if each.personal)
    assert private_on(company, f"{resource.path}.json?cols={names}", "owner")


@every_reader
@every_personal
def test_no_page_or_file_of_the_table_holds_a_personal_value(company: Company, resource: Resource, role: str) -> None:
    view = company.view(resource, role)
    if not view.reads:
        return
    assert view.masked
    key = company.key(resource, role)
    every, first = ",".join(view.by_name), view.fields[-1].name
    place = f"{resource.path}/{key}"
    addresses = [f"{resource.path}?cols={every}", f"{resource.path}?cols={first}", resource.path, place, f"{place}/history",
                 f"{place}/explain", f"{resource.path}/filters", f"{resource.path}/columns",
                 f"/lookups/{resource.name}", f"/lookups/{resource.name}?q={key}"]  # fmt: skip
    if company.actor(role).may("export.read"):
        addresses += [f"{resource.path}.csv?cols={every}", f"{resource.path}.json?cols={every}"]
    for address in addresses:
        assert private_on(company, address, role) == [], address


@every_personal
def test_no_workbook_holds_a_personal_value(company: Company, resource: Resource) -> None:
    names = [each.name for each in resource.fields if each.personal]
    book = zipfile.ZipFile(io.BytesIO(company.get(f"{resource.path}.xlsx?cols={','.join(names)}", "auditor").data))
    for part in book.namelist():
        assert not PRIVATE.search(book.read(part).decode(errors="replace")), part


@every_reader
@every_personal
def test_a_masked_field_is_found_by_no_order_no_filter_and_no_search(
    company: Company, resource: Resource, role: str
) -> None:
    view = company.view(resource, role)
    if not view.reads:
        return
    for name in sorted(view.masked):
        operators = resource.field(name).operators
        asked = [f"sort={name}", f"sort=-{name}", *(f"{name}.{op}=qx" for op in operators), f"{name}=qx"]
        for question in asked:
            if question == f"sort={resource.sort}":  # the declared order, less what this role may not see
                assert company.fetch(resource, role, sort=name).query.order == (("id", True),)
                continue
            assert company.get(f"{resource.path}?{question}", role).status_code == 400, question
            if company.actor(role).may("export.read"):
                assert company.get(f"{resource.path}.csv?{question}", role).status_code == 400, question
    assert company.fetch(resource, role, q="qx-private").rows == []
    assert company.get(f"/lookups/{resource.name}?q=qx-private", role, Accept="application/json").json == []


@pytest.mark.parametrize("resource", POINTING, ids=lambda each: each.name)
def test_the_name_of_a_referred_record_is_no_way_around_a_mask(company: Company, resource: Resource) -> None:
    every = ",".join(company.view(resource, "auditor").by_name)
    place = f"{resource.path}/{company.key(resource, 'auditor')}"
    for address in (f"{resource.path}?cols={every}", place, f"{place}/history", f"{resource.path}.csv?cols={every}"):
        assert private_on(company, address, "auditor") == [], address


@pytest.mark.parametrize("resource", POINTING, ids=lambda each: each.name)
def test_a_masked_field_is_found_by_no_filter_through_a_reference(company: Company, resource: Resource) -> None:
    view = company.view(resource, "auditor")
    for each in view.fields:
        target = next((one for one in PERSONAL if isinstance(each, Reference) and one.name == each.to), None)
        if target is None:
            continue
        for name in sorted(company.view(target, "auditor").masked):
            asked = f"{each.name.removesuffix('_id')}.{name}.contains=qx"
            assert company.get(f"{resource.path}?{asked}", "auditor").status_code == 400, asked
            assert company.get(f"{resource.path}/filters?{asked}", "auditor").status_code == 400, asked


def test_the_change_history_names_records_without_their_personal_titles(company: Company) -> None:
    pages = company.connection.exec_driver_sql(
        "SELECT DISTINCT ON (table_name) change_set_id FROM change_entries ORDER BY table_name, change_set_id DESC"
    ).scalars()
    for number in pages.all():
        assert private_on(company, f"/change-sets/{number}", "auditor") == [], number


def test_a_field_with_a_permission_of_its_own_does_not_exist_for_others(company: Company) -> None:
    staff = next(each for each in discover() if each.name == "app_users")
    place = f"{staff.path}/{company.key(staff, 'dispatcher')}"
    assert "Loaded cost" in company.get(place, "owner").get_data(as_text=True)
    for address in (place, f"{place}/history", staff.path, f"{staff.path}/columns", f"{staff.path}/filters"):
        shown = company.get(address, "dispatcher").get_data(as_text=True)
        assert "labor_cost" not in shown, address
        assert "Loaded cost" not in shown, address
    for question in ("sort=labor_cost_hour", "labor_cost_hour.gt=1", "cols=labor_cost_hour"):
        assert company.get(f"{staff.path}?{question}", "dispatcher").status_code == 400, question


def test_secrets_are_shown_to_nobody(company: Company) -> None:
    for resource in discover():
        secrets = [each.name for each in resource.fields if each.type == "secret"]
        if not secrets:
            continue
        address = f"{resource.path}.csv?cols={','.join(secrets)}"
        rows = company.get(address).get_data(as_text=True).splitlines()[1:]
        assert {cell for row in rows for cell in row.split(",")[1:]} <= {"set", ""}, address
        for name in secrets:
            assert company.get(f"{resource.path}?sort={name}").status_code == 400
            assert company.get(f"{resource.path}?{name}=a").status_code == 400
