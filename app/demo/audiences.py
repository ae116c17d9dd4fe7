"""Whom to call first and whom to write to: scoring rules, customers sorted, segments; the pages and campaigns leads come by."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.world import Record, World
from app.domains.crm.lead_scoring import DEFAULTS

# Key, name, kind, filter as the list of customers takes it, and the same as SQL over customers c; then owner and colour.
SEGMENTS: tuple[tuple[str, str, str, dict[str, Any], str, str, str], ...] = (
    ("champions", "Champions", "rfm", {"rfm_segment": "champion"}, "rfm_segment = 'champion'", "Tara McAllister", "#2b8a5f"),
    ("loyal", "Loyal customers", "rfm", {"rfm_segment.in": "champion,loyal"}, "rfm_segment IN ('champion', 'loyal')",
     "Tara McAllister", "#2f6fde"),
    ("at-risk", "At risk", "rfm", {"rfm_segment": "at_risk"}, "rfm_segment = 'at_risk'", "Owen Prescott", "#c2571a"),
    ("lost", "Lost", "rfm", {"rfm_segment": "lost"}, "rfm_segment = 'lost'", "Bianca Reyes", "#5b6b7c"),
    ("newcomers", "New this year", "rfm", {"rfm_segment": "new"}, "rfm_segment = 'new'", "Jonah Feldman", "#8a4fd0"),
    ("owes-money", "Active with an open balance", "rule", {"status": "active", "open_balance.gt": 0},
     "status = 'active' AND open_balance > 0", "Grace Okafor", "#b03a5b"),
    ("large-debts", "Owes 20,000 or more", "rule", {"open_balance.gte": 20000}, "open_balance >= 20000", "Grace Okafor",
     "#b03a5b"),
    ("on-hold", "On credit hold", "rule", {"status": "credit_hold"}, "status = 'credit_hold'", "Grace Okafor", "#b03a5b"),
    ("large-accounts", "A quarter million in all", "rule", {"lifetime_revenue.gte": 250000}, "lifetime_revenue >= 250000",
     "Tara McAllister", "#2b8a5f"),
    ("quiet-large", "Large, and lately quiet", "rule",
     {"lifetime_revenue.gte": 8000, "rfm_segment.in": "at_risk,lost"},
     "lifetime_revenue >= 8000 AND rfm_segment IN ('at_risk', 'lost')", "Owen Prescott", "#c2571a"),
    ("tax-exempt", "Tax-exempt", "rule", {"tax_exempt": True}, "tax_exempt", "Helen Vance", "#5b6b7c"),
    ("denver", "Denver", "rule", {"bill_city": "Denver"}, "bill_city = 'Denver'", "Jonah Feldman", "#2f6fde"),
    ("no-mail", "Without an e-mail address", "rule", {"email.null": True}, "email IS NULL", "Bianca Reyes", "#5b6b7c"),
    ("long-terms", "Pays after 45 days", "rule", {"payment_terms_days.gte": 45}, "payment_terms_days >= 45",
     "Grace Okafor", "#b03a5b"),
    ("snow-list", "Snow list", "tag", {"tags": "snow list"}, "tags @> '{snow list}'", "Luis Cordova", "#2f6fde"),
    ("newsletter", "Newsletter", "tag", {"tags": "newsletter"}, "tags @> '{newsletter}'", "Tara McAllister", "#8a4fd0"),
    ("references", "Will speak for us", "tag", {"tags": "reference"}, "tags @> '{reference}'", "Owen Prescott", "#2b8a5f"),
)  # fmt: skip

_RFM = """
UPDATE customers SET rfm_recency = found.r, rfm_frequency = found.f, rfm_monetary = found.m, rfm_scored_at = %(at)s,
    rfm_segment = CASE
        WHEN found.r >= 4 AND found.f >= 4 AND found.m >= 4 THEN 'champion'
        WHEN found.f >= 4 THEN 'loyal'
        WHEN found.jobs = 1 AND found.r >= 4 THEN 'new'
        WHEN found.r <= 2 AND (found.f >= 3 OR found.m >= 4) THEN 'at_risk'
        WHEN found.r = 1 AND found.f <= 2 THEN 'lost'
        ELSE 'potential' END,
    tags = CASE
        WHEN found.m = 5 AND found.r >= 4 AND customers.id %% 9 = 0 THEN '{newsletter,reference}'
        WHEN found.snow THEN '{snow list}'
        WHEN customers.id %% 4 = 0 AND customers.email IS NOT NULL THEN '{newsletter}'
        ELSE customers.tags END
FROM (
    SELECT c.id, coalesce(j.jobs, 0) AS jobs, coalesce(j.snow, false) AS snow,
        ntile(5) OVER (ORDER BY i.last_paid NULLS FIRST, c.id) AS r,
        ntile(5) OVER (ORDER BY coalesce(j.jobs, 0), c.id) AS f,
        ntile(5) OVER (ORDER BY coalesce(i.billed, 0), c.id) AS m
    FROM customers c
    LEFT JOIN (SELECT customer_id, max(paid_at) AS last_paid,
                   sum(total - tax_total) FILTER (WHERE issue_date >= %(since)s) AS billed
               FROM invoices WHERE tenant_id = %(tenant)s AND status IN ('open', 'paid') GROUP BY 1) AS i ON i.customer_id = c.id
    LEFT JOIN (SELECT customer_id, count(*) AS jobs, bool_or(work_type = 'snow_removal') AS snow
               FROM jobs WHERE tenant_id = %(tenant)s AND requested_at >= %(since)s GROUP BY 1) AS j ON j.customer_id = c.id
    WHERE c.tenant_id = %(tenant)s
) AS found
WHERE customers.id = found.id
"""


def audiences(world: World) -> None:
    """The rules leads are weighed by, every customer's place among the others, and the segments made of it."""
    world.chapter("audiences", "Demonstration company: scoring rules, customer standing and segments")
    made = world.at - timedelta(days=240)
    rules = [asdict(rule) | {"expression": Jsonb(dict(rule.expression))} for rule in DEFAULTS]
    rules.append(asdict(DEFAULTS[0]) | {
        "name": "In the mountains", "expression": Jsonb({"site_city.in": ["Vail", "Breckenridge", "Aspen"]}), "points": -10,
        "dimension": "penalty",
    })  # fmt: skip
    tara = world.staff["Tara McAllister"]
    # A company founded before it became the demonstration has its first rules already.
    there = {
        name for (name,) in world.rows("SELECT name FROM lead_scoring_rules WHERE tenant_id = %s", world.tenant_id)
    }
    world.write("lead_scoring_rules", [
        {**rule, "is_active": rule["name"] != "In the mountains", "position": place, "created_by": tara, "updated_by": tara,
         "created_at": made if place < len(rules) else world.at - timedelta(days=3)}
        for place, rule in enumerate(rules, 1) if rule["name"] not in there
    ])  # fmt: skip
    since = world.local(-730, 0)
    world.connection.execute(_RFM, {"tenant": world.tenant_id, "at": world.local(0, 3), "since": since})
    counts = world.rows(
        f"SELECT {', '.join(f'count(*) FILTER (WHERE {condition})' for *_, condition, _o, _c in SEGMENTS)}"
        " FROM customers c WHERE tenant_id = %s AND archived_at IS NULL",
        world.tenant_id,
    )[0]
    world.write("customer_segments", [
        {
            "key": key, "name": name, "kind": kind, "filter": Jsonb(filter_), "member_count": count,
            "refreshed_at": world.local(0 if place % 5 else -9, 4), "color": color, "owner_id": world.staff[owner],
            "created_at": made + timedelta(days=9 * place), "created_by": world.staff[owner],
        }
        for place, ((key, name, kind, filter_, _sql, owner, color), count) in enumerate(zip(SEGMENTS, counts, strict=True))
    ])  # fmt: skip


# -- pages and campaigns ----------------------------------------------------------------------------------------------

# Slug, title, headline, what is wanted, state, days since it was published, share of visitors who ask.
PAGES: tuple[tuple[str, str, str, str | None, str, int, float], ...] = (
    ("contact", "Contact", "Tell us about your roof", None, "published", 900, 0.071),
    ("leak-repair", "Leak repair", "Water coming in? We are there today.", "leak_repair", "published", 410, 0.145),
    ("emergency", "Emergency roofing", "Storm damage: call now, day or night", "emergency", "published", 395, 0.118),
    ("spring-inspection", "Spring inspection", "Dry by Friday", "inspection", "published", 260, 0.102),
    ("commercial-reroof", "Commercial re-roofing", "Thirty years, laid while you work", "reroof", "published", 520, 0.038),
    ("roof-coating", "Roof coating", "Ten more years for a third of the price", "coating", "published", 330, 0.046),
    ("roof-care", "Roof care plans", "Two visits a year instead of one surprise", "maintenance", "published", 610, 0.052),
    ("snow-removal", "Snow removal", "Off your roof before it is in your store", "emergency", "archived", 380, 0.083),
    ("property-managers", "For property managers", "One call for forty roofs", "maintenance", "published", 190, 0.061),
    ("hail-season", "Hail season", "Checked within 48 hours, documented for your insurer", "inspection", "draft", 0, 0),
    ("solar-ready", "Solar-ready roofs", "Before the panels go up", "reroof", "draft", 0, 0),
    ("drone-survey", "Drone survey", "See your roof from above", "inspection", "published", 45, 0.009),
)  # fmt: skip
FORM = (
    {"name": "name", "label": "Your name", "type": "text", "required": True},
    {"name": "email", "label": "E-mail", "type": "email", "required": True},
    {"name": "phone", "label": "Telephone", "type": "tel", "required": False},
    {"name": "address", "label": "Where is the roof?", "type": "text", "required": False},
    {"name": "message", "label": "What is it about?", "type": "textarea", "required": False},
)
EXPERIMENTS = {"leak-repair": "leak-form-short", "emergency": "phone-on-top", "spring-inspection": "spring-headline"}

# Platform, name, page, state, since how many days, a day, cap, target per lead, mode, and what is suggested.
Campaign = tuple[str, str, str | None, str, int, int | None, int | None, int | None, str, dict[str, Any] | None]
CAMPAIGNS: tuple[Campaign, ...] = (
    ("google_ads", "Leak repair, Denver metro", "leak-repair", "enabled", 400, 85, 140, 65, "auto_with_caps", None),
    ("google_ads", "Emergency roofing", "emergency", "enabled", 390, 60, 90, 80, "suggest", {
        "daily_budget": 75, "why": "Stops at two in the afternoon on most weekdays", "expected": "About two more calls a week"}),
    ("google_ads", "Commercial re-roof", "commercial-reroof", "enabled", 365, 120, 180, 240, "suggest", {
        "daily_budget": 210, "why": "Three large leads in ten days", "expected": "One more large lead a week"}),
    ("google_ads", "Roof coating", "roof-coating", "enabled", 300, 45, 60, 140, "suggest", None),
    ("google_ads", "Spring inspection", "spring-inspection", "paused", 250, 40, 70, 55, "suggest", None),
    ("google_ads", "Snow removal", "snow-removal", "removed", 380, 50, 80, 60, "manual", None),
    ("meta", "Property managers, seen before", "property-managers", "enabled", 180, 25, 40, 90, "suggest", None),
    ("meta", "Hail season", "hail-season", "draft", 6, 80, 150, 70, "suggest", None),
    ("bing", "Leak repair, Bing", "leak-repair", "paused", 210, 15, 25, 70, "manual", None),
    ("other", "Trade magazine, spring issue", None, "draft", 4, None, None, None, "manual", None),
)  # fmt: skip
BY_WISH = {
    "leak_repair": 0,
    "emergency": 1,
    "reroof": 2,
    "new_construction": 2,
    "coating": 3,
    "inspection": 4,
    "maintenance": 4,
}


def campaigns(world: World) -> None:
    """Landing pages with their counters, campaigns with six weeks of daily figures, and the leads that came of them."""
    world.chapter("campaigns", "Demonstration company: landing pages, campaigns and the leads they brought")
    dice, tara = world.dice("campaigns"), world.staff["Tara McAllister"]
    tests = dict(world.rows("SELECT key, id FROM ab_tests WHERE tenant_id = %s", world.tenant_id))
    records = world.write("landing_pages", [_page(world, tara, tests, *page) for page in PAGES])
    pages = {slug: record["id"] for (slug, *_), record in zip(PAGES, records, strict=True)}
    ads = world.write(
        "ad_campaigns", [_campaign(world, tara, pages, place, *each) for place, each in enumerate(CAMPAIGNS)]
    )
    came = world.rows(
        "SELECT id, source, service_interest, created_at FROM leads WHERE tenant_id = %s AND source IN ('google_ads', 'web_form')"
        " ORDER BY id",
        world.tenant_id,
    )
    led: list[tuple[int, int | None, int | None]] = []
    for lead, source, wish, at in came:
        place = BY_WISH.get(wish) if source == "google_ads" else None
        paid = place is not None and at >= world.at - timedelta(days=CAMPAIGNS[place][4])
        slug = (
            CAMPAIGNS[place][2]
            if paid and place is not None
            else _form(world, wish, at)
            if source == "web_form"
            else None
        )
        led.append((lead, ads[place]["id"] if paid and place is not None else None, pages[slug] if slug else None))
    world.connection.execute(
        "UPDATE leads SET campaign_id = got.campaign, landing_page_id = got.page"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS got (lead, campaign, page) WHERE leads.id = got.lead",
        tuple(list(column) for column in zip(*led, strict=True)),
    ) if led else None
    _count_visitors(world, pages)
    world.write("metrics", _figures(world, dice, ads, {lead: campaign for lead, campaign, _ in led}, came))


def _form(world: World, wish: str, at: datetime) -> str:
    """Whose form somebody filled in who came without an advertisement."""
    days = (world.at - at).days
    if wish == "inspection" and days < 45:
        return "drone-survey"
    if wish in ("maintenance", "other"):
        return "roof-care" if wish == "maintenance" or days > 180 else "property-managers"
    return "contact"


def _page(
    world: World, by: int, tests: dict[str, int], slug: str, title: str, headline: str, wish: str | None, status: str,
    ago: int, _rate: float,
) -> Record:  # fmt: skip
    made = world.at - timedelta(days=ago + 6)
    return {
        "slug": slug, "title": title, "headline": headline,
        "body_html": f"<p>{headline}</p><p>BrainOps Roofing looks after commercial roofs along the Front Range.</p>",
        "form_fields": Jsonb([dict(each) for each in (FORM[1:3] if slug == "emergency" else FORM)]),
        "thank_you_text": "Thank you. Somebody calls you back within two working hours." if ago else None,
        "status": status, "published_at": made + timedelta(days=6) if ago else None, "service_interest": wish,
        "ab_test_id": tests.get(EXPERIMENTS.get(slug, "")), "views": 0, "submissions": 0, "created_at": made, "created_by": by,
        "updated_by": by,
    }  # fmt: skip


def _campaign(
    world: World, by: int, pages: dict[str, int], place: int, platform: str, name: str, slug: str | None, status: str,
    ago: int, daily: int | None, cap: int | None, target: int | None, mode: str, change: dict[str, Any] | None,
) -> Record:  # fmt: skip
    ran = status != "draft"
    mirrored = ran and platform == "google_ads"
    suggested = change | {"suggested_at": world.local(-1, 6).isoformat()} if change else None
    return {
        "platform": platform, "name": name, "status": status, "objective": "Leads" if target else "To be remembered",
        "landing_page_id": pages[slug] if slug else None, "daily_budget": daily, "max_daily_budget": cap, "target_cpl": target,
        "automation_mode": mode, "pending_change": Jsonb(suggested) if suggested else None,
        "started_on": world.local(-ago).date() if ran else None,
        "ended_on": world.local(-150).date() if status == "removed" else None,
        "last_synced_at": world.local(0, 5, 40) if status == "enabled" else world.local(-30, 5) if ran else None,
        "external_source": "google_ads" if mirrored else None,
        "external_id": f"{217_440_081 + 7_919 * place}" if mirrored else None,
        "created_at": world.at - timedelta(days=ago + 3), "created_by": by, "updated_by": by,
    }  # fmt: skip


def _count_visitors(world: World, pages: dict[str, int]) -> None:
    """A page's counters hold at least the leads and events that are there; visitors follow from how many of them ask."""
    asked = dict(world.rows(
        "SELECT p.id, greatest((SELECT count(*) FROM leads l WHERE l.landing_page_id = p.id),"
        " (SELECT count(*) FROM analytics_events e WHERE e.tenant_id = p.tenant_id AND e.path = '/' || p.slug"
        " AND e.name = 'lead.submitted')) FROM landing_pages p WHERE p.tenant_id = %s",
        world.tenant_id,
    ))  # fmt: skip
    found = [
        (pages[slug], round(asked[pages[slug]] / rate) + ago, asked[pages[slug]])
        for slug, *_, ago, rate in PAGES
        if ago
    ]
    world.connection.execute(
        "UPDATE landing_pages SET views = got.views, submissions = got.asked FROM unnest(%s::bigint[], %s::bigint[],"
        " %s::bigint[]) AS got (page, views, asked) WHERE landing_pages.id = got.page",
        tuple(list(column) for column in zip(*found, strict=True)),
    )


def _figures(
    world: World, dice: random.Random, ads: list[Record], of_lead: dict[int, int | None], came: list[tuple[Any, ...]]
) -> list[Record]:
    """Cost, clicks, impressions and leads of each campaign by the day; its leads are the leads that are there."""
    leads: dict[tuple[int, date], int] = {}
    for lead, _source, _wish, at in came:
        if (campaign := of_lead[lead]) is not None:
            day = at.astimezone(world.zone).date()
            leads[campaign, day] = leads.get((campaign, day), 0) + 1
    rows = []
    for ad, (*_, status, ago, daily, _cap, _target, _mode, _change) in zip(ads, CAMPAIGNS, strict=True):
        if status not in ("enabled", "paused") or daily is None:
            continue
        for back in range(min(ago, 40), 25 if status == "paused" else 0, -1):
            start = world.local(-back, 0)
            clicks = dice.randrange(daily // 8, daily // 3 + 2)
            found = leads.get((ad["id"], start.date()), 0)
            for name, kind, value, unit in (
                ("ads.cost", "counter", Decimal(daily) * Decimal(str(round(dice.uniform(0.55, 1), 2))), "money"),
                ("ads.clicks", "counter", clicks, "clicks"),
                ("ads.impressions", "counter", clicks * dice.randrange(18, 42), "impressions"),
                ("ads.conversions", "counter", found, "leads"),
            ):
                rows.append({
                    "tenant_id": world.tenant_id, "name": name, "bucket": "day", "bucket_start": start,
                    "dims": Jsonb({"campaign_id": ad["id"]}), "kind": kind, "value": value, "unit": unit,
                    "computed_at": start + timedelta(hours=29), "created_at": start + timedelta(hours=29),
                })  # fmt: skip
    return rows
