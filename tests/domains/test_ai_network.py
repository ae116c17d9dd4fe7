"""The network adds up, learning moves it only where somebody allowed it and can be taken back to the digit; what is foreseen
is measured, what is noticed is judged, what is pointed out is seen to."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import now, today
from app.domains.ai.network import Neuron, Synapse, propagate
from app.engine.refusals import NotAllowed, Rejected

SUM = (Neuron("late", "input"), Neuron("risk", "hidden", "sigmoid", -1), Neuron("call", "output", "step", 0, 0.6))
HEARD = (Synapse("late", "risk", 2.0), Synapse("risk", "call", 1.0))


@pytest.fixture
def lab(house: Any) -> Any:
    """An operator and a second one, a worker, and two neurons with a synapse between them."""
    house.person("Ada", "neural.*", "cycles.*", "predictions.*", "patterns.*", "insights.*", "boards.*")
    house.person("Ben", "cycles.*", "neural.read")
    house.agent = house.given("ai_agents", key="ar", name="AR", role="Collections", model="m")
    house.late = house.given(
        "ai_neurons", key="late", label="Days late", layer="input", kind="signal", expression={"a": 1}
    )
    house.risk = house.given("ai_neurons", key="risk", label="Risk", layer="hidden", kind="feature")
    house.call = house.given("ai_neurons", key="call", label="Call", layer="output", kind="outcome")
    house.edge = house.create(
        "Ada", "ai_synapses", from_neuron_id=house.late, to_neuron_id=house.risk, weight=Decimal("1.4")
    )
    return house


def weight(lab: Any) -> Decimal:
    return lab.row("ai_synapses", lab.edge)["weight"]


def cycle(lab: Any, before: Any = 1.4, after: Any = 1.6, **values: Any) -> int:
    change = {"what": "Days late → Risk", "id": lab.edge, "before": before, "after": after}
    made = {
        "title": "Lateness counts for more", "target_kind": "synapse_weights", "hypothesis": "Late payers had too much time.",
        "metric_key": "ar.agreement", "baseline_value": Decimal("0.79"), "changes": [change], **values,
    }  # fmt: skip
    return lab.create("Ada", "ai_improvement_cycles", **made)


# -- the arithmetic --------------------------------------------------------------------------------------------------


def test_a_value_is_what_a_neuron_hears_bent_by_its_activation() -> None:
    values = propagate(SUM, HEARD, {"late": 0.7})
    assert values == {"late": 0.7, "risk": 0.598688, "call": 0.0}  # 1 / (1 + e^-(2 * 0.7 - 1))
    assert propagate(SUM, HEARD, {"late": 0.75})["call"] == 1.0


def test_a_muted_neuron_says_nothing_and_that_changes_the_outcome() -> None:
    muted = (SUM[0], Neuron("risk", "hidden", "sigmoid", -1, muted=True), SUM[2])
    assert propagate(muted, HEARD, {"late": 0.9}) == {"late": 0.9, "risk": 0.0, "call": 0.0}


def test_a_circle_has_no_values() -> None:
    with pytest.raises(ValueError, match="circle through call, risk"):
        propagate(SUM, (*HEARD, Synapse("call", "risk", 1.0)), {})


# -- neurons, synapses, pathways -------------------------------------------------------------------------------------


def test_edges_lead_on_and_never_back(lab: Any) -> None:
    onward = {"from_neuron_id": lab.risk, "to_neuron_id": lab.call, "weight": Decimal(1)}
    lab.create("Ada", "ai_synapses", **onward)
    for source, target, why in ((lab.call, lab.risk, "passes nothing on"), (lab.risk, lab.late, "listens to no other")):
        with pytest.raises(Rejected) as refused:
            lab.create("Ada", "ai_synapses", from_neuron_id=source, to_neuron_id=target, weight=Decimal(1))
        assert why in "".join(refused.value.errors.values())
    second = lab.given("ai_neurons", key="mood", label="Mood", layer="hidden", kind="feature")
    lab.create("Ada", "ai_synapses", from_neuron_id=lab.risk, to_neuron_id=second, weight=Decimal(1))
    with pytest.raises(Rejected) as refused:
        lab.create("Ada", "ai_synapses", from_neuron_id=second, to_neuron_id=lab.risk, weight=Decimal(1))
    assert "circle" in refused.value.errors["to_neuron_id"]
    with pytest.raises(Rejected) as refused:
        lab.create("Ada", "ai_synapses", from_neuron_id=lab.risk, to_neuron_id=second, weight=Decimal(9))
    assert refused.value.errors.keys() == {"weight"}


def test_what_a_synapse_began_with_is_kept_and_nobody_types_a_weight(lab: Any) -> None:
    assert lab.row("ai_synapses", lab.edge)["initial_weight"] == Decimal("1.4")
    assert lab.shown("ai_synapses", lab.edge, "name") == "Days late → Risk"
    with pytest.raises(NotAllowed, match="Weight cannot be changed here"):
        lab.edit("Ada", "ai_synapses", lab.edge, weight=Decimal(2))


def test_a_neuron_in_a_pathway_is_muted_but_not_retired(lab: Any) -> None:
    path = lab.given(
        "ai_neural_pathways", key="p", name="Late → Risk", decision_kind="ar.reminder", entry_neuron_id=lab.late,
        outcome_neuron_id=lab.risk, neuron_ids=[lab.late, lab.risk], synapse_ids=[lab.edge], traversals=20, successes=9,
        failures=3,
    )  # fmt: skip
    assert lab.move("Ada", "ai_neurons", lab.risk, "mute", "Too loud")["last_activation"] == 0
    with pytest.raises(NotAllowed, match="“Late → Risk” still runs through it"):
        lab.move("Ada", "ai_neurons", lab.risk, "retire", "Old")
    with pytest.raises(NotAllowed, match="outcome of 12 of its decisions is known; wait for 30"):
        lab.move("Ada", "ai_neural_pathways", path, "establish")
    assert lab.shown("ai_neural_pathways", path, "success_rate") == 75
    assert lab.shown("ai_neural_pathways", path, "route") == "Days late → Risk"
    lab.move("Ada", "ai_neural_pathways", path, "deprecate", "Worse than chance")
    assert lab.move("Ada", "ai_neurons", lab.risk, "retire", "Old")["status"] == "retired"


# -- learning --------------------------------------------------------------------------------------------------------


def test_weights_move_when_somebody_else_approved_and_roll_back_to_the_digit(lab: Any) -> None:
    key = cycle(lab)
    with pytest.raises(NotAllowed, match="somebody else approves it"):
        lab.move("Ada", "ai_improvement_cycles", key, "approve")
    lab.move("Ben", "ai_improvement_cycles", key, "approve")
    assert weight(lab) == Decimal("1.4")
    later = now() + timedelta(days=14)
    lab.move("Ada", "ai_improvement_cycles", key, "start", evaluate_at=later)
    assert (weight(lab), lab.row("ai_synapses", lab.edge)["last_delta"]) == (Decimal("1.6"), Decimal("0.2"))
    with pytest.raises(Rejected):
        lab.edit("Ada", "ai_improvement_cycles", key, changes=[])
    lab.move("Ada", "ai_improvement_cycles", key, "evaluate", result_value=Decimal("0.77"), sample_size=120)
    lab.move("Ada", "ai_improvement_cycles", key, "roll_back", conclusion="Worse")
    assert (weight(lab), lab.row("ai_synapses", lab.edge)["last_delta"]) == (Decimal("1.4"), Decimal("-0.2"))


def test_undoing_the_start_of_a_cycle_undoes_what_it_changed(lab: Any) -> None:
    key = cycle(lab)
    lab.change("ai_improvement_cycles", key, status="approved")
    started = lab.press("Ada", "ai_improvement_cycles", key, "start", evaluate_at=now() + timedelta(days=1))
    assert weight(lab) == Decimal("1.6")
    assert lab.undo("Ada", started) == ()
    assert (weight(lab), lab.row("ai_improvement_cycles", key)["status"]) == (Decimal("1.4"), "approved")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [(1.3, 1.6, "is 1.4 by now, not 1.3"), (1.4, 7, "may lie between -5 and 5"), (1.4, "much", "are numbers")],
)
def test_a_change_that_does_not_fit_is_not_approved(lab: Any, before: Any, after: Any, why: str) -> None:
    with pytest.raises(NotAllowed, match=why):
        lab.move("Ben", "ai_improvement_cycles", cycle(lab, before, after), "approve")


# -- predictions -----------------------------------------------------------------------------------------------------


def foreseen(lab: Any, **values: Any) -> int:
    made = {
        "explanation": "It comes",
        "target": "custom",
        "horizon_on": today("UTC"),
        "model_name": "m",
        "model_version": "1",
    }
    return lab.create("Ada", "ai_predictions", **{**made, **values})


def test_a_forecast_is_kept_as_it_was_made_and_scored_by_what_happened(lab: Any) -> None:
    key = foreseen(lab, value_kind="probability", probability=Decimal("0.7"))
    with pytest.raises(NotAllowed, match="Prediction cannot be changed here"):
        lab.edit("Ada", "ai_predictions", key, explanation="It does not come")
    with pytest.raises(NotAllowed, match="1 if it happened and 0 if it did not"):
        lab.move("Ada", "ai_predictions", key, "resolve", actual_value=Decimal("0.5"))
    row = lab.move("Ada", "ai_predictions", key, "resolve", actual_value=Decimal(0))
    assert (row["was_correct"], row["brier"], row["resolution_source"]) == (False, Decimal("0.49"), "manual")
    row = lab.move("Ada", "ai_predictions", key, "void", void_reason="Merged")
    assert (row["brier"], row["resolved_at"], row["status"]) == (None, None, "voided")


def test_amounts_categories_and_days_are_measured_each_in_its_way(lab: Any) -> None:
    span = {"low": Decimal(90), "high": Decimal(110)}
    amount = foreseen(lab, value_kind="amount", amount=Decimal(100), currency="USD", **span)
    row = lab.move("Ada", "ai_predictions", amount, "resolve", actual_value=Decimal("111.50"))
    assert (row["was_correct"], row["abs_error"]) == (False, Decimal("11.5"))
    named = foreseen(lab, value_kind="category", category="Ponding")
    assert lab.move("Ada", "ai_predictions", named, "resolve", actual_category="Ponding")["was_correct"] is True
    dated = foreseen(lab, value_kind="date", predicted_date=today("UTC"))
    with pytest.raises(NotAllowed, match="year-month-day"):
        lab.move("Ada", "ai_predictions", dated, "resolve", actual_category="soon")
    off = (today("UTC") + timedelta(days=9)).isoformat()
    row = lab.move("Ada", "ai_predictions", dated, "resolve", actual_category=off)
    assert (row["was_correct"], row["abs_error"]) == (False, 9)
    with pytest.raises(Rejected) as refused:
        foreseen(lab, value_kind="amount", amount=Decimal(1), category="both")
    assert "exactly one" in refused.value.errors["probability"]


# -- patterns and insights -------------------------------------------------------------------------------------------


def test_a_pattern_needs_cases_and_names_who_judged_it(lab: Any) -> None:
    made = {"key": secrets.token_hex(3), "name": "Friday mail", "domain": "billing", "description": "Opened on Tuesday"}
    key = lab.create("Ada", "ai_patterns", **made, support=4, confidence=Decimal("0.9"))
    with pytest.raises(NotAllowed, match="rests on 4 cases"):
        lab.move("Ada", "ai_patterns", key, "confirm")
    lab.change("ai_patterns", key, support=41)
    row = lab.move("Ada", "ai_patterns", key, "confirm")
    assert (row["status"], row["reviewed_by"]) == ("confirmed", lab.people["Ada"].app_user_id)


def test_an_insight_is_reported_once_taken_by_somebody_and_dismissed_with_a_reason(lab: Any) -> None:
    said = {"kind": "risk", "title": "INV-1 is late", "body": "Call them", "dedupe_key": "overdue/1"}
    key = lab.create("Ada", "ai_insights", **said)
    with pytest.raises(Rejected) as refused:
        lab.create("Ada", "ai_insights", **said)
    assert "says the same already" in refused.value.errors["dedupe_key"]
    row = lab.move("Ada", "ai_insights", key, "acknowledge")
    assert row["assignee_id"] == lab.people["Ada"].app_user_id
    assert key in lab.scope("Ada", "ai_insights", "Mine")
    with pytest.raises(Rejected):
        lab.move("Ada", "ai_insights", key, "dismiss")
    lab.move("Ada", "ai_insights", key, "dismiss", dismiss_reason="Paid yesterday")
    lab.create("Ada", "ai_insights", **said)
    assert lab.scope("Ada", "ai_insights", "Dismissed") == {key}
