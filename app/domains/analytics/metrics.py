"""Metrics: figures over time at fixed steps, such as request times and open receivables at each day's end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Computed, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Quantity
from app.engine.records import PlatformLog, Record, bigint, choice, json_, moment, number, text_
from app.engine.resource import Resource


class Metric(Record, PlatformLog):
    __tablename__ = "metrics"
    name: Mapped[str] = text_()
    bucket: Mapped[str] = choice("minute", "hour", "day", "month")
    bucket_start: Mapped[datetime] = moment()
    dims: Mapped[dict[str, Any]] = json_("{}")
    dims_key: Mapped[str | None] = mapped_column(Text, Computed("md5(dims::text)", persisted=True))
    kind: Mapped[str] = choice("counter", "gauge", "histogram", default="gauge")
    value: Mapped[Decimal] = number(20, 6)
    sample_count: Mapped[int | None] = bigint()
    min_value: Mapped[Decimal | None] = number(20, 6)
    max_value: Mapped[Decimal | None] = number(20, 6)
    p50: Mapped[Decimal | None] = number(20, 6)
    p95: Mapped[Decimal | None] = number(20, 6)
    p99: Mapped[Decimal | None] = number(20, 6)
    unit: Mapped[str | None] = text_()
    computed_at: Mapped[datetime] = moment("now()")


metrics = Resource(
    Metric,
    title="name",
    label="Metrics",
    singular="metric",
    icon="dash",
    nav=("Monitoring", 40),
    about="What the console measured, by minute, hour and day; the charts read these.",
    area="metrics",
    search=("name",),
    sort="-id",
    read_only="Figures are computed by the console; a changed one would make a chart lie.",
    scopes={
        "Daily": Metric.bucket == "day",
        "Hourly": Metric.bucket == "hour",
        "By the minute": Metric.bucket == "minute",
    },
    facts=("bucket", "bucket_start", "value", "unit", "p50", "p95", "sample_count"),
    fields=(
        Code("name", edit=NEVER, filter=True, width="l"),
        Moment("bucket_start", label="Starting", edit=NEVER, filter=True),
        Choice("bucket", label="Step", edit=NEVER, filter=True),
        Quantity("value", edit=NEVER, places=6, filter=True),
        Code("unit", edit=NEVER, filter=True),
        Choice("kind", edit=NEVER, filter=True),
        Count("sample_count", label="Samples", edit=NEVER),
        Quantity("min_value", label="Lowest", edit=NEVER, places=6, list=False),
        Quantity("max_value", label="Highest", edit=NEVER, places=6, list=False),
        Quantity("p50", label="Median", edit=NEVER, places=6, list=False),
        Quantity("p95", label="95th percentile", edit=NEVER, places=6, list=False),
        Quantity("p99", label="99th percentile", edit=NEVER, places=6, list=False),
        Json("dims", label="Dimensions", edit=NEVER),
        Moment("computed_at", label="Computed", edit=NEVER, list=False),
    ),
)
