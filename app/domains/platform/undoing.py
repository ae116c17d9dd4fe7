"""Undoing large changes in the background: as the person who asked for it, who is told how it ended."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, Row, text

from app.core.db import db
from app.domains.platform.errands import GIVEN_UP, NOBODY, abandoned
from app.engine import background, undo_later
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.approval_rules import person
from app.engine.long_work import Stopped
from app.engine.refusals import NotAllowed, Refusal

logger = logging.getLogger("console.undo")


@background.task("undo.go_on")
def go_on(run_id: int) -> None:
    """Go on with one undo. Safe to run twice: each batch moves the mark it began at, and an attempt overtaken writes nothing."""
    with transaction() as connection:
        run = undo_later.take_up(connection, run_id)
    if run is None:
        return
    try:
        with db.engine.connect() as connection:
            actor = person(connection, run.app_user_id)
        if actor is None:
            raise NotAllowed("The person who asked for it may no longer work here.")
        undo_later.go_on(db.engine, run, actor)
    except Stopped:
        logger.info("undo stopped", extra={"undo": run_id})
    except Refusal as refused:
        _close(run, "failed", refused.sentence)
    except Exception:
        if run.attempt >= background.ATTEMPTS:
            _close(run, "failed", "It failed three times; the errors page says why. Whole batches are undone.")
        raise
    else:
        _close(run, "done", None)


def _let_go() -> int:
    with db.engine.connect() as connection:
        rows = [
            connection.execute(text("SELECT * FROM undo_runs WHERE id = :id"), {"id": number}).one()
            for number in abandoned(connection, "undo_runs", "status", "undo.%", "run_id")
        ]
    for run in rows:
        _close(run, "failed", NOBODY)
    return len(rows)


GIVEN_UP.append(_let_go)


def _close(run: Row[Any], status: str, why: str | None) -> None:
    """End it and tell its person, both or neither."""
    with change(SYSTEM(run.tenant_id), reason=f"Undo {run.id}", action="undo.end", channel="system") as connection:
        if undo_later.finish(connection, run, status, why):
            _tell(connection, run, status, why)


def _tell(connection: Connection, run: Row[Any], status: str, why: str | None) -> None:
    now = undo_later.run_of(connection, run.id, run.tenant_id)
    assert now is not None
    left = f", {now.records_left:,} left as they are" if now.records_left else ""
    told = {
        "tenant": run.tenant_id,
        "person": run.app_user_id,
        "severity": "success" if status == "done" and not now.records_left else "warning",
        "title": f"Change {run.change_set_id} is undone"
        if status == "done"
        else f"Change {run.change_set_id} is not undone whole",
        "body": f"{now.records_restored:,} records put back{left}." + (f" {why}" if why else ""),
        "link": f"/change-sets/undos/{run.id}",
        "matter": f"undo:{run.id}:{run.attempt}",
    }
    connection.execute(_TELL, told)


_TELL = text("""
INSERT INTO user_notifications (tenant_id, app_user_id, kind, severity, title, body, link, dedupe_key)
VALUES (:tenant, :person, 'undo.ended', :severity, :title, :body, :link, :matter)
""")
