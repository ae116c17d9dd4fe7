"""Imports: rehearsed in earnest and taken back, then applied exactly so; three ways, undone as one, never by halves."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import db
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.importing import applying, matching, rehearsal, runs
from app.engine.importing.matching import Context
from app.engine.importing.runs import Given, Ref, Run
from app.engine.refusals import Rejected
from tests.domains.conftest import House, house

__all__ = ["house"]


@pytest.fixture
def olga(house: House) -> Actor:
    return house.person("Olga", "*.*")


def row(n: int, key: str | None, /, **given: Any) -> Given:
    return Given(n + 1, key, {"key": key or "", **{name: str(value) for name, value in given.items()}}, given)


def rehearsed(actor: Actor, *sheets: tuple[str, Iterable[Given]], source: str = "centerpoint", **how: Any) -> Run:
    with transaction() as connection:
        number = runs.begin(connection, actor, source=source, title="A file")
        for table, rows in sheets:
            runs.hand_in(connection, runs.add_sheet(connection, number, table, file_name=f"{table}.csv", **how), rows)
        runs.to_rehearse(connection, number)
    return rehearsal.rehearse(number, actor)


def applied(run: Run, actor: Actor, reason: str = "the move from CenterPoint") -> Run:
    with transaction() as connection:
        applying.begin(connection, run, actor, reason, "req-1", None)
    return applying.carry_out(run.id, actor)


def found(house: House, table: str, **values: Any) -> list[dict[str, Any]]:
    where = " AND ".join(f"{name} = :{name}" for name in values)
    with db.engine.connect() as connection:
        rows = connection.execute(
            text(f"SELECT * FROM {table} WHERE tenant_id = :tenant AND {where} ORDER BY id"),
            {"tenant": house.tenant_id, **values},
        )
        return [dict(each._mapping) for each in rows]


def shown(run: Run, place: int = 0) -> list[runs.RowFound]:
    with db.engine.connect() as connection:
        return runs.rows(connection, run.sheets[place].id, limit=1000)


def test_a_newer_export_is_merged_three_ways_and_an_unchanged_one_writes_nothing(house: House, olga: Actor) -> None:
    town = secrets.token_hex(4)
    source = secrets.token_hex(4)
    first = [
        row(1, "00001", name="Acme Roofing", bill_city=town, notes="old"),
        row(2, "00002", name="Birch HOA", bill_city=town, tags=["hail"]),
        row(3, "00003", name="", bill_city=town),
        Given(5, "00004", {"key": "00004"}, refused=("E-mail", "“x” is no address.")),
        row(5, "00001", name="Acme twice"),
    ]
    run = rehearsed(olga, ("customers", first), source=source)
    assert (run.creates, run.changes, run.refused, run.state) == (2, 0, 3, "ready")
    assert not found(house, "customers", bill_city=town), "nothing is written before Apply"
    whys = {each.row_no: each.why for each in shown(run) if each.outcome == "refused"}
    assert whys == {4: "Customer cannot stay empty.", 5: "“x” is no address.", 6: "Row 2 has the same key, 00001."}

    run = applied(run, olga)
    assert (run.state, run.applied) == ("done", 2)
    acme, birch = found(house, "customers", bill_city=town)
    assert (acme["name"], acme["external_id"], acme["created_by"]) == ("Acme Roofing", "00001", olga.app_user_id)
    assert acme["number"] != birch["number"]

    again = rehearsed(olga, ("customers", first[:2]), source=source)
    assert (again.already, again.writing) == (2, 0)
    with pytest.raises(Rejected, match="nothing to apply"):
        applied(again, olga)

    house.edit("Olga", "customers", acme["id"], notes="ours", bill_city=town + " ours")
    newer = [
        row(1, "00001", name="Acme Roofing Inc", bill_city=town + " theirs", notes="old"),
        row(2, "00002", name="Birch HOA", bill_city=town, tags=["hail"], notes="new"),
    ]
    run = rehearsed(olga, ("customers", newer), source=source)
    assert (run.conflicts, run.changes) == (1, 1)
    run = applied(run, olga)
    (acme,) = found(house, "customers", id=acme["id"])
    assert (acme["name"], acme["notes"], acme["bill_city"]) == ("Acme Roofing Inc", "ours", town + " ours")
    (conflict,) = found(house, "source_conflicts", record_id=acme["id"], table_name="customers")
    assert (conflict["column"], conflict["said_before"], conflict["theirs"], conflict["ours"], conflict["state"]) == (
        "bill_city", town, town + " theirs", town + " ours", "open",
    )  # fmt: skip
    assert rehearsed(olga, ("customers", newer), source=source).writing == 0, (
        "what waits for a person is not asked twice"
    )


def test_rows_of_later_sheets_refer_to_rows_of_earlier_ones(house: House, olga: Actor) -> None:
    town = secrets.token_hex(4)
    customers = [row(1, "C1", name="Acme", bill_city=town), row(2, "C2", name="", bill_city=town)]
    properties = [
        row(1, "P1", name="Main hall", line1="1 Elm", city=town, region="CO", postal="80202",
            customer_id=Ref("customers", "source", "C1")),
        row(2, "P2", name="Shed", line1="2 Elm", city=town, region="CO", postal="80202",
            customer_id=Ref("customers", "source", "C2")),
        row(3, "P3", name="Barn", line1="3 Elm", city=town, region="CO", postal="80202",
            customer_id=Ref("customers", "source", "C9")),
    ]  # fmt: skip
    run = rehearsed(olga, ("customers", customers), ("properties", properties), source=town)
    assert (run.creates, run.refused) == (2, 3)
    whys = [each.why for each in shown(run, 1)]
    assert whys == [
        None,
        "The customer “C2” it belongs to was refused itself (row 3).",
        "There is no customer “C9”.",
    ]
    run = applied(run, olga)
    (acme,), (hall,) = found(house, "customers", bill_city=town), found(house, "properties", city=town)
    assert hall["customer_id"] == acme["id"]
    assert run.applied == 2


def test_what_was_stopped_goes_on_where_it_stood_and_is_one_change_to_undo(
    house: House, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, source = secrets.token_hex(4), secrets.token_hex(4)
    monkeypatch.setattr(runs, "BATCH", 3)
    rows = [row(n, f"{n:05}", name=f"Customer {n}", bill_city=town) for n in range(1, 9)]
    run = rehearsed(olga, ("customers", rows), source=source)
    with transaction() as connection:
        applying.begin(connection, run, olga, "the move", None, None)
        taken_up = text("UPDATE imports SET attempt = attempt + 1 WHERE id = :id RETURNING attempt")
        attempt = connection.execute(taken_up, {"id": run.id}).scalar_one()
    assert applying._batch(Context(run, run.sheets[0], olga), attempt), "a worker that dies after its first batch"
    assert len(found(house, "customers", bill_city=town)) == 3
    run = applying.carry_out(run.id, olga)
    assert (run.state, run.applied, run.left_out) == ("done", 8, 0)
    numbers = [each["number"] for each in found(house, "customers", bill_city=town)]
    assert len(set(numbers)) == 8 and not any("~" in each for each in numbers)
    with db.engine.connect() as connection:
        made = runs.sets(connection, run)
        first = min(each.change_set_id for each in made)
        groups = text("SELECT DISTINCT group_id FROM change_sets WHERE id = ANY(:sets) AND id <> :first")
        grouped = (
            connection.execute(groups, {"sets": [each.change_set_id for each in made], "first": first}).scalars().all()
        )
    assert (len(made), list(grouped)) == (3, [first])


def test_what_one_batch_holds_while_the_other_asks_for_it_is_looked_at_afterwards(
    house: House, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two customers of a source became one: its rows of both mean the same record, from two batches at a time."""
    town, source = secrets.token_hex(4), secrets.token_hex(4)
    first = [row(n, f"{n:05}", name=f"Customer {n}", bill_city=town) for n in (1, 2)]
    applied(rehearsed(olga, ("customers", first), source=source), olga)
    one, two = found(house, "customers", bill_city=town)
    with transaction() as connection:
        merged = text("UPDATE customers SET status = 'merged', merged_into_id = :one WHERE id = :two")
        connection.execute(merged, {"one": one["id"], "two": two["id"]})
    monkeypatch.setattr(runs, "BATCH", 1)
    both = threading.Barrier(2)
    hold = matching._hold

    def held(*asked: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(5)
        rows = hold(*asked)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(5)
        both.abort()
        return rows

    monkeypatch.setattr(matching, "_hold", held)
    newer = [
        row(1, "00001", name="Customer 1", bill_city=town, notes="new"),
        row(2, "00002", name="Customer 2", bill_city=town, website="https://two.example"),
    ]
    run = rehearsed(olga, ("customers", newer), source=source)
    assert [(each.outcome, each.record_id) for each in shown(run)] == [("changes", one["id"])] * 2


def test_what_was_weighed_ahead_is_weighed_again_where_somebody_was_quicker(
    house: House, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, source = secrets.token_hex(4), secrets.token_hex(4)
    monkeypatch.setattr(runs, "BATCH", 2)
    rows = [row(n, f"{n:05}", name=f"Customer {n}", bill_city=town) for n in range(1, 7)]
    mine = rehearsed(olga, ("customers", rows), source=source)
    theirs = rehearsed(olga, ("customers", rows[3:4]), source=source)
    foresee = applying.foresee
    quicker = iter([theirs])

    def foreseen(connection: Any, context: Context, rows: Any) -> Any:
        ahead = foresee(connection, context, rows)
        if any(each.source_key == "00004" for each in rows) and (run := next(quicker, None)):
            applied(run, olga)
        return ahead

    monkeypatch.setattr(applying, "foresee", foreseen)
    run = applied(mine, olga)
    assert (run.state, run.applied, run.left_out) == ("done", 5, 1)
    (left,) = (each for each in shown(run) if each.outcome == "left_out")
    assert (left.source_key, left.why) == ("00004", "It would become something else than was shown.")
    assert len(found(house, "customers", bill_city=town)) == 6
