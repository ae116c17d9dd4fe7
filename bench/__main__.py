"""`make bench`: the console beside the yardstick, case by case in turn, in one run over one database.

Quoted are medians and their ratios; absolute times belong to the machine that printed them. BENCH_CUSTOMERS and
BENCH_DECISIONS change the scale, which is part of every result.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import atlas, bulk, duplicates, explorer, importing, live, search, undoing
from bench.serving import Ground, Served, apart, memory_mb, owner, prepare

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))
DECISIONS = int(os.environ.get("BENCH_DECISIONS", "10000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
RESULTS = Path(__file__).parent / "results.json"
COLUMNS = "name,number,status,bill_city,account_manager_id,phone_e164,open_balance,rfm_segment,last_job_at,updated_at"
LOG_COLUMNS = "question,agent_id,kind,chosen,confidence,risk,status,total_cost,latency_ms,decided_at"


def turning(path: str) -> dict[str, str]:
    """What a browser says that has the list open and wants another page of it."""
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": f"http://console.example{path}"}


@dataclass
class Line:
    """One line of the table: medians in milliseconds, their ratio, and the most it may be."""

    case: str
    console_ms: float
    beside_ms: float
    ratio: float
    limit: float | None
    beside: str = "yardstick"

    @property
    def holds(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


def paired(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Medians of both in milliseconds, measured in turn so that the machine's moods strike both alike."""
    for _ in range(10):
        ours(), theirs()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, kept in ((ours, times[0]), (theirs, times[1])):
            start = time.perf_counter()
            call()
            kept.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


def line(
    case: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    limit: float | None,
    beside: str = "yardstick",
    rounds: int = ROUNDS,
) -> Line:
    """Measure one case and print it at once."""
    a, b = paired(ours, theirs, rounds)
    made = Line(case, round(a, 2), round(b, 2), round(a / b, 2), limit, beside)
    verdict = "" if limit is None else f"at most {limit:g}" + ("" if made.holds else "  <-- over")
    print(f"{case:<58} {a:9.2f} {b:9.2f} {a / b:7.2f}  {verdict}", flush=True)
    return made


def run(ground: Ground) -> list[Line]:
    """Every case of the table."""
    ours, small, yard = ground.console, ground.small, ground.yardstick
    customers, logs = f"/crm/customers?sort=-updated_at&cols={COLUMNS}", f"/ai/ai_decision_logs?cols={LOG_COLUMNS}"
    print(f"{CUSTOMERS:,} customers, {DECISIONS:,} decision logs, {ROUNDS} rounds\n")
    print(f"{'case':<58} {'console':>9} {'beside':>9} {'ratio':>7}")
    lines = []
    for name, path, yardstick in (("customers", customers, "/customers"), ("decision logs", logs, "/decisions")):
        lines.append(line(f"list of {name}, whole page", ours.get(path), yard.get(yardstick), 5))
        lines.append(line(f"list of {name}, only its rows", ours.get(path, turning(path)), yard.get(yardstick), 3))
        deep = ground.deep(path)
        lines.append(line(f"list of {name}, a page deep inside", ours.get(deep), ours.get(path), 1.10, "first page"))
        lines.append(
            line(f"list of {name}, the last page", ours.get(f"{path}&before=end"), ours.get(path), 1.10, "first page")
        )
    lines.append(
        line("list of customers, beside 1,089 rows", ours.get(customers), small.get(customers), 1.15, "1,089 rows")
    )
    key = ground.key
    lines.append(line("edit form", ours.get(f"/crm/customers/{key}/edit"), yard.get(f"/form?id={key}"), 6))
    lines.append(line("one field saved, ledger included", ours.saving(key), yard.saving(key), 6))
    lines += exports(ours, yard, ground)
    with explorer.undeclared() as path:
        lines.append(line("explorer list of a table nobody declared", ours.get(path), yard.get("/customers"), 6))
    lines += [absolute(*each) for each in search.measure(ours, ROUNDS)]
    lines += [absolute(*each) for each in atlas.measure(small, ROUNDS)]
    lines += ledger(ground)
    lines += streams(small)
    lines += [absolute(*each) for each in bulk.measure()]
    lines += [absolute(*each) for each in apart(duplicates.measure)]
    lines += [absolute(*each) for each in apart(importing.measure)]
    return lines


def ledger(ground: Ground) -> list[Line]:
    """One UPDATE of 50,000 rows with the ledger and without, and its undo beside the change itself."""
    from app import create_app

    config = ground.big
    rows, rounds = min(undoing.ROWS, CUSTOMERS), min(3, max(1, ROUNDS // 10))  # minutes each, a page takes milliseconds
    recorded, plain = undoing.ledger_ms(owner(config), rows, rounds)
    app = create_app(config)
    with app.app_context(), owner(config).connect() as connection:
        back, forth = undoing.undo_ms(owner(config), undoing.somebody(connection), rows, rounds)
    return [
        measured(f"UPDATE of {rows:,} rows, ledger included", recorded, plain, 2, "no triggers"),
        measured(f"undo of {rows:,} rows", back, forth, 2, "the change"),
    ]


def measured(case: str, ours: float, theirs: float, limit: float, beside: str) -> Line:
    """A line of two medians that were measured in turn elsewhere."""
    made = Line(case, round(ours, 2), round(theirs, 2), round(ours / theirs, 2), limit, beside)
    verdict = f"at most {limit:g}" + ("" if made.holds else "  <-- over")
    print(f"{case:<58} {ours:9.2f} {theirs:9.2f} {made.ratio:7.2f}  {verdict}", flush=True)
    return made


def absolute(case: str, ms: float, limit: float) -> Line:
    """A case that has a limit in milliseconds of its own and nothing beside it."""
    made = Line(case, round(ms, 2), 0, round(ms, 2), limit, "ms")
    print(f"{case:<58} {ms:9.2f} {'':>17}  at most {limit:g}{'' if made.holds else '  <-- over'}", flush=True)
    return made


def streams(small: Served) -> list[Line]:
    """A page beside 200 open streams, and how soon these hear of a change."""
    crowded, quiet = live.pages_ms(small)
    case = f"list of customers beside {live.STREAMS} open streams"
    found = Line(case, round(crowded, 2), round(quiet, 2), round(crowded / quiet, 2), 1.10, "no streams")
    print(
        f"{case:<58} {crowded:9.2f} {quiet:9.2f} {found.ratio:7.2f}  at most 1.1{'' if found.holds else '  <-- over'}",
        flush=True,
    )
    _median, worst = live.delay_ms(small)
    return [found, absolute("from a save to the last tab that hears of it, ms", worst, 2000)]


def exports(ours: Served, yard: Served, ground: Ground) -> list[Line]:
    """CSV of 100,000 rows, and how much the server grows while it writes them."""
    last = urllib.parse.quote(ground.hundred_thousandth)
    path = f"/crm/customers.csv?sort=-updated_at&cols={COLUMNS}&updated_at.lte={last}"
    rows = ours.drain(path).count(b"\n") - 1
    before = memory_mb(ours)
    found = line(
        f"CSV of {rows:,} rows", lambda: ours.drain(path), lambda: yard.drain(f"/csv?upto={last}"), 3, rounds=5
    )
    growth = memory_mb(ours) - before
    print(f"{'memory growth of the server during the exports':<58} {growth:9.1f} MB              at most 40")
    return [found, Line("memory growth during CSV, MB", round(growth, 1), 0, round(growth, 1), 40, "MB")]


def main() -> int:
    """Print the table, write results.json; 1 when a line is over its limit."""
    with prepare(CUSTOMERS, DECISIONS) as ground:
        lines = run(ground)
    RESULTS.write_text(
        json.dumps(
            {"customers": CUSTOMERS, "decisions": DECISIONS, "lines": [asdict(each) for each in lines]}, indent=1
        )
    )
    over = [each.case for each in lines if not each.holds]
    print(f"\n{len(lines) - len(over)} of {len(lines)} lines hold." + (f" Over: {'; '.join(over)}." if over else ""))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
