"""Who is signed in at this moment and from where, with the button that ends it; and every attempt to sign in so far."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import text
from werkzeug.wrappers import Response

from app.core.db import reading
from app.domains.auth import refresh
from app.engine.apply import transaction
from app.engine.refusals import BadQuery, NotFound
from app.web import session_rows
from app.web.navigation import place
from app.web.receipts import say
from app.web.security import needs
from app.web.session import current_actor, current_session

blueprint = Blueprint("sessions", __name__, url_prefix="/sessions")
place("People and access", 2, "Sessions", "/sessions", "key", "sessions.read")

PAGE = 50
OUTCOMES = {
    "success": ("Signed in", "ok"),
    "bad_password": ("Wrong password", "danger"),
    "bad_mfa": ("Wrong code", "danger"),
    "locked": ("Had to wait", "warn"),
    "disabled": ("Switched off", "warn"),
    "unknown_user": ("Nobody of that name", "danger"),
}
ENDS = {
    "logout": "signed out",
    "idle_timeout": "idle too long",
    "absolute_timeout": "day was over",
    "revoked": "ended by a colleague or a new password",
    "replaced": "signed in again",
    "error": "an error",
}

_LIVE = text("""
SELECT s.id, a.id AS person, a.display_name, u.email, host(s.ip) AS ip, h.device_label, s.created_at, s.last_seen_at,
       s.absolute_expires_at, coalesce(s.elevated_until > now(), false) AS is_elevated
FROM sessions s JOIN users u ON u.id = s.user_id JOIN app_users a ON a.user_id = u.id AND a.tenant_id = s.tenant_id
LEFT JOIN user_sessions h ON h.id = s.user_session_id
WHERE s.tenant_id = :tenant_id AND s.idle_expires_at > now() AND s.absolute_expires_at > now()
  AND (CAST(:after AS bigint) IS NULL OR (s.last_seen_at, s.id) <
       (SELECT x.last_seen_at, x.id FROM sessions x WHERE x.id = :after AND x.tenant_id = :tenant_id))
ORDER BY s.last_seen_at DESC, s.id DESC LIMIT :limit
""")
# Attempts under an address nobody has belong to no company; only who may see the platform's own rows sees them.
_HISTORY = text("""
SELECT h.id, h.started_at, h.outcome, h.email_tried, h.device_label, host(h.ip) AS ip, h.ended_at, h.end_reason,
       a.id AS person, a.display_name
FROM user_sessions h LEFT JOIN app_users a ON a.user_id = h.user_id AND a.tenant_id = :tenant_id
WHERE (h.tenant_id = :tenant_id OR (h.tenant_id IS NULL AND (:platform OR a.id IS NOT NULL)))
  AND (CAST(:outcome AS text) IS NULL OR h.outcome = :outcome) AND (CAST(:person AS bigint) IS NULL OR a.id = :person)
  AND (CAST(:after_id AS bigint) IS NULL OR (h.started_at, h.id) < (CAST(:after_at AS timestamptz), :after_id))
ORDER BY h.started_at DESC, h.id DESC LIMIT :limit
""")
_OF = text("SELECT user_id FROM sessions WHERE id = :id AND tenant_id = :tenant_id")


@blueprint.get("")
@needs("sessions.read")
def index() -> str:
    """Everyone signed in, who was here last first."""
    actor, after = current_actor(), _number("after")
    rows = reading().execute(_LIVE, {"tenant_id": actor.tenant_id, "after": after, "limit": PAGE + 1}).all()
    return render_template(
        "screens/sessions/live.html",
        sessions=rows[:PAGE],
        next=rows[PAGE - 1].id if len(rows) > PAGE else None,
        after=after,
        this_session=getattr(current_session().standing, "id", None),
        page_title="Sessions",
        crumbs=[("Sessions", None)],
    )


@blueprint.get("/history")
@needs("sessions.read")
def history() -> str:
    """Every attempt to sign in, newest first; by outcome or person."""
    actor, person = current_actor(), _number("person")
    outcome = request.args.get("outcome") or None
    if outcome is not None and outcome not in OUTCOMES:
        raise BadQuery(f"An outcome is one of {', '.join(OUTCOMES)}.")
    at, key = _cursor(request.args.get("after"))
    values: dict[str, Any] = {"tenant_id": actor.tenant_id, "platform": actor.may("platform.read"), "limit": PAGE + 1}
    values |= {"outcome": outcome, "person": person, "after_at": at, "after_id": key}
    rows = reading().execute(_HISTORY, values).all()
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return render_template(
        "screens/sessions/history.html",
        attempts=rows[:PAGE],
        next=f"{last.started_at.isoformat()}_{last.id}" if last else None,
        after=request.args.get("after"),
        outcome=outcome,
        person=person,
        outcomes=OUTCOMES,
        ends=ENDS,
        page_title="Sign-in history",
        crumbs=[("Sessions", url_for("sessions.index")), ("Sign-in history", None)],
    )


@blueprint.post("/<int:key>/end")
@needs("sessions.revoke")
def end(key: int) -> Response:
    """End one session; its browser is shut out at its next request."""
    _user_of(key)
    with transaction() as connection:
        session_rows.end(connection, "revoked", session_id=key)
    say("Session ended")
    return redirect(url_for("sessions.index"), 303)


@blueprint.post("/<int:key>/end-all")
@needs("sessions.revoke")
def end_all(key: int) -> Response:
    """End every session of the person this one belongs to."""
    user = _user_of(key)
    with transaction() as connection:
        ended = session_rows.end(connection, "revoked", user_id=user)
        refresh.end_all(connection, user, "admin")
    say(f"{ended} {'session' if ended == 1 else 'sessions'} ended")
    return redirect(url_for("sessions.index"), 303)


def _user_of(key: int) -> int:
    found = reading().execute(_OF, {"id": key, "tenant_id": current_actor().tenant_id}).scalar()
    if found is None:
        raise NotFound("That session is over already.")
    return int(found)


def _number(name: str) -> int | None:
    value = request.args.get(name)
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise BadQuery(f"“{value[:40]}” is not a number.")
    return int(value)


def _cursor(value: str | None) -> tuple[str | None, int | None]:
    if not value:
        return None, None
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT[\d:.]{8,15}\+\d\d:\d\d)_(\d{1,18})", value.replace(" ", "+"))
    if found is None:
        raise BadQuery("This is not a place in the sign-in history.")
    return found[1], int(found[2])
