"""One attempt to sign in, from the address typed to a verdict, written down whatever its outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.engine.passwords import matches

_CANDIDATE = text("""
SELECT u.id AS user_id, u.email, u.password_hash, u.must_change_password, u.status AS user_status, u.kind,
       coalesce(u.locked_until > now(), false) AS is_locked, a.id AS app_user_id, a.tenant_id, a.display_name,
       u.mfa_enabled
FROM users u
LEFT JOIN LATERAL (
    SELECT a.id, a.tenant_id, a.display_name FROM app_users a JOIN tenants t ON t.id = a.tenant_id AND t.status = 'active'
    WHERE a.user_id = u.id AND a.status = 'active' ORDER BY a.id LIMIT 1
) a ON true
WHERE lower(u.email) = lower(:email)
""")
_NOTE = text("""
INSERT INTO user_sessions (tenant_id, user_id, email_tried, outcome, ip, user_agent, device_label, ended_at)
VALUES (:tenant_id, :user_id, :email, :outcome, CAST(:ip AS inet), :agent, :device,
        CASE WHEN :outcome <> 'success' THEN clock_timestamp() END)
RETURNING id
""")


@dataclass(frozen=True)
class Candidate:
    """Who an address belongs to, as far as a verdict needs it."""

    user_id: int
    email: str
    password_hash: str | None
    must_change_password: bool
    user_status: str
    kind: str
    is_locked: bool
    app_user_id: int | None
    tenant_id: int | None
    display_name: str | None
    has_second_factor: bool

    @property
    def is_barred(self) -> bool:
        """Whether the right password still does not let this person in."""
        return self.user_status != "active" or self.kind != "human" or self.app_user_id is None


def find(connection: Connection, email: str) -> Candidate | None:
    """The sign-in of an address, whatever its state."""
    row = connection.execute(_CANDIDATE, {"email": email.strip()}).first()
    return Candidate(*row) if row else None


def judge(candidate: Candidate | None, password: str) -> str:
    """A word of `user_sessions.outcome`. The password is always checked, so that all answers take the same time, and only
    the right one learns that the sign-in is switched off."""
    right = matches(candidate.password_hash if candidate else None, password)
    if candidate is None:
        return "unknown_user"
    if not right:
        return "bad_password"
    if candidate.is_locked or candidate.user_status == "locked":
        return "locked"
    return "disabled" if candidate.is_barred else "success"


def note(
    connection: Connection, candidate: Candidate | None, email: str, outcome: str, ip: str | None, agent: str
) -> int:
    """Write the attempt into the sign-in history; returns its id, to which a session refers."""
    values = {
        "tenant_id": candidate.tenant_id if candidate else None,
        "user_id": candidate.user_id if candidate else None,
        "email": _printable(email)[:320],
        "outcome": outcome,
        "ip": ip,
        "agent": _printable(agent)[:400] or None,
        "device": device(agent),
    }
    return int(connection.execute(_NOTE, values).scalar_one())


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def device(agent: str) -> str:
    """A browser and a system a person can recognise: "Firefox on Windows"."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown device"


def _printable(value: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", value).strip()
