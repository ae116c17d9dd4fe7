"""What programs tell each other: events the services sent us, and events we send to customers and partners."""

from __future__ import annotations

import hashlib
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

FORGED = 4
UNREADABLE = "The amount is missing from the event"


def received(world: World, through: dict[str, int]) -> None:
    """Card payments, delivery receipts, bounces and replies, each once; a few failed, some of no interest, four forged."""
    world.chapter("received", "Demonstration company: what services reported")
    dice = world.dice("received")
    records = [*_receipts(world, dice, through), *_charges(world, dice, through)]
    for number in range(FORGED):
        records.append(
            _event(through["stripe"], f"evt_forged_{number}", "charge.succeeded", {"amount": 100_000 * (number + 1)},
                   world.at - timedelta(days=2 * number, hours=3, minutes=17))
            | {"signature_ok": False, "status": "ignored", "attempts": 0, "processed_at": None}
        )  # fmt: skip
    world.write("inbound_events", sorted(records, key=lambda record: record["created_at"]))


def _event(service: int, provider_id: str, kind: str, payload: dict[str, Any], at: datetime) -> Record:
    return {
        "integration_id": service, "provider_event_id": provider_id, "event_type": kind, "payload": Jsonb(payload),
        "signature_ok": True, "status": "processed", "attempts": 1, "error": None,
        "processed_at": at + timedelta(seconds=2), "created_at": at,
    }  # fmt: skip


def _receipts(world: World, dice: random.Random, through: dict[str, int]) -> list[Record]:
    """What became of our messages, as the services told it, and STOP as people wrote it."""
    records: list[Record] = []
    for message, channel, status, number, at in world.rows(
        "SELECT id, channel, status, provider_message_id, coalesce(delivered_at, sent_at) FROM message_outbox"
        " WHERE tenant_id = %s AND provider_message_id IS NOT NULL AND channel <> 'slack' AND status <> 'sent'"
        " ORDER BY created_at DESC, id LIMIT 240",
        world.tenant_id,
    ):  # fmt: skip
        word = "delivered" if status == "delivered" else "bounced" if channel == "email" else "undelivered"
        payload = {"message": number, "outcome": word}
        service = through["smtp" if channel == "email" else "sms"]
        records.append(
            _event(service, f"{channel}-{word}-{message}", f"{channel}.{word}", payload, at + timedelta(seconds=3))
        )
        if channel == "email" and dice.random() < 0.2:
            opened = min(world.at, at + timedelta(hours=2))
            spam = _event(service, f"email-opened-{message}", "email.opened", {"message": number}, opened)
            records.append(spam | {"status": "ignored", "attempts": 0, "processed_at": None})
    for number, address, since in world.rows(
        "SELECT id, address_norm, created_at FROM contact_suppressions WHERE tenant_id = %s AND reason = 'stop_keyword'"
        " ORDER BY id",
        world.tenant_id,
    ):  # fmt: skip
        records.append(
            _event(through["sms"], f"sms-in-{number}", "sms.received", {"from": address, "text": "STOP"}, since)
        )
    return records


def _charges(world: World, dice: random.Random, through: dict[str, int]) -> list[Record]:
    records: list[Record] = []
    for number, (payment, label, amount) in enumerate(
        world.rows(
            "SELECT id, number, amount FROM payments WHERE tenant_id = %s AND direction = 'in'"
            " ORDER BY received_on DESC, id LIMIT 70",
            world.tenant_id,
        )
    ):
        at = world.at - timedelta(hours=9 * number + dice.uniform(1, 8))
        tag = hashlib.sha256(f"{world.seed}/{payment}".encode()).hexdigest()[:22]
        made = _event(
            through["stripe"], f"evt_{tag}", dice.choice(("charge.succeeded", "payout.paid", "customer.updated")),
            {"amount": int(amount * 100), "currency": "usd", "reference": label}, at,
        )  # fmt: skip
        if dice.random() < 0.08:
            made |= {"status": "failed", "attempts": 5, "error": UNREADABLE, "processed_at": None}
        records.append(made)
    return records


# Address, what for, events, state; share that arrives, failures in a row, days since it was made.
WEBHOOKS: tuple[tuple[str, str, tuple[str, ...], str, float, int, int], ...] = (
    ("https://hooks.aspengrove-pm.example/roofing", "Aspen Grove Property Management: their work orders",
     ("visit.done", "job.completed"), "enabled", 0.99, 0, 330),
    ("https://api.frontrange-ledger.example/v2/in", "Bookkeeper: invoices and payments", ("invoice.paid", "invoice.sent"),
     "enabled", 0.95, 0, 410),
    ("https://intake.summit-insurance.example/claims", "Insurer: roofs inspected after hail", ("inspection.done",),
     "enabled", 0.3, 6, 95),
    ("https://old.tenantportal.example/notify", "Tenant portal of 2024, gone since spring", ("*",), "auto_disabled",
     0.0, 21, 720),
    ("https://staging.tenantportal.example/notify", "Tenant portal, being built", ("visit.done",), "disabled", 1.0, 0, 40),
)  # fmt: skip
ANSWERS = {
    200: "ok", 202: '{"queued": true}', 401: "signature not accepted", 404: "Not found", 500: "Internal error",
    503: "Come back later",
}  # fmt: skip
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # seconds between attempts, as the dictionary sets them


def webhooks(world: World) -> None:
    """Five addresses: two that answer well, one that fails, one shut off, one being built; and five weeks of deliveries."""
    world.chapter("webhooks", "Demonstration company: whom it tells what")
    dice = world.dice("webhooks")
    endpoints: list[Record] = []
    for url, purpose, events, status, _share, streak, made in WEBHOOKS:
        failing = world.at - timedelta(days=streak * 0.4) if streak else None
        secret = hashlib.sha256(f"{world.seed}/{url}".encode()).digest()
        endpoints.append({
            "url": url, "description": purpose, "events": list(events), "secret_enc": secret, "previous_secret_enc": None,
            "secret_rotated_at": world.at - timedelta(days=made / 2) if made > 300 else None, "status": status,
            "failure_streak": streak, "first_failure_at": failing,
            "disabled_at": None if status == "enabled" else world.at - timedelta(days=3), "rate_limit_per_min": 60,
            "created_by": world.staff["Priya Raman"], "updated_by": world.staff["Priya Raman"],
            "created_at": world.at - timedelta(days=made),
        })  # fmt: skip
    world.write("webhook_endpoints", endpoints)
    deliveries: list[Record] = []
    for place, (_url, _purpose, events, status, share, streak, made) in enumerate(WEBHOOKS):
        wanted = 18 if status == "disabled" else 70
        since = min(made, 35)
        until = 3 if status == "auto_disabled" else 0
        moments = sorted(
            world.at - timedelta(days=until + (since - until) * dice.random() ** 1.3, minutes=2) for _ in range(wanted)
        )
        for number, at in enumerate(moments):
            kind = dice.choice(("invoice.paid", "visit.done", "job.completed") if events == ("*",) else events)
            arrives = dice.random() < share and number < len(moments) - streak
            deliveries.append(_delivery(world, dice, endpoints[place]["id"], kind, at, arrives))
    world.write("webhook_deliveries", sorted(deliveries, key=lambda record: record["created_at"]))


def _delivery(world: World, dice: random.Random, endpoint: int, kind: str, at: datetime, arrives: bool) -> Record:
    """Tried until it arrives, at most seven times; what is young and failed waits for its next attempt."""
    failures = (0 if dice.random() < 0.9 else 1) if arrives else 7
    tries: list[dict[str, Any]] = []
    moment, following = at, None
    for attempt in range(failures + arrives):
        if moment > world.at:
            following = moment
            break
        last = arrives and attempt == failures
        code = dice.choice((200, 202)) if last else dice.choice((401, 404, 500, 503))
        tries.append(
            {"at": f"{moment:%b %-d, %H:%M:%S} UTC", "answer": str(code), "took": f"{dice.randrange(40, 900)} ms"}
        )
        moment += timedelta(seconds=WAITS[min(attempt, 6)])
    delivered = arrives and following is None
    status = "delivered" if delivered else "failed" if following else "exhausted"
    code = int(tries[-1]["answer"])
    return {
        "endpoint_id": endpoint, "event_id": uuid.UUID(int=dice.getrandbits(128), version=4), "event_type": kind,
        "payload": Jsonb({"event": kind, "at": at.isoformat(), "company": "BrainOps Roofing"}), "status": status,
        "attempts": len(tries), "next_attempt_at": following, "last_status_code": code,
        "last_latency_ms": int(tries[-1]["took"].partition(" ")[0]), "last_response_excerpt": ANSWERS[code],
        "last_error": None if delivered else f"Answered {code}", "attempt_log": Jsonb(tries),
        "delivered_at": at + timedelta(seconds=sum(WAITS[:failures]) + 1) if delivered else None, "created_at": at,
    }  # fmt: skip
