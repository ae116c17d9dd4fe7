"""A decision is read with its reasons and its calls, its totals are checked against them, and a person judges it there."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app.engine.apply import transaction
from app.engine.registry import REGISTRY
from app.screens.decision.case import weighed
from app.screens.decision.plain import lines
from tests.domains.conftest import House, house  # noqa: F401
from tests.screens.test_home import visitor

AT = datetime(2026, 3, 10, 18, tzinfo=UTC)
READS = ("agents.read", "ai.decisions.read", "ai.calls.read")
JUDGES = (*READS, "ai.decisions.review", "ai.decisions.reveal", "ai.calls.reveal")


@pytest.fixture
def case(house: House) -> Any:  # noqa: F811
    """One decision of high risk with three calls, the last below the second."""
    agent = house.given("ai_agents", key="dispatch", name="Dispatch Scheduler", role="Dispatcher")
    house.decision = house.given(  # type: ignore[attr-defined]
        "ai_decision_logs", agent_id=agent, kind="dispatch.move", trigger="event", question="Move J-24852 to Wednesday?",
        chosen="Wednesday", reasoning="Wednesday stays calm.", risk="high", confidence=Decimal("0.86"), decided_at=AT,
        inputs={"gust_mph": [27, 31]}, options=[{"option": "Tuesday", "risk": 0.71}, {"option": "Wednesday", "risk": 0.12}],
        call_count=3, input_tokens=300, output_tokens=30, total_cost=Decimal("0.0412"), latency_ms=2400,
    )  # fmt: skip
    house.calls = [  # type: ignore[attr-defined]
        house.given(
            "ai_calls", decision_id=house.decision, agent_id=agent, trace_id=f"t{house.decision}", span_id=span,  # type: ignore[attr-defined]
            parent_span_id=parent, operation=operation, provider="acme", model_requested="planner-large",
            prompt_name=name, input={"asked": f"of {span}"}, output={"answer": f"from {span}"}, input_tokens=100,
            output_tokens=10, total_cost=Decimal(cost), started_at=AT + timedelta(milliseconds=start), latency_ms=700,
            status="ok",
        )
        for span, parent, operation, name, cost, start in (
            ("s1", None, "retrieval", "recall_memories", "0.0012", 0),
            ("s2", None, "chat", "compare_options", "0.0200", 800),
            ("s3", "s2", "tool", "find_openings", "0.0200", 1600),
        )
    ]  # fmt: skip
    return house


def page(app: Flask, case: Any, *permissions: str, query: str = "") -> str:
    response = visitor(app, case, *permissions).get(f"/ai/ai_decision_logs/{case.decision}{query}")
    assert response.status_code == 200
    return str(response.get_data(as_text=True))


def test_it_shows_question_choice_reasons_and_what_was_weighed(app: Flask, case: Any) -> None:
    shown = page(app, case, *JUDGES)
    for words in ("Move J-24852 to Wednesday?", "Wednesday stays calm.", "Dispatch Scheduler", "0.86", "$0.0412", "2.40 s",
                  "gust_mph", "0.71", "Waiting for review"):  # fmt: skip
        assert words in shown


def test_its_calls_stand_on_a_line_where_they_began_and_lie_under_who_made_them(app: Flask, case: Any) -> None:
    shown = page(app, case, *JUDGES)
    spans = re.findall(
        r'<a class="span (\w+)"[^>]*>.*?nm l-(\d).*?<b>([^<]+)</b>.*?<i class="s-(\d+) w-(\d+)">', shown, re.S
    )
    assert [(kind, depth, name) for kind, depth, name, _, _ in spans] == [
        ("db", "1", "Recall memories"),
        ("model", "1", "Compare options"),
        ("tool", "2", "Find openings"),
    ]
    starts = [int(start) for _, _, _, start, _ in spans]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert "Totals agree with the calls" in shown


def test_the_chosen_call_is_shown_in_full(app: Flask, case: Any) -> None:
    assert "from s2" in page(app, case, *JUDGES), "the last model call opens first"
    shown = page(app, case, *JUDGES, query=f"?call={case.calls[0]}")
    assert "from s1" in shown
    assert "call 1 of 3" in shown


def test_totals_that_do_not_add_up_are_named(app: Flask, case: Any) -> None:
    case.change("ai_decision_logs", case.decision, call_count=4, total_cost=Decimal("0.05"))
    shown = page(app, case, *JUDGES)
    assert "The totals do not agree" in shown
    assert "calls 4 here, 3 in its calls" in shown
    assert "cost $0.050000 here, $0.041200 in its calls" in shown


def test_what_was_sent_and_answered_is_hidden_from_who_may_not_see_personal_data(app: Flask, case: Any) -> None:
    shown = page(app, case, *READS)
    assert "from s2" not in shown
    assert "gust_mph" not in shown
    assert "which your role does not see" in shown
    assert "Your verdict" not in shown


def test_who_may_not_read_calls_sees_the_decision_alone(app: Flask, case: Any) -> None:
    shown = page(app, case, "ai.decisions.read")
    assert "Compare options" not in shown
    assert "Move J-24852 to Wednesday?" in shown


def test_another_company_s_decision_does_not_exist(app: Flask, case: Any) -> None:
    tenants = REGISTRY["tenants"].table
    with transaction() as connection:
        made = insert(tenants).values(slug=secrets.token_hex(5), name="Other").returning(tenants.c.id)
        stranger = House(connection.execute(made).scalar_one(), case.connection)
    response = visitor(app, stranger, *JUDGES).get(f"/ai/ai_decision_logs/{case.decision}")
    assert response.status_code == 404


def post(client: Any, case: Any, action: str, **fields: str) -> Any:
    address = f"/ai/ai_decision_logs/{case.decision}"
    token = re.search(r'"X-CSRFToken":"([^"]+)"', client.get(address).get_data(as_text=True))
    assert token
    return client.post(f"{address}/actions/{action}", data={"csrf_token": token[1], **fields})


def test_a_verdict_is_given_on_the_page_and_shown_there(app: Flask, case: Any) -> None:
    client = visitor(app, case, *JUDGES)
    assert post(client, case, "agree", review_note="Good").status_code == 303
    shown = client.get(f"/ai/ai_decision_logs/{case.decision}").get_data(as_text=True)
    assert "Your verdict" not in shown
    assert "Agree" in shown
    assert case.row("ai_decision_logs", case.decision)["review_verdict"] == "agree"


def test_rejecting_without_a_note_asks_for_it_and_changes_nothing(app: Flask, case: Any) -> None:
    client = visitor(app, case, *JUDGES)
    assert post(client, case, "disagree", review_note="").status_code == 422
    assert case.row("ai_decision_logs", case.decision)["reviewed_at"] is None


def test_choosing_otherwise_keeps_both_choices(app: Flask, case: Any) -> None:
    client = visitor(app, case, *JUDGES)
    assert post(client, case, "override", overridden_to="Friday").status_code == 303
    shown = client.get(f"/ai/ai_decision_logs/{case.decision}").get_data(as_text=True)
    assert "<del>Wednesday</del>" in shown
    assert "<ins>Friday</ins>" in shown


def test_who_only_reads_gives_no_verdict_by_a_forged_form(app: Flask, case: Any) -> None:
    client = visitor(app, case, *READS, "agents.write")
    assert post(client, case, "agree").status_code in (403, 404, 409)
    assert case.row("ai_decision_logs", case.decision)["reviewed_at"] is None


def test_options_are_read_however_an_agent_writes_them() -> None:
    assert weighed(["A", "B"], "B").rows == [("A", [], False), ("B", [], True)]
    table = weighed([{"label": "A", "cost": 3}, {"label": "B", "delay": None}], "A")
    assert table.measures == ["Cost", "Delay"]
    assert table.rows == [("A", ["3", "none"], True), ("B", ["none", "none"], False)]
    assert weighed("none at all", None).rows == []


def test_json_keeps_its_keys_apart_and_is_cut_where_nobody_reads_on() -> None:
    assert [(line.key, line.rest) for line in lines({"a": "x: y"})][1] == ('"a"', ': "x: y"')
    assert len(lines(list(range(1000)))) == 201
    assert lines("plain\ntext")[1].rest == "text"


@pytest.mark.browser
def test_a_decision_is_judged_by_keys_alone(signed_in: Any) -> None:
    page = signed_in("ai_operator")
    page.goto("/ai/ai_decision_logs?status=executed&reviewed_at.null=true")
    page.goto(page.locator("tr[data-key] a[href^='/ai/ai_decision_logs/']").first.get_attribute("href"))
    page.keyboard.press("r")
    page.wait_for_function("document.activeElement.id === 'v-note'")  # a rejection asks for its note first
    page.keyboard.type("Not this early")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("e")
    assert page.locator("#v-instead").is_visible()
    page.keyboard.press("e")
    page.keyboard.press("r")
    page.get_by_role("heading", name="Verdict", exact=True).wait_for()
    assert "Disagree" in page.locator("#main").inner_text()
    assert page.get_by_role("status").get_by_role("button", name="Undo").count() == 1
