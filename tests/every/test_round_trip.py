"""What a list gives as a file and gets back unchanged is all there already; a list that takes no file says why."""

from __future__ import annotations

import csv
import io
import random
import re

import pytest
from markupsafe import escape
from sqlalchemy import text

from app.core.db import db
from app.engine import exports, listing
from app.engine.apply import transaction
from app.engine.importing import applying, files, runs
from app.engine.importing.mapping import ColumnMapping
from app.engine.importing.matching import closed
from app.engine.refusals import Rejected
from app.engine.registry import discover
from app.engine.resource import Resource
from app.first_start import ROLES
from tests.every.conftest import SEED, Company

ROWS = 12
CLOSED = {each.name: why for each in discover() if (why := closed(each)) is not None}
every_open = pytest.mark.parametrize(
    "resource", [each for each in discover() if each.name not in CLOSED], ids=lambda each: each.name
)
WORKBOOKS = ("automations", "subscriptions")
"""Lists with fields of many kinds and few rows: a workbook is read in whole."""


def exported(company: Company, resource: Resource, role: str) -> listing.ListQuery:
    """The list with every column that role can choose."""
    view, actor = company.view(resource, role), company.actor(role)
    return listing.read_query([("cols", ",".join(each.name for each in view.fields))], view, actor.timezone)


def some_rows(lines: str, dice: random.Random) -> bytes:
    head, *rows = csv.reader(io.StringIO(lines.removeprefix("\ufeff"), newline=""))
    kept = io.StringIO()
    csv.writer(kept).writerows([head, *dice.sample(rows, min(ROWS, len(rows)))])
    return kept.getvalue().encode()


def brought_in(company: Company, resource: Resource, role: str, name: str, content: bytes) -> runs.Run:
    """Sent, read, named and found as the wizard proposes by itself, and rehearsed; an empty cell empties its field."""
    actor = company.actor(role)
    with transaction() as connection:
        number = files.receive(connection, actor, resource, name, [content], "")
        run = runs.find(connection, number, actor.tenant_id)
        sheet = run.sheets[0]
        mapping = ColumnMapping.read(sheet.mapping)
        files.choose(connection, run, actor, mapping, source=run.source, mode=sheet.mode, key=sheet.key, blanks="clear")
        files.to_read(connection, run)
    return files.read_and_rehearse(number, actor)


def is_all_there(company: Company, resource: Resource, role: str, run: runs.Run) -> None:
    with db.engine.connect() as connection:
        odd = [
            (each.outcome, each.column, each.why, each.before, each.after)
            for outcome in ("creates", "changes", "conflicts", "refused")
            for each in runs.rows(connection, run.sheets[0].id, outcome, limit=2)
        ]
    assert (run.total > 0, run.already, run.noted, odd) == (True, run.total, 0, []), (resource.name, role, SEED)
    with transaction() as connection, pytest.raises(Rejected, match="all of it is here already"):
        applying.begin(connection, run, company.actor(role), "again", None, None)


def ledger() -> int | None:
    with db.engine.connect() as connection:
        last: int | None = connection.execute(text("SELECT max(id) FROM change_sets")).scalar()
        return last


@every_open
def test_what_is_brought_back_unchanged_is_all_there_already(company: Company, resource: Resource) -> None:
    print(f"TEST_SEED={SEED}")
    dice = random.Random(f"{SEED}/{resource.name}")
    role = dice.choice([each for each in ROLES if files.may_import(company.view(resource, each))])
    query = exported(company, resource, role)
    lines = next(exports.csv_lines(db.engine, query, company.actor(role)))
    before = ledger()
    run = brought_in(company, resource, role, "back.csv", some_rows(lines, dice))
    is_all_there(company, resource, role, run)
    assert ledger() == before


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_workbook_comes_back_as_it_went(company: Company, name: str) -> None:
    resource = next(each for each in discover() if each.name == name)
    content = b"".join(exports.xlsx_chunks(db.engine, exported(company, resource, "owner"), company.actor()))
    is_all_there(company, resource, "owner", brought_in(company, resource, "owner", "back.xlsx", content))


def test_what_is_given_once_is_not_changed_by_a_file_that_says_otherwise(company: Company) -> None:
    resource = next(each for each in discover() if each.name == "task_dependencies")
    query = exported(company, resource, "owner")
    head, first, *_ = csv.reader(io.StringIO(next(exports.csv_lines(db.engine, query, company.actor()))[1:]))
    first[head.index("lag_minutes")] = "77"
    content = "\n".join(map(",".join, (head, first))).encode()
    run = brought_in(company, resource, "owner", "changed.csv", content)
    with db.engine.connect() as connection:
        (row,) = runs.rows(connection, run.sheets[0].id)
    assert (row.outcome, row.column) == ("refused", "lag_minutes")
    assert row.why == "It is given once, when the record is made, and cannot be changed here."


def test_a_list_that_takes_no_file_has_no_door_and_says_why(company: Company) -> None:
    print(f"TEST_SEED={SEED}")
    told = company.get("/imports/new").get_data(as_text=True)
    offered = set(re.findall(r'<option value="(\w+)"', told.partition('id="f-table"')[2].partition("</select>")[0]))
    assert offered == {each.name for each in discover() if each.name not in CLOSED}
    resources = {each.name: each for each in discover()}
    for name, why in CLOSED.items():
        assert why.endswith(".") and len(why) > 20, name
    for name in random.Random(SEED).sample(sorted(CLOSED), 3):
        at = f"/imports/new?table={name}"
        page = company.get(at).get_data(as_text=True)
        assert page.count(escaped(CLOSED[name])) == 2, "above the form, and among all that take none"
        assert at not in company.get(resources[name].path).get_data(as_text=True), name


def escaped(words: str) -> str:
    return str(escape(words))


def test_a_list_a_role_does_not_read_is_as_one_that_is_not_there(company: Company) -> None:
    unseen = next(each for each in discover() if each.name in CLOSED and not company.view(each, "sales").reads)
    page = company.get(f"/imports/new?table={unseen.name}", "sales").get_data(as_text=True)
    assert f"None of your lists is called {unseen.name}." in page
    assert escaped(CLOSED[unseen.name]) not in page
