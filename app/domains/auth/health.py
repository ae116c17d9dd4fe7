"""Whether somebody is trying the doors."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check


@check("security.failed_logins", group="security", title="Failed sign-ins", unit="attempts", warn=20, crit=100)
def failed_logins(connection: Connection) -> Measured:
    """Sign-ins refused within the last 15 minutes, over all people and addresses."""
    row = connection.execute(
        text("""
            SELECT count(*) AS attempts, count(DISTINCT ip) AS addresses FROM user_sessions
            WHERE outcome IN ('bad_password', 'bad_mfa', 'locked', 'disabled', 'unknown_user')
              AND started_at > clock_timestamp() - interval '15 minutes'
        """)
    ).one()
    words = f"From {row.addresses} address{'' if row.addresses == 1 else 'es'}" if row.attempts else ""
    return Measured(row.attempts, words)
