"""The calls behind one decision: look up, recall, think, sometimes think again; what each read, wrote, cost and took."""

from __future__ import annotations

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

    def add(self, given: int, written: int, micros: int, latency_ms: int) -> None:
        """Count one call; a dozen milliseconds pass between two of them."""
        self.count += 1
        self.given += given
        self.written += written
        self.micros += micros
        self.latency_ms += latency_ms + 12


def dollars(micros: int) -> str:
    """Millionths of a dollar as the database's cost: six places."""
    return f"{micros // MICRO}.{micros % MICRO:06d}"


STEPS = (("chat",), ("retrieval", "chat"), ("embedding", "retrieval", "chat"), ("tool", "embedding", "chat", "chat"))
STEPS_CUMULATED = (38, 68, 88, 100)
EMBEDDER = "text-embedding-3-small"
OWN = {"tool": "records.read", "retrieval": "memory.recall"}


def _drawn(mean: float, spread: float) -> tuple[int, ...]:
    """A thousand draws of a lognormal size, to be picked from: drawing one by one would take a third of the load."""
    dice = random.Random(f"{mean}/{spread}")
    return tuple(int(dice.lognormvariate(mean, spread)) for _ in range(1024))


PROMPT_TOKENS, ANSWER_TOKENS, CHAT_MS = _drawn(7.6, 0.5), _drawn(4.9, 0.5), _drawn(7.55, 0.45)


@dataclass(frozen=True)
class Asked:
    """What all calls of one decision, or of one vote, have in common. `question` and `answer` are JSON already."""

    decision: int | None
    agent: int
    model: str
    trace: str
    prompt: str
    question: str
    answer: str


def calls_of(
    dice: random.Random, asked: Asked, rates: dict[str, Rate], started: datetime, failed: bool
) -> tuple[list[tuple[Any, ...]], Sum]:
    """One to four calls in the order they ran, the last one being the model's answer."""
    total: Sum = Sum()
    rows: list[tuple[Any, ...]] = []
    steps = dice.choices(STEPS, cum_weights=STEPS_CUMULATED)[0]
    root = f"{dice.getrandbits(64):016x}"
    for place, step in enumerate(steps):
        span = root if place == 0 else f"{dice.getrandbits(64):016x}"
        moment = started + timedelta(milliseconds=total.latency_ms)
        made = _think if step == "chat" else _look_up
        rows.append(made(dice, step, asked, rates, moment, span, root if place else None, total,
                         failed and place == len(steps) - 1))  # fmt: skip
    return rows, total


def _think(
    dice: random.Random, step: str, asked: Asked, rates: dict[str, Rate], moment: datetime, span: str,
    parent: str | None, total: Sum, failed: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """A model call: most of the time and all of the money."""
    throw = dice.random
    rate = rates[asked.model]
    given = PROMPT_TOKENS[int(throw() * 1024)]
    cached = int(given * (0, 0, 0.5, 0.8)[int(throw() * 4)])
    written = ANSWER_TOKENS[int(throw() * 1024)]
    thought = int(written * 0.4) if throw() < 0.33 else 0
    latency = CHAT_MS[int(throw() * 1024)]
    first: int | None = min(int(latency * (0.1 + 0.3 * throw())) + 80, latency)
    status, kind, fault, finish, retries = "ok", None, None, "stop", 1 if throw() < 0.02 else 0
    output: str | None = f'{{"answer": {asked.answer}}}'
    if failed:
        status, kind, fault = dice.choice(FAULTS)
        written, thought, finish, first, retries, output = 0, 0, None, None, 2, None  # type: ignore[assignment]
        latency += 9000 if status == "timeout" else 0
    paid_in = ((given - cached) * rate.given + cached * rate.cached + 500) // 1000
    paid_out = (written * rate.written + 500) // 1000
    total.add(given, written, paid_in + paid_out, latency)
    return (
        asked.trace, span, parent, asked.agent, asked.decision, step, rate.provider, asked.model, asked.model, asked.prompt,
        "v14", f'{{"prompt": "{asked.prompt}", "question": {asked.question}}}', output, given, written, cached, thought,
        rate.id, dollars(paid_in), dollars(paid_out), dollars(paid_in + paid_out), moment, latency, first, status, finish,
        kind, fault, retries, cached > 0, moment,
    )  # fmt: skip


def _look_up(
    dice: random.Random, step: str, asked: Asked, rates: dict[str, Rate], moment: datetime, span: str,
    parent: str | None, total: Sum, failed: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """A recall, a read of records or an embedding: quick, and nearly free."""
    throw = dice.random
    latency, given, micros, rate = 18 + int(throw() * 240), 0, 0, None
    if step == "embedding":
        rate = rates[EMBEDDER]
        given = 12 + int(throw() * 48)
        micros = (given * rate.given + 500) // 1000
    total.add(given, 0, micros, latency)
    name = EMBEDDER if rate else OWN[step]
    paid = dollars(micros)
    return (
        asked.trace, span, parent, asked.agent, asked.decision, step, rate.provider if rate else "console", name,
        name if rate else None, None, None, f'{{"q": {asked.question}}}', f'{{"found": {1 + int(throw() * 5)}}}', given, 0,
        0, 0, rate.id if rate else None, paid, "0", paid, moment, latency, None, "ok", None, None, None, 0, False, moment,
    )  # fmt: skip
