"""The console's own day: who did what in it, what it told whom, and the keys programs call it with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

# Name, whose it is, what it may do, networks, requests a minute; days since made, expires, last used, how often used.
KEYS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...] | None, int, int, int, float | None, int], ...] = (
    ("Website contact form", "Priya Raman", ("leads.create",), ("203.0.113.0/28",), 60, 610, 240, 0.02, 48_211),
    ("Accounting export, nightly", "Grace Okafor", ("invoices.read", "payments.read"), ("198.51.100.20/32",), 30, 402, 330, 0.7,
     9_630),
    ("Crew tablets", "Priya Raman", ("visits.read", "visits.work", "files.create"), None, 600, 288, 77, 0.001, 812_940),
    ("Wall board in dispatch", "Priya Raman", ("visits.read", "jobs.read"), ("198.51.100.0/24",), 120, 233, 132, 0.002, 301_877),
    ("Weather station at the yard", "Dana Whitfield", ("events.read",), ("192.0.2.17/32",), 10, 199, 12, 0.04, 57_044),
    ("Spreadsheet of Dana", "Dana Whitfield", ("jobs.read", "customers.read"), None, 30, 171, 9, 34, 212),
    ("Agent sandbox", "Samir Haddad", ("agents.read", "ai.decisions.read"), None, 60, 118, 62, 96, 1_450),
    ("Business intelligence trial", "Grace Okafor", ("invoices.read",), None, 60, 140, 225, None, 0),
    ("Accounting export, 2025", "Grace Okafor", ("invoices.read", "payments.read"), ("198.51.100.20/32",), 30, 905, -402, 403,
     20_116),
    ("Old drone importer", "Priya Raman", ("files.create",), None, 60, 720, -200, 260, 3_377),
)  # fmt: skip
REVOKED = {"Accounting export, 2025": 402, "Old drone importer": 255}


def keys(world: World) -> None:
    """Ten programs: some watched over well, one from anywhere, one about to expire, one never used, two revoked."""
    world.chapter("keys", "Demonstration company: keys of programs")
    admin = world.staff["Priya Raman"]
    records: list[Record] = []
    for name, owner, scopes, networks, rate, made, expires, used, times in KEYS:
        digest = hashlib.sha256(f"{world.seed}/{name}".encode())
        gone = REVOKED.get(name)
        records.append({
            "app_user_id": world.staff[owner], "name": name, "prefix": f"bk_{digest.hexdigest()[:5]}",
            "key_hash": digest.digest(), "scopes": list(scopes), "allowed_ips": list(networks) if networks else None,
            "rate_limit_per_min": rate, "status": "revoked" if gone else "active",
            "expires_at": world.at + timedelta(days=expires),
            "last_used_at": None if used is None else world.at - timedelta(days=used),
            "last_used_ip": None if used is None else (networks or ("192.0.2.44/32",))[0].partition("/")[0],
            "use_count": times, "revoked_at": world.at - timedelta(days=gone) if gone else None,
            "revoked_by": admin if gone else None, "created_at": world.at - timedelta(days=made),
        })  # fmt: skip
    world.write("user_api_keys", records)
    world.connection.execute(
        "UPDATE user_api_keys new SET rotated_from_id = old.id FROM user_api_keys old WHERE old.id = %s AND new.id = %s",
        (records[8]["id"], records[1]["id"]),
    )


# What each of them does in the console: kind, what, on which page; a table gives it a record to be about.
HABITS: dict[str, tuple[tuple[str, str, str, str | None], ...]] = {
    "Marcus Brandt": (
        ("view", "Looked at the dashboard", "/", None), ("view", "Opened {}", "/crm/customers", "customers"),
        ("export", "Took out 307 overdue invoices as a spreadsheet", "/crm/invoices", None),
        ("ai_command", "Asked which customers pay slower than last year", "/", None),
    ),
    "Priya Raman": (
        ("settings", "Changed the check intervals of the health page", "/health", None),
        ("view", "Looked at who is signed in", "/sessions", None), ("search", "Searched the errors for “timeout”",
                                                                    "/analytics/error_groups", None),
        ("impersonate", "Looked at the console as Carl Benning, to see what a viewer sees", "/people", None),
        ("import", "Imported a file of 41 contacts", "/crm/contacts", None),
    ),
    "Dana Whitfield": (
        ("view", "Opened {}", "/crm/jobs", "jobs"), ("update", "Moved {} on", "/crm/jobs", "jobs"),
        ("bulk_action", "Gave 12 tasks to Miriam Castellano", "/tasks/user_tasks", None),
        ("export", "Took out this week's visits", "/crm/job_visits", None),
    ),
    "Luis Cordova": (
        ("view", "Looked at tomorrow's visits", "/crm/job_visits", None), ("update", "Scheduled {}", "/crm/jobs", "jobs"),
        ("search", "Searched for “Quivas”", "/crm/properties", None), ("view", "Opened {}", "/crm/jobs", "jobs"),
    ),
    "Owen Prescott": (
        ("create", "Noted a call with {}", "/crm/crm_activities", "customers"), ("view", "Opened {}", "/crm/leads", "leads"),
        ("update", "Qualified {}", "/crm/leads", "leads"), ("search", "Searched for “cold storage”", "/crm/customers", None),
    ),
    "Grace Okafor": (
        ("update", "Allocated a payment to {}", "/crm/invoices", "invoices"), ("view", "Opened {}", "/crm/invoices", "invoices"),
        ("bulk_action", "Sent 18 reminders", "/crm/invoices", None),
        ("search", "Searched for “Aspen Grove”", "/crm/payments", None),
        ("export", "Took out November's payments", "/crm/payments", None),
        ("delete", "Deleted an empty draft", "/crm/invoices", None),
    ),
    "Samir Haddad": (
        ("view", "Reviewed decisions of the day", "/ai/ai_decision_logs", None),
        ("ai_command", "Asked why Storm Watch chose to wait", "/ai/ai_decision_logs", None),
        ("update", "Overrode a decision about {}", "/ai/ai_decision_logs", "invoices"),
    ),
    "Ingrid Solheim": (
        ("view", "Read the change history", "/change-sets", None),
        ("export", "Took out October's change sets", "/change-sets", None),
    ),
    "Carl Benning": (
        ("view", "Looked at open jobs", "/crm/jobs", None), ("search", "Searched for “hospital”", "/crm/customers", None),
    ),
}  # fmt: skip
ACTIVE_DAYS = 45


def did(world: World) -> None:
    """Six weeks of working days: signed in, looked, searched, changed, took out, signed out; each in that order."""
    dice = world.dice("did")
    subjects = {
        table: world.rows(
            f"SELECT id, {label} FROM {table} WHERE tenant_id = %s ORDER BY id DESC LIMIT 300", world.tenant_id
        )
        for table, label in (("customers", "name"), ("jobs", "number"), ("leads", "number"), ("invoices", "number"))
    }
    records = [
        entry
        for day in range(-ACTIVE_DAYS, 1)
        for person in HABITS
        for entry in _working_day(world, dice, person, day, subjects)
    ]
    world.write("user_activities", sorted(records, key=lambda record: record["created_at"]))


def _working_day(
    world: World, dice: random.Random, person: str, day: int, subjects: dict[str, list[tuple[int, str]]]
) -> Iterator[Record]:
    start = world.local(day, 7, dice.randrange(20, 59)) + timedelta(seconds=dice.randrange(60))
    seldom = person in ("Ingrid Solheim", "Carl Benning", "Marcus Brandt")
    if start.weekday() >= 5 or dice.random() < (0.6 if seldom else 0.12):
        return
    ip = f"198.51.100.{20 + list(HABITS).index(person)}"
    at, end = start, start + timedelta(hours=9)
    yield _entry(person, world, at, "login", f"{person} signed in", "/sign-in", ip, None, None, 240)
    for _ in range(dice.randrange(2, 6)):
        at += timedelta(minutes=dice.uniform(4, 110))
        kind, what, screen, table = dice.choice(HABITS[person])
        subject = dice.choice(subjects[table]) if table and subjects[table] else None
        summary = what.format(subject[1]) if subject else what.replace("{}", "a record")
        took = int(dice.lognormvariate(4.6, 0.7)) * (30 if kind in ("export", "import", "ai_command") else 1)
        if at < min(end, world.at):
            yield _entry(person, world, at, kind, summary, screen, ip, table if subject else None, subject, took)
    if max(at, end) < world.at and dice.random() < 0.7:
        yield _entry(person, world, max(at, end), "logout", f"{person} signed out", "/sign-out", ip, None, None, 35)


def _entry(
    person: str, world: World, at: datetime, kind: str, summary: str, screen: str, ip: str, table: str | None,
    subject: tuple[int, str] | None, took: int,
) -> Record:  # fmt: skip
    number = hashlib.sha256(f"{world.seed}/{person}/{at.isoformat()}".encode()).hexdigest()[:16]
    meta = {"rows": 12} if kind == "bulk_action" else {"format": "xlsx"} if kind == "export" else {}
    return {
        "app_user_id": world.staff[person], "kind": kind, "screen": screen, "summary": summary, "duration_ms": took,
        "request_id": number, "ip": ip, "meta": Jsonb(meta), "subject_type": table, "subject_id": subject[0] if subject else None,
        "created_at": min(at, world.at),
    }  # fmt: skip


# Kind, how grave, what it says, table, SELECT of (id, label, perhaps since when) to tell about, who is told, how many of them.
TOLD: tuple[tuple[str, str, str, str, str, tuple[str, ...], int], ...] = (
    ("invoice.overdue", "warning", "{} is more than 60 days late", "invoices",
     "SELECT id, number FROM invoices WHERE status = 'open' AND due_date < %(today)s - 60 ORDER BY balance DESC, id",
     ("Grace Okafor",), 44),
    ("task.overdue", "warning", "Your task is overdue: {}", "user_tasks",
     "SELECT t.id, t.title, t.due_at FROM user_tasks t WHERE status IN ('todo', 'in_progress') AND due_at < %(at)s ORDER BY id",
     ("Dana Whitfield", "Luis Cordova", "Owen Prescott"), 36),
    ("lead.new", "info", "New lead: {}", "leads", "SELECT id, title, created_at FROM leads ORDER BY created_at DESC, id",
     ("Owen Prescott",), 40),
    ("estimate.accepted", "success", "{} was accepted", "estimates",
     "SELECT id, number, accepted_at FROM estimates WHERE status = 'accepted' ORDER BY accepted_at DESC, id",
     ("Owen Prescott", "Dana Whitfield"), 30),
    *(
        ("approval.waiting", "warning", "Waiting for your decision: {}", "approval_requests",
         "SELECT id, title, created_at FROM approval_requests WHERE status = 'pending' AND approver_permission ="
         f" 'approvals.decide.{what}' ORDER BY id", (person,), 12)
        for what, person in (("billing", "Marcus Brandt"), ("ops", "Marcus Brandt"), ("ai", "Samir Haddad"))
    ),
    ("error.regressed", "critical", "Came back after it was solved: {}", "error_groups",
     "SELECT id, title, last_seen_at FROM error_groups WHERE substatus = 'regressed' ORDER BY id", ("Priya Raman",), 6),
    ("obligation.due", "warning", "Due soon: {}", "compliance_items",
     "SELECT id, title FROM compliance_items WHERE due_on < %(today)s + 30 AND status <> 'waived' ORDER BY due_on, id",
     ("Dana Whitfield", "Priya Raman", "Grace Okafor"), 24),
    ("agent.over_budget", "critical", "{} spent its budget of the day", "ai_agents",
     "SELECT id, name FROM ai_agents WHERE status = 'active' ORDER BY id", ("Samir Haddad",), 5),
    ("job.completed", "success", "{} is completed and waits to be looked over", "jobs",
     "SELECT id, number, completed_at FROM jobs WHERE status = 'completed' ORDER BY completed_at DESC, id",
     ("Dana Whitfield",), 30),
    ("import.finished", "success", "The CenterPoint import is done; some rows were refused", "", "",
     ("Priya Raman", "Dana Whitfield"), 2),
)  # fmt: skip


def notices(world: World) -> None:
    """What the console told the people of the office: new, read, put off and dismissed, each when there was cause."""
    world.chapter("notices", "Demonstration company: what people were told")
    dice = world.dice("notices")
    records: list[Record] = []
    for kind, severity, words, table, source, people, count in TOLD:
        when = {"today": world.local().date(), "at": world.at}
        found = world.connection.execute(source, when).fetchmany(count) if source else [(None, "")] * count  # type: ignore[arg-type]
        for place, (key, label, *since) in enumerate(found):
            person = people[place % len(people)]
            made = world.at - timedelta(days=60 * dice.random() ** 2, minutes=dice.uniform(1, 90))
            if since and since[0]:
                made = min(world.at, since[0] + timedelta(minutes=dice.uniform(0, 3)))
            records.append(_notice(world, dice, kind, severity, words.format(label), made, key) | {
                "app_user_id": world.staff[person], "dedupe_key": f"{kind}:{key or person}",
                "subject_type": table if key else None, "subject_id": key,
            })  # fmt: skip
    world.write("user_notifications", sorted(records, key=lambda record: record["created_at"]))


def _notice(
    world: World, dice: random.Random, kind: str, severity: str, title: str, made: datetime, key: int | None
) -> Record:
    """The older it is, the likelier it was read; half of what was read is dismissed, some of the rest put off."""
    days = (world.at - made) / timedelta(days=1)
    read = made + timedelta(hours=dice.uniform(0.1, 20)) if dice.random() < min(0.95, 0.25 + days / 12) else None
    read = None if read and read > world.at else read
    later = read is None and dice.random() < 0.15
    gone = read + timedelta(hours=dice.uniform(0, 3)) if read and dice.random() < 0.5 else None
    return {
        "kind": kind, "severity": severity, "title": title, "body": None, "link": None,
        "channels": ["in_app", "email"] if severity == "critical" else ["in_app"],
        "repeat_count": 1 if severity == "success" or key is None else dice.choice((1, 1, 1, 2, 3)), "read_at": read,
        "dismissed_at": None if gone is None or gone > world.at else gone,
        "snoozed_until": world.at + timedelta(hours=dice.uniform(3, 60)) if later else None, "created_at": made,
    }  # fmt: skip
