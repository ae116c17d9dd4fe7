"""Lead scoring rules: what makes a lead worth calling first, in points people can change without a programmer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.domains.crm.conditions import in_words
from app.domains.crm.lead_scoring import weigh_anew
from app.engine.fields import BULK, INLINE, NEVER, Choice, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Authored, Record, Standard, choice, flag, integer, json_, text_
from app.engine.resource import Resource


class LeadScoringRule(Record, Standard, Authored):
    __tablename__ = "lead_scoring_rules"
    name: Mapped[str] = text_()
    dimension: Mapped[str] = choice("fit", "engagement", "penalty")
    expression: Mapped[Any] = json_()
    points: Mapped[int] = integer()
    max_points: Mapped[int | None] = integer()
    half_life_days: Mapped[int | None] = integer()
    is_active: Mapped[bool] = flag("true")
    position: Mapped[int] = integer("0")


def holds_when() -> ColumnElement[str]:
    return in_words(LeadScoringRule.__table__.c.expression)


lead_scoring_rules = Resource(
    LeadScoringRule,
    title="name",
    label="Lead scoring rules",
    singular="scoring rule",
    icon="funnel",
    nav=("Customers", 60),
    about="What makes a lead worth calling first: points for work that suits us and for interest shown.",
    area="lead_rules",
    search=("name",),
    sort="position",
    follow=(weigh_anew,),
    scopes={
        "On": LeadScoringRule.is_active.is_(True),
        "Fit": LeadScoringRule.dimension.in_(("fit", "penalty")),
        "Engagement": LeadScoringRule.dimension == "engagement",
    },
    badge="dimension",
    facts=("points", "max_points", "half_life_days", "is_active", "holds_when"),
    sentences={
        "uq_lead_scoring_rules_tenant_id_name": ("name", "There is a rule of that name."),
        "ck_lead_scoring_rules_points": ("points", "A rule gives or takes at most 100 points."),
        "ck_lead_scoring_rules_half_life_days": ("half_life_days", "Only engagement cools; a fact stays a fact."),
    },
    defaults={"expression": {"estimated_value.gte": 25000}, "is_active": True},
    fields=(
        Text(
            "name", label="Rule", required=True, edit=INLINE, longest=120, width="l",
            help="Stands among the points that explain a lead's score.",
        ),
        Choice(
            "dimension", label="Side", edit=INLINE, filter=True, width="s",
            help="Fit: how well the work suits us. Engagement: how much they want it. A penalty takes from fit.",
            tones={"fit": "info dot", "engagement": "accent dot", "penalty": "warn dot"},
        ),
        Text("holds_when", label="Holds when", edit=NEVER, sort=False, expr=holds_when, width="l"),
        Count("points", least=-100, most=100, edit=INLINE | BULK, filter=True, width="s"),
        Count(
            "max_points", label="At most", least=-100, most=100, edit=INLINE, filter=True, width="s",
            help="In all, however often it holds.",
        ),
        Count(
            "half_life_days", label="Half after days", least=1, most=3650, edit=INLINE, filter=True, width="s",
            help="After so many days it counts half. Engagement only.",
        ),
        Flag("is_active", label="On", edit=INLINE | BULK, filter=True, width="xs"),
        Count("position", label="Order", least=0, edit=INLINE, list=False, filter=True, width="xs"),
        Json(
            "expression", label="Condition",
            help='What a lead must be like: {"estimated_value.gte": 25000}, {"source.in": ["repeat", "referral"]}, '
                 '{"company_name.null": false}; {"asked": true} counts once, {"said": "call"} for each call of theirs.',
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
