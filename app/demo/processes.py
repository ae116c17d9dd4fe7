"""How this company does things: its workflows step by step, its sets of tasks, and what it asks of its agents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A step of a workflow: who takes it and how many hours that may take; `ways` lead elsewhere than to the next one."""

    key: str
    kind: str
    name: str
    who: str = ""
    hours: float = 0
    ways: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Process:
    """A workflow in one of its versions, and how many runs of it are told."""

    key: str
    version: int
    name: str
    about: str
    what: str
    status: str
    days: int
    runs: int
    steps: tuple[Step, ...]


_LEAK = (
    Step("received", "start", "Call received"),
    Step("sort", "agent", "Say how urgent it is", "inbox-triage", 0.1),
    Step("dispatch", "task", "Send a crew", "Luis Cordova", 4),
    Step("visit", "wait", "Crew is there", "visit.done", 24),
    Step("mended", "decision", "Is it mended?", "", 0, (("comes back", "dispatch"),)),
    Step("report", "automation", "Send the report", "inspection-report", 1),
    Step("bill", "task", "Bill the call", "Helen Vance", 48),
    Step("closed", "end", "Closed"),
)
PROCESSES: tuple[Process, ...] = (
    Process("leak-call", 1, "Leak call", "jobs", "From the call to the bill, first version.", "retired", 160, 14,
            tuple(step for step in _LEAK if step.key != "sort")),
    Process("leak-call", 2, "Leak call", "jobs", "From the call to the bill. An agent says first how urgent it is.", "published",
            70, 46, _LEAK),
    Process("estimate-release", 1, "Release of an estimate", "estimates",
            "Nothing leaves the house below the margin floor unseen.", "published", 90, 38, (
        Step("drafted", "start", "Draft is ready"),
        Step("margin", "decision", "Margin above the floor?", "", 0, (("above", "send"),)),
        Step("review", "approval", "Review by operations", "Dana Whitfield", 8),
        Step("send", "task", "Send it to the customer", "Wes Lindqvist", 24),
        Step("answer", "wait", "Customer answers", "estimate.answered", 720),
        Step("closed", "end", "Answered"),
    )),
    Process("new-customer", 1, "New customer", "customers", "Credit, contacts and tax papers before the first job.", "published",
            80, 18, (
        Step("made", "start", "Customer made"),
        Step("credit", "task", "Look at their credit", "Grace Okafor", 24),
        Step("terms", "approval", "Agree the terms", "Marcus Brandt", 48),
        Step("papers", "task", "Ask for the tax papers", "Helen Vance", 120),
        Step("welcome", "automation", "Write to welcome them", "lead-first-answer", 1),
        Step("closed", "end", "Ready"),
    )),
    Process("warranty-claim", 1, "Warranty claim", "jobs", "From the finding to the manufacturer's answer.",
            "published", 85, 12, (
        Step("claimed", "start", "Claim received"),
        Step("inspect", "task", "Inspect the roof", "Miriam Castellano", 72),
        Step("covered", "agent", "Read the warranty", "inspection-reader", 1, (("not covered", "closed"),)),
        Step("file", "task", "File it with the manufacturer", "Dale Iverson", 48),
        Step("wait", "wait", "Manufacturer answers", "warranty.answered", 480),
        Step("closed", "end", "Answered"),
    )),
    Process("collections", 2, "Late payer", "invoices", "Reminders, a call, a plan, a hold, in this order.",
            "published", 60, 24, (
        Step("late", "start", "Thirty days late"),
        Step("remind", "automation", "Remind", "remind-overdue", 1),
        Step("a_week", "wait", "A week", "", 168),
        Step("paid", "decision", "Paid?", "", 0, (("paid", "closed"),)),
        Step("call", "task", "Call them", "Grace Okafor", 24),
        Step("hold", "approval", "Hold further work?", "Marcus Brandt", 24),
        Step("closed", "end", "Settled or held"),
    )),
    Process("collections", 3, "Late payer", "invoices", "As version 2, with a plan of instalments before the hold.",
            "draft", 4, 0, (
        Step("late", "start", "Thirty days late"),
        Step("remind", "automation", "Remind", "remind-overdue", 1),
        Step("plan", "agent", "Offer instalments", "ar-follow-up", 1),
        Step("hold", "approval", "Hold further work?", "Marcus Brandt", 24),
        Step("closed", "end", "Settled or held"),
    )),
    Process("storm-response", 1, "After a storm", "properties", "Every roof under the swath is looked at within ten days.",
            "draft", 9, 0, (
        Step("swath", "start", "Hail map is in"),
        Step("roofs", "agent", "Name the roofs", "dispatch-scheduler", 1),
        Step("propose", "approval", "Agree on the list", "Tara McAllister", 24),
        Step("closed", "end", "Crews booked"),
    )),
)  # fmt: skip

# Automation, workflow, moment, step, whether the workflow waits.
BINDINGS: tuple[tuple[str, str, str, str | None, bool], ...] = (
    ("inspection-report", "leak-call", "on_enter", "report", True),
    ("crew-calendar", "leak-call", "on_enter", "dispatch", False),
    ("visit-window", "leak-call", "on_exit", "dispatch", False),
    ("invoice-by-mail", "leak-call", "on_complete", None, False),
    ("wind-watch", "leak-call", "on_sla_breach", None, False),
    ("lead-first-answer", "new-customer", "on_enter", "welcome", True),
    ("quote-follow-up", "estimate-release", "on_sla_breach", None, False),
    ("remind-overdue", "collections", "on_enter", "remind", True),
    ("credit-hold", "collections", "on_exit", "hold", False),
    ("website-lead", "new-customer", "starts_workflow", None, False),
    ("warranty-letter", "warranty-claim", "on_complete", None, False),
    ("budget-guard", "warranty-claim", "on_fail", None, False),
)  # fmt: skip

# A set of tasks: key, name, what about, begun by, how often it is told; then title, kind, who, due in days, minutes, after.
Item = tuple[str, str, str, int, int, str | None]
TASK_SETS: tuple[tuple[str, str, str, str | None, int, tuple[Item, ...]], ...] = (
    ("new-job", "New job", "jobs", "job.approved", 4, (
        ("Check the contract against the estimate", "todo", "Miriam Castellano", 1, 30, None),
        ("Apply for the permit", "todo", "Dale Iverson", 2, 45, "Check the contract against the estimate"),
        ("Order membrane and fasteners", "todo", "Dana Whitfield", 3, 40, "Check the contract against the estimate"),
        ("Book the crane", "call", "Luis Cordova", 5, 15, "Apply for the permit"),
        ("Tell the tenants in the building", "email", "Renee Tollefson", 6, 20, "Book the crane"),
        ("Kick-off on the roof", "meeting", "Leo Ortega", 8, 60, "Order membrane and fasteners"),
    )),
    ("job-close", "Close a job", "jobs", "job.completed", 3, (
        ("Collect the photos", "todo", "Sofia Duran", 1, 20, None),
        ("Final walk with the owner", "inspection", "Miriam Castellano", 3, 90, "Collect the photos"),
        ("Register the warranty", "todo", "Dale Iverson", 7, 30, "Final walk with the owner"),
        ("Bill what is left", "todo", "Helen Vance", 4, 25, "Final walk with the owner"),
    )),
    ("spring-check", "Spring inspection", "customers", None, 2, (
        ("Propose three dates", "call", "Renee Tollefson", 2, 15, None),
        ("Inspect all sections", "inspection", "Lena Petrova", 14, 180, "Propose three dates"),
        ("Write the report", "todo", "Lena Petrova", 16, 60, "Inspect all sections"),
        ("Offer what should be mended", "follow_up", "Noor Aziz", 20, 45, "Write the report"),
    )),
    ("new-colleague", "Somebody new", "app_users", None, 1, (
        ("Order harness and boots", "todo", "Dana Whitfield", 1, 20, None),
        ("Fall protection training", "meeting", "Miriam Castellano", 3, 240, "Order harness and boots"),
        ("First week with a crew", "todo", "Leo Ortega", 10, 30, "Fall protection training"),
    )),
    ("dispute", "Disputed invoice", "invoices", "invoice.disputed", 2, (
        ("Read the signed visit reports", "todo", "Grace Okafor", 1, 30, None),
        ("Call whoever signed", "call", "Jonah Feldman", 2, 15, "Read the signed visit reports"),
        ("Credit or explain", "todo", "Grace Okafor", 4, 30, "Call whoever signed"),
    )),
    ("winter-ready", "Ready for winter", "customers", None, 0, (
        ("Drains and gutters cleared", "inspection", "Aaron Pratt", 10, 120, None),
        ("Heat cables switched on", "todo", "Mateo Silva", 12, 60, "Drains and gutters cleared"),
    )),
)  # fmt: skip

# What agents are asked: agent, title, instruction, what about, budget in dollars.
ERRANDS: tuple[tuple[str, str, str, str, float], ...] = (
    ("estimate-drafter", "Draft the estimate for {}", "Draft lines from the roof sections, the photos and three similar jobs.",
     "jobs", 0.8),
    ("ar-follow-up", "Prepare the call about {}", "Gather what was billed, promised and paid, and say what to ask for.",
     "invoices", 0.2),
    ("inspection-reader", "Sort the photos of {}", "Name every defect with its place and how sure you are.", "jobs", 1.2),
    ("dispatch-scheduler", "Find a week for {}", "Look for five dry days with a crew that knows the system.", "jobs", 0.5),
    ("invoice-auditor", "Compare {} with its work order", "Say which lines differ from the signed reports, and by how much.",
     "invoices", 0.15),
    ("inbox-triage", "Answer the open messages of {}", "Sort what waits and write a draft for each.", "customers", 0.25),
)  # fmt: skip
QUESTIONS = (
    "Which of the two addresses is meant?",
    "May I use photos that are two years old?",
    "Is the deck steel or wood?",
)
ERRAND_FAULTS = (
    ("ModelTimeout", "No answer within 30 s, three times."),
    ("ToolRefused", "The forecast service refused the key."),
)
