"""What an empty database opens with: the demonstration company and one account per role, or a link for the first owner."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from app.config import Config, write_private
from app.core.startup import connect

# The tenth role, `worker`, is the background worker itself; nobody signs in as it.
ROLES = ("owner", "admin", "operations_manager", "dispatcher", "sales", "billing", "ai_operator", "auditor", "viewer")
_IN_USE = """
SELECT EXISTS (SELECT FROM customers), EXISTS (SELECT FROM users WHERE password_hash IS NOT NULL AND status = 'active')
"""
PASSWORD_FILE = "demo-accounts.txt"


def email_for(role: str) -> str:
    """Whom to sign in as, to see the demonstration company with the eyes of that role."""
    return f"{role}@demo.example"


@dataclass(frozen=True)
class Greeting:
    """How to sign in, as told once the console is up."""

    lines: tuple[str, ...] = ()


def furnish(config: Config) -> Greeting:
    """Fill a database nobody has used yet, as CONSOLE_DEMO says; elsewhere only say how to sign in."""
    with connect(config) as connection:
        has_records, has_sign_ins = connection.execute(_IN_USE).fetchone() or (False, False)
    if config.demo and not has_records and not has_sign_ins:
        from app import demo

        print("Bringing in the demonstration company ...", file=sys.stderr, flush=True)
        demo.load(config.database_url or "", config.console_schema)
    if has_sign_ins:
        return _known(config)
    return _accounts(config) if config.demo else _invitation(config)


def furnish_desk(config: Config) -> bool:
    """The views of the SQL desk as this version declares them; False where they stood already, or there is no desk."""
    from app.engine.desk import views
    from app.engine.desk.running import role_of
    from app.engine.registry import discover

    role = role_of(config)
    if role is None:
        return False
    discover()
    with connect(config) as connection:
        return views.furnish(connection, config.console_schema, role)


def make_accounts(config: Config) -> str:
    """One sign-in per role, all with the same new password, which is returned. In one unit of work, in the ledger."""
    from app import create_app
    from app.demo import audits, habits, quality
    from app.demo.company import ROLE_EMAILS, ROLE_HOLDERS
    from app.domains.auth import staff
    from app.domains.platform import starting_views
    from app.engine.access import SYSTEM
    from app.engine.apply import change
    from app.engine.duplicates import looking
    from app.engine.passwords import hand_out
    from app.engine.registry import REGISTRY

    password = hand_out()
    with create_app(config).app_context():
        tenant_id = staff.company()
        reason = "First start of the demonstration company"
        with change(SYSTEM(tenant_id), reason=reason, action="staff.create", channel="system") as connection:
            for role in ROLES:
                staff.create(
                    connection,
                    tenant_id,
                    email_for(role),
                    role,
                    name=ROLE_HOLDERS[role],
                    colleague=ROLE_EMAILS[role],
                    password=password,
                    must_change=False,
                )
            starting_views.write_defaults(connection, tenant_id)
            habits.settle_in(connection, tenant_id, email_for("{role}"))
        audits.look_back(tenant_id)
        for each in REGISTRY:
            if each.alike is not None:
                looking.look(tenant_id, each)
        quality.look(tenant_id)
    return password


def _accounts(config: Config) -> Greeting:
    from app.demo.company import ROLE_HOLDERS

    password = make_accounts(config)
    lines = [
        "Demonstration accounts, one per role. All share one password, made for this console alone; it need not be",
        "changed at the first sign-in, so hand it only to people who may see the demonstration.",
        "",
        f"  password  {password}",
        "",
        *(f"  {email_for(role):<34} {ROLE_HOLDERS[role]}" for role in ROLES),
    ]
    path = config.data_dir / PASSWORD_FILE
    path.unlink(missing_ok=True)
    write_private(path, "\n".join([config.address, "", *lines]) + "\n")
    return Greeting((*lines, "", f"This is printed once; it is kept in {_shown(path)}."))


def _invitation(config: Config) -> Greeting:
    from app import create_app
    from app.domains.auth import staff
    from app.domains.crm import lead_scoring
    from app.domains.platform import starting_views
    from app.engine.access import SYSTEM
    from app.engine.apply import change

    with create_app(config).app_context():
        tenant_id = staff.company()
        with change(SYSTEM(tenant_id), action="staff.invite", reason="First owner", channel="system") as connection:
            lead_scoring.write_defaults(connection, tenant_id)
            starting_views.write_defaults(connection, tenant_id)
            token = staff.invite_first_owner(connection, tenant_id)
    if token is None:
        return Greeting()
    return Greeting(
        (
            "Nobody can sign in yet. This link makes the first owner; it works once, for seven days:",
            f"  {config.address}/invite/{token}",
            "A new start makes a new link and the old one stops working.",
        )
    )


def _known(config: Config) -> Greeting:
    path = config.data_dir / PASSWORD_FILE
    if config.demo and path.exists():
        return Greeting((f"Sign in as {email_for('owner')} or another demonstration account; see {_shown(path)}.",))
    return Greeting()


def _shown(path: os.PathLike[str]) -> str:
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown
