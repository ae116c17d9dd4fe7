"""Figures of models by the hour and of agents by the day, rolled up from calls, decisions, tasks and recalls.

Each statement counts everything from `since` on anew and replaces what was there, so running it twice changes nothing and
an hour or day still under way is simply counted again later. Percentiles are those of the calls themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

MODELS_BY_HOUR = """
INSERT INTO ai_performance (tenant_id, bucket_start, provider, model, operation, calls, errors, timeouts, rate_limited,
    cache_hits, input_tokens, output_tokens, total_cost, latency_p50_ms, latency_p95_ms, latency_p99_ms, ttft_p95_ms)
SELECT tenant_id, date_trunc('hour', started_at), provider, coalesce(model_used, model_requested), operation, count(*),
    count(*) FILTER (WHERE status IN ('error', 'timeout', 'rate_limited', 'blocked')),
    count(*) FILTER (WHERE status = 'timeout'), count(*) FILTER (WHERE status = 'rate_limited'),
    count(*) FILTER (WHERE cache_hit), sum(input_tokens), sum(output_tokens), sum(total_cost),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms),
    percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY ttft_ms)
FROM ai_calls
WHERE tenant_id = %(tenant)s AND started_at >= date_trunc('hour', %(since)s::timestamptz) AND status <> 'running'
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (tenant_id, bucket_start, provider, model, operation) DO UPDATE SET
    calls = excluded.calls, errors = excluded.errors, timeouts = excluded.timeouts, rate_limited = excluded.rate_limited,
    cache_hits = excluded.cache_hits, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    total_cost = excluded.total_cost, latency_p50_ms = excluded.latency_p50_ms, latency_p95_ms = excluded.latency_p95_ms,
    latency_p99_ms = excluded.latency_p99_ms, ttft_p95_ms = excluded.ttft_p95_ms
"""

# Calibration: ten confidence bins, the share of each times how far its mean confidence lies from how often it was right.
# Right is what a person agreed with; where nobody looked, what turned out well.
AGENTS_BY_DAY = """
WITH first AS (
    SELECT date_trunc('day', %(since)s::timestamptz, %(zone)s) AS at
), decided AS MATERIALIZED (
    SELECT agent_id, (decided_at AT TIME ZONE %(zone)s)::date AS day, status, review_verdict, confidence, outcome_value,
        CASE WHEN review_verdict IN ('agree', 'disagree') THEN review_verdict = 'agree'
             WHEN outcome IN ('good', 'bad') THEN outcome = 'good' END AS was_right
    FROM ai_decision_logs WHERE tenant_id = %(tenant)s AND decided_at >= (SELECT at FROM first)
), bins AS (
    SELECT agent_id, day, count(*) AS size, abs(avg(confidence) - avg(was_right::int)) AS off
    FROM decided WHERE was_right IS NOT NULL AND confidence IS NOT NULL
    GROUP BY agent_id, day, least(floor(confidence * 10), 9)
), calibrated AS (
    SELECT agent_id, day, sum(size * off) / sum(size) AS error FROM bins GROUP BY 1, 2
), choices AS (
    SELECT agent_id, day, count(*) AS n, count(*) FILTER (WHERE status = 'executed' AND review_verdict IS NULL) AS alone,
        count(*) FILTER (WHERE review_verdict = 'agree') AS approved, count(*) FILTER (WHERE status = 'rejected') AS rejected,
        count(*) FILTER (WHERE status = 'overridden') AS overridden,
        count(*) FILTER (WHERE review_verdict IN ('agree', 'disagree')) AS reviewed, avg(confidence) AS confidence,
        sum(outcome_value) AS worth
    FROM decided GROUP BY 1, 2
), calls AS (
    SELECT agent_id, (started_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS n, sum(total_cost) AS cost,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95
    FROM ai_calls WHERE tenant_id = %(tenant)s AND started_at >= (SELECT at FROM first) AND agent_id IS NOT NULL
        AND status <> 'running'
    GROUP BY 1, 2
), tasks AS (
    SELECT agent_id, (created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS n,
        count(*) FILTER (WHERE status = 'succeeded') AS well,
        count(*) FILTER (WHERE status IN ('failed', 'timed_out')) AS badly,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
    FROM ai_tasks WHERE tenant_id = %(tenant)s AND created_at >= (SELECT at FROM first) GROUP BY 1, 2
), recalls AS (
    SELECT agent_id, (created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS n,
        count(*) FILTER (WHERE cardinality(returned_ids) > 0 AND top_score >= 0.2) AS hits
    FROM memory_recalls WHERE tenant_id = %(tenant)s AND created_at >= (SELECT at FROM first) AND agent_id IS NOT NULL
    GROUP BY 1, 2
), days AS (
    SELECT agent_id, day FROM choices UNION SELECT agent_id, day FROM calls UNION SELECT agent_id, day FROM tasks
    UNION SELECT agent_id, day FROM recalls
)
INSERT INTO agent_performance (tenant_id, agent_id, day, tasks_total, tasks_succeeded, tasks_failed, tasks_cancelled, decisions,
    decisions_auto, decisions_approved, decisions_rejected, decisions_overridden, reviewed, agreed, avg_confidence,
    calibration_error, latency_p95_ms, calls, total_cost, recalls, recall_hits, value_amount)
SELECT %(tenant)s, agent_id, day, coalesce(tasks.n, 0), coalesce(tasks.well, 0), coalesce(tasks.badly, 0),
    coalesce(tasks.cancelled, 0), coalesce(choices.n, 0), coalesce(choices.alone, 0), coalesce(choices.approved, 0),
    coalesce(choices.rejected, 0), coalesce(choices.overridden, 0), coalesce(choices.reviewed, 0),
    coalesce(choices.approved, 0), choices.confidence, calibrated.error, calls.p95, coalesce(calls.n, 0),
    coalesce(calls.cost, 0), coalesce(recalls.n, 0), coalesce(recalls.hits, 0), choices.worth
FROM days LEFT JOIN choices USING (agent_id, day) LEFT JOIN calibrated USING (agent_id, day)
LEFT JOIN calls USING (agent_id, day) LEFT JOIN tasks USING (agent_id, day) LEFT JOIN recalls USING (agent_id, day)
ORDER BY day, agent_id
ON CONFLICT (agent_id, day) DO UPDATE SET
    tasks_total = excluded.tasks_total, tasks_succeeded = excluded.tasks_succeeded, tasks_failed = excluded.tasks_failed,
    tasks_cancelled = excluded.tasks_cancelled, decisions = excluded.decisions, decisions_auto = excluded.decisions_auto,
    decisions_approved = excluded.decisions_approved, decisions_rejected = excluded.decisions_rejected,
    decisions_overridden = excluded.decisions_overridden, reviewed = excluded.reviewed, agreed = excluded.agreed,
    avg_confidence = excluded.avg_confidence, calibration_error = excluded.calibration_error,
    latency_p95_ms = excluded.latency_p95_ms, calls = excluded.calls, total_cost = excluded.total_cost,
    recalls = excluded.recalls, recall_hits = excluded.recall_hits, value_amount = excluded.value_amount
"""


def values(tenant_id: int, zone: str, since: datetime) -> dict[str, Any]:
    """What both statements are given: from the hour, or the company's own day, in which `since` lies."""
    return {"tenant": tenant_id, "zone": zone, "since": since}
