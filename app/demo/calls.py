"""The calls behind one decision: look up, recall, think, sometimes think again; what each read, wrote, cost and took."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.demo.world import Record

COLUMNS = (
    "trace_id", "span_id", "parent_span_id", "agent_id", "decision_id", "operation", "provider", "model_requested",
    "model_used", "prompt_name", "prompt_version", "input", "output", "input_tokens", "output_tokens", "cached_tokens",
    "reasoning_tokens", "price_id", "input_cost", "output_cost", "total_cost", "started_at", "latency_ms", "ttft_ms",
    "status", "finish_reason", "error_type", "error", "retry_count", "cache_hit", "created_at",
)  # fmt: skip
MICRO = 1_000_000
FAULTS = (
    ("timeout", "ModelTimeout", "no answer within 30 s"),
    ("rate_limited", "RateLimited", "429: slow down"),
    ("error", "ServerError", "500 from the provider"),
)


@dataclass(frozen=True)
class Rate:
    """A model's price as integers of a millionth of a dollar per thousand tokens, so that sums stay exact."""

    id: int
    provider: str
    given: int
    written: int
    cached: int

    @classmethod
    def of(cls, price: Record) -> Rate:
        def per_thousand(value: Any) -> int:
            return int((value or 0) * 1000)

        given = per_thousand(price["input_per_mtok"])
        cached = per_thousand(price["cached_input_per_mtok"]) if price["cached_input_per_mtok"] is not None else given
        return cls(price["id"], price["provider"], given, per_thousand(price["output_per_mtok"]), cached)


@dataclass
class Sum:
    """What a decision adds up to; exactly the sums of its calls."""

    count: int = 0
    given: int = 0
    written: int = 0
    micros: int = 0
    latency_ms: int = 0


def dollars(micros: int) -> str:
    """Millionths of a dollar as the database's cost: six places."""
    return f"{micros // MICRO}.{micros % MICRO:06d}"


def calls_of(
    dice: random.Random, decision: int, agent: int, model: str, rates: dict[str, Rate], started: datetime, trace: str,
    question: str, answer: str, prompt: str, failed: bool,
) -> tuple[list[tuple[Any, ...]], Sum]:  # fmt: skip
    """One to four calls in the order they ran, the last one being the model's answer."""
    total, rows = Sum(), []
    steps = dice.choices((("chat",), ("retrieval", "chat"), ("embedding", "retrieval", "chat"),
                          ("tool", "embedding", "chat", "chat")), (38, 30, 20, 12))[0]  # fmt: skip
    root = f"{dice.getrandbits(64):016x}"
    moment = started
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        row, latency, given, written, micros = _call(
            dice, step, decision, agent, model, rates, moment, trace,
            root if place == 0 else f"{dice.getrandbits(64):016x}", None if place == 0 else root,
            question, answer, prompt, failed and last,
        )  # fmt: skip
        rows.append(row)
        total.count += 1
        total.given += given
        total.written += written
        total.micros += micros
        total.latency_ms += latency + 12
        moment += timedelta(milliseconds=latency + 12)
    return rows, total


def _call(
    dice: random.Random, step: str, decision: int, agent: int, model: str, rates: dict[str, Rate], moment: datetime,
    trace: str, span: str, parent: str | None, question: str, answer: str, prompt: str, failed: bool,
) -> tuple[tuple[Any, ...], int, int, int, int]:  # fmt: skip
    given = written = cached = thought = 0
    first = finish = None
    status, kind, fault, retries = "ok", None, None, 0
    if step in ("chat", "embedding"):
        name = model if step == "chat" else "text-embedding-3-small"
        rate = rates[name]
        given = int(dice.lognormvariate(7.6, 0.5)) if step == "chat" else dice.randrange(12, 60)
    else:
        name, rate = ("records.read" if step == "tool" else "memory.recall"), None
    if step == "chat":
        cached = int(given * dice.choice((0, 0, 0.5, 0.8)))
        written = int(dice.lognormvariate(4.9, 0.5))
        thought = int(written * dice.choice((0, 0, 0.4)))
        latency = int(dice.lognormvariate(7.55, 0.45))
        first = min(int(latency * dice.uniform(0.1, 0.4)) + 80, latency)
        finish = "stop"
        if failed:
            status, kind, fault = dice.choice(FAULTS)
            written, thought, finish, first, retries = 0, 0, None, None, 2
            latency += 9000 if status == "timeout" else 0
        elif dice.random() < 0.02:
            retries = 1
    else:
        latency = dice.randrange(18, 260)
    paid_in = paid_out = 0
    if rate:
        paid_in = ((given - cached) * rate.given + cached * rate.cached + 500) // 1000
        paid_out = (written * rate.written + 500) // 1000
    provider = rate.provider if rate else "console"
    asked: dict[str, Any] = {"q": question} if step != "chat" else {"prompt": prompt, "question": question}
    told = None if fault else {"answer": answer} if step == "chat" else {"found": dice.randrange(1, 6)}
    row = (
        trace, span, parent, agent, decision, step, provider, name, name if rate else None,
        prompt if step == "chat" else None, "v14" if step == "chat" else None, json.dumps(asked),
        json.dumps(told) if told else None, given, written, cached, thought, rate.id if rate else None,
        dollars(paid_in), dollars(paid_out), dollars(paid_in + paid_out), moment, latency, first, status, finish, kind,
        fault, retries, cached > 0, moment,
    )  # fmt: skip
    return row, latency, given, written, paid_in + paid_out
