"""The calls behind a decision as a time-line, and whether they add up to what the decision says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from app.core import formats
from app.engine.access import Actor
from app.engine.fields import Choice
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.screens.decision.plain import Line, lines
from app.web.origin import came

MOST_CALLS = 200
_CALLS = text("""
    SELECT id, span_id, parent_span_id, operation, provider, model_requested, model_used, prompt_name, prompt_version,
           input_tokens, output_tokens, cached_tokens, reasoning_tokens, total_cost, started_at, latency_ms, ttft_ms,
           status, finish_reason, error_type, error, retry_count, cache_hit, redacted_at
    FROM ai_calls WHERE decision_id = :key AND tenant_id = :tenant ORDER BY started_at, id LIMIT :most
""")
_CONTENT = text("SELECT input, output FROM ai_calls WHERE id = :call AND tenant_id = :tenant")
_SUMS = text("""
    SELECT count(*) AS calls, coalesce(sum(input_tokens), 0) AS tokens_in, coalesce(sum(output_tokens), 0) AS tokens_out,
           coalesce(sum(total_cost), 0) AS cost
    FROM ai_calls WHERE decision_id = :key AND tenant_id = :tenant
""")
# What a call is drawn as: icon and colour by what it does, not by who provides it.
KINDS = {
    "chat": ("split", "model"),
    "completion": ("split", "model"),
    "moderation": ("shield", "policy"),
    "tool": ("gear", "tool"),
    "retrieval": ("memory", "db"),
    "embedding": ("db", "db"),
    "rerank": ("db", "db"),
}
FAILED = ("error", "timeout", "rate_limited", "blocked")
STEPS_MS = (
    10,
    20,
    50,
    100,
    200,
    300,
    500,
    1_000,
    1_500,
    2_000,
    3_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    3_600_000,
)
TICKS = 7


@dataclass(frozen=True)
class Span:
    """One call on the line; `start` and `width` are whole percent of it."""

    key: int
    href: str
    name: str
    note: str
    icon: str
    kind: str
    depth: int
    start: int
    width: int
    latency_ms: int | None
    tokens: str
    cost: Decimal
    failed: bool
    current: bool
    sentence: str


@dataclass(frozen=True)
class Step:
    """The call shown in full."""

    number: int
    name: str
    facts: list[tuple[str, str]]
    status: tuple[str, str, str]
    error: str
    input: list[Line] | None
    output: list[Line] | None
    why_hidden: str
    """Why there is no content to show, as a sentence; empty where there is."""
    href: str


@dataclass(frozen=True)
class Trace:
    spans: list[Span]
    calls: int
    model_calls: int
    ticks: list[str]
    whole_width: int
    step: Step | None
    differences: list[str]
    """What the decision says of itself and its calls do not add up to; empty when they agree."""
    more_href: str | None
    list_href: str


def trace(connection: Connection, actor: Actor, shown: Shown, view: Projection, wanted: str) -> Trace:
    at = {"key": shown.key, "tenant": actor.tenant_id}
    rows = connection.execute(_CALLS, at | {"most": MOST_CALLS}).all()
    sums: Any = connection.execute(_SUMS, at).one() if len(rows) == MOST_CALLS else _added(rows)
    chosen = next((row for row in rows if str(row.id) == wanted), None) or _telling(rows)
    start = min((row.started_at for row in rows), default=shown.values["decided_at"])
    took = max((_offset(row, start) + (row.latency_ms or 0) for row in rows), default=0)
    total = max(took, shown.values["latency_ms"] or 0, 1)
    step_ms = next((each for each in STEPS_MS if each * TICKS >= total), -(-total // TICKS))
    whole = step_ms * TICKS
    depths = _depths(rows)
    back = came()
    page = f"{shown.resource.path}/{shown.key}{back}{'&' if back else '?'}"
    spans = [_span(row, start, whole, depths[row.id], page, row is chosen) for row in rows]
    listed = f"{view.resource.path}?decision_id={shown.key}"
    return Trace(
        spans=spans,
        calls=sums.calls,
        model_calls=sum(each.kind == "model" for each in spans),
        ticks=[_tick(step_ms * index, step_ms) for index in range(TICKS)],
        whole_width=max(round(total / whole * 100), 1),
        step=_step(connection, actor, view, rows, chosen) if chosen else None,
        differences=_differences(shown, sums),
        more_href=listed if sums.calls > len(rows) else None,
        list_href=listed,
    )


@dataclass(frozen=True)
class _Sums:
    calls: int
    tokens_in: int
    tokens_out: int
    cost: Decimal


def _added(rows: Sequence[Any]) -> _Sums:
    return _Sums(
        len(rows),
        sum(row.input_tokens for row in rows),
        sum(row.output_tokens for row in rows),
        sum((row.total_cost for row in rows), Decimal(0)),
    )


def _telling(rows: Sequence[Any]) -> Any | None:
    """The call to open first: the one that failed, else the last that a model answered, else the last."""
    failed = [row for row in rows if row.status in FAILED]
    models = [row for row in rows if KINDS[row.operation][1] == "model"]
    return (failed or models or list(rows) or [None])[-1]


def _offset(row: Any, start: datetime) -> int:
    return round((row.started_at - start).total_seconds() * 1000)


def _depths(rows: Sequence[Any]) -> dict[int, int]:
    """How deep each call lies under the one that made it; a parent outside this decision counts as none."""
    by_span = {row.span_id: row for row in rows}
    depths: dict[int, int] = {}
    for row in rows:
        depth, parent, seen = 1, row.parent_span_id, {row.span_id}
        while parent in by_span and parent not in seen and depth < 5:
            seen.add(parent)
            depth, parent = depth + 1, by_span[parent].parent_span_id
        depths[row.id] = depth
    return depths


def _span(row: Any, start: datetime, whole: int, depth: int, page: str, current: bool) -> Span:
    icon, kind = KINDS[row.operation]
    begin = min(round(_offset(row, start) / whole * 100), 99)
    width = max(round((row.latency_ms or 0) / whole * 100), 1)
    failed = row.status in FAILED
    model = row.model_used or row.model_requested
    tokens = f"{row.input_tokens:,} / {row.output_tokens:,}" if row.input_tokens or row.output_tokens else ""
    name = _name(row)
    return Span(
        key=row.id,
        href=f"{page}call={row.id}#step",
        name=name,
        note=row.status.replace("_", " ") if failed else model if kind == "model" else "",
        icon="warn" if failed else icon,
        kind="failed" if failed else kind,
        depth=depth,
        start=begin,
        width=min(width, 100 - begin),
        latency_ms=row.latency_ms,
        tokens=tokens,
        cost=row.total_cost,
        failed=failed,
        current=current,
        sentence=f"{name}, {formats.duration_ms(row.latency_ms) or 'not ended'}, {row.status.replace('_', ' ')}",
    )


def _name(row: Any) -> str:
    """What the call was for: its prompt where it has one, else what it does."""
    words = row.prompt_name or row.operation
    plain = str(words).replace("_", " ").replace(".", " ").strip()
    return plain[:1].upper() + plain[1:]


def _tick(ms: int, step: int) -> str:
    if not ms:
        return "0"
    if step < 200:
        return f"{ms} ms"
    return f"{ms / 1000:g} s" if step < 60_000 else f"{ms / 60_000:g} min"


def _step(connection: Connection, actor: Actor, view: Projection, rows: Sequence[Any], row: Any) -> Step:
    content = None
    if row.redacted_at is not None:
        hidden = f"The content was removed on {formats.absolute(row.redacted_at, actor.timezone)}; the figures stay."
    elif "input" in view.masked:
        hidden = "What was sent and answered may hold personal data, which your role does not see."
    else:
        hidden = ""
        content = connection.execute(_CONTENT, {"call": row.id, "tenant": actor.tenant_id}).first()
    field = view.by_name["status"]
    assert isinstance(field, Choice)
    return Step(
        number=next(place for place, each in enumerate(rows, 1) if each.id == row.id),
        name=_name(row),
        facts=_facts(row),
        status=(field.words(row.status), *field.tone(row.status)),
        error=": ".join(part for part in (row.error_type, row.error) if part),
        input=lines(content.input) if content and content.input is not None else None,
        output=lines(content.output) if content and content.output is not None else None,
        why_hidden=hidden,
        href=f"{view.resource.path}/{row.id}",
    )


def _facts(row: Any) -> list[tuple[str, str]]:
    used = row.model_used or row.model_requested
    asked = f" (asked for {row.model_requested})" if row.model_used and row.model_used != row.model_requested else ""
    facts = [
        ("Model", f"{used}{asked}"),
        ("Provider", row.provider),
        ("Tokens in", f"{row.input_tokens:,}"),
        ("Cached tokens in", f"{row.cached_tokens:,}"),
        ("Tokens out", f"{row.output_tokens:,}"),
        ("Reasoning tokens", f"{row.reasoning_tokens:,}"),
        ("Cost", formats.cost(row.total_cost)),
        ("Latency", formats.duration_ms(row.latency_ms) or "not ended"),
        ("First token", formats.duration_ms(row.ttft_ms) or "none"),
        ("Retries", f"{row.retry_count:,}"),
        ("Ended because", row.finish_reason or "none"),
        ("Prompt", " ".join(part for part in (row.prompt_name, row.prompt_version) if part) or "none"),
    ]
    return facts + ([("Answered", "from cache")] if row.cache_hit else [])


def _differences(shown: Shown, sums: Any) -> list[str]:
    """The decision keeps its own totals; where they and its calls disagree, one of them is wrong and a person should know."""
    value = shown.values
    told = [
        ("calls", value["call_count"], sums.calls, "{:,}".format),
        ("tokens in", value["input_tokens"], sums.tokens_in, "{:,}".format),
        ("tokens out", value["output_tokens"], sums.tokens_out, "{:,}".format),
        ("cost", value["total_cost"], sums.cost, "${:.6f}".format),
    ]
    return [f"{name} {show(own)} here, {show(found)} in its calls" for name, own, found, show in told if own != found]
