"""Answers that two records are not the same: remembered with who and why, held until what they rest on changes, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.apply import change
from app.engine.refusals import NotAllowed, NotFound
from app.engine.resource import Resource

PAGE = 50


@dataclass(frozen=True)
class Answer:
    """One remembered answer."""

    id: int
    left: int
    right: int
    reason: str | None
    by: str | None
    at: datetime
    holds: bool
    """False once one of the two was changed so that they may be asked about again."""


def keep_apart(
    resource: Resource, members: Sequence[int], actor: Actor, reason: str | None, **stamp: Any
) -> tuple[int, int]:
    """Remember that no two of these records are the same. Returns (pairs answered, change set).

    Raises NotFound where none of them was in question.
    """
    if not actor.may(resource.permission("merge")):
        raise NotAllowed(f"Your role does not merge {resource.plural.lower()}.")
    pairs = list(combinations(sorted(set(members)), 2))
    asked = {
        "tenant": actor.tenant_id,
        "table": resource.name,
        "lefts": [left for left, _right in pairs],
        "rights": [right for _left, right in pairs],
        "reason": (reason or "").strip()[:1000] or None,
        "me": actor.app_user_id,
    }
    with change(actor, reason=reason, action=f"{resource.one.replace(' ', '_')}.apart", **stamp) as connection:
        done = connection.execute(_APART, asked).rowcount
        if not done:
            raise NotFound(f"These {resource.plural.lower()} are not in question any more.")
        return done, connection.info["change_set"]


def ask_again(resource: Resource, number: int, actor: Actor, **stamp: Any) -> tuple[int, int]:
    """Take an answer back, so that the two are asked about again; returns the two records. Raises NotFound."""
    if not actor.may(resource.permission("merge")):
        raise NotAllowed(f"Your role does not merge {resource.plural.lower()}.")
    with change(actor, action=f"{resource.one.replace(' ', '_')}.ask_again", **stamp) as connection:
        row = connection.execute(_AGAIN, {"tenant": actor.tenant_id, "table": resource.name, "id": number}).first()
        if row is None:
            raise NotFound("There is no such answer; it may have been taken back already.")
    return row[0], row[1]


def given(connection: Connection, resource: Resource, actor: Actor, before: int | None = None) -> list[Answer]:
    """Remembered answers, newest first."""
    asked = {"tenant": actor.tenant_id, "table": resource.name, "before": before, "n": PAGE}
    return [Answer(*row) for row in connection.execute(_GIVEN, asked)]


_APART = text("""
INSERT INTO not_duplicates (tenant_id, table_name, left_id, right_id, basis, reason, decided_by)
SELECT :tenant, :table, p.left_id, p.right_id, encode(p.basis, 'hex'), :reason, :me
FROM duplicate_scopes s JOIN duplicate_pairs p ON p.scope_id = s.id
    JOIN unnest(CAST(:lefts AS bigint[]), CAST(:rights AS bigint[])) AS m (l, r) ON m.l = p.left_id AND m.r = p.right_id
WHERE s.tenant_id = :tenant AND s.table_name = :table
ON CONFLICT (tenant_id, table_name, left_id, right_id) DO UPDATE SET basis = excluded.basis, reason = excluded.reason,
    decided_by = excluded.decided_by
    WHERE not_duplicates.basis <> excluded.basis
""")
_AGAIN = text("""
DELETE FROM not_duplicates WHERE tenant_id = :tenant AND table_name = :table AND id = :id RETURNING left_id, right_id
""")
_GIVEN = text("""
SELECT n.id, n.left_id, n.right_id, n.reason, a.display_name, n.updated_at, NOT EXISTS (
    SELECT FROM duplicate_scopes s JOIN duplicate_pairs p ON p.scope_id = s.id
    WHERE s.tenant_id = n.tenant_id AND s.table_name = n.table_name AND p.left_id = n.left_id AND p.right_id = n.right_id
        AND encode(p.basis, 'hex') <> n.basis)
FROM not_duplicates n LEFT JOIN app_users a ON a.id = n.decided_by
WHERE n.tenant_id = :tenant AND n.table_name = :table AND (CAST(:before AS bigint) IS NULL OR n.id < :before)
ORDER BY n.id DESC LIMIT :n
""")
