"""Experiment results: where each variant stood at the end of each day, with how sure that is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, cast, column, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from app.domains.analytics.ab_tests import AbTest
from app.engine.fields import NEVER, Code, Count, Date, Flag, Moment, Percent, Quantity, Reference, Text
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


def name() -> ColumnElement[str]:
    """ "B: Three questions": the key alone tells nobody what was shown."""
    test = AbTest.__table__.alias("test")
    each = func.jsonb_array_elements(test.c.variants).table_valued(column("value", JSONB)).render_derived()
    arm = each.c.value
    said = select(func.max(arm.op("->>")("name"))).select_from(test, each)
    called = said.where(
        test.c.id == AbTestResult.ab_test_id, arm.op("->>")("key") == AbTestResult.variant
    ).scalar_subquery()
    return func.concat(AbTestResult.variant, literal(": ", SqlText).op("||")(called))


def rate() -> ColumnElement[Any]:
    share = cast(AbTestResult.conversions * 100, Numeric) / func.nullif(AbTestResult.exposures, 0)
    return func.round(share, 2)


ab_test_results = Resource(
    AbTestResult,
    title="name",
    label="Experiment results",
    singular="experiment result",
    icon="ruler",
    nav=("Monitoring", 51),
    about="Where each variant of each experiment stood at the end of each day, and how sure that is.",
    area="abtests",
    read_only="Results are counted from the events of the day; correct the events, not the count.",
    sort="-as_of",
    scopes={
        "Final": AbTestResult.is_final.is_(True),
        "Significant": AbTestResult.enough_data.is_(True) & (AbTestResult.p_value < Decimal("0.05")),
        "Split went wrong": AbTestResult.srm_p < Decimal("0.001"),
        "Too few cases": AbTestResult.enough_data.is_(False),
    },
    facts=("as_of", "variant", "metric", "exposures", "conversions", "rate", "uplift_pct", "p_value"),
    fields=(
        Text("name", label="Variant", edit=NEVER, sort=False, width="l", expr=name),
        Date("as_of", label="Day", edit=NEVER, filter=True),
        Code("metric", label="Figure", edit=NEVER, filter=True),
        Count("exposures", label="Shown to", edit=NEVER, filter=True),
        Count("conversions", label="Did it", edit=NEVER, filter=True),
        Percent("rate", label="Share", edit=NEVER, sort=False, expr=rate),
        Percent(
            "uplift_pct", label="Uplift", least=None, most=None, edit=NEVER, filter=True,
            help="Against the control.",
        ),
        Quantity(
            "p_value", label="p", places=8, edit=NEVER, filter=True,
            help="How likely chance alone would do as well.",
        ),
        Percent("chance_to_beat", label="Chance to be better", edit=NEVER, share=True, filter=True),
        Flag("enough_data", label="Enough cases", edit=NEVER, filter=True),
        Reference("ab_test_id", label="Experiment", to="ab_tests", edit=NEVER, filter=True, width="l"),
        Code("variant", label="Key of the variant", edit=NEVER, filter=True, list=False),
        Flag("is_control", label="Control", edit=NEVER, filter=True, list=False),
        Flag("is_final", label="Final", edit=NEVER, filter=True, list=False),
        Percent(
            "ci_low", label="Uplift at least", least=None, most=None, edit=NEVER, list=False, group="Certainty",
            help="95 %.",
        ),
        Percent(
            "ci_high", label="Uplift at most", least=None, most=None, edit=NEVER, list=False, group="Certainty",
            help="95 %.",
        ),
        Quantity(
            "srm_p", label="Split as planned (p)", places=8, edit=NEVER, filter=True, list=False, group="Certainty",
            help="Below 0.001 the visitors were not split as planned.",
        ),
        Quantity("mean", places=8, edit=NEVER, list=False, filter=True, group="Sums"),
        Quantity("std_error", label="Standard error", places=8, edit=NEVER, list=False, group="Sums"),
        Quantity("sum_value", label="Sum", places=6, edit=NEVER, list=False, group="Sums"),
        Quantity("sum_sq", label="Sum of squares", places=6, edit=NEVER, list=False, group="Sums"),
        Moment("created_at", label="Counted", edit=NEVER, list=False, filter=True, group="Sums"),
    ),
)  # fmt: skip
