"""Who gets in and what they may do: signing in, sessions, keys, companies kept apart, roles, the ledger, obligations."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, answer, check, code, move, page, table, task

ACCESS = (
    Feature(
        "authentication",
        "Authentication",
        "Sign-in, sign-out, reset, invitation, second factor with recovery codes, and lock-out.",
        number=1,
        tables=("users", "user_sessions", "auth_tokens"),
        parts=(
            page("a page to sign in", "/sign-in"),
            page("a way to sign out", "/sign-out"),
            page("links to set a new password", "/reset/*"),
            page("invitations", "/invite/*"),
            table("lock-out after too many tries", "login_throttle"),
            page("a second factor", "*totp*", "*second-factor*", "*passkey*"),
            page("recovery codes", "*recovery*"),
        ),
        uses=(Use("sign-ins", "user_sessions", "started_at", {"outcome": "success"}),),
    ),
    Feature(
        "sessions",
        "JWT and sessions",
        "People see and end their sessions, idle and absolute limits hold, API tokens rotate.",
        number=2,
        tables=("sessions", "auth_tokens"),
        parts=(
            page("a list of live sessions", "/sessions"),
            page("a way to end one's own", "/account/sessions/*/end"),
            task("forgetting of ended sessions", "retention.prune"),
            answer("tokens for programs that rotate", "/api/*token*", "/oauth/*"),
        ),
        uses=(Use("sessions seen", "sessions", "last_seen_at"),),
    ),
    Feature(
        "api_keys",
        "API keys",
        "Shown once, scoped, limited, expiring; revoked at the next call.",
        number=14,
        tables=("user_api_keys",),
        parts=(
            move("revoking", "user_api_keys.revoke"),
            answer("an API that takes them", "/api/v1/*"),
            page("a page that makes one and shows it once", "/account/keys*", "*api-keys*", "*api_keys/issue"),
        ),
        uses=(Use("keys used", "user_api_keys", "last_used_at"),),
    ),
    Feature(
        "multi_tenant",
        "Multi-tenant",
        "No list, search, guess of a number, export, file or stream shows another company's row.",
        number=15,
        tables=("tenants", "app_users"),
        parts=(
            code("rows scoped to one's company", "app.engine.listing:row_scope"),
            code("a company's own settings", "app.domains.platform.tenants:only_this_company"),
        ),
        pages=("/platform/tenants",),
        uses=(Use("people of this company seen", "app_users", "last_seen_at"),),
    ),
    Feature(
        "rbac",
        "Role-based access",
        "Every route declares a permission, and the matrix on the screen equals the code.",
        number=16,
        tables=("roles", "app_user_roles"),
        parts=(
            code("a guard before every page", "app.web.security:guard"),
            page("roles to edit", "/roles"),
            page("the matrix of roles and permissions", "/roles/matrix"),
            page("giving a role to a person", "/people/*/roles"),
        ),
        uses=(Use("roles given", "app_user_roles", "created_at"),),
    ),
    Feature(
        "audit_log",
        "Audit log",
        "Each write shows who, when, before, after and why; an edit of the history breaks the chain.",
        number=17,
        parts=(
            table("the ledger", "change_sets"),
            table("its entries", "change_entries"),
            page("a page of changes", "/change-sets"),
            page("undo of a whole set", "/change-sets/*/undo"),
            task("sealing", "ledger.seal"),
            check("proof of the chain", "audit.chain"),
        ),
        uses=(),
    ),
    Feature(
        "compliance",
        "Compliance",
        "An item comes due, tells its owner, takes evidence and shows on the report.",
        number=18,
        tables=("compliance_items",),
        parts=(
            move("confirming with evidence", "compliance_items.confirm"),
            move("waiving with a reason", "compliance_items.waive"),
            task("notice when an item comes due", "compliance.*"),
            page("a report", "/compliance*", "/governance*"),
        ),
        uses=(Use("items reviewed", "compliance_items", "last_reviewed_at"),),
    ),
)
