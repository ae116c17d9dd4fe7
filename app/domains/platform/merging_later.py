"""Merges too many to wait for: rehearsed and done by a worker as the person they are for, who is told."""

from __future__ import annotations

from app.domains.platform.errands import Errand
from app.engine import background
from app.engine.merging import runs
from app.engine.merging.runs import Run


@background.task("merge.rehearse")
def rehearse(run_id: int) -> None:
    """Rehearse the merges of a run. One that was stopped or taken over meanwhile is left alone."""
    ERRAND.run(run_id, runs.rehearse)


@background.task("merge.apply")
def apply(run_id: int) -> None:
    """Do what is left of a run; after a worker died, the next one goes on with the merge that was lost."""
    ERRAND.run(run_id, runs.carry_out)


def _said(run: Run) -> tuple[str, str]:
    if run.state == "ready":
        return (
            f"Your rehearsal of {run.total:,} merges is ready",
            f"{run.merging:,} can be merged, {run.refused:,} are refused; {run.moves:,} records would move.",
        )
    if run.state == "done":
        return f"{run.merged:,} merges are done", f"{run.left_out:,} were left out. You can undo all of it."
    return "Your merges stopped", f"{run.merged:,} are done so far; you can go on or undo them."


ERRAND = Errand(
    "merge",
    runs.LIFE,
    "NULL",
    "run_id",
    "/duplicates/plans",
    "Your merges could not go on",
    _said,
)
