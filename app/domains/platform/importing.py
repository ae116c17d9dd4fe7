"""Imports too large to wait for: rehearsed and applied by a worker as the person they are for, who is told."""

from __future__ import annotations

from app.domains.platform.errands import Errand
from app.engine import background
from app.engine.importing import applying, approval, files, rehearsal, runs
from app.engine.importing.runs import Run

once_approved = approval.carry_out
"""What carries out an import that needed a second person; a worker knows it by this."""


@background.task("import.read")
def read(import_id: int) -> None:
    """Read a run's file in and rehearse it; begun anew after a worker died."""
    ERRAND.run(import_id, files.read_and_rehearse)


@background.task("import.rehearse")
def rehearse(import_id: int) -> None:
    """Rehearse a run whose rows are in. One that was stopped or taken over meanwhile is left alone."""
    ERRAND.run(import_id, rehearsal.rehearse)


@background.task("import.apply")
def apply(import_id: int) -> None:
    """Apply what is left of a run; after a worker died, the next one goes on with the batch that was lost."""
    ERRAND.run(import_id, applying.carry_out)


def _said(run: Run) -> tuple[str, str] | None:
    if run.waits:
        return None  # the next step is queued already
    if run.state == "ready":
        return (
            f"Your import of {run.title} is rehearsed",
            f"{run.creates:,} new, {run.changes + run.conflicts:,} changed, {run.already:,} already so,"
            f" {run.refused:,} refused. Nothing is written yet.",
        )
    if run.state == "done":
        return (
            f"{run.title} is imported",
            f"{run.applied:,} rows brought in, {run.left_out:,} left out. You can undo it.",
        )
    return f"Your import of {run.title} stopped", f"{run.applied:,} rows brought in so far; you can go on or undo them."


ERRAND = Errand(
    "import",
    runs.LIFE,
    "title",
    "import_id",
    "/imports",
    "Your import of {label} could not go on",
    _said,
)
