"""What leaves the house and what comes in: nobody is written to who asked not to be, nothing unproven is worked on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import now
from app.engine import health
from app.engine.refusals import NotAllowed, Rejected


@pytest.fixture
def post(house: Any) -> Any:
    for name, role in (("Priya", "admin"), ("Luis", "dispatcher"), ("Grace", "billing"), ("Ingrid", "auditor")):
        house.staff(name, role)
    house.mail = house.given("integrations", kind="smtp", name="Office mail", status="connected")
    return house


def message(post: Any, **values: Any) -> int:
    made = {"channel": "email", "to_address": "Ann@Bluestem.example", "to_norm": "ann@bluestem.example", "subject": "Invoice",
            "body_text": "Hello", "integration_id": post.mail, **values}  # fmt: skip
    return post.given("message_outbox", **made)


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_is_held_back_released_and_cancelled(post: Any) -> None:
    key = message(post)
    with pytest.raises(NotAllowed, match=r"needs messages\.hold"):
        post.move("Luis", "message_outbox", key, "hold", reason="Wrong date")
    post.move("Priya", "message_outbox", key, "hold", reason="Wrong date")
    released = post.move("Luis", "message_outbox", key, "release")
    assert (released["status"], released["next_attempt_at"] is not None) == ("queued", True)
    with pytest.raises(NotAllowed, match="by itself"):
        post.move("Priya", "message_outbox", key, "deliver")
    assert post.move("Priya", "message_outbox", key, "cancel", reason="Sold")["next_attempt_at"] is None


def test_nobody_is_written_to_again_who_must_not_be(post: Any) -> None:
    failed = message(post, status="permanent_failure", error="Mailbox does not exist")
    barred = post.create("Luis", "contact_suppressions", channel="email", address_norm="ann@bluestem.example", scope="all",
                         reason="hard_bounce")  # fmt: skip
    with pytest.raises(NotAllowed, match=r"not to be written to since .* \(hard bounce\)"):
        post.move("Luis", "message_outbox", failed, "resend")
    post.move("Priya", "contact_suppressions", barred, "lift", lift_reason="New mailbox")
    again = post.move("Luis", "message_outbox", failed, "resend")
    assert (again["status"], again["error"]) == ("queued", None)


def test_whoever_wants_no_advertising_still_gets_the_invoice(post: Any) -> None:
    post.create("Luis", "contact_suppressions", channel="email", address_norm="ann@bluestem.example", scope="marketing",
                reason="unsubscribe")  # fmt: skip
    offer = message(post, category="marketing", status="cancelled")
    with pytest.raises(NotAllowed, match="not to be written to"):
        post.move("Grace", "message_outbox", offer, "resend")
    assert post.move("Grace", "message_outbox", message(post, status="cancelled"), "resend")["status"] == "queued"


# -- do not contact ----------------------------------------------------------------------------------------------


def test_an_entry_fits_its_channel_and_stands_once(post: Any) -> None:
    entry = {"channel": "sms", "address_norm": "+13035550142", "scope": "all", "reason": "manual"}
    post.create("Luis", "contact_suppressions", **entry)
    with pytest.raises(Rejected, match="blocked for that already"):
        post.create("Luis", "contact_suppressions", **entry)
    with pytest.raises(Rejected, match="10 digits"):
        post.create("Luis", "contact_suppressions", **entry | {"address_norm": "ann@bluestem.example"})
    with pytest.raises(Rejected, match="address like"):
        post.create("Luis", "contact_suppressions", **entry | {"channel": "email"})


def test_stop_is_taken_back_only_by_whoever_wrote_it(post: Any) -> None:
    key = post.given(
        "contact_suppressions", channel="sms", address_norm="+13035550143", scope="all", reason="stop_keyword"
    )
    with pytest.raises(NotAllowed, match="writing START"):
        post.move("Priya", "contact_suppressions", key, "lift", lift_reason="They called")


# -- texts -------------------------------------------------------------------------------------------------------


def test_a_text_goes_into_use_whole_and_alone(post: Any) -> None:
    text = {"key": "invoice.sent", "channel": "email", "name": "Invoice sent", "subject": "Invoice {{ number }}"}
    first = post.create("Priya", "message_templates", **text, body="Hello {{ name }}", variables=["number"])
    with pytest.raises(NotAllowed, match="gap for “name”"):
        post.move("Priya", "message_templates", first, "activate")
    post.edit("Priya", "message_templates", first, variables=["number", "name"])
    assert post.move("Priya", "message_templates", first, "activate")["is_active"] is True
    with pytest.raises(Rejected, match="next number"):
        post.create("Priya", "message_templates", **text, body="Hello")
    second = post.create("Priya", "message_templates", **text, body="Hello", variables=["number"], version_no=2)
    with pytest.raises(NotAllowed, match="Version 1 of this text is in use"):
        post.move("Priya", "message_templates", second, "activate")
    with pytest.raises(Rejected, match="An e-mail needs a subject"):
        post.create("Priya", "message_templates", **text | {"subject": None, "key": "b"}, body="Hello")


# -- connections, events and webhooks ----------------------------------------------------------------------------


def test_only_a_simulated_connection_works_without_a_key(post: Any) -> None:
    key = post.create("Priya", "integrations", kind="stripe", name="Cards", mode="live")
    with pytest.raises(NotAllowed, match="no key for Cards"):
        post.move("Priya", "integrations", key, "connect")
    post.edit("Priya", "integrations", key, mode="simulated")
    assert post.move("Priya", "integrations", key, "connect")["status"] == "connected"
    with pytest.raises(Rejected, match="of this kind and name"):
        post.create("Priya", "integrations", kind="stripe", name="Cards")


def test_what_is_not_proven_is_not_processed(post: Any) -> None:
    event = {"integration_id": post.mail, "event_type": "charge.succeeded", "payload": {}, "status": "failed"}
    forged = post.given("inbound_events", **event, provider_event_id="evt_1", signature_ok=False)
    real = post.given("inbound_events", **event, provider_event_id="evt_2", signature_ok=True, error="No amount")
    with pytest.raises(NotAllowed, match="signature does not prove"):
        post.move("Priya", "inbound_events", forged, "retry")
    again = post.move("Priya", "inbound_events", real, "retry")
    assert (again["status"], again["error"]) == ("received", None)
    with pytest.raises(NotAllowed, match="role does not"):
        post.move("Grace", "inbound_events", real, "ignore", reason="Old")


def test_a_webhook_begins_afresh_and_only_then_gets_its_deliveries_again(post: Any) -> None:
    hook = post.given("webhook_endpoints", url="https://a.example/in", secret_enc=b"s", status="auto_disabled",
                      failure_streak=21, first_failure_at=now(), disabled_at=now())  # fmt: skip
    lost = post.given("webhook_deliveries", endpoint_id=hook, event_type="visit.done", payload={}, status="exhausted",
                      attempts=7, attempt_log=[{"at": "Nov 3, 10:00", "answer": "503", "took": "90 ms"}])  # fmt: skip
    with pytest.raises(NotAllowed, match="enable that first"):
        post.move("Priya", "webhook_deliveries", lost, "replay")
    afresh = post.move("Priya", "webhook_endpoints", hook, "enable")
    assert (afresh["status"], afresh["failure_streak"], afresh["disabled_at"]) == ("enabled", 0, None)
    assert post.move("Priya", "webhook_deliveries", lost, "replay")["attempts"] == 0
    assert post.shown("webhook_deliveries", lost, "tries") == "Nov 3, 10:00 · 503 · 90 ms"
    post.given("webhook_deliveries", endpoint_id=hook, event_type="visit.done", payload={}, status="delivered")
    post.change("webhook_deliveries", lost, status="exhausted")
    assert post.shown("webhook_endpoints", hook, "delivered_lately") == 50
    with pytest.raises(Rejected, match="begins with https"):
        post.edit("Priya", "webhook_endpoints", hook, url="http://a.example/in")


# -- what health says about it -----------------------------------------------------------------------------------


def test_health_sees_what_lies_and_what_fails(post: Any) -> None:
    message(post, next_attempt_at=now() - timedelta(minutes=10))
    message(post, next_attempt_at=now() + timedelta(days=1))
    post.given("webhook_endpoints", url="https://a.example/in", secret_enc=b"s", failure_streak=5)
    post.given("inbound_events", integration_id=post.mail, event_type="a", provider_event_id="e", payload={}, signature_ok=True,
               created_at=now() - timedelta(hours=1))  # fmt: skip
    for number in range(20):
        message(post, status="technical_failure" if number < 4 else "delivered", to_norm=f"{number}@a.example")
    keys = ["outbox.oldest_s", "outbox.failures_1h", "webhooks.failing", "inbound.unprocessed_s"]
    found = {each.check.key: each for each in health.run_checks(keys) if each.tenant_id == post.tenant_id}
    assert {key: found[key].status for key in keys} == dict(zip(keys, ("warn", "crit", "warn", "crit"), strict=True))
    assert 590 <= found["outbox.oldest_s"].measured.value <= 700
    assert found["outbox.failures_1h"].measured.value == 20
