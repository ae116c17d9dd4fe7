"""How one sees what goes on: live pages, experiments, events, errors, health, and a page for every table."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, answer, check, code, move, page, task

DICTIONARY = (
    "users", "user_sessions", "app_users", "user_activities", "user_notifications", "user_api_keys", "user_profiles",
    "auth_tokens", "sessions",
    "ai_agents", "ai_decision_logs", "ai_neural_pathways", "ai_neurons", "ai_synapses", "ai_board_sessions",
    "ai_consensus_decisions", "ai_patterns", "ai_predictions", "ai_insights", "ai_improvement_cycles", "ai_memories",
    "ai_memory_clusters", "ai_memory_relationships",
    "user_tasks", "ai_tasks", "task_dependencies", "workflow_definitions", "workflow_instances", "workflow_states",
    "task_templates", "memory_entries", "memory_sync", "agent_memories", "ai_memory_feedback", "persistent_context",
    "conversation_history", "centerpoint_files", "file_metadata", "file_versions", "media_assets", "documents",
    "automations", "automation_runs", "automation_templates", "ai_automation_rules", "workflow_automations",
    "scheduled_tasks", "cron_jobs", "customers", "jobs", "invoices", "estimates", "leads", "products", "orders",
    "subscriptions", "analytics_events", "metrics", "ab_tests", "ab_test_results", "ai_performance", "agent_performance",
    "system_health", "error_logs",
)  # fmt: skip

WATCH = (
    Feature(
        "real_time",
        "Real-time",
        "A change by one person appears on another's open screen within two seconds; nothing is missed after a drop.",
        number=8,
        parts=(
            answer("a stream for each open page", "*stream*", "/live*", "/events"),
            check("a check on the stream", "realtime.stream"),
        ),
    ),
    Feature(
        "ab_testing",
        "A/B testing",
        "Exposures count once, a skewed split is caught, no verdict before the planned sample.",
        number=10,
        tables=("ab_tests", "ab_test_results"),
        parts=(
            move("starting", "ab_tests.start"),
            move("concluding", "ab_tests.conclude"),
            code("the sums behind a verdict", "app.domains.analytics.significance:compare"),
            code("the check of the split", "app.domains.analytics.significance:sample_ratio"),
        ),
        uses=(Use("results counted", "ab_test_results", "created_at"),),
    ),
    Feature(
        "analytics",
        "Analytics",
        "An event sent twice counts once; a funnel opens its rows; sums match a hand count.",
        number=11,
        tables=("analytics_events", "metrics", "ai_performance", "agent_performance"),
        parts=(
            task("figures by day", "performance.roll_up"),
            task("business figures kept", "gauges.keep"),
            answer("an address that takes events", "/api/*events*", "/collect*"),
            page("funnels", "*funnel*"),
        ),
        uses=(
            Use("events", "analytics_events", "occurred_at"),
            Use("figures", "metrics", "computed_at"),
        ),
    ),
    Feature(
        "error_monitoring",
        "Error monitoring",
        "Two occurrences of one bug make one group; resolved and seen again reads regressed.",
        number=12,
        tables=("error_groups", "error_logs"),
        parts=(
            code("catching and grouping", "app.engine.errors_log:capture"),
            move("resolving", "error_groups.resolve"),
            move("ignoring until", "error_groups.ignore"),
        ),
        uses=(Use("errors caught", "error_logs", "occurred_at"),),
    ),
    Feature(
        "health_checks",
        "Health checks",
        "Stop a dependency and the light turns within a minute; unknown is not green.",
        number=13,
        tables=("system_health",),
        parts=(
            page("a board", "/health"),
            page("a page for each check", "/health/*"),
            task("checks every minute", "health.run"),
            answer("an answer for probes", "/readyz"),
        ),
        uses=(Use("results", "system_health", "checked_at"),),
    ),
    Feature(
        "every_table",
        "And more: every table",
        "Each of the 64 tables is reachable: list, detail, and edit or a stated reason why it is read-only.",
        number=30,
        tables=DICTIONARY,
        parts=(
            page("a list of any table", "/<domain>/<table>"),
            page("a record of any table", "/<domain>/<table>/*"),
            page("the atlas of all there is", "/explorer"),
            page("tables nobody declared", "/explorer/<*table*>", "/explorer/<*name*>", "/explorer/<*where*>"),
        ),
        uses=(Use("pages, searches and exports noted", "user_activities", "created_at"),),
    ),
)
