"""What waits for this person's decision: asked by others, of the kinds they may decide."""

from __future__ import annotations

from sqlalchemy import text

from app.engine.registry import REGISTRY
from app.screens.home.frame import Count, Frame

MOST_COUNTED = 100
_WAITING = text("""
SELECT count(*) AS waiting FROM (
    SELECT FROM approval_requests WHERE tenant_id = :tenant AND status = 'pending'
        AND approver_permission = ANY(CAST(:held AS text[])) AND requested_by IS DISTINCT FROM :me
        AND coalesce(expires_at > now(), true) LIMIT :most) AS counted
""")


def to_decide(here: Frame) -> Count | None:
    """None for who decides nothing."""
    if not here.works("approval_requests"):
        return None
    decides = REGISTRY["approval_requests"].field("approver_permission").values  # type: ignore[attr-defined]
    held = [each for each in decides if here.actor.may(each)]
    if not held:
        return None
    waiting = here.rows(_WAITING, held=held, most=MOST_COUNTED + 1)[0].waiting
    place = here.list("approval_requests", {"scope": "Mine to decide"})
    return Count(min(waiting, MOST_COUNTED), place, waiting > MOST_COUNTED)
