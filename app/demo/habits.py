"""How the staff settled in: the invitations they used, a password set anew, the lists they kept for themselves."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

# (list, name, filters, order, whose: a role, or nobody's and so everybody's)
VIEWS: tuple[tuple[str, str, tuple[tuple[str, str], ...], tuple[str, ...], str | None], ...] = (
    ("crm/invoices", "Overdue a month and more", (("status", "open"), ("due_date.lt", "-30d")), ("-balance",), "billing"),
    ("crm/invoices", "Drafts to send", (("status", "draft"),), ("issue_date",), None),
    ("crm/jobs", "Held up the longest", (("status", "on_hold"),), ("stage_entered_at",), None),
    ("crm/jobs", "Completed, not billed", (("status", "completed"),), ("completed_at",), "operations_manager"),
    ("crm/leads", "No owner yet", (("owner_id.null", "true"),), ("-created_at",), "sales"),
    ("crm/customers", "On credit hold", (("scope", "Credit hold"),), ("-open_balance",), "billing"),
    ("ai/ai_decision_logs", "Risky, unreviewed", (("risk", "high"), ("reviewed_at.null", "true")), ("-decided_at",),
     "ai_operator"),
    ("tasks/user_tasks", "Late, of everyone", (("status.in", "todo,in_progress"), ("due_at.lt", "today")), ("due_at",),
     "operations_manager"),
)  # fmt: skip


def settle_in(connection: Connection, tenant_id: int, address: str) -> None:
    """For the sign-ins just made; `address` is the pattern of theirs, with the role in it as {role}."""
    for place, (screen, name, filters, sort, role) in enumerate(VIEWS):
        connection.execute(
            _VIEW,
            {
                "tenant": tenant_id,
                "screen": screen,
                "name": name,
                "filters": [list(pair) for pair in filters],
                "sort": list(sort),
                "email": address.format(role=role) if role else None,
                "place": 100 + place,
            },
        )
    # Links that were used and are worth nothing any more: of each, as always, only a digest is there.
    connection.execute(_INVITED, {"tenant": tenant_id})
    digest = hashlib.sha256(b"a link that was used up").digest()
    connection.execute(_RESET, {"email": address.format(role="dispatcher"), "digest": digest})


_VIEW = text("""
INSERT INTO saved_views (tenant_id, app_user_id, screen, name, filters, sort, position)
VALUES (:tenant, (SELECT a.id FROM app_users a JOIN users u ON u.id = a.user_id
                  WHERE u.email = :email AND a.tenant_id = :tenant),
        :screen, :name, :filters, :sort, :place)
""").bindparams(bindparam("filters", type_=JSONB))
_INVITED = text("""
INSERT INTO auth_tokens (user_id, purpose, token_hash, created_at, expires_at, used_at)
SELECT u.id, 'invite', sha256(convert_to('used ' || u.email, 'UTF8')), now() - n * interval '50 hours',
       now() - n * interval '50 hours' + interval '7 days', now() - n * interval '50 hours' + n * interval '19 minutes'
FROM (SELECT u.id, u.email, row_number() OVER (ORDER BY u.id) AS n FROM users u JOIN app_users a ON a.user_id = u.id
      WHERE a.tenant_id = :tenant AND u.kind = 'human') u
""")
_RESET = text("""
INSERT INTO auth_tokens (user_id, purpose, token_hash, created_at, expires_at, used_at)
SELECT id, 'password_reset', :digest, now() - interval '6 days', now() - interval '5 days', now() - interval '143 hours'
FROM users WHERE email = :email
""")
