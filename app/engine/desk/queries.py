"""Queries of the SQL desk kept under a name: for oneself, or shared with all who may ask there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from app.engine.access import Actor
from app.engine.apply import change
from app.engine.desk.statement import Objection, parameters
from app.engine.refusals import NotFound, Rejected, Stale

LONGEST_NAME, LONGEST_ABOUT, LONGEST_STATEMENT = 80, 500, 20_000


@dataclass(frozen=True)
class Kept:
    """One of them, with when it was last sent."""

    id: int
    name: str
    about: str
    statement: str
    shared: bool
    version: int
    owner_id: int
    owner: str
    sent_at: datetime | None

    def is_of(self, actor: Actor) -> bool:
        return self.owner_id == actor.app_user_id


def listed(connection: Connection, actor: Actor) -> list[Kept]:
    """One's own and the shared ones, by name."""
    return [_kept(row) for row in connection.execute(_LISTED, _asked(actor))]


def find(connection: Connection, actor: Actor, number: int) -> Kept:
    """Raises NotFound for another's that is not shared."""
    row = connection.execute(_FOUND, _asked(actor) | {"id": number}).first()
    if row is None:
        raise NotFound("There is no such query, or it is somebody else's and not shared.")
    return _kept(row)


def save(
    connection: Connection,
    actor: Actor,
    *,
    name: str,
    about: str,
    statement: str,
    shared: bool,
    earlier: Kept | None,
    version: int,
    stamp: dict[str, Any],
) -> int:
    """Keep it under its name, anew or in place of `earlier`. Raises Rejected with a sentence a field, Stale when somebody
    saved it meanwhile."""
    name, about = " ".join(name.split()), about.strip()
    errors = {}
    if not name or len(name) > LONGEST_NAME:
        errors["name"] = f"Give it a name of at most {LONGEST_NAME} characters."
    if len(about) > LONGEST_ABOUT:
        errors["about"] = f"Use at most {LONGEST_ABOUT} characters."
    if not statement.strip() or len(statement) > LONGEST_STATEMENT or "\x00" in statement:
        errors["statement"] = f"Write a statement of at most {LONGEST_STATEMENT:,} characters before you keep it."
    if shared and not actor.may("sql.share") and not (earlier and earlier.shared):
        errors["shared"] = "Your role keeps queries for itself; sharing them is another permission."
    try:
        names = list(parameters(statement))
    except Objection as wrong:
        errors.setdefault("statement", wrong.sentence)
        names = []
    if errors:
        raise Rejected(errors)
    values = {
        "tenant": actor.tenant_id, "me": actor.app_user_id, "name": name, "about": about or None, "statement": statement,
        "parameters": names, "shared": shared, "id": earlier.id if earlier else None, "version": version,
    }  # fmt: skip
    try:
        with change(actor, action="sql.keep", **stamp) as writing:
            written = writing.execute(_UPDATE if earlier else _INSERT, values).scalar()
            if written is None:
                raise Stale("Somebody saved this query meanwhile. Open it anew, or keep yours under another name.")
    except IntegrityError:
        raise Rejected({"name": "You have a query of this name already."}) from None
    return int(written)


def forget(actor: Actor, kept: Kept, stamp: dict[str, Any]) -> None:
    """Delete it; what was sent from it stays in the log."""
    with change(actor, action="sql.forget", **stamp) as writing:
        writing.execute(_DELETE, {"id": kept.id, "me": actor.app_user_id})


def _asked(actor: Actor) -> dict[str, Any]:
    return {"tenant": actor.tenant_id, "me": actor.app_user_id}


def _kept(row: Row[Any]) -> Kept:
    return Kept(**dict(row._mapping))


_COLUMNS = """
SELECT q.id, q.name, coalesce(q.about, '') AS about, q.statement, q.shared, q.version, q.app_user_id AS owner_id,
       u.display_name AS owner, r.created_at AS sent_at
FROM sql_queries q JOIN app_users u ON u.id = q.app_user_id
LEFT JOIN LATERAL (SELECT created_at FROM sql_runs WHERE query_id = q.id ORDER BY created_at DESC LIMIT 1) r ON true
WHERE q.tenant_id = :tenant AND (q.shared OR q.app_user_id = :me)
"""
_LISTED = text(_COLUMNS + " ORDER BY q.app_user_id <> :me, q.name LIMIT 200")
_FOUND = text(_COLUMNS + " AND q.id = :id")
_INSERT = text("""
INSERT INTO sql_queries (tenant_id, app_user_id, name, about, statement, parameters, shared)
VALUES (:tenant, :me, :name, :about, :statement, CAST(:parameters AS text[]), :shared) RETURNING id
""")
_UPDATE = text("""
UPDATE sql_queries SET name = :name, about = :about, statement = :statement, parameters = CAST(:parameters AS text[]),
       shared = :shared
WHERE id = :id AND app_user_id = :me AND version = :version RETURNING id
""")
_DELETE = text("DELETE FROM sql_queries WHERE id = :id AND app_user_id = :me")
