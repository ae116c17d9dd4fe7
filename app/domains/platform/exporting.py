"""Making the files people asked for and need not wait for: as the person they are for, who is told when one is ready."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Row, text

from app.core import formats
from app.core.db import db
from app.engine import background, copies, copies_later
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.approval_rules import person
from app.engine.copies_later import Growing
from app.engine.long_work import Stopped
from app.engine.refusals import NotAllowed, Refusal

logger = logging.getLogger("console.exports")


@background.task("export.make")
def make(export_id: int) -> None:
    """Make one file. Safe to run twice: an attempt that was overtaken writes nothing more, and a finished file stays."""
    with transaction() as connection:
        manifest = copies_later.take_up(connection, export_id)
    if manifest is None:
        return
    growing = Growing(db.engine, manifest)
    try:
        with db.engine.connect() as connection:
            actor = person(connection, manifest.app_user_id)
            if actor is None:
                raise NotAllowed("The person it was for may no longer work here.")
            asked = copies.again(connection, manifest, actor)
        tally = growing.make(asked, actor)
    except Stopped:
        logger.info("export stopped", extra={"export": export_id})
        return
    except Refusal as refused:
        _close(manifest, "failed", why=refused.sentence)
    except Exception:
        if growing.attempt >= background.ATTEMPTS:
            _close(manifest, "failed", why="It failed three times. The errors page says why.")
        raise
    else:
        _close(manifest, "done", tally)


def _close(manifest: Row[Any], status: str, tally: copies.Tally | None = None, why: str = "") -> None:
    """End the manifest and tell its person, both or neither."""
    with change(
        SYSTEM(manifest.tenant_id), reason=f"Export {manifest.id}", action="export.make", channel="system"
    ) as connection:
        if not copies.finish(
            connection, manifest.id, status, tally, why=why, attempt=manifest.attempt, lasts=copies_later.LASTS
        ):
            return
        if tally is not None:
            words = f"{tally.rows:,} rows, {formats.size(tally.size)}. The link works for 24 hours, for you alone."
            told: dict[str, Any] = {
                "severity": "success",
                "title": f"Your export of {manifest.label} is ready",
                "body": words,
            }
        else:
            told = {"severity": "warning", "title": f"Your export of {manifest.label} could not be made", "body": why}
        told |= {"tenant": manifest.tenant_id, "person": manifest.app_user_id}
        told |= {"link": f"/platform/data_exports/{manifest.id}", "matter": f"export:{manifest.id}"}
        connection.execute(_TELL, told)


@background.every("13 * * * *", "exports.sweep")
def sweep() -> dict[str, int]:
    """Take away the files whose day is over and close the manifests nobody will close any more."""
    with transaction() as connection:
        return copies_later.sweep(connection)


_TELL = text("""
INSERT INTO user_notifications (tenant_id, app_user_id, kind, severity, title, body, link, dedupe_key)
VALUES (:tenant, :person, 'export.made', :severity, :title, :body, :link, :matter)
""")
