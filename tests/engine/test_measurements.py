"""Requests are counted where they cost nothing and read back without averaging what cannot be averaged."""

from __future__ import annotations

import random
import statistics
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app.core import clock
from app.core.db import db
from app.engine import measurements
from app.engine.measurements import BOUNDS, LABELS, Tally, percentile


def counted(*milliseconds: float) -> dict[str, int]:
    tally = Tally()
    for each in milliseconds:
        tally.note(each / 1000, False)
    (counts,) = tally.take().values()
    return dict(zip(LABELS, counts[2:], strict=True))


def test_the_p95_of_many_requests_lies_within_the_bucket_of_the_true_one() -> None:
    random.seed(7)
    times = [random.lognormvariate(4, 1) for _ in range(5000)]
    true = statistics.quantiles(times, n=100)[94]
    upper = next(bound for bound in BOUNDS if bound >= true)
    found = percentile(counted(*times), 0.95)
    assert found is not None
    assert abs(found - true) <= upper - max((bound for bound in BOUNDS if bound < true), default=0)


def test_two_processes_add_up_where_their_averages_would_lie() -> None:
    """99 quick requests in one process and 11 slow ones in another: the slow tail is a tenth, so it is the p95."""
    quick, slow = counted(*[4] * 99), counted(*[1900] * 11)
    both = {label: quick[label] + slow[label] for label in LABELS}
    assert (percentile(both, 0.95) or 0) > 1200
    assert ((percentile(quick, 0.95) or 0) + (percentile(slow, 0.95) or 0)) / 2 < 1000


def test_no_requests_have_no_percentile() -> None:
    assert percentile({}, 0.95) is None


def test_what_could_not_be_written_is_kept_and_an_outage_costs_no_memory() -> None:
    tally = Tally()
    for minute in range(500):
        tally.note(0.01, False, minute)
    tally.put_back(tally.take())
    kept = tally.take()
    assert sorted(kept) == list(range(440, 500))
    assert all(counts[0] == 1 for counts in kept.values())


def test_requests_reach_the_database_once_and_add_to_what_is_there(app: Flask) -> None:
    measuring = Flask("measured")

    @measuring.get("/fine")
    def fine() -> str:
        return "fine"

    @measuring.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    measuring.testing, measuring.config["PROPAGATE_EXCEPTIONS"] = True, False
    measurements.install(measuring)
    # It counts for itself and writes where the console writes.
    app.extensions["measurements"] = measuring.extensions["measurements"]
    before = figures(app)
    for _ in range(3):
        measuring.test_client().get("/fine")
    measuring.test_client().get("/broken")
    measuring.test_client().get("/healthz")
    measurements.flush(app)
    measuring.test_client().get("/fine")
    measurements.flush(app)
    assert measurements.flush(app) == 0
    requests, errors, latency = figures(app)
    assert (requests - before[0], errors - before[1]) == (5, 1)
    assert sum(latency.values()) - sum(before[2].values()) == 5
    with app.app_context(), db.engine.connect() as connection:
        days = text(
            "SELECT count(*) FROM metrics WHERE name = 'http.requests' AND bucket = 'day' AND tenant_id IS NULL"
        )
        assert connection.execute(days).scalar_one() in (1, 2)  # 2 when the test ran over midnight


def test_figures_survive_a_database_that_is_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = app.extensions["measurements"] = Tally()
    tally.note(0.02, False)

    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr(measurements, "transaction", away)
    with pytest.raises(ConnectionError):
        measurements.flush(app)
    assert sum(counts[0] for counts in tally.take().values()) == 1


def figures(app: Flask) -> tuple[int, int, dict[str, int]]:
    with app.app_context(), db.engine.connect() as connection:
        return measurements.totals(connection, clock.now() - timedelta(minutes=10))
