"""Experiment results: daily snapshot per variant and metric."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Count, Date, Flag, Moment, Quantity, Reference
from app.engine.records import Log, Record, day, flag, integer, number, probability, ref, text_
from app.engine.resource import Resource


class AbTestResult(Record, Log):
    __tablename__ = "ab_test_results"
    ab_test_id: Mapped[int] = ref("ab_tests", "C")
    variant: Mapped[str] = text_()
    metric: Mapped[str] = text_()
    as_of: Mapped[date] = day()
    is_control: Mapped[bool] = flag()
    exposures: Mapped[int] = integer("0")
    conversions: Mapped[int | None] = integer()
    sum_value: Mapped[Decimal | None] = number(20, 6)
    sum_sq: Mapped[Decimal | None] = number(24, 6)
    mean: Mapped[Decimal | None] = number(20, 8)
    std_error: Mapped[Decimal | None] = number(20, 8)
    uplift_pct: Mapped[Decimal | None] = number(12, 4)
    ci_low: Mapped[Decimal | None] = number(12, 4)
    ci_high: Mapped[Decimal | None] = number(12, 4)
    p_value: Mapped[Decimal | None] = number(10, 8)
    chance_to_beat: Mapped[Decimal | None] = probability()
    srm_p: Mapped[Decimal | None] = number(10, 8)
    enough_data: Mapped[bool] = flag()
    is_final: Mapped[bool] = flag()


ab_test_results = Resource(
    AbTestResult,
    title="variant",
    label="Experiment results",
    icon="pulse",
    nav=("Monitoring", 60),
    about="Daily snapshot per variant and metric.",
    area="abtests",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("ab_test_id", to="ab_tests", edit=NEVER, filter=True),
        Code("variant", edit=NEVER, filter=True),
        Code("metric", edit=NEVER, filter=True),
        Date("as_of", edit=NEVER, filter=True),
        Flag("is_control", edit=NEVER, filter=True),
        Count("exposures", edit=NEVER, filter=True),
        Count("conversions", edit=NEVER, filter=True),
        Quantity("sum_value", places=6, edit=NEVER, filter=True),
        Quantity("sum_sq", places=6, edit=NEVER, filter=True),
        Quantity("mean", places=8, edit=NEVER, filter=True),
        Quantity("std_error", places=8, edit=NEVER, filter=True),
        Quantity("uplift_pct", places=4, edit=NEVER, filter=True),
        Quantity("ci_low", places=4, edit=NEVER, filter=True),
        Quantity("ci_high", places=4, edit=NEVER, filter=True),
        Quantity("p_value", places=8, edit=NEVER, filter=True),
        Quantity("chance_to_beat", places=4, edit=NEVER, filter=True),
        Quantity("srm_p", places=8, edit=NEVER, filter=True),
        Flag("enough_data", edit=NEVER, filter=True),
        Flag("is_final", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
