"""Personal data shown for a minute to somebody whose role masks it: with a reason, and with a note of who saw what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.engine import reading
from app.engine.access import Actor
from app.engine.projection import Projection, seen_with
from app.engine.reading import Shown
from app.engine.refusals import NotAllowed, Rejected

PERMISSION = "personal.reveal"
LASTS_S = 60
LONGEST_REASON = 500
NOTED_AS = "reveal"
"""The word of `user_activities.screen` under which these notes stand."""


@dataclass(frozen=True)
class Seen:
    """Who saw which fields of a record, when and why."""

    name: str
    at: datetime
    fields: tuple[str, ...]
    reason: str


def revealable(record: Shown, actor: Actor) -> tuple[str, ...]:
    """The masked fields of a record that have a value and that this actor may have shown."""
    view = record.projection
    if not actor.may(PERMISSION) or not view.resource.declared:
        return ()
    return tuple(each.name for each in view.fields if each.name in view.masked and record.values[each.name] is not None)


def reveal(
    connection: Connection,
    record: Shown,
    actor: Actor,
    names: Sequence[str],
    reason: str,
    request_id: str | None,
    ip: str | None,
) -> tuple[str, ...]:
    """Note who is about to see which fields and why; returns the names. The note is written before anything is shown."""
    offered = revealable(record, actor)
    if not offered:
        raise NotAllowed("Nothing is masked here that could be shown to you.")
    wanted = tuple(name for name in offered if name in names)
    errors = {}
    if not wanted:
        errors["fields"] = "Choose what you need to see."
    if not reason.strip():
        errors["reason"] = "Say what you need it for; the note of it is kept."
    if errors:
        raise Rejected(errors)
    resource = record.resource
    titles = [resource.field(name).title for name in wanted]
    note = {
        "tenant": actor.tenant_id,
        "person": actor.app_user_id,
        "screen": NOTED_AS,
        "summary": f"Had {', '.join(titles).lower()} of {resource.one} {record.key} shown",
        "table": resource.ledger_name,
        "key": record.key,
        "request": request_id,
        "ip": ip,
        "meta": json.dumps({"fields": list(wanted), "reason": reason.strip()[:LONGEST_REASON]}),
    }
    connection.execute(_NOTE, note)
    return wanted


def opened(connection: Connection, record: Shown, actor: Actor, names: Sequence[str]) -> dict[str, Any]:
    """The values themselves of fields that were revealed, by name."""
    still = [name for name in revealable(record, actor) if name in names]
    if not still:
        return {}
    resource = record.resource
    view: Projection = seen_with(resource, actor.permissions | {resource.permission("reveal")})
    values = reading.read(connection, view, record.key, actor).values
    return {name: values[name] for name in still if name not in view.masked}


def seen_by(connection: Connection, record: Shown, actor: Actor, limit: int = 20) -> list[Seen]:
    """Who had personal data of this record shown, newest first."""
    resource = record.resource
    asked = {
        "tenant": actor.tenant_id,
        "table": resource.ledger_name,
        "key": record.key,
        "screen": NOTED_AS,
        "n": limit,
    }
    found = []
    for name, at, meta in connection.execute(_SEEN, asked):
        titles = tuple(resource.field(each).title if resource.has(each) else each for each in meta.get("fields", ()))
        found.append(Seen(name or "somebody who left", at, titles, str(meta.get("reason", ""))))
    return found


def note_viewing(
    connection: Connection, actor: Actor, role: str, *, ended: bool, request_id: str | None, ip: str | None
) -> None:
    """Note that somebody began or ended to see the console as a role."""
    note = {
        "tenant": actor.tenant_id,
        "person": actor.app_user_id,
        "summary": f"{'Stopped seeing' if ended else 'Began to see'} the console as {role}",
        "request": request_id,
        "ip": ip,
        "meta": json.dumps({"role": role}),
    }
    connection.execute(_IMPERSONATE, note)


_NOTE = text("""
INSERT INTO user_activities (tenant_id, app_user_id, kind, screen, summary, subject_type, subject_id, request_id, ip, meta)
VALUES (:tenant, :person, 'view', :screen, :summary, :table, :key, :request, CAST(:ip AS inet), CAST(:meta AS jsonb))
""")
_SEEN = text("""
SELECT a.display_name, u.created_at, u.meta FROM user_activities u LEFT JOIN app_users a ON a.id = u.app_user_id
WHERE u.tenant_id = :tenant AND u.subject_type = :table AND u.subject_id = :key AND u.screen = :screen
ORDER BY u.created_at DESC, u.id DESC LIMIT :n
""")
_IMPERSONATE = text("""
INSERT INTO user_activities (tenant_id, app_user_id, kind, screen, summary, request_id, ip, meta)
VALUES (:tenant, :person, 'impersonate', 'roles', :summary, :request, CAST(:ip AS inet), CAST(:meta AS jsonb))
""")
