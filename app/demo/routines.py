"""The company's routines as they were thought out: automations and what goes wrong in them, agents' rules, recurring jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Key, name, category, what it is for, what it is made of, blanks to fill in.
TEMPLATES: tuple[tuple[str, str, str, str, dict[str, Any], tuple[tuple[str, str], ...]], ...] = (
    ("remind-overdue", "Remind of overdue invoices", "billing",
     "Writes a friendly reminder a week after the due date and a firmer one after three; stops when a promise is noted.",
     {"starts": "every morning at {hour}", "only_if": "invoice open, {days} days past due", "then": "send reminder {letter}"},
     (("hour", "9:00"), ("days", "7"), ("letter", "invoice.reminder_1"))),
    ("invoice-by-mail", "Mail the invoice once it is final", "billing",
     "Sends the invoice as PDF to the billing contact.",
     {"starts": "when an invoice is finalised", "then": "send invoice.sent to the billing contact"}, ()),
    ("visit-window", "Text the arrival window", "customer_comms",
     "Tells whoever is on site when the crew comes, the day before.",
     {"starts": "18 hours before a visit", "only_if": "the contact agreed to texts", "then": "text visit.window"},
     (("hours", "18"),)),
    ("lead-first-answer", "Answer a new lead at once", "sales",
     "Thanks for the enquiry and gives the owner a task to call.",
     {"starts": "when a lead arrives", "then": "mail lead.thanks, make a task for the owner within {minutes} minutes"},
     (("minutes", "15"),)),
    ("quote-follow-up", "Follow up on estimates", "sales",
     "Makes a task when an estimate was sent and not opened in {days} days.",
     {"starts": "every morning at 8:00", "only_if": "sent, not viewed for {days} days", "then": "make a task"},
     (("days", "3"),)),
    ("wind-watch", "Move lifts out of the wind", "dispatch",
     "Asks the scheduler about every crane day with gusts above the limit.",
     {"starts": "every two hours", "only_if": "gusts above {limit} mph", "then": "ask Dispatch Scheduler"},
     (("limit", "25"),)),
    ("close-paid-jobs", "Close jobs that are paid", "ops", "Closes an invoiced job when its last invoice is paid.",
     {"starts": "when a payment is allocated", "only_if": "all invoices paid", "then": "close the job"}, ()),
    ("nightly-duplicates", "Look for duplicate customers", "data_quality",
     "Compares names, numbers and addresses every night.",
     {"starts": "every night at 1:30", "then": "open a finding for each pair above {likeness} %"},
     (("likeness", "82"),)),
    ("budget-guard", "Pause an agent at its budget", "ai",
     "Pauses an agent that has spent its day's money and tells its owner.",
     {"starts": "when an agent reaches {share} % of its budget", "then": "pause it, tell the owner"},
     (("share", "100"),)),
    ("warranty-letter", "Send the warranty letter", "customer_comms",
     "Sends the manufacturer's letter when a job is closed.",
     {"starts": "when a job is closed", "only_if": "a warranty was sold", "then": "send warranty.letter"}, ()),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An automation and how it behaves: how often it runs, how often that goes wrong, and how."""

    key: str
    name: str
    template: str | None
    trigger: str
    starts: dict[str, Any]
    asks: tuple[tuple[str, str, Any], ...]
    does: tuple[tuple[str, str, str], ...]
    owner: str
    about: str
    a_day: float
    fails: float
    fault: tuple[str, str]
    status: str = "enabled"
    schedule: str | None = None
    skips: float = 0.06
    dry: bool = False


AUTOMATIONS: tuple[Told, ...] = (
    Told("remind-overdue", "Remind of overdue invoices", "remind-overdue", "schedule",
         {"every": "weekday at 9:00", "table": "invoices"},
         (("invoices.status", "is", "open"), ("invoices.days_past_due", "at least", 7)),
         (("Send e-mail", "invoice.reminder_1", "billing contact"), ("Note on customer", "crm_activities", "timeline")),
         "Grace Okafor", "invoices", 1.2, 0.05, ("SMTPServerDisconnected", "The mail server closed the connection"),
         schedule="0 9 * * 1-5"),
    Told("invoice-by-mail", "Mail the invoice once it is final", "invoice-by-mail", "event",
         {"event": "invoice.finalized", "table": "invoices"}, (("customers.status", "is not", "merged"),),
         (("Send e-mail", "invoice.sent", "billing contact"),), "Helen Vance", "invoices", 3.4, 0.02,
         ("EmptyDocument", "The PDF of the invoice has no page")),
    Told("visit-window", "Text the arrival window", "visit-window", "threshold",
         {"before": "18 hours", "table": "job_visits"}, (("contacts.sms_opt_in", "is", "true"),),
         (("Send SMS", "visit.window", "site contact"),), "Luis Cordova", "job_visits", 2.6, 0.03,
         ("CarrierRefused", "The carrier refused the number")),
    Told("lead-first-answer", "Answer a new lead at once", "lead-first-answer", "event",
         {"event": "lead.created", "table": "leads"}, (("leads.email", "is", "given"),),
         (("Send e-mail", "lead.thanks", "lead"), ("Make task", "call", "lead owner")), "Tara McAllister", "leads", 1.9,
         0.01, ("SMTPServerDisconnected", "The mail server closed the connection")),
    Told("quote-follow-up", "Follow up on estimates nobody opened", "quote-follow-up", "schedule",
         {"every": "weekday at 8:00", "table": "estimates"},
         (("estimates.status", "is", "sent"), ("estimates.viewed_at", "is", "empty")),
         (("Make task", "follow_up", "estimator"),), "Wes Lindqvist", "estimates", 0.8, 0.0, ("", ""),
         schedule="0 8 * * 1-5"),
    Told("wind-watch", "Move lifts out of the wind", "wind-watch", "schedule",
         {"every": "2 hours", "table": "job_visits"}, (("forecast.gusts_mph", "above", 25),),
         (("Ask agent", "dispatch.move_visit", "Dispatch Scheduler"),), "Luis Cordova", "jobs", 2.2, 0.09,
         ("ServiceUnavailable", "The weather forecast answered 503"), schedule="0 */2 * * *", skips=0.5),
    Told("close-paid-jobs", "Close jobs that are paid", "close-paid-jobs", "event",
         {"event": "payment.allocated", "table": "payments"},
         (("jobs.status", "is", "invoiced"), ("invoices.balance", "is", 0)), (("Move record", "jobs.close", "job"),),
         "Grace Okafor", "jobs", 1.6, 0.02, ("NotAllowed", "An invoice of this job is still open")),
    Told("crew-calendar", "Copy visits to the crews' calendars", None, "event",
         {"event": "visit.scheduled", "table": "job_visits"}, (), (("Call service", "calendar.put", "crew lead"),),
         "Priya Raman", "job_visits", 1.4, 0.12, ("TokenExpired", "The calendar's key has expired"),
         status="auto_disabled"),
    Told("quickbooks-export", "Hand payments to QuickBooks", None, "schedule",
         {"every": "night at 2:15", "table": "payments"}, (("payments.status", "is", "succeeded"),),
         (("Call service", "quickbooks.payment", "QuickBooks"),), "Grace Okafor", "payments", 1.0, 0.16,
         ("MappingMissing", "No account is mapped for the method “ach”"), status="auto_disabled",
         schedule="15 2 * * *"),
    Told("nightly-duplicates", "Look for duplicate customers", "nightly-duplicates", "schedule",
         {"every": "night at 1:30", "table": "customers"}, (), (("Open finding", "DQ-06", "customer"),),
         "Dana Whitfield", "customers", 1.0, 0.0, ("", ""), schedule="30 1 * * *"),
    Told("budget-guard", "Pause an agent at its budget", "budget-guard", "threshold",
         {"when": "ai.spend reaches 100 %", "table": "ai_agents"}, (("ai_agents.status", "is", "active"),),
         (("Move record", "agents.pause", "agent"), ("Tell", "agent.paused", "owner")), "Samir Haddad", "ai_agents",
         0.12, 0.0, ("", "")),
    Told("storm-outreach", "Write to roofs under a hail swath", None, "ai_rule",
         {"rule": "Hail over a customer's roof", "table": "properties"},
         (("properties.last_hail_at", "within", "7 days"),), (("Make task", "call", "account manager"),),
         "Tara McAllister", "customers", 0.5, 0.04, ("GeocodeMiss", "The address could not be located"), dry=True),
    Told("inspection-report", "Send the inspection report", None, "event",
         {"event": "visit.done", "table": "job_visits"}, (("jobs.work_type", "is", "inspection"),),
         (("Render document", "inspection.report", "job"), ("Send e-mail", "job.report", "site contact")),
         "Miriam Castellano", "jobs", 0.9, 0.05, ("ImageTruncated", "A photo could not be read: truncated JPEG")),
    Told("credit-hold", "Hold customers 60 days late", None, "schedule",
         {"every": "Monday at 7:00", "table": "customers"}, (("customers.oldest_overdue_days", "at least", 60),),
         (("Move record", "customers.hold", "customer"), ("Tell", "customer.held", "account manager")), "Grace Okafor",
         "customers", 0.4, 0.0, ("", ""), status="paused", schedule="0 7 * * 1"),
    Told("warranty-letter", "Send the warranty letter", "warranty-letter", "event",
         {"event": "job.closed", "table": "jobs"}, (("jobs.warranty_years", "above", 0),),
         (("Send e-mail", "warranty.letter", "site contact"),), "Dale Iverson", "jobs", 0.0, 0.0, ("", ""),
         status="paused"),
    Told("membrane-reorder", "Order membrane before it runs out", None, "threshold",
         {"when": "stock below two jobs", "table": "products"}, (("products.kind", "is", "material"),),
         (("Make task", "todo", "purchasing"),), "Dana Whitfield", "products", 0.0, 0.0, ("", ""), status="draft"),
    Told("review-request", "Ask for a review after a good visit", None, "event",
         {"event": "nps.answered", "table": "analytics_events"}, (("answer", "at least", 9),), (), "Bianca Reyes",
         "customers", 0.0, 0.0, ("", ""), status="draft"),
    Told("website-lead", "Take enquiries from the website", None, "webhook", {"from": "website form", "table": "leads"},
         (), (("Create record", "leads", "lead"), ("Score", "lead_scoring_rules", "lead")), "Owen Prescott", "leads",
         1.1, 0.02, ("FieldMissing", "The form was sent without an address")),
)  # fmt: skip
WRITES = {  # template of a message -> what wrote it
    "invoice.sent": "invoice-by-mail", "invoice.reminder_1": "remind-overdue", "invoice.reminder_2": "remind-overdue",
    "visit.window": "visit-window",
}  # fmt: skip  # fmt: skip
SKIPPED = ("Conditions do not hold.", "An earlier run is still under way.", "Sixty runs within the hour are enough.")

# Name, agent, instruction, event, what it may do, freedom, state, automation, fired, let stand, turned down.
RULES: tuple[tuple[str, str, str, str, tuple[str, ...], str, str, str | None, int, int, int], ...] = (
    ("Hail over a customer's roof", "dispatch-scheduler",
     "When hail of an inch or more falls on a roof we know, propose a free inspection within ten days and name "
     "the crew that is closest.",
     "weather.hail", ("task.create", "visit.propose"), "approve", "active", "storm-outreach", 41, 33, 5),
    ("Promise broken", "ar-follow-up",
     "When a customer promised to pay and the day has passed by two working days, write to the account "
     "manager, not to the customer.",
     "promise.passed", ("task.create", "note.write"), "approve", "active", None, 96, 81, 9),
    ("Invoice above the agreed limit", "invoice-auditor",
     "When an invoice is more than five percent above the amount agreed, hold it and say which lines make the "
     "difference.",
     "invoice.finalized", ("invoice.hold", "note.write"), "auto", "active", None, 58, 52, 4),
    ("Same leak twice", "inbox-triage",
     "When a message speaks of a leak we were called to within sixty days, send it to the service lead who was "
     "there.",
     "message.received", ("message.assign",), "auto", "active", None, 33, 30, 2),
    ("Crew hours above plan", "dispatch-scheduler",
     "When a job has used four fifths of its hours and is not four fifths done, ask the project manager for a "
     "new date.",
     "visit.done", ("task.create",), "suggest", "shadow", None, 27, 15, 6),
    ("Estimate older than the price list", "estimate-drafter",
     "When an open estimate was priced before the last change of the price list, propose new prices for its "
     "lines.",
     "price_list.changed", ("estimate.propose",), "suggest", "shadow", None, 19, 12, 3),
    ("Late payer asks for credit", "ar-follow-up",
     "When a customer who pays forty days late asks for terms, propose a deposit.",
     "estimate.accepted", ("note.write",), "suggest", "paused", None, 14, 4, 8),
    ("Drone photos without a place", "inspection-reader",
     "When photos come without coordinates, place them by the roof's outline.",
     "file.uploaded", (), "suggest", "draft", None, 0, 0, 0),
    ("Snow load", "dispatch-scheduler",
     "When more than a foot of wet snow lies on a flat roof, call the site contact.",
     "weather.snow", ("task.create",), "approve", "retired", None, 22, 11, 10),
)  # fmt: skip

# Key, name, task, schedule in the company's zone, state, owner, seconds it takes, turns told.
RECURRING: tuple[tuple[str, str, str, str, str, str, float, int], ...] = (
    ("reminders", "Remind of overdue invoices", "automations.run", "0 9 * * 1-5", "up", "Grace Okafor", 48, 7),
    (
        "centerpoint-sync", "Bring in what is new in CenterPoint", "centerpoint.sync", "*/30 * * * *", "late",
        "Priya Raman", 95, 60,
    ),
    (
        "quickbooks-export", "Hand payments to QuickBooks", "quickbooks.export", "15 2 * * *", "down", "Grace Okafor",
        33, 7,
    ),
    (
        "crew-calendar", "Copy visits to the crews' calendars", "calendar.sync", "*/20 6-18 * * 1-6", "paused",
        "Luis Cordova", 12, 24,
    ),
    ("forecast", "Fetch the weather for every roof", "forecast.fetch", "5 * * * *", "up", "Luis Cordova", 21, 60),
    ("duplicates", "Look for duplicate customers", "automations.run", "30 1 * * *", "up", "Dana Whitfield", 210, 7),
    ("lead-scores", "Score all open leads anew", "leads.score", "40 * * * *", "up", "Tara McAllister", 9, 60),
    ("statements", "Send monthly statements", "statements.send", "0 6 1 * *", "up", "Helen Vance", 640, 2),
    (
        "photo-thumbnails", "Make small pictures of new photos", "files.derive", "*/15 * * * *", "up", "Priya Raman",
        17, 60,
    ),
    ("subscriptions", "Bill maintenance agreements", "subscriptions.bill", "0 4 * * *", "up", "Grace Okafor", 55, 7),
    (
        "memory-consolidate", "Join what the agents remember", "memory.consolidate", "20 3 * * *", "up", "Samir Haddad",
        180, 7,
    ),
    ("hail-maps", "Fetch hail maps", "hail.fetch", "0 */6 * * *", "paused", "Tara McAllister", 30, 10),
    ("tool-inventory", "Count tools by their tags", "inventory.count", "0 19 * * 5", "new", "Dana Whitfield", 0, 0),
)  # fmt: skip  # fmt: skip
WHY_PAUSED = {
    "crew-calendar": "The calendar's key has expired; waiting for the new one.",
    "hail-maps": "Subscription ends in winter.",
}

# Task, who asks for it, seconds it takes.
BY_HAND: tuple[tuple[str, str, float], ...] = (
    (
        "exports.write", "Samir Haddad", 14), ("documents.render", "Helen Vance", 6), ("files.scan",
        "Miriam Castellano", 3,
    ),
    ("webhooks.deliver", "", 1), ("messages.send", "", 2), ("ai.tasks.run", "", 38),
)  # fmt: skip  # fmt: skip
JOB_FAULTS = (
    ("ImageTruncated", "A photo could not be read: truncated JPEG"), ("ModelTimeout", "No answer within 30 s"),
    ("DeliveryRefused", "The other side answered 401"),
)  # fmt: skip  # fmt: skip
