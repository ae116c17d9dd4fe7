"""Data rules people made: the conditions of a list that should be empty, how grave it is when it is not, and who works it."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, choice, ref, text_
from app.engine.resource import Resource


class QualityRule(Record, Standard, Authored, Archivable):
    __tablename__ = "quality_rules"
    title: Mapped[str] = text_()
    about: Mapped[str | None] = text_()
    table_name: Mapped[str] = text_()
    conditions: Mapped[str] = text_()
    severity: Mapped[str] = choice("info", "warn", "critical", default="warn")
    owner_id: Mapped[int | None] = ref("app_users", "N")


quality_rules = Resource(
    QualityRule,
    title="title",
    label="Data rules made here",
    singular="data rule",
    icon="ruler",
    about="Rules somebody made on the data-quality page: conditions no record should meet.",
    area="dq",
    read_only="A rule is made and changed on the data-quality page, which checks it before it is kept.",
    create=False,
    search=("title", "about"),
    sort="title",
    facts=("table_name", "severity", "owner_id", "created_by"),
    fields=(
        Text("title", edit=NEVER, width="l"),
        Text("about", label="Why", long=True, edit=NEVER, list=False),
        Code("table_name", label="Records", edit=NEVER, filter=True),
        Text("conditions", label="Conditions", edit=NEVER, width="l"),
        Choice(
            "severity", edit=NEVER, filter=True, width="s", labels={"warn": "Warning"},
            tones={"info": "mute dot", "warn": "warn warn", "critical": "danger fail"},
        ),
        Reference("owner_id", label="Worked by", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("created_by", label="Made by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Moment("archived_at", label="Given up", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
