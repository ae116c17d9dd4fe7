"""What may be wrong with work for people: data rules 17 and 18."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.engine.quality.rules import Fixed, Fixing, Only, rule

_BEFORE = "coalesce('u' || d.predecessor_user_task_id, 'a' || d.predecessor_ai_task_id)"
_AFTER = "coalesce('u' || d.successor_user_task_id, 'a' || d.successor_ai_task_id)"


@rule(
    "DQ-17", "Tasks that wait for each other", "task_dependencies", severity="critical", group="blocks",
    whole="Records are compared with each other, so every record is looked at.",
)  # fmt: skip
def in_a_circle(only: Only) -> str:
    """Each waits for the next and the last for the first, so none can ever begin. The newest order of the circle is
    accused.
    """
    return f"""
        WITH RECURSIVE edges AS MATERIALIZED (
            SELECT d.id, {_BEFORE} AS before, {_AFTER} AS after FROM task_dependencies d WHERE d.tenant_id = :tenant
        ), walk (start, task) AS (
            SELECT e.before, e.after FROM edges e WHERE e.before IN (SELECT after FROM edges)
            UNION SELECT w.start, e.after FROM walk w JOIN edges e ON e.before = w.task
        ), inside AS (
            SELECT e.id, (SELECT min(w.task) FROM walk w JOIN walk b ON b.start = w.task AND b.task = w.start
                WHERE w.start = e.before) AS ring
            FROM edges e JOIN walk r ON r.start = e.after AND r.task = e.before
        )
        SELECT id, jsonb_build_object('tasks in the circle', number) AS details FROM (
            SELECT max(id) AS id, count(*) AS number FROM inside GROUP BY ring) newest
        WHERE true {only("id")}"""


@in_a_circle.fix("drop", "Drop the newest order", "tasks.delete", at_once=False)
def drop(fixing: Fixing) -> Fixed:
    """The order that closed the circle goes; the tasks stay."""
    return Fixed("The newest order of the circle goes.", (fixing.drop("task_dependencies", fixing.record),))


@rule(
    "DQ-18", "Open task of somebody who left", "user_tasks", group="blocks",
    watches={"user_tasks": "id", "app_users": "<assignee_id"},
)  # fmt: skip
def of_nobody(only: Only) -> str:
    """Whoever should do it is suspended or works here no more: it will not be done, and looks as if it were."""
    return f"""
        SELECT t.id, jsonb_build_object('due', t.due_at::date, 'whoever has it', u.status) AS details
        FROM user_tasks t JOIN app_users u ON u.id = t.assignee_id
        WHERE t.tenant_id = :tenant AND t.archived_at IS NULL AND t.status IN ('todo', 'in_progress', 'blocked')
            AND (u.status IN ('suspended', 'deactivated') OR u.archived_at IS NOT NULL) {only("t.id")}"""


@of_nobody.fix("reassign", "Give it to the manager", "tasks.write")
def reassign(fixing: Fixing) -> Fixed:
    """To the manager of who left, as far up as somebody works here; to the team's queue where nobody does."""
    people = db.metadata.tables["app_users"].c
    at, seen = fixing.record["assignee_id"], set[int]()
    while at is not None and at not in seen:
        seen.add(at)
        row = fixing.connection.execute(
            select(people.manager_id, people.status, people.display_name, people.archived_at).where(people.id == at)
        ).one()
        if row.status == "active" and row.archived_at is None:
            changed = fixing.change("user_tasks", fixing.record, assignee_id=at)
            return Fixed(f"{row.display_name} has it from now on.", (changed,))
        at = row.manager_id
    return Fixed(
        "It waits in the team's queue for somebody.", (fixing.change("user_tasks", fixing.record, assignee_id=None),)
    )
