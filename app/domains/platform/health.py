"""Whether the web side is well: the share of failed requests, how slow the slow ones are, how fast the error budget burns."""

from sqlalchemy import Connection

from app.engine.health import Measured, check
from app.engine.measurements import LABELS, minutes_ago, percentile, totals

ENOUGH = 20  # requests in five minutes; fewer can neither prove nor accuse
SLO = 0.005  # the share of requests that may fail over 30 days: 99.5 % availability
# (long window, short window, burn that is a crisis or a worry): a fast leak needs an hour to prove, a slow one three days.
BURNS = ((60, 5, 14.4, "crit"), (360, 30, 6.0, "crit"), (4320, 360, 1.0, "warn"))


@check("app.request_errors", group="app", title="Failed requests", unit="%", warn=1, crit=5)
def request_errors(connection: Connection) -> Measured:
    """The share of requests of the last 5 minutes that the console answered with 5xx."""
    requests, errors, _ = totals(connection, minutes_ago(5))
    if not requests:
        return Measured(None, "No requests in the last 5 min", idle=True)
    share = round(100 * errors / requests, 2)
    if requests < ENOUGH:
        few = f"{errors} of {requests} requests failed; fewer than {ENOUGH} are too few to judge"
        return Measured(share, few, verdict="unknown" if errors else "ok")
    return Measured(share, f"{errors} of {requests:,} requests failed", {"requests": requests, "errors": errors})


@check("app.p95_ms", group="app", title="Slow requests (p95)", unit="ms", warn=800, crit=2000)
def p95(connection: Connection) -> Measured:
    """The time within which 95 of 100 requests of the last 5 minutes were answered, from the histogram of all processes."""
    requests, _, latency = totals(connection, minutes_ago(5))
    slow = percentile(latency, 0.95)
    if slow is None:
        return Measured(None, "No requests in the last 5 min", idle=True)
    details = {"buckets": {label: latency[label] for label in LABELS if label in latency}}
    if requests < ENOUGH:
        few = f"{requests} requests; fewer than {ENOUGH} are too few to judge"
        return Measured(round(slow, 1), few, details, verdict="ok" if slow < 800 else "unknown")
    return Measured(round(slow, 1), f"Over {requests:,} requests", details)


@check("app.slo_burn", group="app", title="Error budget burn", unit="x", warn=1, crit=6)
def slo_burn(connection: Connection) -> Measured:
    """How many times faster than allowed errors use up the 0.5 % budget, in window pairs of 1 h + 5 min, 6 h + 30 min, 3 d + 6 h.

    A pair speaks only when both its windows burn: the long one proves that it matters, the short one that it still happens.
    """
    verdict, worst, details = "ok", 0.0, {}
    seen = 0
    for long, short, limit, status in BURNS:
        requests, errors, _ = totals(connection, minutes_ago(long))
        recent, recent_errors, _ = totals(connection, minutes_ago(short))
        seen += requests
        burn = min(_burn(requests, errors), _burn(recent, recent_errors))
        details[f"{long} + {short} min"] = round(burn, 2)
        worst = max(worst, burn)
        if burn >= limit and verdict != "crit":
            verdict = status
    if not seen:
        return Measured(None, "No requests in the last 3 days", idle=True)
    return Measured(
        round(worst, 2), f"{worst:.1f} times the allowed rate in the worst pair of windows", details, verdict
    )


def _burn(requests: int, errors: int) -> float:
    return errors / requests / SLO if requests >= ENOUGH else 0.0
