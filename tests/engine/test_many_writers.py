"""Sixteen people over fifty records: whatever was sent was either written or its sender was told, and nobody's work was lost."""

from __future__ import annotations

import os
import random
import threading

import pytest
from flask import current_app
from sqlalchemy import text

from app.core.db import db
from app.engine.apply import apply
from app.engine.plan import plan_edit
from app.engine.refusals import Stale
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]

SEED = int(os.environ.get("TEST_SEED", random.randrange(10**6)))
WRITERS, RECORDS, EACH = 16, 50, 6
FIELDS = ("bill_city", "website", "notes")

Sent = tuple[int, str, int, int | None]
"""(record, field, the version that was looked at, the change set or None when told of a conflict)"""


def test_sixteen_writers_overwrite_nobody_silently(house: House) -> None:
    print(f"TEST_SEED={SEED}")
    customers = REGISTRY["customers"]
    keys = [house.given("customers", name=f"C{n}") for n in range(RECORDS)]
    people = [house.person(f"Writer {n}", "customers.*") for n in range(WRITERS)]
    application = current_app._get_current_object()  # type: ignore[attr-defined]
    sent: list[Sent] = []
    faults: list[BaseException] = []

    def write(number: int) -> None:
        chance = random.Random(f"{SEED} {number}")
        try:
            with application.app_context():
                for turn in range(EACH):
                    key, name = chance.choice(keys[:: chance.choice([1, 10])]), chance.choice(FIELDS)
                    with db.engine.connect() as connection:
                        seen = int(
                            connection.execute(
                                text("SELECT version FROM customers WHERE id = :k"), {"k": key}
                            ).scalar_one()
                        )
                    try:
                        # What others do meanwhile is merged or told of when the plan is made, and Stale when it is written.
                        with db.engine.connect() as connection:
                            value = f"https://{number}-{turn}.example"
                            plan = plan_edit(connection, customers, key, {name: value}, seen, people[number])
                        receipt = apply(plan, people[number])
                        sent.append((key, name, seen, receipt.change_set))
                    except Stale:
                        sent.append((key, name, seen, None))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == []
    assert len(sent) == WRITERS * EACH
    written = {number: (key, name, seen) for key, name, seen, number in sent if number is not None}
    entries = house.connection.execute(
        text(
            "SELECT change_set_id, record_id, (after ->> 'version')::int AS version, after FROM change_entries"
            " WHERE table_name = 'customers' AND operation = 'update' AND record_id = ANY(CAST(:keys AS text[])) ORDER BY id"
        ),
        {"keys": list(map(str, keys))},
    ).all()
    # Acknowledged is what the ledger has: nothing more, nothing less.
    assert {each.change_set_id for each in entries} == set(written)
    for each in entries:
        _key, name, seen = written[each.change_set_id]
        between = [
            other
            for other in entries
            if other.record_id == each.record_id and seen < other.version < each.version and name in other.after
        ]
        assert between == [], "somebody's value of this field was replaced by one who had not seen it"
    for key in keys:
        row = house.row("customers", key)
        for name in FIELDS:
            last = [each.after[name] for each in entries if each.record_id == str(key) and name in each.after]
            assert row[name] == (last[-1] if last else None)
