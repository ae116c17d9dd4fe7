"""The desk: everybody's tasks, and the calls, mails and visits of the last three months."""

from __future__ import annotations

from datetime import timedelta

from app.demo.company import ROLE_HOLDERS, STAFF
from app.demo.world import Record, World

# Kind, what is to be done, and the kind of record it is about.
TASKS: tuple[tuple[str, str, str], ...] = (
    ("call", "Call {} about the open balance", "customers"),
    ("follow_up", "Follow up on {}", "invoices"),
    ("email", "Send the inspection report for {}", "jobs"),
    ("inspection", "Look at the drains again on {}", "jobs"),
    ("measure", "Measure section B for {}", "customers"),
    ("meeting", "Walk the roof with {}", "customers"),
    ("approval", "Approve the extra hours on {}", "jobs"),
    ("data_fix", "Check the telephone number of {}", "customers"),
    ("todo", "Order membrane for {}", "jobs"),
    ("todo", "File the warranty claim for {}", "jobs"),
)
# How the list stands: state, share, and where its due date lies in days from today.
STANDING: tuple[tuple[str, int, float, float], ...] = (
    ("todo", 26, -9, -1), ("todo", 18, 0, 0.4), ("todo", 58, 1, 21), ("in_progress", 14, -2, 6),
    ("blocked", 7, -4, 9), ("done", 96, -60, -1), ("cancelled", 6, -30, -3),
)  # fmt: skip
BLOCKED = ("Waiting for the roof key", "Membrane is back-ordered", "Customer has not answered", "Permit not issued yet")
RESULTS = ("Done as agreed.", "Left a message, mail sent.", "Paid while we spoke.", "Report sent, questions answered.")

TOUCHES: tuple[tuple[str, str | None, str, str], ...] = (
    ("call", "out", "Called about the open invoice", "They expect to pay within the week."),
    ("call", "in", "Asked when the crew arrives", "Told them the window; they will unlock the hatch."),
    ("email", "out", "Sent the estimate", "With photos of the parapet and two alternatives."),
    ("email", "in", "Questions about the warranty", "Wants the manufacturer's letter."),
    ("meeting", None, "Roof walk", "Walked all sections; north drains are slow."),
    ("site_visit", None, "Looked at the leak", "Water comes in at the RTU curb."),
    ("note", None, "Prefers mail before nine", "Do not call during services."),
    ("sms", "out", "Crew on the way", "Arrival in about 30 minutes."),
)


def tasks(world: World) -> None:
    """A few hundred tasks: overdue, due today, ahead, blocked and done, for every role that works with the console."""
    world.chapter("tasks", "Demonstration company: tasks")
    dice = world.dice("tasks")
    holders = [world.staff[name] for name in ROLE_HOLDERS.values() if name in world.staff]
    office = [world.staff[name] for name, title, kind, *_ in STAFF if kind in ("office", "sales", "project_manager")]
    subjects = _subjects(world)
    records: list[Record] = []
    for status, count, earliest, latest in STANDING:
        for place in range(count):
            kind, title, table = TASKS[dice.randrange(len(TASKS))]
            subject, label = dice.choice(subjects[table]) if subjects[table] else (None, "the roof")
            who = holders[place % len(holders)] if place % 2 == 0 and holders else dice.choice(office)
            due = world.local(hour=16) + timedelta(days=round(dice.uniform(earliest, latest)))
            if status == "todo" and (earliest, latest) == (0, 0.4):
                due = world.local(hour=13 + place % 5)
            made = min(due, world.at) - timedelta(days=dice.uniform(1, 12))
            ended = min(due + timedelta(hours=dice.uniform(-30, 20)), world.at) if status == "done" else None
            records.append({
                "number": f"T-{len(records) + 1:05d}",
                "title": title.format(label),
                "kind": kind,
                "status": status,
                "priority": dice.choices(("low", "normal", "high", "urgent"), (12, 62, 20, 6))[0],
                "assignee_id": who,
                "due_at": due,
                "started_at": made + timedelta(hours=4) if status in ("in_progress", "done") else None,
                "completed_at": max(ended, made + timedelta(hours=5)) if ended else None,
                "completed_by": who if ended else None,
                "blocked_reason": dice.choice(BLOCKED) if status == "blocked" else None,
                "result_note": dice.choice(RESULTS) if ended else None,
                "source": dice.choices(("manual", "automation", "ai", "data_quality"), (60, 18, 14, 8))[0],
                "estimate_minutes": dice.choice((10, 15, 30, 45, 60)),
                "board_position": len(records),
                "subject_type": table if subject else None,
                "subject_id": subject,
                "created_by": dice.choice(office),
                "created_at": made,
            })  # fmt: skip
    world.write("user_tasks", records)
    world.numbered("user_task", "T-", 5, len(records))


def _subjects(world: World) -> dict[str, list[tuple[int, str]]]:
    found = {}
    for table, label, which in (
        ("customers", "name", "status <> 'merged'"),
        ("jobs", "number", "status NOT IN ('closed', 'cancelled')"),
        ("invoices", "number", "status = 'open'"),
    ):
        found[table] = [
            (row[0], row[1])
            for row in world.rows(
                f"SELECT id, {label} FROM {table} WHERE tenant_id = %s AND {which} ORDER BY id LIMIT 400",
                world.tenant_id,
            )
        ]
    return found


def activities(world: World, count: int = 900) -> None:
    """What was said to whom, so that a customer's timeline is more than its documents."""
    world.chapter("activities", "Demonstration company: calls, mails and visits")
    dice = world.dice("activities")
    people = [
        world.staff[name] for name, title, kind, *_ in STAFF if kind in ("sales", "office") and "left" not in title
    ]
    customers = world.rows(
        "SELECT c.id, (SELECT k.id FROM contacts k WHERE k.customer_id = c.id ORDER BY is_primary DESC, k.id LIMIT 1)"
        " FROM customers c WHERE c.tenant_id = %s ORDER BY c.id LIMIT 1100",
        world.tenant_id,
    )
    records: list[Record] = []
    for _ in range(count if customers else 0):
        customer, contact = dice.choice(customers)
        kind, direction, subject, body = dice.choice(TOUCHES)
        occurred = world.at - timedelta(days=90 * dice.random() ** 1.5)
        records.append({
            "kind": kind, "direction": direction, "subject": subject, "body": body, "customer_id": customer,
            "contact_id": contact, "app_user_id": dice.choice(people), "occurred_at": occurred,
            "duration_minutes": dice.choice((3, 5, 8, 12, 20)) if kind in ("call", "meeting") else None,
            "outcome": dice.choice(("reached", "voicemail", "agreed")) if kind == "call" else None,
            "is_pinned": kind == "note" and dice.random() < 0.1, "created_at": occurred,
        })  # fmt: skip
    world.write("crm_activities", records)
