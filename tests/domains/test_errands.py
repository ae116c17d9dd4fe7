"""Work nobody will take up any more is handed back to its person, who can go on; what waits for a worker is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.core.clock import now
from app.domains.platform import errands
from app.engine import background, undo_later
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.importing import runs
from tests.domains.conftest import House

LONG_AGO = "clock_timestamp() - interval '1 hour'"


@pytest.fixture
def olga(house: House) -> Actor:
    return house.person("Olga", "*.*")


def under_way(olga: Actor, state: str, title: str, beat: str = LONG_AGO) -> int:
    with transaction() as connection:
        number = runs.begin(connection, olga, source="errands", title=title)
        connection.execute(
            text(f"UPDATE imports SET state = :state, beat_at = {beat} WHERE id = :id"), {"id": number, "state": state}
        )
    return number


def test_what_was_given_up_is_stopped_and_its_person_told(house: House, olga: Actor) -> None:
    applying, rehearsing = under_way(olga, "applying", "Half of it"), under_way(olga, "rehearsing", "Unread")
    waiting, alive = under_way(olga, "applying", "Waits"), under_way(olga, "applying", "Alive", "clock_timestamp()")
    with transaction() as connection:
        queued = background.queue.tasks["import.apply"]
        background.defer_within(connection, queued, at=now() + timedelta(days=1), import_id=waiting)
    customer = house.given("customers", name="Acme")
    with change(olga, reason="a fix") as connection:
        connection.execute(text("UPDATE customers SET name = 'Acme 2' WHERE id = :id"), {"id": customer})
        changed = connection.info["change_set"]
    with transaction() as connection:
        undo = undo_later.ask(connection, [(changed, 1)], olga, "wrong", None)
        undo_later.take_up(connection, undo)
        connection.execute(text(f"UPDATE undo_runs SET beat_at = {LONG_AGO} WHERE id = :id"), {"id": undo})

    errands.let_go()

    state = {
        number: runs.find(house.connection, number, house.tenant_id)
        for number in (applying, rehearsing, waiting, alive)
    }
    assert [each.state for each in state.values()] == ["stopped", "failed", "applying", "applying"]
    assert state[applying].why == errands.NOBODY
    run = undo_later.run_of(house.connection, undo, house.tenant_id)
    assert run is not None
    assert (run.status, run.why) == ("failed", errands.NOBODY)
    told = house.connection.execute(
        text("SELECT link FROM user_notifications WHERE app_user_id = :me ORDER BY link"), {"me": olga.app_user_id}
    ).scalars()
    assert set(told) == {f"/imports/{applying}", f"/imports/{rehearsing}", f"/change-sets/undos/{undo}"}

    with transaction() as connection:  # and it can be gone on with
        assert undo_later.resume(connection, undo)
