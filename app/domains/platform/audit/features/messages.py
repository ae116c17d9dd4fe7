"""What leaves the house: e-mail, text messages, Slack, webhooks."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, answer, code, move, task

OUT = "message_outbox"

MESSAGES = (
    Feature(
        "email",
        "E-mail",
        "Sent after commit only; a bounce suppresses; the preview equals what is sent.",
        number=21,
        tables=(OUT, "message_templates", "contact_suppressions"),
        parts=(
            move("steps of sending", f"{OUT}.hand_over"),
            move("suppressing", f"{OUT}.suppress"),
            move("lifting a suppression", "contact_suppressions.lift"),
            task("a worker that sends", "outbox.*", "messages.*", "email.*"),
            code("a connection to a mail server", "app.engine.mail:send", "app.domains.messaging.mail:send"),
        ),
        uses=(Use("e-mails sent", OUT, "sent_at", {"channel": "email"}),),
    ),
    Feature(
        "sms",
        "SMS",
        "Consent needed, STOP suppresses at once, segments and cost shown, failures explained.",
        number=22,
        tables=(OUT, "contact_suppressions"),
        parts=(
            task("a worker that sends", "sms.*", "outbox.*", "messages.*"),
            answer("an address for STOP", "*inbound/sms*", "/hooks/*sms*", "/hooks/<*"),
        ),
        uses=(Use("texts sent", OUT, "sent_at", {"channel": "sms"}),),
    ),
    Feature(
        "slack",
        "Slack",
        "A notice posts with a link back; an outage delays but loses nothing.",
        number=23,
        tables=(OUT, "integrations"),
        parts=(
            move("a connection", "integrations.connect"),
            task("a worker that posts", "slack.*", "outbox.*", "messages.*"),
        ),
        uses=(Use("posts", OUT, "sent_at", {"channel": "slack"}),),
    ),
    Feature(
        "webhooks",
        "Webhooks",
        "Signed, retried on schedule, replayable, shut off and enabled again, secrets rotated without loss.",
        number=24,
        tables=("webhook_endpoints", "webhook_deliveries", "inbound_events"),
        parts=(
            move("replaying", "webhook_deliveries.replay"),
            move("enabling again", "webhook_endpoints.enable"),
            task("a worker that delivers", "webhooks.*"),
            answer("an address that receives", "/hooks/*"),
            move("rotating a secret", "webhook_endpoints.rotate*"),
        ),
        uses=(
            Use("deliveries", "webhook_deliveries", "delivered_at"),
            Use("events received", "inbound_events", "created_at"),
        ),
    ),
)
