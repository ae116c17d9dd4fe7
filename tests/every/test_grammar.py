"""The list grammar, asked of every field of every table: what it knows it answers, what it does not know it refuses in words."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from typing import Any
from urllib.parse import quote

import pytest

from app.engine import keyset
from app.engine.fields import Choice, Count, Date, Email, Field, Flag, Moment, Phone, Reference, SubjectLink, Url, Whole
from app.engine.fields.number import Number
from app.engine.filters import MOST_CLAUSES, parameter
from app.engine.refusals import BadQuery
from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import SEED, Company, one_of_each_kind

every_resource = pytest.mark.parametrize("resource", list(discover()), ids=lambda each: each.name)
OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "between", "contains", "startswith", "null")


def plausible(each: Field, op: str) -> str:
    if op == "null":
        return "true"
    if isinstance(each, Choice):
        value = each.values[0]
    elif isinstance(each, Flag):
        value = "yes"
    elif isinstance(each, Date | Moment):
        value = "month"
    elif isinstance(each, Number | Reference | SubjectLink | Whole):
        value = "1"
    elif op in ("contains", "startswith"):
        value = "a%_\\'"
    elif isinstance(each, Url):
        value = "https://example.com"
    elif isinstance(each, Email):
        value = "a@example.com"
    else:
        value = "+13035550142" if isinstance(each, Phone) else "a"
    return f"{value},{value}" if op in ("in", "between") else value


@every_resource
def test_a_field_of_every_kind_answers_its_operators(company: Company, resource: Resource) -> None:
    fields = one_of_each_kind(resource, company.view(resource).filterable)
    asked = [
        (parameter(each.name, op), plausible(each, op)) for op in OPERATORS for each in fields if op in each.operators
    ]
    for start in range(0, len(asked), MOST_CLAUSES):
        company.fetch(resource, limit="10", **dict(asked[start : start + MOST_CLAUSES]))


@every_resource
def test_a_value_taken_from_a_row_finds_that_row(company: Company, resource: Resource) -> None:
    view = company.view(resource)
    fields = one_of_each_kind(resource, (each for each in view.filterable if "eq" in each.operators))
    page = company.fetch(resource, limit="10", cols=",".join(each.name for each in fields))
    row = page.rows[0]
    for each in fields:
        value = row[page.layout.index[each.name]]
        if value in (None, "", []) or (isinstance(value, str) and (value != value.strip() or len(value) > 1_000)):
            continue
        typed = each.typed(value[:1] if isinstance(value, list) else value)
        found = company.fetch(resource, limit="50", **{parameter(each.name, "eq"): typed})
        others = company.fetch(resource, limit="50", **{f"{each.name}.ne": typed}) if "ne" in each.operators else None
        keys = [one[found.layout.key] for one in found.rows]
        assert keys, each.name
        assert len(keys) == 50 or row[page.layout.key] in keys, each.name
        if others is not None:
            assert not set(keys) & {one[others.layout.key] for one in others.rows}, each.name


def refused(company: Company, resource: Resource, question: str, seen: bool = False) -> str:
    """The sentence a list refuses a question with; `seen`: as a browser is told it."""
    if seen:
        response = company.get(f"{resource.path}?{question}", Accept="application/json")
        assert response.status_code == 400, (resource.path, question, response.status_code)
        assert response.json["error"] == refused(company, resource, question)
    with pytest.raises(BadQuery) as said:
        company.ask(resource, question)
    assert said.value.sentence.endswith("."), said.value.sentence
    return said.value.sentence


@every_resource
def test_what_the_list_does_not_know_is_refused_in_words(company: Company, resource: Resource) -> None:
    for seen, question in enumerate((
        "nonsense=1", "tenant_id=2", "id.gt=1", "password_hash.startswith=a", "sort=nonsense", "sort=-tenant_id", "sort=id;drop",
        "cols=nonsense", "cols=id", "scope=nonsense", "limit=9", "limit=201", "limit=1e3", "limit=²", "limit=-10",
        "sort=id,id,id,id,-", "q=%00", f"q={'x' * 201}",
    )):  # fmt: skip
        assert refused(company, resource, question, seen=not seen)
    for each in one_of_each_kind(resource, company.view(resource).filterable):
        assert "use " in refused(company, resource, f"{each.name}.like=1")
        absent = next(
            op for op in ("gt", "startswith", "between") if op not in each.operators or each.type == "subject"
        )
        if absent not in each.operators:
            assert each.title in refused(company, resource, f"{each.name}.{absent}=1")


BAD_DATES = ("yesterdayish", "2026-13-01", "2026-02-30", "-99999d", "+9999year", "0000-01-01", "0001-01-01T00:00:00+05:00",
             "9999-12-31T23:59:59-07:00", "-9999year", "\x00")  # fmt: skip
BAD_NUMBERS = ("abc", "1.2.3", "NaN", "Infinity", "1e30", "--1", "0x10", "\x00")


@every_resource
def test_a_value_of_the_wrong_kind_is_refused_in_words(company: Company, resource: Resource) -> None:
    for each in one_of_each_kind(resource, company.view(resource).filterable):
        bad: tuple[str, ...] = ()
        if isinstance(each, Choice):
            bad = ("nonsense", "' OR 1=1 --")
        elif isinstance(each, Flag):
            bad = ("perhaps",)
        elif isinstance(each, Date | Moment):
            bad = BAD_DATES
        elif isinstance(each, Count):
            bad = (*BAD_NUMBERS, "1.5")
        elif isinstance(each, Number):
            bad = BAD_NUMBERS
        elif isinstance(each, Reference | SubjectLink) and "eq" in each.operators:
            bad = ("abc", "9" * 30, "1 OR 1=1", "\x00")
        for value in bad:
            question = f"{parameter(each.name, 'eq')}={quote(value)}"
            assert refused(company, resource, question, seen=value is bad[-1]), (each.name, value)
        if "between" in each.operators:
            assert "between two values" in refused(company, resource, f"{each.name}.between=1")
        if "null" in each.operators:
            assert refused(company, resource, f"{each.name}.null=perhaps")


def forged(order: str, *values: Any) -> str:
    packed = json.dumps([order, list(values)]).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


@every_resource
def test_a_forged_cursor_is_a_bad_address_and_never_an_error(company: Company, resource: Resource) -> None:
    first = resource.fields[0].name
    sortable = company.view(resource).sortable
    for each in one_of_each_kind(resource, (field for field in resource.fields if field.name in sortable)):
        name = each.name
        for value in random.Random(f"{SEED}/{resource.name}/{name}").sample(("x", 1, True, "\ud800", 10**30), 2):
            with contextlib.suppress(BadQuery):
                company.fetch(resource, cols=first, limit="10", sort=name, after=forged(name, value, 1))
    assert company.get(f"{resource.path}?sort={first}&after={forged(first, 'x', 'x')}").status_code in (200, 400)
    order = company.fetch(resource).query.sort_text
    deep = base64.urlsafe_b64encode(b"[" * 20_000).decode()
    for cursor in ("x", "end", "%%%", deep, forged(order), forged("other", 1), forged(order, [1], 1), forged(order, {}, 1),
                   base64.urlsafe_b64encode(b"\xff\xfe").decode(), forged(order, *["a"] * 9, None)):  # fmt: skip
        assert refused(company, resource, f"after={quote(cursor)}", seen=cursor == deep)


def test_a_cursor_of_another_order_is_refused(company: Company) -> None:
    customers = next(each for each in discover() if each.name == "customers")
    page = company.fetch(customers, limit="10", sort="name")
    assert page.next
    assert company.get(f"{customers.path}?sort=name&after={page.next}").status_code == 200
    assert "another order" in refused(company, customers, f"sort=-name&after={page.next}", seen=True)
    assert refused(company, customers, f"sort=name&after={page.next[:-5]}")
    assert keyset.decode("name", page.next, 2)
