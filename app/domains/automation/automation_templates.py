"""Automation templates: ready-made automations to install and parametrise."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Text
from app.engine.records import PlatformStandard, Record, choice, flag, integer, json_, text_
from app.engine.resource import Resource


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


automation_templates = Resource(
    AutomationTemplate,
    title="name",
    label="Automation templates",
    icon="gear",
    nav=("Automation", 25),
    about="Ready-made automations to install and parametrise.",
    area="automations",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Choice("category", filter=True),
        Text("description", long=True, list=False),
        Json("definition"),
        Json("parameters"),
        Flag("is_active", filter=True),
        Count("install_count", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
