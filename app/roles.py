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
    "properties": ("Properties", (*_RECORDS, "reveal")),
    "leads": (
        "Leads",
        (*_RECORDS, "contact", "qualify", "quote", "win", "lose", "disqualify", "nurture", "reopen", "score", "reveal"),
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
    "users": ("People and their sign-ins", (*_RECORDS, "deactivate", "reset", "costs", "reveal")),
    "roles": ("Roles", _RECORDS),
    "sessions": ("Sessions and sign-ins", ("read", "revoke", "reveal")),
    "audit": ("Change history", ("read", "verify")),
    "health": ("Health", ("read", "run", "ack")),
    "errors": ("Errors", ("read", "write", "resolve", "ignore", "reveal")),
    "metrics": ("Metrics", ("read",)),
    "tenant": ("Company settings", ("read", "write", "settings")),
    "views": ("Saved views", (*_RECORDS, "own", "share")),
    "imports": ("Imports", ("read", "reveal")),
    "export": ("Export", ("read",)),
    "platform": ("Rows of the platform itself", ("read",)),
    "explorer": ("Explorer of every table", ("read", "write", "manage", "reveal")),
    "audits": ("System audit", ("read", "run")),
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
_STAFF = ("home.read", "views.read", "views.own", "tasks.own", "export.read")
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
         "imports.*", "views.*", "platform.read", "explorer.*", "audits.*"),
    ),
    Role(
        "operations_manager",
        "OM",
        "Operations manager",
        "Runs the work: customers, sites, jobs, visits and everyone's tasks; reviews estimates, follows the money.",
        (*_STAFF, "customers.*", "properties.*", "products.*", "jobs.*", "visits.*", "tasks.*", "leads.read",
         "leads.reveal", "estimates.read", "estimates.reveal", "estimate_reviews.decide", "invoices.read", "payments.read",
         "agents.read", "ai.decisions.read", "ai.calls.read", "users.read", "users.costs", "audit.read", "health.read",
         "errors.read", "metrics.read", "imports.read", "views.share", "explorer.read", "explorer.write", "explorer.manage",
         "audits.read"),
    ),
    Role(
        "dispatcher",
        "DI",
        "Dispatcher",
        "Plans the day: schedules and holds jobs, sends crews to visits, calls whoever is on site.",
        (*_STAFF, "jobs.read", "jobs.schedule", "jobs.hold", "jobs.reveal", "visits.*", "tasks.read", "tasks.create",
         "customers.read", "customers.reveal", "properties.read", "properties.reveal", "users.read"),
    ),
    Role(
        "sales",
        "SA",
        "Sales and estimating",
        "Wins the work: leads, customers and their sites, estimates from draft to accepted, jobs approved.",
        (*_STAFF, "leads.*", "customers.read", "customers.write", "customers.create", "customers.reveal",
         "properties.*", "estimates.*", "products.read", "jobs.read", "jobs.create", "jobs.approve", "visits.read", "tasks.read",
         "tasks.create", "users.read"),
    ),
    Role(
        "billing",
        "BI",
        "Billing",
        "Bills the work and brings the money in: invoices, payments, credit holds; closes what is paid.",
        (*_STAFF, "invoices.*", "payments.*", "customers.read", "customers.reveal", "customers.credit",
         "properties.read", "products.read", "estimates.read", "jobs.read", "jobs.close", "visits.read", "tasks.read",
         "tasks.create", "users.read", "imports.read"),
    ),
    Role(
        "ai_operator",
        "AO",
        "AI operator",
        "Answers for the agents: what they are, may spend and decided; reviews their decisions.",
        (*_STAFF, "agents.*", "ai.decisions.*", "ai.calls.*", "ai.prices.*", "tasks.read", "tasks.create",
         "customers.read", "jobs.read", "estimates.read", "users.read", "health.read", "errors.read", "metrics.read",
         "explorer.read"),
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
        ("home.read", "views.read", *_BUSINESS),
    ),
    Role(
        "worker",
        "SYS",
        "Worker",
        "For service accounts that act by themselves: the moves the console makes without a person.",
        ("*.read", "customers.write", "leads.create", "leads.quote", "leads.win", "estimates.accept",
         "estimates.decline", "jobs.approve", "jobs.schedule", "jobs.complete", "jobs.close", "visits.work",
         "invoices.create", "invoices.finalize", "invoices.send", "payments.create", "payments.confirm",
         "payments.allocate", "payments.reverse", "tasks.create", "tasks.work", "errors.resolve", "health.run"),
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
