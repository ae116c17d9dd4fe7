"""Who may do what: every permission there is, and the ten roles a company begins with.

A permission is `<area>.<action>`; `jobs.*` means every action on jobs, `*.read` reading everywhere. The roles are only
the beginning: they become rows which the owner and administrators edit, and seeding again leaves those rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_RECORDS = ("read", "write", "create", "delete")

# area -> (its name for people, its actions). `reveal` shows personal data to someone who may not edit it.
AREAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "home": ("Operations dashboard", ("read",)),
    "customers": ("Customers, contacts and activities", (*_RECORDS, "credit", "merge", "reveal")),
    "properties": ("Properties", (*_RECORDS, "merge", "reveal")),
    "leads": (
        "Leads",
        (
            *_RECORDS,
            "contact",
            "qualify",
            "quote",
            "win",
            "lose",
            "disqualify",
            "nurture",
            "reopen",
            "score",
            "merge",
            "reveal",
        ),
    ),
    "products": ("Price book", _RECORDS),
    "estimates": ("Estimates", (*_RECORDS, "submit", "send", "accept", "decline", "revise", "reveal")),
    "estimate_reviews": ("Review of estimates", ("decide",)),
    "jobs": (
        "Jobs",
        (*_RECORDS, "approve", "schedule", "hold", "complete", "authorize", "close", "cancel", "reveal"),
    ),
    "visits": ("Job visits", (*_RECORDS, "dispatch", "work", "cancel", "reveal")),
    "invoices": ("Invoices", (*_RECORDS, "finalize", "send", "void", "write_off", "reveal")),
    "payments": ("Payments", (*_RECORDS, "allocate", "confirm", "reverse", "cancel", "reveal")),
    "tasks": ("Tasks", (*_RECORDS, "own", "work", "cancel")),
    "agents": ("AI agents", (*_RECORDS, "activate", "pause", "disable", "retire")),
    "ai.decisions": ("AI decisions", ("read", "review", "reveal")),
    "ai.calls": ("AI calls", ("read", "reveal")),
    "ai.prices": ("AI model prices", _RECORDS),
    "orders": ("Orders", (*_RECORDS, "confirm", "hold", "fulfil", "close", "cancel", "bill")),
    "subscriptions": ("Recurring agreements", (*_RECORDS, "start", "pause", "cancel", "settle")),
    "segments": ("Customer segments", (*_RECORDS, "refresh")),
    "lead_rules": ("Lead scoring rules", _RECORDS),
    "landing": ("Landing pages", (*_RECORDS, "publish", "archive")),
    "ads": ("Advertising", (*_RECORDS, "enable", "approve")),
    "files": ("Files, photos and their versions", (*_RECORDS, "share", "hold", "trash", "restore", "reveal")),
    "documents": ("Documents", (*_RECORDS, "review", "finalize", "send", "sign", "void", "reveal")),
    "centerpoint": ("CenterPoint files", ("read", "write", "sync")),
    "task_templates": ("Task templates", _RECORDS),
    "workflows": (
        "Workflows",
        (*_RECORDS, "publish", "retire", "start", "suspend", "retry", "skip", "cancel", "run", "reveal"),
    ),
    "workflows.end": ("Ending workflows at once", ("terminate",)),
    "automations": ("Automations and their runs", (*_RECORDS, "enable", "pause", "run", "cancel", "reveal")),
    "rules": ("Rules agents act by", (*_RECORDS, "activate", "pause", "retire")),
    "queue": ("Background queue and workers", ("read", "retry", "cancel", "drain")),
    "cron": ("Recurring jobs", ("read", "write", "pause", "run")),
    "ai.tasks": ("Tasks of agents", (*_RECORDS, "approve", "retry", "cancel", "rate", "run", "reveal")),
    "neural": ("Decision network", (*_RECORDS, "mute", "retire", "deprecate")),
    "boards": ("Board of agents", (*_RECORDS, "schedule", "open", "vote", "conclude", "cancel", "ratify", "veto")),
    "patterns": ("Patterns", (*_RECORDS, "review")),
    "predictions": ("Predictions", ("read", "create", "resolve", "void")),
    "insights": ("Insights", (*_RECORDS, "act", "dismiss")),
    "cycles": ("Learning cycles", (*_RECORDS, "approve", "start", "conclude")),
    "ai.performance": ("Figures of models and agents", ("read",)),
    "memory": (
        "Memory",
        (*_RECORDS, "verify", "archive", "forget", "merge", "resolve", "consolidate", "sync", "reveal"),
    ),
    "conversations": ("Conversations", ("read", "write", "handoff", "close", "redact", "reveal")),
    "abtests": ("Experiments", (*_RECORDS, "start", "stop", "conclude")),
    "events": ("Behavioural events", ("read", "reveal")),
    "messages": (
        "Messages and who must not get them",
        (*_RECORDS, "send", "hold", "cancel", "lift", "reveal"),
    ),
    "templates": ("Message templates", (*_RECORDS, "activate")),
    "integrations": ("Connections to other services", (*_RECORDS, "connect", "disable", "report")),
    "inbound": ("Events received", ("read", "retry", "ignore", "process", "reveal")),
    "webhooks": ("Webhooks", ("read", "write", "delete", "enable", "replay", "cancel", "deliver", "reveal")),
    "approvals": ("Approvals", ("read", "cancel", "own", "execute")),
    "approvals.decide": ("Deciding approvals", ("ops", "billing", "ai", "roles")),
    "compliance": ("Obligations and controls", (*_RECORDS, "assess", "waive")),
    "dq": ("Data problems", ("read", "fix", "ignore", "resolve", "rules")),
    "apikeys": ("Keys of programs", ("read", "write", "delete", "revoke", "own", "reveal")),
    "notices": ("Notices", ("read", "own", "write")),
    "activity": ("What people did", ("read", "reveal")),
    "users": ("People and their sign-ins", (*_RECORDS, "deactivate", "reset", "costs", "reveal")),
    "roles": ("Roles", _RECORDS),
    "sessions": ("Sessions and sign-ins", ("read", "revoke", "reveal")),
    "audit": ("Change history", ("read", "verify")),
    "health": ("Health", ("read", "run", "ack")),
    "errors": ("Errors", ("read", "write", "resolve", "ignore", "reveal")),
    "metrics": ("Metrics", ("read",)),
    "tenant": ("Company settings", ("read", "write", "settings")),
    "views": ("Saved views", (*_RECORDS, "own", "share")),
    "imports": ("Imports", ("read", "guided", "reveal")),
    "export": ("Export", ("read",)),
    "exports": ("Copies taken out", ("read", "own", "cancel", "reveal")),
    "platform": ("Rows of the platform itself", ("read",)),
    "explorer": ("Explorer of every table", ("read", "write", "manage", "reveal")),
    "personal": ("Masked personal data, shown for a minute with a reason", ("reveal",)),
    "audits": ("System audit", ("read", "run")),
    "sql": ("SQL desk", ("read", "run", "share", "reveal")),
}

PERMISSIONS: tuple[str, ...] = tuple(f"{area}.{action}" for area, (_, actions) in AREAS.items() for action in actions)


@dataclass(frozen=True)
class Role:
    """One of the ten; `code` is its short name in the life cycles of the data dictionary."""

    key: str
    code: str
    name: str
    description: str
    permissions: tuple[str, ...]


# What everyone on the staff may do: see the dashboard, keep lists of their own, do the tasks given to them, export
# what they may read.
_STAFF = ("home.read", "views.own", "tasks.own", "notices.own", "approvals.own", "export.read", "exports.own",
          "exports.reveal")  # fmt: skip
_BUSINESS = tuple(
    f"{area}.read"
    for area in (
        "customers",
        "properties",
        "leads",
        "products",
        "estimates",
        "jobs",
        "visits",
        "invoices",
        "payments",
        "tasks",
        "orders",
        "subscriptions",
        "documents",
        "files",
    )
)

ROLES: tuple[Role, ...] = (
    Role(
        "owner",
        "OW",
        "Owner",
        "Runs the company: may do whatever any role may, and decides who may do what.",
        ("*.*",),
    ),
    Role(
        "admin",
        "AD",
        "Administrator",
        "Keeps the console running: people, roles, settings, health and errors. No business records.",
        (*_STAFF, "users.*", "roles.*", "sessions.*", "tenant.*", "audit.*", "health.*", "errors.*", "metrics.read",
         "imports.*", "views.*", "platform.read", "explorer.*", "audits.*", "sql.*", "exports.*", "integrations.*", "apikeys.*",
         "webhooks.*",
         "templates.*", "messages.*", "inbound.*", "queue.*", "cron.*", "automations.read", "workflows.read",
         "compliance.*", "activity.*", "notices.*", "approvals.read", "approvals.decide.roles", "dq.read", "events.read",
         "centerpoint.*", "files.read", "ai.performance.read"),
    ),
    Role(
        "operations_manager",
        "OM",
        "Operations manager",
        "Runs the work: customers, sites, jobs, visits and everyone's tasks; reviews estimates, follows the money.",
        (*_STAFF, "personal.reveal", "customers.*", "properties.*", "products.*", "jobs.*", "visits.*", "tasks.*", "leads.read",
         "leads.reveal", "estimates.read", "estimates.reveal", "estimate_reviews.decide", "invoices.read",
         "payments.read", "agents.read", "ai.decisions.read", "ai.calls.read", "users.read", "users.costs", "audit.read",
         "health.read", "errors.read", "metrics.read", "imports.read", "imports.guided",
         "views.share", "explorer.read", "explorer.write",
         "explorer.manage", "audits.read", "orders.*", "subscriptions.read", "segments.*", "task_templates.*",
         "workflows.*", "automations.*", "cron.*", "queue.read", "documents.*", "files.*", "centerpoint.*", "dq.*",
         "approvals.*", "approvals.decide.ops", "compliance.*", "messages.*", "templates.read", "integrations.read",
         "inbound.read", "webhooks.read", "ai.tasks.read", "insights.*", "predictions.read", "patterns.read",
         "ai.performance.read", "abtests.read", "events.read", "landing.read", "ads.read", "lead_rules.read",
         "activity.read", "conversations.read", "conversations.reveal", "memory.read", "memory.reveal", "apikeys.own"),
    ),
    Role(
        "dispatcher",
        "DI",
        "Dispatcher",
        "Plans the day: schedules and holds jobs, sends crews to visits, calls whoever is on site.",
        (*_STAFF, "jobs.read", "jobs.schedule", "jobs.hold", "jobs.reveal", "visits.*", "tasks.read", "tasks.create",
         "customers.read", "customers.reveal", "properties.read", "properties.reveal", "users.read", "orders.read",
         "documents.read", "files.read", "files.create", "messages.read", "messages.send", "messages.create",
         "messages.reveal", "workflows.read", "compliance.read", "dq.read", "dq.fix"),
    ),
    Role(
        "sales",
        "SA",
        "Sales and estimating",
        "Wins the work: leads, customers and their sites, estimates from draft to accepted, jobs approved.",
        (*_STAFF, "leads.*", "customers.read", "customers.write", "customers.create", "customers.reveal",
         "properties.*", "estimates.*", "products.read", "jobs.read", "jobs.create", "jobs.approve", "visits.read",
         "tasks.read", "tasks.create", "users.read", "orders.read", "orders.create", "orders.write", "orders.confirm",
         "subscriptions.read", "landing.*", "ads.read", "segments.*", "lead_rules.*", "documents.*",
         "files.read", "files.create", "files.write", "files.reveal", "messages.read", "messages.create",
         "messages.send", "messages.reveal", "templates.read", "abtests.read", "events.read", "insights.read",
         "predictions.read", "conversations.read", "conversations.reveal", "task_templates.read", "dq.read", "dq.fix"),
    ),
    Role(
        "billing",
        "BI",
        "Billing",
        "Bills the work and brings the money in: invoices, payments, credit holds; closes what is paid.",
        (*_STAFF, "personal.reveal", "invoices.*", "payments.*", "customers.read", "customers.reveal", "customers.credit",
         "properties.read", "products.read", "estimates.read", "jobs.read", "jobs.close", "visits.read", "tasks.read",
         "tasks.create", "users.read", "imports.read", "orders.read", "orders.bill", "orders.hold", "orders.close",
         "subscriptions.*", "documents.read", "files.read", "dq.read", "dq.fix", "approvals.decide.billing",
         "approvals.read", "messages.read", "messages.create", "messages.send", "messages.reveal", "templates.read",
         "inbound.read", "compliance.read", "predictions.read", "insights.read", "apikeys.own"),
    ),
    Role(
        "ai_operator",
        "AO",
        "AI operator",
        "Answers for the agents: what they are, may spend and decided; reviews their decisions.",
        (*_STAFF, "personal.reveal", "agents.*", "ai.decisions.*", "ai.calls.*", "ai.prices.*", "tasks.read", "tasks.create",
         "customers.read", "jobs.read", "estimates.read", "users.read", "health.read", "errors.read", "metrics.read",
         "explorer.read", "ai.tasks.*", "memory.*", "conversations.*", "neural.*", "boards.*", "rules.*", "cycles.*",
         "patterns.*", "predictions.*", "insights.*", "ai.performance.read", "abtests.*", "approvals.read",
         "approvals.decide.ai", "automations.read", "workflows.read", "queue.read", "cron.read", "events.read",
         "integrations.read", "files.read", "templates.read", "messages.read", "dq.read", "compliance.read",
         "apikeys.own"),
    ),
    Role(
        "auditor",
        "AU",
        "Auditor",
        "Reads everything, proves the history, changes nothing. Personal data stays masked.",
        ("*.read", "audit.verify"),
    ),
    Role(
        "viewer",
        "VI",
        "Viewer",
        "Reads the business records: customers to payments, and tasks. Changes nothing, exports nothing.",
        ("home.read", "views.own", *_BUSINESS),
    ),
    Role(
        "worker",
        "SYS",
        "Worker",
        "For service accounts that act by themselves: the moves the console makes without a person.",
        ("*.read", "customers.write", "leads.create", "leads.quote", "leads.win", "estimates.accept",
         "estimates.decline", "jobs.approve", "jobs.schedule", "jobs.complete", "jobs.close", "visits.work",
         "invoices.create", "invoices.finalize", "invoices.send", "payments.create", "payments.confirm",
         "payments.allocate", "payments.reverse", "tasks.create", "tasks.work", "errors.resolve", "health.run",
         "orders.create", "orders.confirm", "orders.fulfil", "orders.close", "subscriptions.start",
         "subscriptions.settle", "subscriptions.pause", "subscriptions.cancel", "documents.send", "documents.sign",
         "workflows.start", "workflows.run", "automations.run", "ai.tasks.create", "ai.tasks.run", "predictions.create",
         "predictions.resolve", "insights.create", "messages.create", "messages.send", "boards.open", "boards.vote",
         "boards.conclude", "centerpoint.sync", "audits.run", "segments.refresh", "landing.publish",
         "approvals.execute", "dq.resolve", "integrations.report", "inbound.process", "webhooks.deliver", "memory.create",
         "memory.consolidate", "memory.archive", "memory.sync", "conversations.handoff"),
    ),
)  # fmt: skip


def seed_roles(connection: Connection, tenant_id: int) -> dict[str, int]:
    """Give a company the ten roles it lacks; returns every role's id by key. Rows people have edited stay as they are.

    Call it inside an open change set, so that the history says who set the company up.
    """
    for role in ROLES:
        connection.execute(
            _SEED,
            {
                "tenant": tenant_id,
                "key": role.key,
                "name": role.name,
                "description": role.description,
                "permissions": list(role.permissions),
            },
        )
    rows = connection.execute(text("SELECT key, id FROM roles WHERE tenant_id = :tenant"), {"tenant": tenant_id})
    return {row.key: row.id for row in rows}


_SEED = text(
    "INSERT INTO roles (tenant_id, key, name, description, permissions, is_system)"
    " VALUES (:tenant, :key, :name, :description, CAST(:permissions AS text[]), true)"
    " ON CONFLICT (tenant_id, key) DO NOTHING"
)
