"""An experiment measures what it planned, splits as planned, and is concluded by nothing that proves nothing; figures add up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import now, today
from app.domains.analytics.rollups import AGENTS_BY_DAY, MODELS_BY_HOUR, values
from app.domains.analytics.significance import Arm, compare, sample_ratio
from app.engine.apply import transaction
from app.engine.refusals import NotAllowed, Rejected
from app.engine.registry import REGISTRY

ARMS = [{"key": "A", "name": "As it is", "weight": 50}, {"key": "B", "name": "New", "weight": 50}]


@pytest.fixture
def shop(house: Any) -> Any:
    house.person("Ada", "abtests.*")
    return house


def experiment(shop: Any, **given: Any) -> int:
    made = {
        "key": "short-form", "name": "Short form", "hypothesis": "Fewer questions, more answers.", "surface": "landing_page",
        "variants": ARMS, "salt": "s", "primary_metric": "lead.submitted", "owner_id": shop.people["Ada"].app_user_id, **given,
    }  # fmt: skip
    return shop.create("Ada", "ab_tests", **made)


def result(shop: Any, test: int, **given: Any) -> None:
    for variant in ("A", "B"):
        shop.given(
            "ab_test_results", ab_test_id=test, variant=variant, metric="lead.submitted", as_of=today("UTC"),
            **{"enough_data": True, "srm_p": Decimal("0.4"), **given},
        )  # fmt: skip


# -- the statistics, against figures worked out elsewhere ------------------------------------------------------------


def test_shares_are_compared_as_a_textbook_does() -> None:
    found = compare(Arm(1000, 100), Arm(1000, 130))
    assert found.p_value == pytest.approx(0.035488, abs=1e-6)  # z = 2.1027
    assert [found.uplift_pct, found.ci_low, found.ci_high] == pytest.approx([30, 2.0679, 57.9321], abs=1e-3)
    assert found.chance_to_beat == pytest.approx(0.9824, abs=2e-4)


def test_averages_are_compared_by_their_own_spread() -> None:
    low = Arm(50, None, 500.0, 50 * 100 + 49 * 4)  # mean 10, variance 4
    high = Arm(50, None, 550.0, 50 * 121 + 49 * 9)  # mean 11, variance 9
    assert (low.variance, high.variance) == (4, 9)
    assert compare(low, high).p_value == pytest.approx(0.049860, abs=1e-6)  # z = 1 / sqrt(0.26)


def test_a_split_that_went_wrong_is_noticed() -> None:
    assert sample_ratio([5000, 5000], [50, 50]) == 1
    assert sample_ratio([5210, 4790], [50, 50]) == pytest.approx(0.0000267, abs=1e-7)  # chi² = 17.64
    assert sample_ratio([340, 330, 330], [34, 33, 33]) == 1
    assert sample_ratio([40, 30, 30], [34, 33, 33]) == pytest.approx(0.448, abs=1e-3)  # chi² = 1.604, two degrees
    assert sample_ratio([0, 0], [50, 50]) is None


def test_too_few_prove_nothing() -> None:
    assert [Arm(n, k).enough(100) for n, k in ((99, 50), (100, 4), (100, 96), (100, 5))] == [False, False, False, True]


# -- the life of an experiment ---------------------------------------------------------------------------------------


def test_it_starts_only_as_planned_and_then_the_plan_stands(shop: Any) -> None:
    key = experiment(shop, variants=[ARMS[0], {**ARMS[1], "weight": 40}])
    with pytest.raises(NotAllowed, match="add up to 100"):
        shop.move("Ada", "ab_tests", key, "start")
    shop.edit("Ada", "ab_tests", key, variants=[ARMS[0], {**ARMS[1], "key": "A"}])
    with pytest.raises(NotAllowed, match="a key of its own"):
        shop.move("Ada", "ab_tests", key, "start")
    shop.edit("Ada", "ab_tests", key, variants=ARMS)
    assert shop.move("Ada", "ab_tests", key, "start")["started_at"] is not None
    with pytest.raises(Rejected, match="What was planned is what is measured"):
        shop.edit("Ada", "ab_tests", key, primary_metric="lead.won")
    with pytest.raises(Rejected):
        experiment(shop, key="single", variants=ARMS[:1])


def test_a_verdict_needs_days_cases_and_a_sound_split(shop: Any) -> None:
    key = experiment(shop)
    shop.move("Ada", "ab_tests", key, "start")
    shop.move("Ada", "ab_tests", key, "stop")
    verdict = {"decision": "ship", "winner": "B", "conclusion": "Twice as many"}
    with pytest.raises(NotAllowed, match="Choose one of the variants: A, B"):
        shop.move("Ada", "ab_tests", key, "conclude", **{**verdict, "winner": "C"})
    with pytest.raises(NotAllowed, match="no results yet"):
        shop.move("Ada", "ab_tests", key, "conclude", **verdict)
    result(shop, key)
    with pytest.raises(NotAllowed, match="less than the 14 days planned"):
        shop.move("Ada", "ab_tests", key, "conclude", **verdict)
    shop.change("ab_tests", key, started_at=now() - timedelta(days=15))
    rows = REGISTRY["ab_test_results"].table
    latest = shop.connection.scalar(select(rows.c.id).where(rows.c.ab_test_id == key).limit(1))
    for values_, why in (
        ({"srm_p": Decimal("0.0004")}, "not split as planned"),
        ({"srm_p": 1, "enough_data": False}, "too few"),
    ):
        shop.change("ab_test_results", latest, **values_)
        with pytest.raises(NotAllowed, match=why):
            shop.move("Ada", "ab_tests", key, "conclude", **verdict)
    shop.change("ab_test_results", latest, enough_data=True)
    assert shop.move("Ada", "ab_tests", key, "conclude", **verdict)["winner"] == "B"


# -- figures -----------------------------------------------------------------------------------------------------------


def test_figures_are_the_sums_of_the_rows_however_often_they_are_rolled_up(shop: Any) -> None:
    at = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    agent = shop.given("ai_agents", key="a", name="A", role="R", model="m")
    call = {
        "agent_id": agent,
        "trace_id": "t",
        "provider": "p",
        "model_requested": "m",
        "started_at": at,
        "total_cost": Decimal("0.01"),
    }
    for span, status, ms in (("1", "ok", 100), ("2", "timeout", 300), ("3", "running", None)):
        shop.given("ai_calls", **call, span_id=span, status=status, latency_ms=ms)
    said = {"agent_id": agent, "kind": "k", "trigger": "event", "question": "?", "decided_at": at, "status": "executed"}
    shop.given("ai_decision_logs", **said, confidence=Decimal("0.85"), reviewed_at=at, review_verdict="agree")
    shop.given("ai_decision_logs", **said, confidence=Decimal("0.85"), reviewed_at=at, review_verdict="disagree")
    shop.given("ai_decision_logs", **said, confidence=Decimal("0.65"))
    for _ in range(2):
        with transaction() as connection:
            for statement in (MODELS_BY_HOUR, AGENTS_BY_DAY):
                connection.exec_driver_sql(statement, values(shop.tenant_id, "America/Denver", at))
    models, agents = REGISTRY["ai_performance"].table, REGISTRY["agent_performance"].table
    hour = shop.connection.execute(select(models).where(models.c.tenant_id == shop.tenant_id)).mappings().one()
    assert (hour["calls"], hour["errors"], hour["timeouts"], hour["total_cost"]) == (2, 1, 1, Decimal("0.02"))
    assert (hour["latency_p50_ms"], hour["latency_p95_ms"]) == (200, 290)
    day = shop.connection.execute(select(agents).where(agents.c.tenant_id == shop.tenant_id)).mappings().one()
    assert (day["decisions"], day["reviewed"], day["agreed"], day["decisions_auto"]) == (3, 2, 1, 1)
    assert day["calibration_error"] == Decimal("0.35")  # 85 % sure, right in half
    assert shop.shown("agent_performance", day["id"], "agreement") == 50
