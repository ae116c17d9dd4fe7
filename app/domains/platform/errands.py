"""What a worker does for a person who did not wait: as that person, stopped when told to, and told of how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.core.db import db
from app.engine import background
from app.engine.access import SYSTEM, Actor
from app.engine.apply import change, transaction
from app.engine.approval_rules import person
from app.engine.long_work import LongWork, Stopped
from app.engine.refusals import NotAllowed, Refusal

logger = logging.getLogger("console.errands")

GIVEN_UP: list[Callable[[], int]] = []
"""What stops the runs of one kind that nobody will take up any more, and says how many."""
NOBODY = "It was begun three times and never got to its end. Whole batches that were done stay done; you can go on."


@dataclass(frozen=True)
class Errand:
    """One kind of work: fixes of many records, imports, merges."""

    word: str
    """What its notices and change sets are named by: "bulk", "import", "merge"; its background tasks begin with it."""
    life: LongWork
    label: str
    """SQL of what its person calls a run."""
    argument: str
    """By what its background tasks are given a run's number."""
    link: str
    """The address of a run without its number: "/imports"."""
    stuck: str
    """The title of the notice when it could not go on, with {label}."""
    said: Callable[[Any], tuple[str, str] | None]
    """Title and body of the notice for a run as it stands; None where there is nothing to tell yet."""

    def __post_init__(self) -> None:
        GIVEN_UP.append(self.let_go)

    def run(self, number: int, work: Callable[[int, Actor], Any]) -> None:
        """Do it as the person it is for; a refusal ends it with its sentence, and the person is told either way."""
        with db.engine.connect() as connection:
            row = self._row(connection, number)
            actor = person(connection, row.app_user_id) if row is not None else None
        if row is None:
            return
        try:
            if actor is None:
                raise NotAllowed("The person it was for may no longer work here.")
            done = work(number, actor)
        except Stopped:
            logger.info("stopped", extra={"errand": self.word, "run": number})
        except Refusal as refused:
            self._stuck(row, refused.sentence)
        else:
            told = self.said(done)
            if told is not None:
                self._tell(row, "success" if done.state in ("ready", "done") else "warning", *told)

    def let_go(self) -> int:
        """Stop the runs that no worker will take up any more, so that their people can go on with them; how many."""
        with db.engine.connect() as connection:
            numbers = abandoned(connection, self.life.table, "state", f"{self.word}.%", self.argument)
            rows = [self._row(connection, number) for number in numbers]
        for row in rows:
            self._stuck(row, NOBODY)
        return len(rows)

    def _row(self, connection: Connection, number: int) -> Any:
        sql = f"SELECT id, tenant_id, app_user_id, {self.label} AS label FROM {self.life.table} WHERE id = :id"
        return connection.execute(text(sql), {"id": number}).first()

    def _stuck(self, row: Any, why: str) -> None:
        with transaction() as connection:
            self.life.fail(connection, row.id, why)
        self._tell(row, "warning", self.stuck.format(label=row.label), why)

    def _tell(self, row: Any, severity: str, title: str, body: str) -> None:
        action, reason = f"{self.word}.told", f"{self.link} {row.id}"
        with change(SYSTEM(row.tenant_id), reason=reason, action=action, channel="system") as connection:
            connection.execute(
                _NOTICE,
                {
                    "tenant": row.tenant_id,
                    "person": row.app_user_id,
                    "kind": f"{self.word}.done",
                    "severity": severity,
                    "title": title[:200],
                    "body": body,
                    "link": f"{self.link}/{row.id}",
                    "matter": f"{self.word}:{row.id}:{title}"[:200],
                },
            )


@background.every("*/2 * * * *", "errands.let_go")
def let_go() -> int:
    """Hand back to their people what was given up after three attempts, so that nothing says for ever it is under way."""
    return sum(stop() for stop in GIVEN_UP)


def abandoned(connection: Connection, table: str, state: str, tasks: str, argument: str) -> list[int]:
    """Runs of a table that are under way by their `state` and have neither a worker nor a queued job of `tasks`."""
    asked = {"tasks": tasks, "argument": argument}
    return list(connection.execute(text(_ABANDONED.format(table=table, state=state)), asked).scalars())


# A run that is done in a request beats too, and is over long before.
_ABANDONED = """
SELECT r.id FROM {table} r
WHERE r.{state} IN ('waiting', 'running', 'reading', 'rehearsing', 'applying')
    AND r.beat_at < clock_timestamp() - interval '5 minutes'
    AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.status IN ('todo', 'doing') AND j.task_name LIKE :tasks
        AND j.args ->> :argument = r.id::text)
ORDER BY r.id LIMIT 100
"""
_NOTICE = text("""
INSERT INTO user_notifications (tenant_id, app_user_id, kind, severity, title, body, link, dedupe_key)
VALUES (:tenant, :person, :kind, :severity, :title, :body, :link, :matter)
ON CONFLICT DO NOTHING
""")
