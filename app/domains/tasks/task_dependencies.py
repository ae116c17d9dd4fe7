"""Order of tasks: which task has to be done or begun before another may; never in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, text
from sqlalchemy.orm import Mapped

from app.engine.fields import CREATE, NEVER, Choice, Count, Moment, Reference, Text
from app.engine.records import Log, Record, choice, integer, ref
from app.engine.refusals import Rejected
from app.engine.resource import Resource


class TaskDependency(Record, Log):
    __tablename__ = "task_dependencies"
    predecessor_user_task_id: Mapped[int | None] = ref("user_tasks", "C")
    predecessor_ai_task_id: Mapped[int | None] = ref("ai_tasks", "C")
    successor_user_task_id: Mapped[int | None] = ref("user_tasks", "C")
    successor_ai_task_id: Mapped[int | None] = ref("ai_tasks", "C")
    kind: Mapped[str] = choice("finish_to_start", "start_to_start", "finish_to_finish", default="finish_to_start")
    lag_minutes: Mapped[int] = integer("0")


def no_circle(connection: Connection, written: Mapping[str, Any]) -> None:
    """Whoever waits for itself never begins: follow the new edge forward and see whether it comes back.

    Two people drawing half a circle each wait for one another here: one lock for each company, held to the end.
    """
    edge = connection.execute(_EDGE, {"id": written["id"]}).first()
    if edge is None:
        return  # taken away, which makes no circle
    connection.execute(_LOCK, {"tenant": edge.tenant_id})
    asked = {"tenant": edge.tenant_id, "first": edge.after, "last": edge.before}
    if connection.execute(_COMES_BACK, asked).scalar() is not None:
        first, then = connection.execute(_NAMES, asked).one()
        field = "successor_user_task_id" if edge.after.startswith("u") else "successor_ai_task_id"
        sentence = f"{first} already waits for {then}, itself or through others; in a circle neither could ever begin."
        raise Rejected({field: sentence})


# A task of either kind as one word: u12 is a person's, a7 an agent's.
_BEFORE = "coalesce('u' || d.predecessor_user_task_id, 'a' || d.predecessor_ai_task_id)"
_AFTER = "coalesce('u' || d.successor_user_task_id, 'a' || d.successor_ai_task_id)"
_EDGE = text(f"SELECT d.tenant_id, {_BEFORE} AS before, {_AFTER} AS after FROM task_dependencies d WHERE d.id = :id")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('task_dependencies'), CAST(:tenant AS bigint)::int)")
_COMES_BACK = text(f"""
    WITH RECURSIVE onward (task) AS (
        SELECT CAST(:first AS text)
        UNION
        SELECT {_AFTER} FROM onward JOIN task_dependencies d ON d.tenant_id = :tenant AND {_BEFORE} = onward.task
    )
    SELECT 1 FROM onward WHERE task = :last
""")
_NAMES = text("""
    SELECT (SELECT coalesce(u.number, 'The agent''s task “' || a.title || '”') FROM (SELECT 1) AS one
            LEFT JOIN user_tasks u ON 'u' || u.id = :last LEFT JOIN ai_tasks a ON 'a' || a.id = :last),
           (SELECT coalesce(u.number, 'the agent''s task “' || a.title || '”') FROM (SELECT 1) AS one
            LEFT JOIN user_tasks u ON 'u' || u.id = :first LEFT JOIN ai_tasks a ON 'a' || a.id = :first)
""")

ORDERS = {
    "finish_to_start": "Done before the other starts",
    "start_to_start": "Begun before the other starts",
    "finish_to_finish": "Done before the other is done",
}


def named() -> ColumnElement[str]:
    return cast(case(ORDERS, value=TaskDependency.kind, else_=TaskDependency.kind), String)


task_dependencies = Resource(
    TaskDependency,
    title="name",
    label="Task dependencies",
    singular="task dependency",
    icon="link",
    nav=("Tasks and workflows", 45),
    about="Which task has to be done or begun before another may. An order is drawn or taken away, never changed.",
    area="tasks",
    sort="-created_at",
    follow=(no_circle,),
    scopes={
        "Between people": TaskDependency.predecessor_ai_task_id.is_(None) & TaskDependency.successor_ai_task_id.is_(None),
        "With an agent": TaskDependency.predecessor_ai_task_id.is_not(None) | TaskDependency.successor_ai_task_id.is_not(None),
        "With a pause between": TaskDependency.lag_minutes != 0,
    },
    facts=(
        "predecessor_user_task_id", "predecessor_ai_task_id", "successor_user_task_id", "successor_ai_task_id",
        "lag_minutes",
    ),
    sentences={
        "uq_task_dependencies_edge": ("kind", "These two tasks stand in an order already."),
        "ck_task_dependencies_predecessor": (
            "predecessor_user_task_id", "Name one task that comes first: a person's or an agent's.",
        ),
        "ck_task_dependencies_successor": (
            "successor_user_task_id", "Name one task that waits: a person's or an agent's.",
        ),
        "ck_task_dependencies_itself": ("successor_user_task_id", "A task cannot wait for itself."),
        "ck_task_dependencies_itself_ai": ("successor_ai_task_id", "A task cannot wait for itself."),
    },
    fields=(
        Text("name", label="Order", edit=NEVER, sort=False, expr=named),
        Choice("kind", label="Which order", edit=CREATE, filter=True, list=False, labels=ORDERS),
        Reference(
            "predecessor_user_task_id", label="First comes", to="user_tasks", edit=CREATE, filter=True, width="l",
        ),
        Reference("predecessor_ai_task_id", label="First comes, by an agent", to="ai_tasks", edit=CREATE, filter=True),
        Reference("successor_user_task_id", label="Then", to="user_tasks", edit=CREATE, filter=True, width="l"),
        Reference("successor_ai_task_id", label="Then, by an agent", to="ai_tasks", edit=CREATE, filter=True),
        Count(
            "lag_minutes", label="Pause", unit="min", least=0, most=525_600, edit=CREATE, filter=True, width="s",
            help="How long after the first the second may follow.",
        ),
        Moment("created_at", label="Drawn", edit=NEVER, filter=True, list=False),
    ),
)  # fmt: skip
