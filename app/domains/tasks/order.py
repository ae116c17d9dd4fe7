"""Which task waits for which: a task begins when what comes first is done, and not before."""

from __future__ import annotations

from sqlalchemy import text

from app.engine.states import Moving


def done_first(moving: Moving) -> str | None:
    """May it start? What must be done before it is done, with its pause; what must be begun has begun."""
    return _held_up(moving, "start")


def done_with_it(moving: Moving) -> str | None:
    """May it be done? Nothing must be done before it that is still open."""
    return _held_up(moving, "finish")


def _held_up(moving: Moving, step: str) -> str | None:
    kind = "ai" if "agent_id" in moving.record else "user"
    asked = {"id": moving.record["id"], "tenant": moving.record["tenant_id"], "step": step, "at": moving.at}
    found = moving.connection.execute(_FIRST[kind], asked).first()
    if found is None:
        return None
    name = f"“{found.title}”" + (f" ({found.number})" if found.number else "")
    if found.ready_at is not None:
        return (
            f"{name} is done, but this follows a pause after it and may go on from {found.ready_at:%B %-d, %H:%M} UTC."
        )
    if found.kind == "start_to_start":
        return f"First {name} has to be begun."
    return f"First comes {name}, which is not done yet."


# A task that was cancelled holds up nobody. One that is done holds up until its pause has passed.
_PREDECESSORS = """
    SELECT * FROM (
        SELECT d.kind, coalesce(u.title, a.title) AS title, u.number, d.id,
            coalesce(u.status = 'cancelled', a.status = 'cancelled') AS gone,
            CASE d.kind WHEN 'start_to_start' THEN coalesce(u.started_at, a.started_at)
                ELSE coalesce(u.completed_at, CASE WHEN a.status = 'succeeded' THEN a.finished_at END) END
                + make_interval(mins => d.lag_minutes) AS ready_at
        FROM task_dependencies d
        LEFT JOIN user_tasks u ON u.id = d.predecessor_user_task_id
        LEFT JOIN ai_tasks a ON a.id = d.predecessor_ai_task_id
        WHERE d.tenant_id = :tenant AND d.successor_{kind}_task_id = :id
            AND (CAST(:step AS text) = 'finish') = (d.kind = 'finish_to_finish')
    ) AS first
    WHERE NOT gone AND (ready_at IS NULL OR ready_at > :at)
    ORDER BY ready_at NULLS FIRST, id LIMIT 1
"""
_FIRST = {kind: text(_PREDECESSORS.format(kind=kind)) for kind in ("user", "ai")}
