"""A list taken out as a file is the list on the screen: the same rows in the same order, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from app.engine import exports
from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import Company

# The list of copies that were taken out grows by the very copy that is taken of it.
every_resource = pytest.mark.parametrize(
    "resource", [each for each in discover() if each.name != "data_exports"], ids=lambda each: each.name
)


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@every_resource
def test_the_csv_holds_the_cells_of_the_list_in_its_order(company: Company, resource: Resource) -> None:
    every = ",".join(each.name for each in resource.fields)
    page = company.fetch(resource, limit="50", cols=every)
    head, *lines = table(company.get(f"{resource.path}.csv?cols={every}").get_data(as_text=True))
    assert head[0] == "id"
    assert [int(line[0]) for line in lines[: len(page.rows)]] == [row[page.layout.key] for row in page.rows]
    for row, line in list(zip(page.rows, lines, strict=False))[:10]:
        cells = dict(zip(head, line, strict=True))
        for each in resource.fields:
            assert cells[each.name] == as_text(exports.safe(each.out(row[page.layout.index[each.name]]))), each.name


def as_text(value: Any) -> str:
    """As the csv module writes it."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([value, ""])
    return str(next(csv.reader(io.StringIO(buffer.getvalue(), newline="")))[0])


@every_resource
def test_filters_and_order_hold_in_every_kind_of_file(company: Company, resource: Resource) -> None:
    name = next(each.name for each in company.view(resource).listed)
    question = f"sort=id&{name}.null=false&cols={name}"
    page = company.fetch(resource, limit="200", sort="id", cols=name, **{f"{name}.null": "false"})
    keys = [row[page.layout.key] for row in page.rows]
    files = {kind: company.get(f"{resource.path}.{kind}?{question}") for kind in ("csv", "json", "xlsx")}
    for kind, start in (("csv", b"\xef\xbb\xbfid,"), ("json", b"["), ("xlsx", b"PK")):
        assert files[kind].status_code == 200 and files[kind].data.startswith(start), kind
        assert "attachment" in files[kind].headers["Content-Disposition"], kind
    found = [int(line[0]) for line in table(files["csv"].get_data(as_text=True))[1:]]
    assert found[:200] == keys
    assert [each["id"] for each in json.loads(files["json"].data)] == found


def test_a_file_has_the_whole_list_whatever_page_was_on_the_screen(company: Company) -> None:
    jobs = next(each for each in discover() if each.name == "jobs")
    page = company.fetch(jobs, limit="10")
    whole = company.get(f"{jobs.path}.csv?cols=title").get_data(as_text=True)
    assert company.get(f"{jobs.path}.csv?cols=title&limit=10&after={page.next}").get_data(as_text=True) == whole
    assert len(table(whole)) > 500


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_becomes_text(value: str) -> None:
    assert exports.safe(value) == f"'{value}"


def test_numbers_dates_and_plain_text_stay_as_they_are() -> None:
    for value in (-1, -1.5, None, True, "", "a=1", "303-555-0142", " =1"):
        assert exports.safe(value) == value
