"""Files of a list: constant memory, exact values, and text that stays text."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import text

from app.core import clock
from app.core.db import db
from app.engine import exports, listing
from app.engine.access import SYSTEM
from app.engine.apply import transaction
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "plain",
    'quote " and, comma',
    "two\nlines",
    "日本",
    "1e5",
    "007",
    "<b>",
    "https://a.example",
]


@pytest.fixture
def query(app: Flask, house: House) -> tuple[listing.ListQuery, Any]:
    for number, name in enumerate(HOSTILE):
        house.given(
            "customers", name=name, status="active", number=f"C-{number:03}", credit_limit="10.10" if number else None
        )
    actor = SYSTEM(house.tenant_id)
    asked = [("cols", "name,credit_limit,status,created_at"), ("sort", "number")]
    return listing.read_query(asked, projection(REGISTRY["customers"], actor), "UTC"), actor


def test_a_csv_reads_back_as_what_was_written_but_for_the_apostrophe_before_formulas(query: Any) -> None:
    whole = "".join(exports.csv_lines(db.engine, *query))
    assert whole.startswith("\ufeff")
    head, *lines = csv.reader(io.StringIO(whole.removeprefix("\ufeff"), newline=""))
    assert head == ["id", "name", "credit_limit", "status", "created_at"]
    assert [line[1] for line in lines] == [f"'{name}" if name[0] in "=+-@\t" else name for name in HOSTILE]
    assert [line[2] for line in lines[:2]] == ["", "10.10"]
    assert all(line[4].endswith("+00:00") for line in lines)


def test_json_holds_the_text_as_it_is_and_money_exactly(query: Any) -> None:
    rows = json.loads("".join(exports.json_lines(db.engine, *query)))
    assert [row["name"] for row in rows] == HOSTILE
    assert [row["credit_limit"] for row in rows[:2]] == [None, "10.10"]


def test_a_workbook_holds_text_as_text_and_numbers_as_numbers(query: Any) -> None:
    book = openpyxl.load_workbook(io.BytesIO(b"".join(exports.xlsx_chunks(db.engine, *query))))
    rows = list(book.active.iter_rows(min_row=2))
    assert [row[1].value for row in rows] == HOSTILE
    assert {row[1].data_type for row in rows} == {"s"}, "no cell is a formula, and none is a link"
    assert all(row[1].hyperlink is None for row in rows)
    assert (rows[1][2].value, rows[1][2].data_type) == (10.1, "n")


def test_an_empty_list_is_a_file_with_heads_alone(query: Any) -> None:
    nothing, actor = query
    nothing = listing.read_query([("name", "nobody"), ("cols", "name")], nothing.projection, "UTC")
    assert "".join(exports.csv_lines(db.engine, nothing, actor)).splitlines() == ["\ufeffid,name"]
    assert json.loads("".join(exports.json_lines(db.engine, nothing, actor))) == []
    assert b"".join(exports.xlsx_chunks(db.engine, nothing, actor)).startswith(b"PK")


def test_twenty_thousand_rows_pass_through_without_being_held(house: House, query: Any) -> None:
    with transaction() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
        connection.execute(
            text(
                "INSERT INTO customers (tenant_id, number, name) SELECT :tenant, 'B-' || n, repeat('x', 100) || n"
                " FROM generate_series(1, 20000) n"
            ),
            {"tenant": house.tenant_id},
        )
    tracemalloc.start()
    written = sum(len(piece) for piece in exports.csv_lines(db.engine, *query))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written > 3_000_000
    assert peak < 6_000_000, "a batch at a time, not the whole list"


def test_a_reader_who_leaves_gives_the_connection_back(query: Any) -> None:
    before = db.engine.pool.checkedout()  # type: ignore[attr-defined]
    pieces = exports.csv_lines(db.engine, *query)
    next(pieces)
    pieces.close()
    assert db.engine.pool.checkedout() == before  # type: ignore[attr-defined]


def test_a_file_is_named_by_what_and_when(query: Any) -> None:
    assert exports.file_name(query[0], "csv", clock.now()).startswith("customers-20")
