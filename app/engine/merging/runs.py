"""Merges too many or too large to wait for: sealed, rehearsed one after the other by the worker, shown, then done as shown.

Each merge is one transaction with its own change set, whole or not at all, marked in the same transaction; the sets of one run
name the first of them, so that all of it is undone as one. A worker that dies loses nothing and does nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.long_work import LongWork, Stopped
from app.engine.merging import doing
from app.engine.merging.fields import Choices
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

MOST = 500
"""Merges one run holds."""
PAGE = 50
LIFE = LongWork("merge_runs", "merge", unprepared="cancelled")


@dataclass(frozen=True)
class Run:
    """One run as it stands."""

    id: int
    tenant_id: int
    app_user_id: int
    maker: str
    created_at: Any
    table_name: str
    state: str
    why: str | None
    total: int
    seen: int
    merged: int
    left_out: int
    sha256: str | None
    reason: str | None
    request_id: str | None
    ip: str | None
    attempt: int
    finished_at: Any
    expired: bool
    first_set: int | None
    merging: int
    refused: int
    moves: int

    @property
    def resource(self) -> Resource:
        found = REGISTRY.get(self.table_name)
        if found is None:
            raise NotFound("The table this is about is not part of the console any more.")
        return found

    @property
    def waits(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ("rehearsing", "applying")


@dataclass(frozen=True)
class Group:
    """Records one merge of a run makes one."""

    n: int
    kept: int
    others: tuple[int, ...]
    choices: Mapping[str, str]
    outcome: str
    why: str | None
    moves: int
    sha256: str | None
    change_set: int | None


def seal(
    connection: Connection, resource: Resource, groups: Sequence[tuple[int, Sequence[int], Choices]], actor: Actor
) -> int:
    """Keep what is to be merged: (the record kept, the others, choices) each. Returns the run's number."""
    if actor.app_user_id is None or not doing.may(resource, actor):
        raise NotAllowed(f"Your role does not merge {resource.plural.lower()}.")
    if not groups:
        raise NotFound(f"No {resource.plural.lower()} are left that match exactly.")
    chosen = groups[:MOST]
    values = {"tenant": actor.tenant_id, "me": actor.app_user_id, "table": resource.name, "total": len(chosen)}
    number = connection.execute(_NEW, values).scalar_one()
    connection.execute(
        _GROUPS,
        [
            {"run": number, "n": n, "kept": kept, "others": list(others), "choices": json.dumps(dict(choices))}
            for n, (kept, others, choices) in enumerate(chosen, 1)
        ],
    )
    return int(number)


def find(connection: Connection, number: int, tenant_id: int) -> Run:
    """One run, for the engine's own use. Raises NotFound."""
    row = connection.execute(_ONE, {"id": number, "tenant": tenant_id}).first()
    if row is None:
        raise NotFound("There is no such plan. It may have been forgotten, as plans are in time.")
    return Run(*row)


def open_(connection: Connection, number: int, actor: Actor) -> Run:
    """One's own run, while one's role still merges such records. Raises NotFound for every other."""
    found = find(connection, number, actor.tenant_id)
    if found.app_user_id != actor.app_user_id or not doing.may(found.resource, actor):
        raise NotFound("There is no such plan. It may have been forgotten, as plans are in time.")
    return found


def groups(connection: Connection, run: Run, after: int = 0, limit: int = PAGE) -> list[Group]:
    """The merges of a run, in order."""
    rows = connection.execute(_SHOWN, {"run": run.id, "after": after, "n": limit})
    return [Group(r[0], r[1], tuple(r[2]), r[3], r[4], r[5], r[6], r[7], r[8]) for r in rows]


def rehearse(number: int, actor: Actor) -> Run:
    """Rehearse every merge of a run. Safe to begin anew. Raises Stopped."""
    with transaction() as connection:
        run = find(connection, number, actor.tenant_id)
        attempt = LIFE.prepare(connection, number)
        if attempt is None:
            raise Stopped("This was stopped or ended already.")
    after = 0
    while True:
        with transaction() as connection:
            some = groups(connection, run, after, 1)
        if not some:
            break
        (group,) = some
        after = group.n
        outcome: dict[str, Any] = {"outcome": "merges", "why": None, "moves": 0, "sha": None}
        try:
            seen = doing.rehearse(run.resource, group.kept, group.others, group.choices, actor, patient=True)
            outcome |= {"moves": seen.moves, "sha": seen.digest}
        except Refusal as refused:
            outcome |= {"outcome": "refused", "why": refused.sentence[:500]}
        with transaction() as connection:
            LIFE.seen(connection, number, attempt, 1)
            connection.execute(_NOTE, {"run": number, "n": group.n, **outcome})
    with transaction() as connection:
        sha = _digest(connection, number)
        if connection.execute(_READY, {"id": number, "attempt": attempt, "sha": sha}).rowcount != 1:
            raise Stopped("This was stopped.")
        return find(connection, number, actor.tenant_id)


def begin(connection: Connection, run: Run, actor: Actor, reason: str, request_id: str | None, ip: str | None) -> None:
    """Let a rehearsed run be done: once, as it was shown. Raises Rejected without a reason, Stale otherwise."""
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history of every record keeps it."})
    if run.expired:
        raise Stale("This rehearsal is a day old. Begin anew from the queue.")
    if not run.merging:
        raise Stale("There is nothing to merge: every one of them is refused.")
    LIFE.begin(connection, run, _digest(connection, run.id), reason, request_id, ip)


def carry_out(number: int, actor: Actor) -> Run:
    """Merge what is left of a run, one after the other."""
    with transaction() as connection:
        run = find(connection, number, actor.tenant_id)
        attempt = LIFE.take_up(connection, number)
    if attempt is None:
        return run
    with suppress(Stopped):
        while True:
            with transaction() as connection:
                LIFE.hold(connection, number, attempt)
                group = connection.execute(_NEXT, {"run": number}).first()
                first = connection.execute(_FIRST, {"run": number}).scalar()
                if group is None:
                    LIFE.done(connection, number, attempt)
                    break
            _one(run, group, first, attempt, actor)
    with transaction() as connection:
        LIFE.rest(connection, number, attempt)
        return find(connection, number, actor.tenant_id)


def _one(run: Run, group: Any, first: int | None, attempt: int, actor: Actor) -> None:
    def marked(connection: Connection, change_set: int | None) -> None:
        asked = {"run": run.id, "n": group.n, "set": change_set, "attempt": attempt}
        if connection.execute(_MERGED, asked).rowcount != 1:
            raise Stale("Another worker took this over.")

    try:
        doing.apply_merge(
            run.resource, group.kept_id, group.other_ids, group.choices, actor, group.sha256 or "", run.reason,
            within=marked, patient=True, request_id=run.request_id, ip=run.ip, group_id=first,
        )  # fmt: skip
    except Refusal as refused:
        with transaction() as connection:
            connection.execute(_LEFT, {"run": run.id, "n": group.n, "why": refused.sentence[:500], "attempt": attempt})


def _digest(connection: Connection, number: int) -> str:
    whole = hashlib.sha256(b"merge run 1\n")
    for row in connection.execute(_DIGESTED, {"run": number}):
        whole.update(f"{row.n} {row.kept_id} {row.other_ids} {row.choices} {row.sha256}\n".encode())
    return whole.hexdigest()


_COLUMNS = """
r.id, r.tenant_id, r.app_user_id, a.display_name, r.created_at, r.table_name, r.state, r.why, r.total, r.seen, r.merged,
r.left_out, r.sha256, r.reason, r.request_id, host(r.ip), r.attempt, r.finished_at,
r.expires_at < clock_timestamp() AND r.state = 'ready',
(SELECT min(change_set_id) FROM merge_groups g WHERE g.run_id = r.id),
(SELECT count(*) FROM merge_groups g WHERE g.run_id = r.id AND g.outcome = 'merges'),
(SELECT count(*) FROM merge_groups g WHERE g.run_id = r.id AND g.outcome = 'refused'),
(SELECT coalesce(sum(moves), 0)::int FROM merge_groups g WHERE g.run_id = r.id AND g.outcome IN ('merges', 'merged'))
"""
_ONE = text(
    f"SELECT {_COLUMNS} FROM merge_runs r JOIN app_users a ON a.id = r.app_user_id WHERE r.id = :id AND r.tenant_id = :tenant"
)
_NEW = text(
    "INSERT INTO merge_runs (tenant_id, app_user_id, table_name, total) VALUES (:tenant, :me, :table, :total) RETURNING id"
)
_GROUPS = text("""
INSERT INTO merge_groups (run_id, n, kept_id, other_ids, choices)
VALUES (:run, :n, :kept, CAST(:others AS bigint[]), CAST(:choices AS jsonb))
""")
_SHOWN = text("""
SELECT n, kept_id, other_ids, choices, outcome, why, moves, sha256, change_set_id FROM merge_groups
WHERE run_id = :run AND n > :after ORDER BY n LIMIT :n
""")
_NOTE = text("""
UPDATE merge_groups SET outcome = :outcome, why = :why, moves = :moves, sha256 = :sha WHERE run_id = :run AND n = :n
""")
_READY = text("""
UPDATE merge_runs SET state = 'ready', sha256 = :sha, beat_at = clock_timestamp(),
    expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND attempt = :attempt AND state = 'rehearsing' AND NOT stop_asked
""")
_NEXT = text("""
SELECT n, kept_id, other_ids, choices, sha256 FROM merge_groups WHERE run_id = :run AND outcome = 'merges' ORDER BY n LIMIT 1
""")
_FIRST = text("SELECT min(change_set_id) FROM merge_groups WHERE run_id = :run")
_MERGED = text("""
WITH mark AS (
    UPDATE merge_runs SET merged = merged + 1 WHERE id = :run AND attempt = :attempt AND state = 'applying' RETURNING id
)
UPDATE merge_groups g SET outcome = 'merged', change_set_id = :set FROM mark
WHERE g.run_id = mark.id AND g.n = :n AND g.outcome = 'merges'
""")
_LEFT = text("""
WITH mark AS (
    UPDATE merge_runs SET left_out = left_out + 1 WHERE id = :run AND attempt = :attempt AND state = 'applying' RETURNING id
)
UPDATE merge_groups g SET outcome = 'left_out', why = :why FROM mark
WHERE g.run_id = mark.id AND g.n = :n AND g.outcome = 'merges'
""")
_DIGESTED = text("""
SELECT n, kept_id, other_ids, choices::text AS choices, sha256 FROM merge_groups
WHERE run_id = :run AND outcome = 'merges' ORDER BY n
""")
