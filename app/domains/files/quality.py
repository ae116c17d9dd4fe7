"""What may be wrong with files: data rule 23."""

from __future__ import annotations

from app.engine.quality.rules import Fixed, Fixing, Only, rule
from app.engine.refusals import NotAllowed


@rule(
    "DQ-23", "File that never arrived", "centerpoint_files", "media_assets",
    watches={"centerpoint_files": "id", "media_assets": "id"},
)  # fmt: skip
def stuck(only: Only) -> str:
    """Fetched three times and failed, or its small picture could not be drawn: nobody tries again by itself."""
    return f"""
        SELECT f.id, 'centerpoint_files' AS subject_type, jsonb_build_object('tried', f.attempts) AS details
        FROM centerpoint_files f WHERE f.tenant_id = :tenant AND f.sync_status = 'failed' AND f.attempts >= 3 {only("f.id")}
        UNION ALL
        SELECT m.id, 'media_assets', jsonb_build_object('its small picture', m.derivative_status)
        FROM media_assets m WHERE m.tenant_id = :tenant AND m.derivative_status = 'failed' {only("m.id")}"""


@stuck.fix("again", "Try again")
def again(fixing: Fixing) -> Fixed:
    """It is queued anew, and counts from the first attempt."""
    if fixing.resource.name == "media_assets":
        if not fixing.actor.may("files.write"):
            raise NotAllowed("Your role does not do this; it needs files.write.")
        changed = fixing.change("media_assets", fixing.record, derivative_status="pending")
        return Fixed("Its small picture is drawn again.", (changed,))
    if not fixing.actor.may("centerpoint.sync"):
        raise NotAllowed("Your role does not do this; it needs centerpoint.sync.")
    changed = fixing.change("centerpoint_files", fixing.record, sync_status="queued", attempts=0, error=None)
    return Fixed("It is fetched again.", (changed,))


@stuck.fix("gone", "Mark it as gone", "centerpoint.sync")
def gone(fixing: Fixing) -> Fixed:
    """It is not there any more, and nobody waits for it."""
    if fixing.resource.name != "centerpoint_files":
        raise NotAllowed("The file itself is here; only its small picture is missing. Draw it again.")
    return Fixed(
        "Nobody waits for it any more.", (fixing.change("centerpoint_files", fixing.record, sync_status="gone"),)
    )
