"""What leaves the company: the texts it sends, the messages written from them, and the addresses it must not write to."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.world import Record, World, pick_weighted

# Kind, name, mode, state, settings, key ends in, what it may do; hours since it worked, since it synchronised; what is wrong.
Service = tuple[str, str, str, str, dict[str, Any], str | None, tuple[str, ...], float | None, float | None, str | None]
SERVICES: tuple[Service, ...] = (
    ("smtp", "Office mail", "simulated", "connected", {"host": "mail.brainops-roofing.example", "port": 587, "from":
     "office@brainops-roofing.example"}, None, (), 0.02, None, None),
    ("sms", "Text messages", "simulated", "connected", {"from": "+17205550100", "quiet_hours": "20:00 to 8:00"}, None, (), 0.1,
     None, None),
    ("slack", "Office Slack", "simulated", "degraded", {"channel": "#office", "workspace": "brainops-roofing"}, None,
     ("chat:write",), 6.2, None, "Answered 429: asked to slow down"),
    ("stripe", "Card payments", "test", "connected", {"account": "acct_demo", "payout_days": 2}, "7Qk2",
     ("charges.read", "payouts.read"), 0.4, 0.4, None),
    ("centerpoint", "CenterPoint", "simulated", "connected", {"company": "4417", "every_minutes": 30}, None,
     ("jobs.read", "invoices.read", "files.read"), 0.3, 0.3, None),
    ("quickbooks", "Books", "test", "error", {"realm": "9341452"}, "x0Pf", ("accounting",), 71, 71,
     "The refresh token is no longer valid"),
    ("google_ads", "Search ads", "simulated", "connected", {"customer": "551-220-9034"}, None, ("adwords",), 5, 5, None),
    ("llm_provider", "Language model", "simulated", "connected", {"default_model": "claude-sonnet-4-5"}, None, (), 0.01,
     None, None),
    ("storage", "Files on this machine", "live", "connected", {"root": "files", "keep_days": 3650}, None, (), 0.05, None, None),
    ("redis", "Cache", "simulated", "not_configured", {}, None, (), None, None, None),
)  # fmt: skip
LIVE_KEY = {"storage": b"local storage asks for no key"}


def services(world: World) -> dict[str, int]:
    """Ten connections, most of them simulated: one struggles, one lost its key, one was never set up. Returns ids by kind."""
    world.chapter("services", "Demonstration company: services it is connected to")
    records: list[Record] = []
    for kind, name, mode, status, config, last4, scopes, ok, sync, wrong in SERVICES:
        secret = hashlib.sha256(f"{world.seed}/{kind}".encode()).digest() if last4 else LIVE_KEY.get(kind)
        failed = None if ok is None or not wrong else world.at - timedelta(hours=ok * 0.1, minutes=2)
        records.append({
            "kind": kind, "name": name, "mode": mode, "status": status, "config": Jsonb(config), "secret_enc": secret,
            "secret_last4": last4, "scopes": list(scopes),
            "last_ok_at": None if ok is None else world.at - timedelta(hours=ok), "last_error_at": failed, "last_error": wrong,
            "last_sync_at": None if sync is None else world.at - timedelta(hours=sync),
            "sync_cursor": f"{world.at - timedelta(hours=sync):%Y-%m-%dT%H:%M}Z" if sync else None,
            "rate_limited_until": world.at + timedelta(minutes=20) if kind == "slack" else None,
            "created_at": world.at - timedelta(days=420),
        })  # fmt: skip
    world.write("integrations", records)
    return {record["kind"]: record["id"] for record in records}


# Key, channel, name, category, versions, subject, text.
TEXTS: tuple[tuple[str, str, str, str, int, str | None, str], ...] = (
    ("invoice.sent", "email", "Invoice sent", "transactional", 3, "Invoice {{ number }} from {{ company }}",
     "Hello {{ contact_name }},\n\nattached is invoice {{ number }} over {{ total }}, due {{ due_date }}.\n\nThank you,\n"
     "{{ company }}"),
    ("invoice.reminder_1", "email", "First reminder", "transactional", 2, "Invoice {{ number }} is due",
     "Hello {{ contact_name }},\n\nmay we remind you of invoice {{ number }} over {{ total }}, due since {{ due_date }}?\n\n"
     "{{ company }}"),
    ("invoice.reminder_2", "email", "Second reminder", "transactional", 2, "Second reminder: invoice {{ number }}",
     "Hello {{ contact_name }},\n\ninvoice {{ number }} over {{ total }} is open since {{ due_date }}. Please tell us when we "
     "can expect it.\n\n{{ company }}"),
    ("estimate.sent", "email", "Estimate sent", "transactional", 2, "Estimate {{ number }} from {{ company }}",
     "Hello {{ contact_name }},\n\nhere is our estimate {{ number }} over {{ total }}, valid until {{ due_date }}.\n\n"
     "{{ company }}"),
    ("visit.window", "sms", "Crew arrives", "transactional", 2, None,
     "{{ company }}: our crew arrives {{ day }} between {{ from }} and {{ until }}. Reply STOP to opt out."),
    ("visit.done", "email", "Visit report", "transactional", 1, "What we did on {{ day }}",
     "Hello {{ contact_name }},\n\nour crew was on your roof on {{ day }}. The photos are in your report.\n\n{{ company }}"),
    ("statement.monthly", "email", "Monthly statement", "transactional", 1, "Your statement from {{ company }}",
     "Hello {{ contact_name }},\n\nattached is your statement. Open in all: {{ total }}.\n\n{{ company }}"),
    ("season.gutters", "email", "Gutters before winter", "marketing", 2, "Before the first snow",
     "Hello {{ contact_name }},\n\nclean drains now save a leak in March. Shall we come by?\n\n{{ company }}"),
    ("season.hail", "email", "After the hail", "marketing", 1, "Did the hail reach your roof?",
     "Hello {{ contact_name }},\n\nwe inspect flat roofs free of charge this week.\n\n{{ company }}"),
    ("survey.nps", "email", "How did we do", "marketing", 1, "One question about our work",
     "Hello {{ contact_name }},\n\nwould you recommend us? One click is enough.\n\n{{ company }}"),
    ("task.assigned", "slack", "Task given", "internal", 1, None, "{{ person }}: {{ title }}, due {{ day }}"),
    ("error.regressed", "slack", "Error came back", "internal", 1, None, "Came back: {{ title }} {{ link }}"),
    ("approval.waiting", "in_app", "Approval waits", "internal", 1, None, "{{ person }} asks: {{ title }}"),
    ("account.invited", "email", "Invitation", "internal", 1, "Your access to the console",
     "Hello {{ person }},\n\nchoose a password here: {{ link }}. The link works once, for two days."),
)  # fmt: skip
OLD = ("Dear Sir or Madam,", "Dear customer,")


def templates(world: World) -> dict[str, int]:
    """Fourteen texts and their earlier versions, the newest of each in use but for a draft. Returns ids in use by key."""
    world.chapter("templates", "Demonstration company: texts it sends")
    records: list[Record] = []
    for key, channel, name, category, versions, subject, text in TEXTS:
        for number in range(1, versions + 1):
            former = versions - number
            drafted = key == "season.gutters"  # its second version waits for somebody to put it into use
            body = text if not former else text.replace("Hello {{ contact_name }},", OLD[former % 2])
            places = sorted({part.split("}}")[0].strip() for part in f"{subject or ''}{body}".split("{{")[1:]})
            records.append({
                "key": key, "channel": channel, "name": name, "category": category, "locale": "en-US", "version_no": number,
                "subject": subject, "body": body, "variables": places, "is_active": former == (1 if drafted else 0),
                "created_by": world.staff["Tara McAllister"], "updated_by": world.staff["Priya Raman"],
                "created_at": world.at - timedelta(days=30 + 150 * former),
            })  # fmt: skip
    world.write("message_templates", records)
    return {record["key"]: record["id"] for record in records if record["is_active"]}


# Template, what it is about, and a SELECT of key, customer, contact, address, name, number, amount, moment.
_MAIL = "k.id, k.email, k.full_name"


def _who(customer: str) -> str:
    """Whoever of the customer's people mail reaches, the one for bills first."""
    return (
        f" JOIN LATERAL (SELECT id, email, full_name FROM contacts WHERE customer_id = {customer} AND email IS NOT NULL"
        " AND bounced_at IS NULL AND archived_at IS NULL ORDER BY is_billing DESC, id LIMIT 1) AS k ON true"
    )


OCCASIONS: tuple[tuple[str, str, str], ...] = (
    ("invoice.sent", "invoices",
     f"SELECT i.id, i.customer_id, {_MAIL}, i.number, i.total, i.issue_date + time '16:10' FROM invoices i"
     f"{_who('i.customer_id')} WHERE i.status <> 'draft' AND i.kind = 'invoice' ORDER BY i.issue_date DESC, i.id LIMIT 170"),
    ("invoice.reminder_1", "invoices",
     f"SELECT i.id, i.customer_id, {_MAIL}, i.number, i.balance, i.due_date + 7 + time '9:05' FROM invoices i"
     f"{_who('i.customer_id')} WHERE i.status = 'open' AND i.due_date < %(today)s - 7 ORDER BY i.due_date DESC, i.id LIMIT 90"),
    ("invoice.reminder_2", "invoices",
     f"SELECT i.id, i.customer_id, {_MAIL}, i.number, i.balance, i.due_date + 21 + time '9:05' FROM invoices i"
     f"{_who('i.customer_id')} WHERE i.status = 'open' AND i.due_date < %(today)s - 21 ORDER BY i.due_date DESC, i.id LIMIT 60"),
    ("estimate.sent", "estimates",
     f"SELECT e.id, e.customer_id, {_MAIL}, e.number, e.total, e.sent_at FROM estimates e{_who('e.customer_id')}"
     " WHERE e.sent_at IS NOT NULL ORDER BY e.sent_at DESC, e.id LIMIT 80"),
    ("season.gutters", "customers",
     f"SELECT c.id, c.id, {_MAIL}, c.number, NULL, %(today)s - 33 + time '10:00' FROM customers c{_who('c.id')}"
     " WHERE c.status = 'active' ORDER BY c.id LIMIT 110"),
    ("visit.window", "job_visits",
     "SELECT v.id, j.customer_id, k.id, coalesce(k.mobile_e164, k.phone_e164), k.full_name, j.number, NULL,"
     " v.starts_at - interval '18 hours' FROM job_visits v JOIN jobs j ON j.id = v.job_id JOIN LATERAL (SELECT * FROM contacts"
     " WHERE customer_id = j.customer_id AND sms_opt_in ORDER BY id LIMIT 1) AS k ON true"
     " ORDER BY v.starts_at DESC, v.id LIMIT 90"),
)  # fmt: skip
FATES = {
    "email": {"delivered": 880, "sent": 40, "permanent_failure": 26, "technical_failure": 12, "cancelled": 6},
    "sms": {"delivered": 860, "sent": 30, "permanent_failure": 40, "technical_failure": 20, "cancelled": 5},
}
WRONG = {
    ("email", "permanent_failure"): ("550", "Mailbox does not exist"),
    ("email", "technical_failure"): ("TLS", "The mail server closed the connection five times"),
    ("email", "temporary_failure"): ("421", "Greylisted; trying again in half an hour"),
    ("sms", "permanent_failure"): ("30005", "Unknown number"),
    ("sms", "technical_failure"): ("30008", "The carrier gave no reason"),
}


def outbox(world: World, through: dict[str, int], texts: dict[str, int]) -> None:
    """Invoices, reminders, estimates, a campaign and arrival windows of the last weeks; then whom they must not reach again."""
    world.chapter("messages", "Demonstration company: messages sent, and who asked for no more of them")
    dice = world.dice("messages")
    _consents(world)
    written: list[Record] = []
    for key, table, source in OCCASIONS:
        words = next(text for text in TEXTS if text[0] == key)
        rows = world.connection.execute(source, {"today": world.local().date()}).fetchall()  # type: ignore[arg-type]
        for row in rows:
            if made := _message(world, dice, words, table, row, through, texts):
                written.append(made)
    written.sort(key=lambda record: record["created_at"])
    barred = _respect(written, dice)
    world.write("message_outbox", written + list(_posts(world, dice, through, texts)))
    _suppressions(world, dice, barred)


def _consents(world: World) -> None:
    """Some contacts agreed in writing to be texted; nobody else is."""
    world.connection.execute(
        "UPDATE contacts SET sms_opt_in = true, sms_consent_at = greatest(created_at, %(at)s - interval '300 days')"
        " WHERE tenant_id = %(tenant)s AND is_primary AND id %% 3 = 0 AND coalesce(mobile_e164, phone_e164) IS NOT NULL",
        {"at": world.at, "tenant": world.tenant_id},
    )


def _message(
    world: World, dice: random.Random, words: tuple[Any, ...], table: str, row: tuple[Any, ...], through: dict[str, int],
    texts: dict[str, int],
) -> Record | None:  # fmt: skip
    key, channel, _name, category, _versions, subject, body = words
    about, customer, contact, address, name, number, amount, moment = row
    made: datetime = moment if moment.tzinfo else moment.replace(tzinfo=world.zone)
    made += timedelta(minutes=dice.uniform(0, 50))
    if made > world.at + timedelta(days=14) or made < world.at - timedelta(days=120):
        return None
    waits = made > world.at
    status = "queued" if waits else pick_weighted(dice, FATES[channel])
    if waits and dice.random() < 0.12:
        status = "held"
    day = (made + timedelta(hours=18)).astimezone(world.zone)
    gaps = {
        "number": number, "company": "BrainOps Roofing", "contact_name": name, "total": f"${amount:,.2f}" if amount else "",
        "due_date": f"{made + timedelta(days=30):%B %-d}", "day": f"{day:%A, %B %-d}", "from": f"{day:%-I %p}",
        "until": f"{day + timedelta(hours=2):%-I %p}",
    }  # fmt: skip
    sent = made + timedelta(seconds=dice.uniform(2, 90))
    went = status in ("delivered", "sent", "permanent_failure")
    arrived = sent + timedelta(seconds=dice.uniform(1, 240)) if status == "delivered" else None
    opened = (
        arrived + timedelta(hours=dice.expovariate(0.2))
        if arrived and channel == "email" and dice.random() < 0.55
        else None
    )
    opened = None if opened and opened > world.at else opened
    code, error = WRONG.get((channel, status), (None, None))
    tag = hashlib.sha256(f"{world.seed}/{key}/{about}/{contact}".encode()).hexdigest()
    return {
        "channel": channel, "category": category, "template_id": texts[key], "to_address": address, "to_norm": address.lower(),
        "contact_id": contact, "app_user_id": None, "customer_id": customer,
        "subject": _filled(subject, gaps) if subject else f"{words[2]}, {number}", "body_text": _filled(body, gaps),
        "variables": Jsonb({name: value for name, value in gaps.items() if f"{{{{ {name} }}}}" in f"{subject}{body}"}),
        "integration_id": through["smtp" if channel == "email" else "sms"], "status": status,
        "attempts": 0 if waits else 5 if status == "technical_failure" else 1, "send_after": made if waits else None,
        "next_attempt_at": made if status == "queued" else None, "sent_at": sent if went else None, "delivered_at": arrived,
        "opened_at": opened, "clicked_at": opened + timedelta(seconds=40) if opened and dice.random() < 0.4 else None,
        "provider_message_id": f"{channel}-{tag[:20]}" if went else None, "segments": 1 if channel == "sms" else None,
        "unit_cost": (Decimal("0.0079") if channel == "sms" else Decimal("0.0004")) if went else None, "error_code": code,
        "error": error, "dedupe_key": f"{key}:{about}", "subject_type": table, "subject_id": about,
        "created_at": min(made, world.at - timedelta(minutes=dice.uniform(1, 400))) if waits else made,
    }  # fmt: skip


def _filled(text: str, gaps: dict[str, str]) -> str:
    for name, value in gaps.items():
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    return text


def _respect(written: list[Record], dice: random.Random) -> dict[tuple[str, str], tuple[str, str, Record]]:
    """Walk the messages in order: once an address refused or asked for no more, what follows is kept back.

    Returns (channel, address) -> (what is held back, why, the message after which).
    """
    barred: dict[tuple[str, str], tuple[str, str, Record]] = {}
    for message in written:
        place = (message["channel"], message["to_norm"])
        scope, _why, _first = barred.get(place, ("", "", {}))
        if scope == "all" or (scope == "marketing" and message["category"] == "marketing"):
            message |= {
                "status": "suppressed", "attempts": 0, "send_after": None, "next_attempt_at": None, "sent_at": None,
                "delivered_at": None, "opened_at": None, "clicked_at": None, "provider_message_id": None, "unit_cost": None,
                "error_code": None, "error": None,
            }  # fmt: skip
        elif message["status"] == "permanent_failure":
            barred[place] = ("all", "hard_bounce" if message["channel"] == "email" else "invalid", message)
        elif message["status"] == "delivered" and message["channel"] == "sms" and dice.random() < 0.05:
            barred[place] = ("all", "stop_keyword", message)
        elif message["status"] == "delivered" and message["category"] == "marketing" and dice.random() < 0.14:
            barred[place] = ("marketing", "complaint" if dice.random() < 0.15 else "unsubscribe", message)
    return barred


def _suppressions(world: World, dice: random.Random, barred: dict[tuple[str, str], tuple[str, str, Record]]) -> None:
    people = [world.staff[name] for name in ("Priya Raman", "Dana Whitfield")]
    records: list[Record] = []
    for (channel, address), (scope, reason, message) in barred.items():
        since = min(world.at, (message["delivered_at"] or message["sent_at"]) + timedelta(minutes=dice.uniform(1, 600)))
        records.append({
            "channel": channel, "address_norm": address, "scope": scope, "reason": reason, "source_message_id": message["id"],
            "lifted_at": None, "lifted_by": None, "lift_reason": None, "created_at": since,
        })  # fmt: skip
    for number in range(6):  # asked on the telephone, a year ago; half of them write again today
        since = world.at - timedelta(days=380 - 40 * number)
        lifted = since + timedelta(days=60) if number % 2 else None
        records.append({
            "channel": "email", "address_norm": f"office{number + 1}@tenants.example", "scope": "all", "reason": "manual",
            "source_message_id": None, "lifted_at": lifted, "lifted_by": people[number % 2] if lifted else None,
            "lift_reason": "They asked to be written to again." if lifted else None, "created_at": since,
        })  # fmt: skip
    world.write("contact_suppressions", sorted(records, key=lambda record: record["created_at"]))


def _posts(world: World, dice: random.Random, through: dict[str, int], texts: dict[str, int]) -> list[Record]:
    """What the console posted in Slack for the office; since Slack asked to slow down, some of it is tried again."""
    records: list[Record] = []
    for task, title, person, name in world.rows(
        "SELECT t.id, t.title, u.id, u.display_name FROM user_tasks t JOIN app_users u ON u.id = t.assignee_id"
        " WHERE t.tenant_id = %s ORDER BY t.created_at DESC, t.id LIMIT 60", world.tenant_id,
    ):  # fmt: skip
        made = world.at - timedelta(days=20 * dice.random() ** 2, minutes=1)
        late = made > world.at - timedelta(hours=6)
        status = "temporary_failure" if late else "delivered"
        gaps = {"person": name, "title": title, "day": f"{made + timedelta(days=3):%A}"}
        records.append({
            "channel": "slack", "category": "internal", "template_id": texts["task.assigned"], "to_address": "#office",
            "to_norm": "#office", "contact_id": None, "app_user_id": person, "customer_id": None, "subject": f"Task for {name}",
            "body_text": _filled("{{ person }}: {{ title }}, due {{ day }}", gaps), "variables": Jsonb(gaps),
            "integration_id": through["slack"], "status": status, "attempts": 3 if late else 1, "send_after": None,
            "next_attempt_at": world.at + timedelta(minutes=20) if late else None, "sent_at": None if late else made,
            "delivered_at": None if late else made + timedelta(seconds=1), "opened_at": None, "clicked_at": None,
            "provider_message_id": None if late else f"slack-{task}", "segments": None, "unit_cost": None,
            "error_code": "429" if late else None, "error": "Asked to slow down; trying again" if late else None,
            "dedupe_key": f"task.assigned:{task}", "subject_type": "user_tasks", "subject_id": task, "created_at": made,
        })  # fmt: skip
    return sorted(records, key=lambda record: record["created_at"])
