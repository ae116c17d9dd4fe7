"""Lead scoring rules: editable point rules."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Flag, Json, Moment, Reference, Text
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


lead_scoring_rules = Resource(
    LeadScoringRule,
    title="name",
    label="Lead scoring rules",
    icon="building",
    nav=("Customers", 75),
    about="Editable point rules.",
    area="lead_rules",
    search=("name",),
    sort="-created_at",
    fields=(
        Text("name", filter=True),
        Choice("dimension", filter=True),
        Json("expression"),
        Count("points", filter=True),
        Count("max_points", filter=True),
        Count("half_life_days", filter=True),
        Flag("is_active", filter=True),
        Count("position", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
