"""Whether what comes round does come round, and whether automations run or have switched themselves off."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check

# The console's own rounds belong to no company; those of a company are kept by whatever runs them.
_OWN = """
    SELECT name FROM cron_jobs
    WHERE tenant_id IS NULL AND enabled AND {troubled} ORDER BY next_run_at, name
"""
_LATE = text(_OWN.format(troubled="next_run_at + make_interval(secs => grace_seconds) < clock_timestamp()"))
_DOWN = text(_OWN.format(troubled="consecutive_failures >= alert_after_failures"))
_KNOWN = text("SELECT count(*) FROM cron_jobs WHERE tenant_id IS NULL AND enabled")


def _named(connection: Connection, troubled: object) -> Measured:
    if not connection.execute(_KNOWN).scalar():
        return Measured(None, "No worker has said yet what comes round")
    names = list(connection.scalars(troubled))  # type: ignore[call-overload]
    return Measured(len(names), "; ".join(names[:3]) + ("; and others" if len(names) > 3 else ""))


@check("cron.late", group="cron", title="Recurring jobs late", unit="jobs", warn=1, crit=3)
def late(connection: Connection) -> Measured:
    """The console's own recurring jobs whose time and grace have passed without a run."""
    return _named(connection, _LATE)


@check("cron.down", group="cron", title="Recurring jobs down", unit="jobs", crit=1)
def down(connection: Connection) -> Measured:
    """The console's own recurring jobs that failed as often in a row as they may."""
    return _named(connection, _DOWN)


@check(
    "automation.auto_disabled", group="cron", title="Automations switched off", unit="automations", warn=1, crit=5,
    every=300, per_tenant=True,
)  # fmt: skip
def auto_disabled(connection: Connection, tenant_id: int) -> Measured:
    """Automations that switched themselves off after failures within the last day."""
    names = connection.scalars(
        text("""
            SELECT name FROM automations
            WHERE tenant_id = :tenant_id AND status = 'auto_disabled' AND archived_at IS NULL
              AND last_run_at > clock_timestamp() - interval '1 day' ORDER BY name
        """),
        {"tenant_id": tenant_id},
    ).all()
    return Measured(len(names), ", ".join(names[:3]) + (" and others" if len(names) > 3 else ""))
