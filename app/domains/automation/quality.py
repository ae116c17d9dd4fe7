"""What may be wrong with what runs by itself: data rule 21."""

from __future__ import annotations

from app.engine.quality.rules import Fixed, Fixing, Only, rule


@rule(
    "DQ-21", "Automation failing three times running", "automations", severity="critical", group="blocks",
    watches={"automations": "id", "automation_runs": "automation_id"},
)  # fmt: skip
def failing(only: Only) -> str:
    """Its last three runs all failed or timed out, and it is still enabled: it does nothing but make errors."""
    return f"""
        SELECT a.id, jsonb_build_object('last failed', r.last) AS details
        FROM automations a CROSS JOIN LATERAL (
            SELECT count(*) AS number, bool_and(status IN ('failed', 'timed_out')) AS failed, max(finished_at) AS last
            FROM (SELECT status, finished_at FROM automation_runs
                WHERE automation_id = a.id AND status IN ('succeeded', 'failed', 'timed_out')
                ORDER BY finished_at DESC NULLS LAST, id DESC LIMIT 3) latest) r
        WHERE a.tenant_id = :tenant AND a.archived_at IS NULL AND a.status = 'enabled' AND r.number = 3 AND r.failed
            {only("a.id")}"""


@failing.fix("pause", "Pause it and tell its owner", "automations.pause")
def pause(fixing: Fixing) -> Fixed:
    """It rests until somebody enables it again; its owner gets a notice that leads to its runs, where one is retried."""
    automation = fixing.record
    words = "Its last three runs failed"
    changes = [fixing.change("automations", automation, status="paused", disabled_reason=words, next_run_at=None)]
    if automation["owner_id"] is not None:
        told = fixing.make(
            "user_notifications", app_user_id=automation["owner_id"], kind="automation.paused", severity="warning",
            title=f"Paused: {automation['name']}"[:300], body=f"{words}. Look at them, and retry the last one.",
            link=f"/automation/automations/{automation['id']}", subject_type="automations", subject_id=automation["id"],
        )  # fmt: skip
        changes.append(told)
    return Fixed(f"{automation['name']} rests{' and its owner is told' if len(changes) > 1 else ''}.", tuple(changes))
