"""System audits: what this platform really had, had built, reached, used and ran, on each day somebody or the night looked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Moment, Reference
from app.engine.records import Log, Record, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class SystemAudit(Record, Log):
    __tablename__ = "system_audits"
    taken_at: Mapped[datetime] = moment("clock_timestamp()")
    trigger: Mapped[str] = choice("nightly", "manual")
    taken_by: Mapped[int | None] = ref("app_users", "R")
    revision: Mapped[str] = text_()
    took_ms: Mapped[int | None] = integer()
    tables_live: Mapped[int] = integer("0")
    tables_quiet: Mapped[int] = integer("0")
    tables_empty: Mapped[int] = integer("0")
    tables_look_alike: Mapped[int] = integer("0")
    tables_broken: Mapped[int] = integer("0")
    features_built: Mapped[int] = integer("0")
    features_reachable: Mapped[int] = integer("0")
    features_used: Mapped[int] = integer("0")
    jobs_declared: Mapped[int] = integer("0")
    jobs_failing: Mapped[int] = integer("0")
    operations_declared: Mapped[int | None] = integer()
    operations_answering: Mapped[int | None] = integer()
    report: Mapped[Any] = json_()


system_audits = Resource(
    SystemAudit,
    title="taken_at",
    label="Audit reports",
    singular="audit report",
    icon="history",
    about="Every report of the system audit that was kept: all of sixty days, then one a week, then one a month.",
    area="audits",
    sort="-taken_at",
    read_only="A report is kept as it was taken. Run the audit again to see how things stand now.",
    screen="audit.kept",
    fields=(
        Moment("taken_at", label="Taken", edit=NEVER, filter=True),
        Choice("trigger", label="Taken by night or hand", edit=NEVER, filter=True, labels={"manual": "By hand"}),
        Reference("taken_by", to="app_users", as_="person", edit=NEVER, filter=True),
        Count("tables_live", label="Live", edit=NEVER),
        Count("tables_quiet", label="Quiet", edit=NEVER),
        Count("tables_empty", label="Empty", edit=NEVER),
        Count("tables_look_alike", label="Look-alike", edit=NEVER),
        Count("tables_broken", label="Broken", edit=NEVER, filter=True),
        Count("features_built", label="Features built", edit=NEVER),
        Count("features_reachable", label="Reachable", edit=NEVER),
        Count("features_used", label="Used", edit=NEVER),
        Count("jobs_failing", label="Jobs failing", edit=NEVER, filter=True),
        Count("jobs_declared", label="Jobs declared", edit=NEVER, list=False),
        Count("operations_declared", label="Operations declared", edit=NEVER, list=False),
        Count("operations_answering", label="Operations answering", edit=NEVER, list=False),
        Code("revision", label="Code", edit=NEVER, filter=True, list=False),
        Duration("took_ms", label="Took", edit=NEVER, list=False),
    ),
)
