"""What follows a decision and the passing of time: whoever asked is told, what was approved is carried out, the rest lapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from app.core.db import db
from app.engine import approvals, background
from app.engine.access import SYSTEM
from app.engine.apply import change


@background.task("approval.carry_out")
def carry_out(key: int) -> None:
    """Carry out a request that was approved; of several copies of this work one does it."""
    approvals.carry_out(key)


def decided(connection: Connection, request: Mapping[str, Any]) -> None:
    """After a decision: a notice to who asked, and the work queued with it, so that neither is lost whatever dies next."""
    status = request.get("status")
    if status not in ("approved", "rejected") or not request.get("decided_by"):
        return
    found = connection.execute(_DECIDED, {"key": request["id"]}).one()
    if found.requested_by is not None:
        words = found.decision_note or f"Decided by {found.decider}."
        severity = "success" if status == "approved" else "warning"
        approvals.tell(
            connection, found.tenant_id, found.requested_by, request["id"], f"approval.{status}",
            f"{status.capitalize()}: {found.title}", words, severity,
        )  # fmt: skip
    if status == "approved" and found.has_call:
        background.defer_within(connection, carry_out, once=f"approval-{request['id']}", key=request["id"])


@background.every("* * * * *", "approvals.round")
def make_the_round() -> dict[str, int]:
    """Let lapse what nobody decided in time, and carry out what was approved and for some reason still waits."""
    lapsed = 0
    with db.engine.connect() as connection:
        late = list(connection.execute(_LATE).scalars())
        waiting = list(connection.execute(_WAITING).scalars())
    for tenant in late:
        with change(SYSTEM(tenant), action="approval.expire", channel="system") as connection:
            for key, title, asker in approvals.expire(connection, tenant):
                lapsed += 1
                if asker is not None:
                    words = "Nobody decided it in time; ask again if it is still needed."
                    approvals.tell(connection, tenant, asker, key, "approval.expired", f"Lapsed: {title}", words)
    for key in waiting:
        approvals.carry_out(key)
    return {"lapsed": lapsed, "carried_out": len(waiting)}


_DECIDED = text("""
SELECT r.tenant_id, r.title, r.requested_by, r.decision_note, r.payload ? 'call' AS has_call, a.display_name AS decider
FROM approval_requests r JOIN app_users a ON a.id = r.decided_by WHERE r.id = :key
""")
_LATE = text(
    "SELECT DISTINCT tenant_id FROM approval_requests WHERE status = 'pending' AND expires_at <= now() ORDER BY 1 LIMIT 500"
)
_WAITING = text("""
SELECT id FROM approval_requests WHERE status = 'approved' AND payload ? 'call' AND decided_at < now() - interval '1 minute'
ORDER BY id LIMIT 100
""")
