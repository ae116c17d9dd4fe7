"""How work goes by itself: tasks, files, workflows, recurring and background jobs."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, check, move, page, table, task

WORK = (
    Feature(
        "task_automation",
        "Task automation",
        "A template creates dated, assigned, dependent tasks; finishing one unblocks the next.",
        number=6,
        tables=("user_tasks", "task_templates", "task_dependencies"),
        parts=(
            move("doing a task", "user_tasks.complete"),
            move("blocking and unblocking", "user_tasks.unblock"),
            move("making tasks from a template", "task_templates.*"),
        ),
        uses=(
            Use("tasks finished", "user_tasks", "completed_at"),
            Use("tasks made", "user_tasks", "created_at"),
        ),
    ),
    Feature(
        "files",
        "Files",
        "Upload with progress, preview, version, restore, link to a job; infected files are blocked.",
        number=7,
        tables=("file_metadata", "file_versions", "media_assets", "documents", "centerpoint_files"),
        parts=(
            page("uploading", "*upload*"),
            page("downloading with permission", "*download*"),
            move("trash and restore", "file_metadata.restore"),
            task("scanning for infected files", "files.*"),
        ),
        uses=(
            Use("versions stored", "file_versions", "created_at"),
            Use("files added", "file_metadata", "created_at"),
            Use("documents made", "documents", "created_at"),
        ),
    ),
    Feature(
        "background_jobs",
        "Background jobs",
        "A killed worker's job runs again once with one effect; it can be cancelled and retried from the screen.",
        number=9,
        tables=("scheduled_tasks", "workers"),
        parts=(
            table("a queue", "procrastinate_jobs"),
            task("a sweep of what dead workers held", "queue.sweep"),
            check("a check on waiting work", "queue.wait_s"),
            move("cancelling from the screen", "scheduled_tasks.cancel"),
            move("retrying from the screen", "scheduled_tasks.retry"),
        ),
        pages=("/health",),
        uses=(Use("jobs finished", "scheduled_tasks", "finished_at"),),
    ),
    Feature(
        "workflows",
        "Workflow automation",
        "A published graph runs with approval, timer, branch and retry; running ones keep their version.",
        number=19,
        tables=("workflow_definitions", "workflow_instances", "workflow_states", "workflow_automations"),
        parts=(
            move("publishing", "workflow_definitions.publish"),
            move("starting", "workflow_definitions.start", "workflow_instances.start"),
            task("a worker that takes each step", "workflows.*"),
        ),
        uses=(
            Use("workflows started", "workflow_instances", "started_at"),
            Use("steps entered", "workflow_states", "entered_at"),
        ),
    ),
    Feature(
        "scheduled_tasks",
        "Scheduled tasks",
        "Cron fires once per slot across two schedulers; late and missed are shown; run-now works.",
        number=20,
        tables=("cron_jobs",),
        parts=(
            task("a schedule the worker keeps", "health.run"),
            check("a check on late jobs", "cron.late"),
            move("running one now", "cron_jobs.run", "cron_jobs.run_now"),
        ),
        uses=(Use("recurring jobs run", "cron_jobs", "last_run_at"),),
    ),
)
