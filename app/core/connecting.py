"""How every connection to PostgreSQL begins: under which name, on which path, within which limits, as which role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.config import Config

# PostgreSQL's own time-outs are all "never". A person waiting on a page is not helped by a statement that runs for an hour.
TIMEOUTS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
}


def connect_args(config: Config, role: str = "app", application: str = "console") -> dict[str, Any]:
    """Arguments of every connection: name, search path, limits, and the application role where the login is a stronger one.

    Behind a pooler in transaction mode start-up options are not passed on and prepared statements do not
    survive, so there the limits must come from the database role's own settings.
    """
    args: dict[str, Any] = {"application_name": application, "connect_timeout": 5}
    if config.pooler == "transaction":
        args["prepare_threshold"] = None
        return args
    options = {"search_path": f"{config.console_schema},public"}
    if role == "app":
        options |= TIMEOUTS
        if not config.app_database_url:
            options["role"] = "console_app"
    args["options"] = " ".join(f"-c {name}={value}" for name, value in options.items())
    return args
