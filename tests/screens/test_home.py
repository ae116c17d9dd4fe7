"""Every figure on the first page is what a hand would count, and its link opens exactly the rows it counted."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from sqlalchemy import insert, text

from app.core import clock
from app.core.db import reading
from app.engine import counting, listing
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.projection import projection
from app.engine.quality import queues
from app.engine.registry import REGISTRY
from app.roles import ROLES
from app.screens.home import load
from app.screens.home.frame import Count, frame
from app.screens.home.periods import period
from app.web import session_rows
from tests.domains.conftest import House, house  # noqa: F401

EVENING = datetime(2026, 4, 1, 3, 30, tzinfo=UTC)
"""Still March 31 in Denver, where the company is; a day later in Greenwich."""
TODAY = date(2026, 3, 31)


def board(actor: Actor, key: str = "month") -> dict[str, Any]:
    here = frame(actor)
    return load(here, period(key, here.today))


def counts(value: Any) -> Iterator[Count]:
    """Every link on the board, wherever it lies."""
    if isinstance(value, Count):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from counts(getattr(value, each.name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from counts(each)
    elif isinstance(value, list):
        for each in value:
            yield from counts(each)


def listed(href: str, actor: Actor) -> int:
    """How many rows the list at an address holds for that actor, counted by the engine itself."""
    address = urlsplit(href)
    if address.path == "/quality":
        return sum(each.count for each in queues.queues(reading(), actor))
    _, domain, table = address.path.split("/")
    resource = REGISTRY.at(domain, table)
    assert resource is not None, href
    query = listing.read_query(parse_qsl(address.query), projection(resource, actor), actor.timezone)
    found = counting.count(reading(), replace(query, exact=True), actor)
    assert found.exact
    return found.number


def check_links(actor: Actor, shown: dict[str, Any]) -> int:
    links = {
        (each.href, each.number) for each in counts(shown) if not each.more and not each.href.startswith("/health")
    }
    wrong = [(href, number, found) for href, number in links if (found := listed(href, actor)) != number]
    assert not wrong, wrong
    return len(links)


@pytest.fixture
def company(house: House) -> Iterator[House]:  # noqa: F811
    """A small company at the end of March, with one of everything that could be counted wrongly."""
    with clock.at(EVENING):
        house.person("Olga", "*.*")
        _money(house)
        _work(house)
        _agents(house)
        yield house


def _money(place: House) -> None:
    place.customer = place.given("customers", name="Bluestem", status="active")  # type: ignore[attr-defined]
    other = place.given("customers", name="Lowline", status="active")

    def invoice(due: date, total: int, issued: date, customer: int = place.customer, **values: Any) -> None:  # type: ignore[attr-defined]
        made = {
            "status": "open", "customer_id": customer, "issue_date": issued, "due_date": due, "subtotal": total, "total": total,
            "finalized_at": EVENING, "number": secrets.token_hex(4), **values,
        }  # fmt: skip
        place.given("invoices", **made)

    def late(days: int) -> date:
        return TODAY - timedelta(days=days)

    march = date(2026, 3, 5)
    invoice(TODAY, 100, march)  # due today is not late
    invoice(late(1), 200, march, tax_total=10, subtotal=190)
    invoice(late(30), 300, date(2026, 2, 3))
    invoice(late(31), 400, date(2026, 2, 2), other)
    invoice(late(120), 500, date(2025, 11, 1), other)
    invoice(late(121), 600, date(2025, 11, 1))
    invoice(late(5), 700, march, status="paid", amount_paid=700, paid_at=EVENING)
    invoice(late(5), 800, march, status="void", void_reason="Twice", voided_at=EVENING)
    invoice(late(5), 900, march, amount_paid=900)  # settled, not marked yet
    invoice(late(5), 1000, march, currency="CAD")  # another currency is never added in
    invoice(late(5), 1100, march, archived_at=EVENING)
    invoice(TODAY, 50, march, kind="credit_note")
    place.given("invoices", status="draft", customer_id=place.customer, subtotal=77, total=77)  # type: ignore[attr-defined]

    def payment(amount: int, day: date, **values: Any) -> int:
        made = {"customer_id": place.customer, "method": "check", "status": "succeeded", "received_on": day}  # type: ignore[attr-defined]
        return place.given("payments", amount=amount, **made | values)

    paid = payment(500, date(2026, 3, 10), amount_allocated=400)
    payment(40, date(2026, 3, 20), direction="refund", refund_of_id=paid)
    payment(250, date(2026, 2, 11), amount_allocated=250)
    payment(9_999, date(2026, 3, 11), status="failed")


def _work(place: House) -> None:
    def job(status: str, **values: Any) -> int:
        made = {"title": status, "customer_id": place.customer, "status": status, **values}  # type: ignore[attr-defined]
        return place.given("jobs", **made)

    job("approved", contract_value=1000)
    job("approved", contract_value=2000, scheduled_start=EVENING)
    job("completed", completed_at=EVENING, contract_value=900, approved_changes=100, billed_total=400)
    job("authorized", completed_at=EVENING, contract_value=300, billed_total=500)  # overbilled owes nothing back
    job("authorized", completed_at=EVENING, contract_value=300, is_billable=False, billing_method="warranty")
    job("closed", completed_at=EVENING, contract_value=5000)
    going = job("in_progress", contract_value=100)
    morning = datetime(2026, 3, 31, 14, tzinfo=UTC)
    for number, (start, status) in enumerate(
        [
            (morning, "working"),
            (morning, "scheduled"),
            (morning, "cancelled"),
            (datetime(2026, 4, 1, 5, tzinfo=UTC), "scheduled"),  # 11 pm in Denver, tomorrow elsewhere
            (datetime(2026, 4, 1, 6, tzinfo=UTC), "scheduled"),  # midnight: the next day
        ],
        1,
    ):
        ends = start + timedelta(hours=2)
        place.given("job_visits", job_id=going, visit_no=number, status=status, starts_at=start, ends_at=ends)
    me = place.people["Olga"].app_user_id
    for due, values in (
        (morning - timedelta(days=1), {}),
        (morning, {}),
        (morning, {"status": "done", "completed_at": EVENING}),
        (morning, {"assignee_id": None}),
        (morning + timedelta(days=1), {}),
    ):
        place.given("user_tasks", **{"title": "Call", "assignee_id": me, "due_at": due, **values})


def _agents(place: House) -> None:
    agent = place.given(
        "ai_agents", key="ar", name="AR Follow-up", role="Biller", status="active", daily_budget=4,
        owner_id=place.people["Olga"].app_user_id,
    )  # fmt: skip

    def decide(at: datetime, **values: Any) -> int:
        made = {"agent_id": agent, "kind": "ar.remind", "trigger": "event", "question": "Remind?", "decided_at": at}
        return place.given("ai_decision_logs", **made | values)

    def call(at: datetime, status: str, cost: str, **values: Any) -> None:
        ids = {"trace_id": secrets.token_hex(8), "span_id": secrets.token_hex(8)}
        made = {"agent_id": agent, "provider": "acme", "model_requested": "m", "status": status, "started_at": at}
        place.given("ai_calls", total_cost=Decimal(cost), **ids | made | values)

    noon = datetime(2026, 3, 31, 18, tzinfo=UTC)
    judged = {"reviewed_at": noon, "status": "executed"}
    decide(noon, risk="high")
    decide(noon, risk="medium", review_verdict="agree", **judged)
    decide(noon, review_verdict="agree", **judged)
    decide(noon, review_verdict="disagree", **judged)
    decide(noon, review_verdict="unsure", **judged)
    decide(noon - timedelta(days=13), risk="low")
    decide(noon - timedelta(days=14), risk="low")  # the day before the fortnight
    call(noon, "ok", "0.50")
    call(noon, "timeout", "0.25")
    call(noon, "cancelled", "0")
    call(noon, "running", "0")
    call(noon, "ok", "0.25", agent_id=None)
    call(noon - timedelta(days=3), "ok", "1")


def test_money_is_what_a_hand_adds_up(company: House) -> None:
    shown = board(company.people["Olga"])
    # 100 + 190 net of tax + 700 paid + 900, less the credit note of 50; draft, void, archived and Canadian ones are out
    assert (shown["billed"].amount, shown["billed"].count.number) == (Decimal(1840), 5)
    assert (shown["collected"].amount, shown["collected"].count.number) == (Decimal(460), 2)
    owed = shown["receivables"]
    assert [each.amount for each in owed.buckets] == [100, 500, 400, 0, 500, 600]
    assert [each.count.number for each in owed.buckets] == [1, 2, 1, 0, 1, 1]
    assert (owed.total, owed.overdue_amount, owed.customers) == (Decimal(2100), Decimal(2000), 2)
    assert [(each.amount, each.count.number) for each in owed.unplaced] == [(Decimal(60 + 40), 1), (Decimal(50), 1)]


def test_the_period_decides_what_is_added_and_what_it_is_compared_with(company: House) -> None:
    olga = company.people["Olga"]
    assert board(olga, "month")["collected"].delta == "84%"  # 460 after 250 in February
    assert board(olga, "today")["collected"].amount == 0
    assert board(olga, "quarter")["billed"].amount == 1840 + 300 + 400


def test_work_is_counted_in_the_company_s_day(company: House) -> None:
    shown = board(company.people["Olga"])
    stages = {each.label: (each.count.number, each.value) for each in shown["pipeline"].stages}
    assert stages["Approved"] == (2, 3000)
    assert (shown["pipeline"].undated.number, shown["pipeline"].unbilled) == (1, Decimal(600))
    assert shown["pipeline"].jobs == 6
    assert shown["visits"].count.number == 3
    assert (shown["tasks"].overdue.number, shown["tasks"].today.number) == (1, 1)
    assert shown["visits"].late == 1  # the one that should have begun this morning


def test_agents_are_measured_as_defined(company: House) -> None:
    shown = board(company.people["Olga"])
    agent = shown["agents"].agents[0]
    assert agent.runs.number == 6
    assert agent.error_rate == pytest.approx(1 / 4)  # one of four that ended; the running one has not
    assert (agent.cost, agent.agreement) == (Decimal("1.75"), pytest.approx(2 / 3))
    assert (shown["agents"].spent_today, shown["agents"].budget_share) == (Decimal("1.00"), 25)
    assert shown["review"].count.number == 1


def test_every_link_opens_exactly_the_rows_it_counts(company: House) -> None:
    olga = company.people["Olga"]
    for key in ("today", "7d", "month", "quarter"):
        assert check_links(olga, board(olga, key)) > 25
    elsewhere = replace(olga, timezone="Asia/Tokyo")
    check_links(elsewhere, board(elsewhere))


def test_a_company_without_anything_says_none_and_not_zero_percent(house: House) -> None:  # noqa: F811
    shown = board(house.person("Olga", "*.*"))
    assert shown["receivables"].late_share is None
    assert shown["billed"].delta is None
    assert shown["agents"].agents == []
    of_the_platform = ("check", "error")  # they are nobody's in particular, and so everybody's
    assert [each.words for each in shown["needs"] if not any(word in each.words for word in of_the_platform)] == []


def test_a_panel_is_there_only_for_who_reads_its_tables(company: House) -> None:
    dispatcher = company.person("Dee", "jobs.read", "visits.read", "tasks.own")
    shown = board(dispatcher)
    assert {name for name, value in shown.items() if value is None} == {
        "billed", "collected", "receivables", "review", "agents", "errors", "health", "decide",
    }  # fmt: skip
    assert shown["visits"].lanes[0].blocks[0].title == "in_progress", "a customer's name needs customers.read"
    assert board(company.person("Nora", "home.read"))["nothing"] is True


@pytest.mark.parametrize("role", [each for each in ROLES if each.key != "worker"], ids=lambda role: role.key)
def test_links_hold_for_every_role_of_the_demonstration(demo_app: Flask, role: Any) -> None:
    with demo_app.app_context():
        tenant, person = reading().execute(
            text("SELECT tenant_id, min(id) FROM app_users WHERE status = 'active' GROUP BY 1 ORDER BY 1 LIMIT 1")
        ).one()  # fmt: skip
        actor = Actor(
            tenant, person, None, "Someone", permissions=frozenset(role.permissions), timezone="America/Denver"
        )
        check_links(actor, board(actor))


def visitor(app: Flask, company: House, *permissions: str) -> Any:
    """A browser in which a person of the company is signed in with these permissions."""
    mark = secrets.token_hex(4)
    with transaction() as connection:

        def given(table: str, **values: Any) -> int:
            rows = REGISTRY[table].table
            return int(connection.execute(insert(rows).values(**values).returning(rows.c.id)).scalar_one())

        user = given("users", email=f"{mark}@ridge.example", status="active")
        person = given("app_users", tenant_id=company.tenant_id, user_id=user, display_name="Pat", status="active")
        role = given("roles", tenant_id=company.tenant_id, key=mark, name=mark, permissions=list(permissions))
        given("app_user_roles", tenant_id=company.tenant_id, app_user_id=person, role_id=role)
        visit = given("user_sessions", tenant_id=company.tenant_id, user_id=user, outcome="success")
        token = session_rows.begin(
            connection, user_id=user, tenant_id=company.tenant_id, user_session_id=visit, ip=None, agent="test"
        )
    client = app.test_client()
    client.set_cookie("console", token)
    return client


def test_the_page_shows_each_figure_as_a_link(app: Flask, house: House) -> None:  # noqa: F811
    house.person("Olga", "*.*")
    house.given("customers", name="Bluestem", status="active")
    page = visitor(app, house, "*.*").get("/").get_data(as_text=True)
    linked = re.findall(r'href="(/[^"]+)" data-rows="(\d+)"', page)
    assert len(linked) > 20
    assert "Nothing due today" in page
    assert "/crm/invoices?kind=invoice&amp;status=open&amp;balance.gt=0" in page


def test_who_may_read_nothing_is_told_what_to_do(app: Flask, house: House) -> None:  # noqa: F811
    page = visitor(app, house, "home.read").get("/").get_data(as_text=True)
    assert "Your role shows no figures here" in page
    assert "data-rows" not in page


@pytest.mark.browser
def test_a_figure_is_followed_to_its_rows_and_the_board_renews_itself(signed_in: Any) -> None:
    page = signed_in("owner", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page never scrolls sideways"
    with page.expect_response(lambda response: response.url.endswith("/") and response.request.method == "GET"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('tick'))")
    page.wait_for_timeout(300)
    assert page.locator("#board").count() == 1
    stage = page.locator(".pipe a", has_text="In progress")
    wanted = stage.get_attribute("data-rows")
    stage.click()
    page.wait_for_url("**/crm/jobs?status=in_progress")
    assert f"{wanted} job" in page.locator("#main").inner_text()
