"""The only place that commits: every write passes here, whole or not at all, with an actor and a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from app.core.db import db
from app.engine.access import Actor

_OPEN = text(
    "SELECT open_change_set(:actor_type, :app_user_id, :channel, :action, :reason, :request_id, CAST(:ip AS inet),"
    " :undoes_id, :tenant_id)"
)


@contextmanager
def transaction() -> Iterator[Connection]:
    """One unit of work over tables that keep no history (sessions, health rows, metrics): committed at the end or not at all."""
    with db.engine.begin() as connection:
        yield connection


@contextmanager
def change(
    actor: Actor,
    *,
    reason: str | None = None,
    action: str | None = None,
    channel: str = "console",
    request_id: str | None = None,
    ip: str | None = None,
    undoes_id: int | None = None,
) -> Iterator[Connection]:
    """One unit of work inside an open change set: whatever it writes to governed tables is recorded under `actor`.

    The set's id is in `connection.info["change_set"]` for the receipt. An error rolls back rows and ledger alike.
    """
    with db.engine.begin() as connection:
        connection.info["change_set"] = connection.execute(
            _OPEN,
            {
                "actor_type": actor.kind,
                "app_user_id": actor.app_user_id,
                "channel": channel,
                "action": action,
                "reason": reason,
                "request_id": request_id,
                "ip": ip,
                "undoes_id": undoes_id,
                "tenant_id": actor.tenant_id,
            },
        ).scalar_one()
        yield connection
