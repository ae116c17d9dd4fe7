"""Orders, agreements, segments, scoring rules, pages and campaigns, by the people who work with them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import now, today
from app.domains.crm import segments
from app.domains.crm.customers import customers
from app.domains.crm.lead_scoring import DEFAULTS, rules_of, scored, unreadable, write_defaults
from app.domains.crm.posting import post
from app.domains.crm.subscription_lifecycle import after_one
from app.engine import listing
from app.engine.access import SYSTEM
from app.engine.apply import change
from app.engine.projection import projection
from app.engine.refusals import NotAllowed, Rejected
from tests.domains.conftest import House

ZONE = "America/Denver"


@pytest.fixture
def shop(house: House) -> Any:
    """Bluestem, and the people who sell, run, bill and pay."""
    for name, role in (("Sally", "sales"), ("Olga", "operations_manager"), ("Bea", "billing"), ("Olaf", "owner")):
        house.staff(name, role)
    house.customer = house.given("customers", name="Bluestem Cold Storage", status="active")  # type: ignore[attr-defined]
    return house


def ordered(shop: Any, *prices: str, confirmed: bool = True, **values: Any) -> int:
    key = shop.create("Sally", "orders", customer_id=shop.customer, kind="material", **values)
    for place, price in enumerate(prices, 1):
        line = {"position": place, "description": "Membrane", "quantity": Decimal(4), "unit_price": Decimal(price)}
        shop.create("Sally", "order_lines", order_id=key, **line)
    if confirmed:
        shop.move("Sally", "orders", key, "confirm")
    return int(key)


def lines(shop: Any, key: int) -> list[int]:
    return [row[0] for row in shop.connection.exec_driver_sql(
        "SELECT id FROM order_lines WHERE order_id = %(key)s ORDER BY position", {"key": key})]  # fmt: skip


# -- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_keeps_its_totals_in_line_with_its_lines_until_it_is_agreed(shop: Any) -> None:
    empty = shop.create("Sally", "orders", customer_id=shop.customer)
    with pytest.raises(NotAllowed, match="at least one line"):
        shop.move("Sally", "orders", empty, "confirm")
    key = ordered(shop, "10.10", "2.55", confirmed=False)
    assert (shop.row("orders", key)["subtotal"], shop.row("orders", key)["total"]) == (
        Decimal("50.60"),
        Decimal("50.60"),
    )
    assert shop.move("Sally", "orders", key, "discount", discount_total=Decimal("0.60"))["total"] == Decimal("50.00")
    shop.change("customers", shop.customer, status="credit_hold")
    with pytest.raises(NotAllowed, match="credit hold"):
        shop.move("Sally", "orders", key, "confirm")
    shop.change("customers", shop.customer, status="active")
    assert shop.move("Sally", "orders", key, "confirm")["confirmed_at"] is not None
    with pytest.raises(Rejected, match="only while the document is a draft"):
        shop.edit("Sally", "order_lines", lines(shop, key)[0], unit_price=Decimal(9))


def test_deliveries_begin_the_order_and_end_it(shop: Any) -> None:
    key = ordered(shop, "10.00", "5.00")
    first, second = lines(shop, key)
    noted = shop.edit("Olga", "order_lines", first, fulfilled_qty=Decimal(4))
    assert shop.row("orders", key)["status"] == "in_fulfilment"
    assert shop.undo("Olga", noted) == ()
    assert shop.row("orders", key)["status"] == "confirmed"
    with pytest.raises(Rejected, match="No more can be delivered"):
        shop.edit("Olga", "order_lines", first, fulfilled_qty=Decimal(5))
    shop.edit("Olga", "order_lines", first, fulfilled_qty=Decimal(4))
    with pytest.raises(NotAllowed, match="One line is not delivered"):
        shop.move("Olga", "orders", key, "fulfil")
    held = shop.move("Bea", "orders", key, "hold", hold_reason="Credit")
    assert (held["status"], held["hold_reason"]) == ("on_hold", "Credit")
    with pytest.raises(Rejected, match="while an order is confirmed"):
        shop.edit("Olga", "order_lines", second, fulfilled_qty=Decimal(1))
    back = shop.move("Bea", "orders", key, "resume")
    assert (back["status"], back["hold_reason"]) == ("in_fulfilment", None)
    shop.edit("Olga", "order_lines", second, fulfilled_qty=Decimal(4))
    assert shop.move("Olga", "orders", key, "fulfil")["fulfilled_at"] is not None


def test_an_order_is_billed_by_a_draft_counted_when_final_and_closed_when_nothing_is_left(shop: Any) -> None:
    key = ordered(shop, "10.00", "5.00", po_number="PO 7")
    for line in lines(shop, key):
        shop.edit("Olga", "order_lines", line, fulfilled_qty=Decimal(4))
    shop.move("Olga", "orders", key, "fulfil")
    with pytest.raises(NotAllowed, match=r"\$60.00 of this order has not been invoiced"):
        shop.move("Bea", "orders", key, "close")
    drafted = shop.press("Bea", "orders", key, "bill")
    invoice = _invoice_of(shop, "order_id", key)
    row = shop.row("invoices", invoice)
    assert (row["status"], row["total"], row["po_number"], row["customer_id"]) == (
        "draft",
        Decimal(60),
        "PO 7",
        shop.customer,
    )
    assert shop.row("orders", key)["invoiced_total"] == 0
    with pytest.raises(NotAllowed, match="drafted already"):
        shop.press("Bea", "orders", key, "bill")
    assert shop.undo("Bea", drafted) == ()
    shop.press("Bea", "orders", key, "bill")
    shop.move("Bea", "invoices", _invoice_of(shop, "order_id", key), "finalize")
    assert shop.row("orders", key)["invoiced_total"] == 60
    assert [shop.row("order_lines", line)["invoiced_qty"] for line in lines(shop, key)] == [4, 4]
    assert shop.move("Bea", "orders", key, "close")["status"] == "closed"


def test_what_was_invoiced_is_credited_not_cancelled(shop: Any) -> None:
    key = ordered(shop, "10.00")
    shop.press("Bea", "orders", key, "bill")
    with pytest.raises(NotAllowed, match="being drafted; delete"):
        shop.move("Olga", "orders", key, "cancel", cancel_reason="Sold")
    shop.move("Bea", "invoices", _invoice_of(shop, "order_id", key), "finalize")
    with pytest.raises(NotAllowed, match=r"\$40.00 of it has been invoiced"):
        shop.move("Olga", "orders", key, "cancel", cancel_reason="Sold")
    with pytest.raises(NotAllowed, match="role"):
        shop.move("Sally", "orders", ordered(shop, "1.00"), "cancel", cancel_reason="Sold")


def _invoice_of(shop: Any, column: str, key: int) -> int:
    found = shop.connection.exec_driver_sql(
        f"SELECT id FROM invoices WHERE {column} = %(key)s AND archived_at IS NULL ORDER BY id DESC", {"key": key}
    )
    return int(found.first()[0])


# -- recurring agreements ---------------------------------------------------------------------------------------------


def agreed(shop: Any, **values: Any) -> int:
    given = {
        "name": "Roof care",
        "customer_id": shop.customer,
        "unit_amount": Decimal(1200),
        "starts_on": date(2026, 1, 31),
    }
    return int(shop.create("Bea", "subscriptions", **{**given, **values}))


def test_a_period_later_is_the_same_day_or_the_last_of_its_month() -> None:
    assert after_one(date(2026, 1, 31), "month", 1) == date(2026, 2, 28)
    assert after_one(date(2028, 2, 29), "year", 1) == date(2029, 2, 28)
    assert after_one(date(2026, 11, 15), "month", 3) == date(2027, 2, 15)
    assert after_one(date(2026, 12, 28), "week", 2) == date(2027, 1, 11)


def test_an_agreement_starts_is_billed_once_a_period_and_says_what_it_brings_a_month(shop: Any) -> None:
    key = agreed(shop, interval_unit="year")
    assert shop.row("subscriptions", key)["mrr"] == 100
    row = shop.move("Bea", "subscriptions", key, "start")
    assert (row["current_period_end"], row["next_invoice_on"]) == (date(2027, 1, 31), date(2026, 1, 31))
    billed = shop.press("Bea", "subscriptions", key, "bill")
    row = shop.row("subscriptions", key)
    assert (row["next_invoice_on"], row["current_period_start"]) == (date(2027, 1, 31), date(2026, 1, 31))
    invoice = shop.row("invoices", _invoice_of(shop, "subscription_id", key))
    assert (invoice["total"], invoice["period_start"], invoice["billing_kind"]) == (
        1200,
        date(2026, 1, 31),
        "subscription",
    )
    assert shop.undo("Bea", billed) == ()
    assert shop.row("subscriptions", key)["next_invoice_on"] == date(2026, 1, 31)
    shop.press("Bea", "subscriptions", key, "bill")
    shop.edit("Bea", "subscriptions", key, next_invoice_on=date(2026, 1, 31))
    with pytest.raises(NotAllowed, match="from Jan 31 already"):
        shop.press("Bea", "subscriptions", key, "bill")


def test_where_a_card_is_charged_the_first_charge_starts_it(shop: Any) -> None:
    key = agreed(shop, collection="auto_charge")
    with pytest.raises(NotAllowed, match="first invoice has not been paid"):
        shop.move("Bea", "subscriptions", key, "start")
    with pytest.raises(Rejected, match="Trial until"):
        shop.move("Bea", "subscriptions", key, "try_out")
    shop.move("Bea", "subscriptions", key, "try_out", trial_ends_at=now() + timedelta(days=14))
    assert shop.move("Bea", "subscriptions", key, "convert")["current_period_start"] == today(ZONE)


def test_the_last_late_invoice_paid_puts_it_back_in_order(shop: Any) -> None:
    key = agreed(shop)
    shop.move("Bea", "subscriptions", key, "start")
    shop.press("Bea", "subscriptions", key, "bill")
    invoice = _invoice_of(shop, "subscription_id", key)
    shop.move("Bea", "invoices", invoice, "finalize")
    shop.change("subscriptions", key, status="past_due", dunning_step=2, payment_failed_at=now())
    shop.change("invoices", invoice, amount_paid=Decimal(1200), status="paid", paid_at=now())
    shop.edit("Bea", "invoices", invoice, internal_note="Thanks")
    assert shop.row("subscriptions", key)["status"] == "past_due", "a note pays nothing"
    with change(SYSTEM(shop.tenant_id)) as connection:
        post(connection, {"id": invoice, "status": "paid"})
    row = shop.row("subscriptions", key)
    assert (row["status"], row["dunning_step"], row["payment_failed_at"]) == ("active", 0, None)


def test_it_rests_and_ends_but_not_over_a_visit_still_planned(shop: Any) -> None:
    key = agreed(shop)
    shop.move("Bea", "subscriptions", key, "start")
    resting = shop.move("Bea", "subscriptions", key, "pause", resume_on=today(ZONE) + timedelta(days=30))
    assert (resting["status"], resting["next_invoice_on"]) == ("paused", None)
    with pytest.raises(NotAllowed, match="in force"):
        shop.press("Bea", "subscriptions", key, "bill")
    going = shop.move("Bea", "subscriptions", key, "resume")
    assert (going["resume_on"], going["next_invoice_on"]) == (None, max(today(ZONE), going["current_period_end"]))
    leaving = shop.move("Bea", "subscriptions", key, "run_out", cancel_reason="price")
    assert (leaving["status"], leaving["ends_on"]) == ("active", leaving["current_period_end"])
    assert shop.move("Bea", "subscriptions", key, "go_on")["cancel_reason"] is None
    job = shop.given("jobs", title="Spring visit", customer_id=shop.customer, subscription_id=key, status="scheduled")
    start = now() + timedelta(days=3)
    visit = shop.given("job_visits", job_id=job, starts_at=start, ends_at=start + timedelta(hours=2))
    with pytest.raises(NotAllowed, match="One visit is still planned"):
        shop.move("Bea", "subscriptions", key, "cancel", cancel_reason="sold_property")
    shop.change("job_visits", visit, status="cancelled")
    ended = shop.move("Bea", "subscriptions", key, "cancel", cancel_reason="sold_property")
    assert (ended["status"], ended["ends_on"], ended["next_invoice_on"]) == ("cancelled", today(ZONE), None)
    with pytest.raises(Rejected, match="has ended"):
        shop.edit("Bea", "subscriptions", key, name="Again")


# -- segments and scores ----------------------------------------------------------------------------------------------


def test_a_segment_counts_what_its_list_shows(shop: Any) -> None:
    for name, balance in (("A", 0), ("B", 50), ("C, D & Söhne", 90)):
        shop.given("customers", name=name, status="active", open_balance=balance, tags=["snow list"] if balance else [])
    shop.given("customers", name="Gone", status="active", open_balance=70, archived_at=now())
    key = shop.create(
        "Sally", "customer_segments", key="owing", name="Owing", filter={"status": "active", "open_balance.gt": 0}
    )
    row = shop.row("customer_segments", key)
    assert row["member_count"] == 2
    assert row["refreshed_at"] is not None
    actor = shop.people["Sally"]
    asked = listing.read_query(segments.asked_as(row["filter"]), projection(customers, actor), actor.timezone)
    assert len(listing.fetch(shop.connection, asked, actor).rows) == 2
    assert shop.shown("customer_segments", key, "members") == "status=active&open_balance.gt=0"
    assert shop.shown("customer_segments", key, "finds") == "Status: active and open balance more than 0"
    shop.given("customers", name="E", status="active", open_balance=1)
    assert shop.move("Sally", "customer_segments", key, "refresh")["member_count"] == 3
    assert shop.edit("Sally", "customer_segments", key, filter={"name": "C, D & Söhne"})
    assert shop.row("customer_segments", key)["member_count"] == 1
    assert shop.shown("customer_segments", key, "members").startswith("name=%43%2c%20%44%20%26%20%53%c3%b6")
    tagged = shop.create(
        "Sally", "customer_segments", key="snow", name="Snow", kind="tag", filter={"tags": "snow list"}
    )
    assert shop.row("customer_segments", tagged)["member_count"] == 2


@pytest.mark.parametrize(
    ("filter_", "kind", "sentence"),
    [
        ({"shoe_size": 9}, "rule", "no filter “shoe_size”"),
        ({"open_balance.gt": "much"}, "rule", "Open balance"),
        ({"sort": "name"}, "rule", "belongs to a list"),
        ({"status": ["active"]}, "rule", "takes a word or a number"),
        (["status"], "rule", "Write the filter"),
        ({"status": "active"}, "rfm", "by rfm_segment alone"),
    ],
)
def test_a_filter_no_list_understands_is_refused(shop: Any, filter_: Any, kind: str, sentence: str) -> None:
    with pytest.raises(Rejected, match=sentence):
        shop.create("Sally", "customer_segments", key="x", name="X", kind=kind, filter=filter_)


def test_changing_a_rule_weighs_every_open_lead_anew_and_undo_takes_it_back(shop: Any) -> None:
    with change(SYSTEM(shop.tenant_id)) as connection:
        write_defaults(connection, shop.tenant_id)
        write_defaults(connection, shop.tenant_id)
        assert list(rules_of(connection, shop.tenant_id)) == list(DEFAULTS)
    lead = shop.create("Sally", "leads", title="Re-roof", contact_name="Ada", company_name="Juniper", source="referral")
    lost = shop.create("Sally", "leads", title="Re-roof", contact_name="Bo", company_name="Cedar", source="referral")
    shop.move("Sally", "leads", lost, "lose", lost_reason="price")
    assert shop.row("leads", lead)["fit_score"] == 40
    rule = next(iter(shop.scope("Sally", "lead_scoring_rules", "On")))
    raised = shop.edit("Sally", "lead_scoring_rules", rule, points=55)
    assert shop.row("leads", lead)["fit_score"] == 75
    assert {"side": "fit", "rule": "Names a company", "points": 55} in shop.row("leads", lead)["score_breakdown"]
    assert shop.row("leads", lost)["fit_score"] == 40
    assert shop.undo("Sally", raised) == ()
    assert shop.row("leads", lead)["fit_score"] == 40
    with pytest.raises(Rejected, match="not weighed by"):
        shop.edit("Sally", "lead_scoring_rules", rule, expression={"shoe_size": 9})
    with pytest.raises(Rejected, match="at most 100"):
        shop.create("Sally", "lead_scoring_rules", name="Much", dimension="fit", expression={"title": "x"}, points=500)


def test_a_rule_says_what_a_lead_must_be_like() -> None:
    assert [rule.name for rule in DEFAULTS if unreadable(rule.expression, rule.dimension)] == []
    for expression, side, words in (
        ({}, "fit", "what a lead must be like"), ({"said": "call"}, "fit", "counts for engagement"),
        ({"said": "smoke"}, "engagement", "What can be said"), ({"source.like": "x"}, "fit", "none of eq"),
        ({"source.in": "phone"}, "fit", "takes a list"), ({"source.gt": 3}, "fit", "compares"),
        ({"estimated_value.gte": "much"}, "fit", "compares"),
    ):  # fmt: skip
        assert words in (unreadable(expression, side) or ""), expression
    at = now()
    lead = {"created_at": at, "source": "phone", "company_name": None, "estimated_value": Decimal(9)}
    found = scored(
        lead, [("call", at)] * 5, at, [DEFAULTS[18].__class__("Talked", "engagement", {"said": "call"}, 25, 60)]
    )
    assert found["engagement_score"] == 60


# -- pages and campaigns ----------------------------------------------------------------------------------------------


def test_a_page_asks_how_to_reach_them_before_it_is_published_and_keeps_its_address(shop: Any) -> None:
    page = shop.create("Sally", "landing_pages", slug="leak-repair", title="Leaks", headline="Water coming in?")
    with pytest.raises(NotAllowed, match="e-mail address or a telephone"):
        shop.move("Sally", "landing_pages", page, "publish")
    shop.edit("Sally", "landing_pages", page, form_fields=[{"name": "phone", "label": "Telephone"}])
    with pytest.raises(NotAllowed, match="once they have asked"):
        shop.move("Sally", "landing_pages", page, "publish")
    shop.edit("Sally", "landing_pages", page, thank_you_text="We call back.")
    assert shop.move("Sally", "landing_pages", page, "publish")["published_at"] is not None
    with pytest.raises(Rejected, match="People have this address"):
        shop.edit("Sally", "landing_pages", page, slug="leaks")
    with pytest.raises(Rejected, match="small letters"):
        shop.create("Sally", "landing_pages", slug="Leak Repair", title="Leaks", headline="Water?")


def test_a_suggested_budget_never_passes_the_cap(shop: Any) -> None:
    page = shop.given("landing_pages", slug="leaks", title="Leaks", headline="Water?")
    ad = shop.create("Olaf", "ad_campaigns", name="Leaks", platform="google_ads", landing_page_id=page,
                     max_daily_budget=Decimal(90))  # fmt: skip
    with pytest.raises(NotAllowed, match="may cost a day"):
        shop.move("Olaf", "ad_campaigns", ad, "enable")
    shop.edit("Olaf", "ad_campaigns", ad, daily_budget=Decimal(60))
    with pytest.raises(NotAllowed, match="“Leaks” is not published"):
        shop.move("Olaf", "ad_campaigns", ad, "enable")
    shop.change("landing_pages", page, status="published", published_at=now())
    shop.move("Olaf", "ad_campaigns", ad, "enable")
    with pytest.raises(Rejected, match="cannot pass the cap"):
        shop.edit("Olaf", "ad_campaigns", ad, daily_budget=Decimal(91))
    with pytest.raises(NotAllowed, match="Nothing is suggested"):
        shop.move("Olaf", "ad_campaigns", ad, "take")
    shop.change("ad_campaigns", ad, pending_change={"daily_budget": 120, "why": "More leads"})
    with pytest.raises(NotAllowed, match=r"\$120.00 a day is above the cap of \$90.00"):
        shop.move("Olaf", "ad_campaigns", ad, "take")
    shop.change("ad_campaigns", ad, pending_change={"daily_budget": 75, "why": "More leads"})
    row = shop.move("Olaf", "ad_campaigns", ad, "take")
    assert (row["daily_budget"], row["pending_change"]) == (75, None)
    with pytest.raises(NotAllowed, match="role"):
        shop.move("Sally", "ad_campaigns", ad, "pause")
