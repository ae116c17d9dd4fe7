"""Automation templates: ready-made automations with blanks to fill in, kept so that nobody begins at nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Count, Flag, Json, Moment, Text
from app.engine.records import PlatformStandard, Record, choice, flag, integer, json_, text_
from app.engine.resource import Related, Resource
from app.engine.wording import items, pairs


class AutomationTemplate(Record, PlatformStandard):
    __tablename__ = "automation_templates"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    category: Mapped[str] = choice("sales", "billing", "dispatch", "customer_comms", "ai", "data_quality", "ops")
    description: Mapped[str] = text_()
    definition: Mapped[Any] = json_()
    parameters: Mapped[list[Any]] = json_("[]")
    is_active: Mapped[bool] = flag("true")
    install_count: Mapped[int] = integer("0")


def blanks() -> ColumnElement[str]:
    return items(AutomationTemplate.__table__.c.parameters, "name", "default")


automation_templates = Resource(
    AutomationTemplate,
    title="name",
    code="key",
    label="Automation templates",
    singular="automation template",
    icon="copy",
    nav=("Automation", 25),
    about="Automations thought out once: what they start by, what they do, and which blanks a company fills in.",
    area="automations",
    search=("name", "key"),
    sort="name",
    scopes={
        "Offered": AutomationTemplate.is_active.is_(True),
        "In use": AutomationTemplate.install_count > 0,
        "Not in use": AutomationTemplate.install_count == 0,
    },
    facts=("category", "is_active", "install_count", "description"),
    related=(
        Related(
            "automations", "template_id", label="Automations made from it",
            fields=("name", "status", "owner_id", "success", "last_run_at"),
        ),
    ),
    sentences={"uq_automation_templates_tenant_id_key": ("key", "Another template has this key already.")},
    fields=(
        Text("name", required=True, edit=INLINE, longest=120, width="l"),
        Choice(
            "category", edit=INLINE, filter=True,
            labels={"customer_comms": "To customers", "ai": "AI", "data_quality": "Data quality", "ops": "Operations"},
        ),
        Text("description", required=True, longest=2_000, width="xl"),
        Count("install_count", label="Made from it", edit=NEVER, filter=True, width="s"),
        Flag("is_active", label="Offered", edit=INLINE, filter=True, width="s"),
        Moment("updated_at", label="Changed", edit=NEVER, filter=True),
        Code("key", edit=CREATE, list=False, help="A short name for programs, like remind-overdue. It stays as given."),
        Text(
            "blanks", label="Blanks to fill in", long=True, edit=NEVER, list=False, sort=False, expr=blanks,
            group="What it is made of",
        ),
        Text(
            "made_of", label="Made of", long=True, edit=NEVER, list=False, sort=False, group="What it is made of",
            expr=lambda: pairs(AutomationTemplate.__table__.c.definition),
        ),
        Json("definition", label="Definition as data", required=True, group="What it is made of"),
        Json(
            "parameters", label="Blanks as data", group="What it is made of",
            help="A list of {\"name\": …, \"default\": …}; {name} in the definition is filled in with it.",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
