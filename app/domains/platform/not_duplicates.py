"""Answers that two records are not the same: who said so and why, so that nobody is asked twice."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Count, Moment, Reference, Text
from app.engine.records import Record, Standard, bigint, ref, text_
from app.engine.resource import Resource


class NotDuplicates(Record, Standard):
    __tablename__ = "not_duplicates"
    table_name: Mapped[str] = text_()
    left_id: Mapped[int] = bigint()
    right_id: Mapped[int] = bigint()
    basis: Mapped[str] = text_()
    reason: Mapped[str | None] = text_()
    decided_by: Mapped[int | None] = ref("app_users", "N")


not_duplicates = Resource(
    NotDuplicates,
    title="table_name",
    label="Answers on duplicates",
    singular="answer",
    icon="check",
    about="Pairs of records somebody said are not the same. They are asked about again only when one of them changes.",
    area="dq",
    unsought=True,
    sort="-id",
    read_only="An answer is given and taken back in the queue of duplicates.",
    fields=(
        Code("table_name", label="Records", edit=NEVER, filter=True),
        Count("left_id", label="One", edit=NEVER, filter=True),
        Count("right_id", label="Other", edit=NEVER, filter=True),
        Text("reason", label="Why", edit=NEVER),
        Reference("decided_by", label="Answered by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="Answered", edit=NEVER, filter=True),
    ),
)
