"""Task dependencies: edges between tasks of either kind."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Moment, Reference
from app.engine.records import Log, Record, choice, integer, ref
from app.engine.resource import Resource


class TaskDependency(Record, Log):
    __tablename__ = "task_dependencies"
    predecessor_user_task_id: Mapped[int | None] = ref("user_tasks", "C")
    predecessor_ai_task_id: Mapped[int | None] = ref("ai_tasks", "C")
    successor_user_task_id: Mapped[int | None] = ref("user_tasks", "C")
    successor_ai_task_id: Mapped[int | None] = ref("ai_tasks", "C")
    kind: Mapped[str] = choice("finish_to_start", "start_to_start", "finish_to_finish", default="finish_to_start")
    lag_minutes: Mapped[int] = integer("0")


task_dependencies = Resource(
    TaskDependency,
    title="kind",
    label="Task dependencies",
    icon="task",
    nav=("Tasks and workflows", 45),
    about="Edges between tasks of either kind.",
    area="tasks",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("predecessor_user_task_id", to="user_tasks", edit=NEVER, filter=True),
        Reference("predecessor_ai_task_id", to="ai_tasks", edit=NEVER, filter=True),
        Reference("successor_user_task_id", to="user_tasks", edit=NEVER, filter=True),
        Reference("successor_ai_task_id", to="ai_tasks", edit=NEVER, filter=True),
        Choice("kind", edit=NEVER, filter=True),
        Count("lag_minutes", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
