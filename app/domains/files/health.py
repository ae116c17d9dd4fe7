"""Whether files are what they should be: scanned before anyone opens them, and brought over from where they were."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.engine.health import Measured, check


@check(
    "files.unscanned",
    group="storage",
    title="Files waiting for their scan",
    unit="files",
    warn=1,
    crit=50,
    per_tenant=True,
)
def unscanned(connection: Connection, tenant_id: int) -> Measured:
    """Uploaded more than 15 minutes ago and not scanned yet; a scan that failed counts as none."""
    waiting, oldest = connection.execute(
        text("""
            SELECT count(*), min(name) FROM file_metadata
            WHERE tenant_id = :tenant_id AND scan_status IN ('pending', 'error') AND deleted_at IS NULL
              AND created_at < clock_timestamp() - interval '15 minutes'
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(waiting, f"{oldest} and others" if waiting > 1 else oldest or "All are scanned")


@check(
    "files.infected",
    group="storage",
    title="Infected files",
    unit="files",
    warn=1,
    crit=10,
    every=3600,
    per_tenant=True,
)
def infected(connection: Connection, tenant_id: int) -> Measured:
    """Found infected and not thrown away."""
    found, name = connection.execute(
        text("""
            SELECT count(*), min(name) FROM file_metadata
            WHERE tenant_id = :tenant_id AND scan_status = 'infected' AND deleted_at IS NULL
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(found, name or "None found")


@check(
    "data.stuck_files", group="data", title="Stuck files", unit="files", warn=1, crit=50, every=3600, per_tenant=True
)
def stuck(connection: Connection, tenant_id: int) -> Measured:
    """Rule 23: a file of CenterPoint that failed three times, or a picture whose preview could not be made."""
    remote, pictures = connection.execute(
        text("""
            SELECT (SELECT count(*) FROM centerpoint_files
                    WHERE tenant_id = :tenant_id AND sync_status = 'failed' AND attempts >= 3),
                   (SELECT count(*) FROM media_assets WHERE tenant_id = :tenant_id AND derivative_status = 'failed')
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(remote + pictures, f"{remote} of CenterPoint, {pictures} pictures without preview", {"rule": "23"})
