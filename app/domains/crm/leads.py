"""Leads: enquiries from the first word to won or lost, and what each of them still needs from us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Computed, Connection, and_, func, or_, select, text, update
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.crm.lead_scoring import rescore
from app.domains.crm.pipeline import OPEN_LEAD, NewCustomer, close_tasks, payer_missing
from app.domains.crm.tables import table
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Date,
    Email,
    Json,
    Moment,
    Money,
    Percent,
    Phone,
    Quantity,
    Reference,
    Text,
)
from app.engine.merging.declared import Merging
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    integer,
    json_,
    moment,
    money,
    percent,
    ref,
    text_,
)
from app.engine.records import (
    number as numeric,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class Lead(Record, Standard, Authored, Archivable, External):
    __tablename__ = "leads"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    status: Mapped[str] = choice(
        "new", "contacted", "qualified", "quoted", "won", "lost", "disqualified", "nurture", default="new"
    )
    source: Mapped[str] = choice(
        "web_form", "landing_page", "google_ads", "phone", "referral", "repeat", "walk_in", "partner", "import",
        "ai_outreach", "other", default="other",
    )  # fmt: skip
    campaign_id: Mapped[int | None] = ref("ad_campaigns", "N")
    landing_page_id: Mapped[int | None] = ref("landing_pages", "N")
    utm: Mapped[dict[str, Any]] = json_("{}")
    gclid: Mapped[str | None] = text_()
    customer_id: Mapped[int | None] = ref("customers", "N")
    property_id: Mapped[int | None] = ref("properties", "N")
    referred_by_id: Mapped[int | None] = ref("customers", "N")
    owner_id: Mapped[int | None] = ref("app_users", "N")
    duplicate_of_id: Mapped[int | None] = ref("leads", "N")
    contact_name: Mapped[str] = text_()
    company_name: Mapped[str | None] = text_()
    email: Mapped[str | None] = text_()
    email_norm: Mapped[str | None] = mapped_column(SqlText, Computed("lower(btrim(email))", persisted=True))
    phone_e164: Mapped[str | None] = text_()
    site_address: Mapped[str | None] = text_()
    site_city: Mapped[str | None] = text_()
    site_region: Mapped[str | None] = text_()
    site_postal: Mapped[str | None] = text_()
    service_interest: Mapped[str] = choice(
        "leak_repair", "maintenance", "inspection", "reroof", "new_construction", "coating", "emergency", "other",
        default="other",
    )  # fmt: skip
    urgency: Mapped[str] = choice("low", "normal", "high", "emergency", default="normal")
    roof_area_sqft: Mapped[Decimal | None] = numeric(12, 2)
    estimated_value: Mapped[Decimal | None] = money()
    currency: Mapped[str] = code(3, "USD")
    probability_pct: Mapped[Decimal] = percent("0")
    expected_close_on: Mapped[date | None] = day()
    notes: Mapped[str | None] = text_()
    fit_score: Mapped[int] = integer("0")
    engagement_score: Mapped[int] = integer("0")
    score: Mapped[int] = integer("0")
    grade: Mapped[str | None] = code(2)
    score_breakdown: Mapped[list[Any]] = json_("[]")
    score_override: Mapped[int | None] = integer()
    score_override_reason: Mapped[str | None] = text_()
    scored_at: Mapped[datetime | None] = moment()
    stage_entered_at: Mapped[datetime] = moment("now()")
    first_response_at: Mapped[datetime | None] = moment()
    qualified_at: Mapped[datetime | None] = moment()
    quoted_at: Mapped[datetime | None] = moment()
    won_at: Mapped[datetime | None] = moment()
    lost_at: Mapped[datetime | None] = moment()
    lost_reason: Mapped[str | None] = choice(
        "price",
        "timing",
        "competitor",
        "no_response",
        "not_a_fit",
        "duplicate",
        "out_of_area",
        "project_cancelled",
        "other",
    )
    competitor: Mapped[str | None] = text_()
    next_action_at: Mapped[datetime | None] = moment()
    merged_into_id: Mapped[int | None] = ref("leads", "N")


OPEN = Lead.status.in_(OPEN_LEAD)
DUPLICATE_DAYS = 90

# -- the ready-made lists ---------------------------------------------------------------------------------------------


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(OPEN, Lead.owner_id == actor.app_user_id)


def stale() -> ColumnElement[bool]:
    """Nobody has said what comes next, or that day has passed, and the lead has stood still for two weeks."""
    forgotten = or_(Lead.next_action_at.is_(None), Lead.next_action_at < func.now())
    return and_(OPEN, forgotten, Lead.stage_entered_at < func.now() - text("interval '14 days'"))


# -- what stands in a lead's way --------------------------------------------------------------------------------------


def _given(moving: Moving, name: str) -> Any:
    """What the person just filled in, else what the lead says already."""
    return moving.asked.get(name) or moving.record[name]


def _answers(moving: Moving) -> ColumnElement[bool]:
    """Activities in which we reached out, or talked with them whoever began."""
    activities = table("crm_activities").c
    talked = or_(activities.direction == "out", activities.kind.in_(("call", "meeting", "site_visit")))
    return and_(activities.lead_id == moving.record["id"], talked)


def answered(moving: Moving) -> str | None:
    activities = table("crm_activities").c
    if moving.connection.execute(select(activities.id).where(_answers(moving)).limit(1)).first() is None:
        return "Log the call, mail or visit in which you answered first."
    return None


def worth_a_quote(moving: Moving) -> str | None:
    """An estimator who drives out needs somebody to meet, a place to go to, and a reason that pays for the way."""
    if not (moving.record["email"] or moving.record["phone_e164"]):
        return "Enter an e-mail address or a telephone number first; nobody can be reached."
    if not (_given(moving, "property_id") or _given(moving, "site_address")):
        return "Say where the roof is: pick a site or enter its address."
    if _given(moving, "service_interest") == "other":
        return "Say what they want done."
    if not (_given(moving, "estimated_value") or 0) > 0:
        return "Say what the work may be worth."
    return None


def whose_lead(moving: Moving) -> str | None:
    return None if _given(moving, "customer_id") else payer_missing(moving, moving.record)


# -- what a move sets -------------------------------------------------------------------------------------------------


def entered(moving: Moving) -> Mapping[str, Any]:
    return {"stage_entered_at": moving.at}


def contacted(moving: Moving) -> Mapping[str, Any]:
    """The first answer counts from when it was given, not from when somebody pressed the button."""
    activities = table("crm_activities").c
    first = moving.connection.execute(select(func.min(activities.occurred_at)).where(_answers(moving))).scalar()
    return {"first_response_at": moving.record["first_response_at"] or first}


def qualified(moving: Moving) -> Mapping[str, Any]:
    return {"qualified_at": moving.at, "probability_pct": 30}


def quoted(moving: Moving) -> Mapping[str, Any]:
    return {"quoted_at": moving.at, "probability_pct": 50}


def won(moving: Moving) -> Mapping[str, Any]:
    return {
        "won_at": moving.at,
        "probability_pct": 100,
        "next_action_at": None,
        "customer_id": _given(moving, "customer_id") or NewCustomer(moving.record),
    }


def closed(moving: Moving) -> Mapping[str, Any]:
    return {"lost_at": moving.at, "probability_pct": 0, "next_action_at": None}


def reopened(_: Moving) -> Mapping[str, Any]:
    return {"lost_at": None, "lost_reason": None, "competitor": None}


lifecycle = Lifecycle(
    field="status",
    initial="new",
    stages=("new", "contacted", "qualified", "quoted", "won"),
    frozen=dict.fromkeys(("won", "lost", "disqualified"), ("*",)),
    why_frozen="This lead is decided; reopen it, or go on with its customer and estimate.",
    transitions=(
        Transition(
            "contact", "Mark as contacted", source=("new",), to="contacted", may="leads.contact",
            guards=(answered,), effects=(entered, contacted), done="contacted",
        ),
        Transition(
            "qualify", "Qualify lead", source=("contacted",), to="qualified", may="leads.qualify",
            asks=("service_interest", "estimated_value", "property_id", "site_address"),
            requires=("service_interest", "estimated_value"), guards=(worth_a_quote,), effects=(entered, qualified),
            done="qualified",
        ),
        Transition(
            "quote", "Mark as quoted", source=("qualified",), to="quoted", may="leads.quote",
            effects=(entered, quoted), by_system=True, done="quoted",
        ),
        Transition(
            "win", "Mark as won", source=OPEN_LEAD, to="won", may="leads.win", asks=("customer_id",),
            guards=(whose_lead,), effects=(entered, won), done="won",
        ),
        Transition(
            "nurture", "Put off for later", source=OPEN_LEAD, to="nurture", may="leads.nurture", asks=("next_action_at",),
            requires=("next_action_at",), effects=(entered,), done="put off",
        ),
        Transition(
            "lose", "Mark as lost", source=OPEN_LEAD, to="lost", may="leads.lose", asks=("lost_reason", "competitor"),
            requires=("lost_reason",), effects=(entered, closed), danger=True, done="lost",
        ),
        Transition(
            "disqualify", "Disqualify lead", source=OPEN_LEAD, to="disqualified", may="leads.disqualify",
            asks=("lost_reason",), requires=("lost_reason",), effects=(entered, closed), danger=True, done="disqualified",
        ),
        Transition(
            "reopen", "Reopen lead", source=("lost", "disqualified", "nurture"), to="contacted", may="leads.reopen",
            effects=(entered, reopened), done="reopened",
        ),
    ),
)  # fmt: skip

# -- what a lead changes elsewhere, in the same change set ------------------------------------------------------------


def find_the_first(connection: Connection, lead: Mapping[str, Any]) -> None:
    """A new lead with the address or number of one from the last 90 days says so, so that two people do not both call."""
    if lead.get("status") != "new" or "contact_name" not in lead:
        return
    rows = table("leads")
    new, other = rows.alias("new"), rows.alias("other")
    first = connection.execute(
        select(other.c.id)
        .join(new, new.c.tenant_id == other.c.tenant_id)
        .where(
            new.c.id == lead["id"],
            new.c.duplicate_of_id.is_(None),
            other.c.id != new.c.id,
            other.c.archived_at.is_(None),
            other.c.created_at >= new.c.created_at - timedelta(days=DUPLICATE_DAYS),
            or_(other.c.email_norm == new.c.email_norm, other.c.phone_e164 == new.c.phone_e164),
        )
        .order_by(other.c.created_at, other.c.id)
        .limit(1)
    ).scalar()
    if first is not None:
        connection.execute(update(rows).where(rows.c.id == lead["id"]).values(duplicate_of_id=first))


def settle(connection: Connection, lead: Mapping[str, Any]) -> None:
    """Won: what was still to be done for it is moot. Lost: what lies with the customer unanswered counts as declined."""
    if lead.get("status") == "won":
        close_tasks(connection, lead["id"])
    elif lead.get("status") == "lost":
        estimates = table("estimates")
        connection.execute(
            update(estimates)
            .where(estimates.c.lead_id == lead["id"], estimates.c.status.in_(("sent", "viewed")))
            .values(status="declined", declined_at=func.now(), decline_reason="The lead was lost.")
        )


# -- a score somebody knows better ------------------------------------------------------------------------------------


def undecided(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] in (*OPEN_LEAD, "nurture") else "This lead is decided; its score stays as it was."


def overridden(record: Mapping[str, Any]) -> str | None:
    return undecided(record) if record["score_override"] is not None else "This score is the computed one."


def override(moving: Moving) -> Mapping[str, Any]:
    return {**moving.asked, "score": moving.asked["score_override"]}


def as_computed(moving: Moving) -> Mapping[str, Any]:
    """60 parts fit, 40 parts engagement."""
    points = 60 * moving.record["fit_score"] + 40 * moving.record["engagement_score"]
    return {"score": (points + 50) // 100, "score_override": None, "score_override_reason": None}


leads = Resource(
    Lead,
    title="title",
    code="number",
    label="Leads",
    icon="funnel",
    nav=("Customers", 35),
    about="Who asked us for work: what they want, what it may be worth, who answers them and what comes next.",
    search=("number", "title", "company_name", "contact_name", "email", "phone_e164"),
    sort="-created_at",
    opens="Open",
    numbered="lead",
    lifecycle=lifecycle,
    # Who asks again is linked to the first time by `duplicate_of_id` and counted; only a person may say that it was one enquiry.
    merging=Merging(
        latest=("email", "phone_e164", "contact_name"),
        keeps=("source", "campaign_id", "landing_page_id", "duplicate_of_id", "probability_pct", "lost_reason"),
    ),
    scopes={
        "Mine": mine,
        "Unassigned": and_(OPEN, Lead.owner_id.is_(None)),
        "Hot": and_(OPEN, Lead.grade.in_(("A1", "A2", "B1"))),
        "Stale": stale(),
        "Open": OPEN,
    },
    facts=(
        "estimated_value", "probability_pct", "grade", "score", "owner_id", "next_action_at", "stage_entered_at", "customer_id",
    ),
    related=(
        Related(
            "crm_activities", "lead_id", label="Activities", fields=("subject", "kind", "occurred_at", "app_user_id", "outcome"),
        ),
        Related("estimates", "lead_id", fields=("title", "number", "status", "total", "valid_until")),
        Related(
            "conversations", "lead_id", fields=("title", "channel", "status", "agent_id", "last_message_at"),
            sort="-last_message_at",
        ),
        Related(
            "leads", "duplicate_of_id", label="Asked again", fields=("title", "number", "status", "source", "created_at"),
        ),
    ),
    actions=(
        Action(
            "override", "Override score", may="leads.score", intent=override, when=undecided,
            asks=("score_override", "score_override_reason"), requires=("score_override", "score_override_reason"),
            done="scored by hand",
        ),
        Action(
            "as_computed", "Use the computed score", may="leads.score", intent=as_computed, when=overridden,
            done="scored as computed",
        ),
    ),
    follow=(find_the_first, rescore, settle),
    sentences={
        "uq_leads_tenant_id_number": ("number", "Another lead already has this number."),
        "ck_leads_duplicate_of_id": ("duplicate_of_id", "A lead cannot be a repeat of itself."),
        "ck_leads_won": ("customer_id", "A won lead has its customer."),
        "ck_leads_score_override": ("score_override_reason", "Say why you know better than the score."),
    },
    defaults={"owner_id": lambda actor: actor.app_user_id},
    fields=(
        Text("title", label="Lead", required=True, edit=INLINE, longest=200, width="l"),
        Code("number", edit=NEVER, width="s"),
        Choice(
            "status", edit=NEVER, filter=True, width="s", labels={"nurture": "Put off"},
            tones={
                "new": "info open", "contacted": "info prog", "qualified": "accent prog", "quoted": "accent sched",
                "won": "ok done", "lost": "danger fail", "disqualified": "mute off", "nurture": "warn pause",
            },
        ),
        Choice(
            "grade", edit=NEVER, filter=True, width="xs", values=("A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"),
            help="A, B, C by how well the work suits us, 1, 2, 3 by how much they show they want it.",
            tones={"A1": "accent dot", "A2": "accent dot", "B1": "accent dot"},
        ),
        Money("estimated_value", label="Value", least=0, edit=INLINE, filter=True),
        Reference("owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Moment("next_action_at", label="Next action", planned=True, due=True, edit=INLINE | BULK, filter=True),
        Moment("stage_entered_at", label="In stage since", edit=NEVER, filter=True),
        Choice("source", edit=BULK, filter=True, labels={"google_ads": "Google Ads", "ai_outreach": "AI outreach"}),
        Choice(
            "service_interest", label="Wants", edit=INLINE | BULK, list=False, filter=True, labels={"reroof": "Re-roof"},
        ),
        Choice(
            "urgency", edit=INLINE | BULK, list=False, filter=True,
            tones={"low": "mute off", "normal": "mute dot", "high": "warn warn", "emergency": "danger warn"},
        ),
        Percent("probability_pct", label="Probability", edit=INLINE, list=False, filter=True),
        Date("expected_close_on", label="Expected to close", edit=INLINE, list=False, filter=True),
        Reference(
            "customer_id", to="customers", list=False, filter=True,
            help="Who pays. Left blank, winning the lead makes the customer from what stands here.",
        ),
        Reference("duplicate_of_id", label="Asked before as", to="leads", list=False, filter=True),
        Text("company_name", label="Company", edit=INLINE, longest=200, list=False, group="Reach"),
        Text("contact_name", label="Contact", edit=INLINE, longest=200, list=False, personal=True, group="Reach"),
        Email("email", label="E-mail", edit=INLINE, list=False, group="Reach"),
        Phone("phone_e164", label="Phone", edit=INLINE, list=False, group="Reach"),
        Reference("property_id", label="Site", to="properties", list=False, filter=True, group="Site"),
        Text("site_address", label="Address", edit=INLINE, list=False, personal=True, group="Site"),
        Text("site_city", label="City", edit=INLINE, list=False, filter=True, group="Site"),
        Text("site_region", label="State", longest=40, list=False, filter=True, group="Site"),
        Text("site_postal", label="ZIP code", longest=20, list=False, personal=True, group="Site"),
        Quantity("roof_area_sqft", label="Roof area", unit="sq ft", places=2, least=0, list=False, group="Site"),
        Text("notes", long=True, list=False, group="Notes"),
        Count("score", edit=NEVER, list=False, filter=True, group="Score"),
        Count("fit_score", label="Fit", edit=NEVER, list=False, filter=True, group="Score", help="How well the work suits us."),
        Count(
            "engagement_score", label="Engagement", edit=NEVER, list=False, filter=True, group="Score",
            help="How much they show they want it, lately.",
        ),
        Count(
            "score_override", label="Score by hand", least=0, most=100, edit=NEVER, list=False, filter=True, group="Score",
            help="0 to 100; stands in place of the computed score until it is lifted.",
        ),
        Text("score_override_reason", label="Reason for it", edit=NEVER, longest=300, list=False, group="Score"),
        Json("score_breakdown", label="Points", edit=NEVER, group="Score"),
        Moment("scored_at", label="Scored", edit=NEVER, list=False, group="Score"),
        Choice("lost_reason", label="Lost because", edit=NEVER, list=False, filter=True, group="Outcome"),
        Text("competitor", label="Lost to", edit=NEVER, longest=200, list=False, filter=True, group="Outcome"),
        Moment("first_response_at", label="First answer", edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("qualified_at", label="Qualified", edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("quoted_at", label="Quoted", edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("won_at", label="Won", edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("lost_at", label="Lost", edit=NEVER, list=False, filter=True, group="Outcome"),
        Reference("campaign_id", to="ad_campaigns", list=False, filter=True, group="Origin"),
        Reference("landing_page_id", to="landing_pages", list=False, filter=True, group="Origin"),
        Reference("referred_by_id", label="Referred by", to="customers", list=False, filter=True, group="Origin"),
        Json("utm", label="Campaign tags", edit=NEVER, group="Origin"),
        Code("gclid", label="Google click", edit=NEVER, list=False, personal=True, group="Origin"),
        Code("currency", longest=3, edit=NEVER, list=False, group="Origin"),
        Reference("merged_into_id", label="Merged into", to="leads", edit=NEVER, list=False),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Asked", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
