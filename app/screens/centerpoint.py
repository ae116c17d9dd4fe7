"""The guided run over a whole CenterPoint export: send its files together, read the report, bring them in as one."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, redirect, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from app.domains.crm.centerpoint import guided
from app.domains.crm.centerpoint.sheets import SHEETS
from app.engine import background
from app.engine.apply import transaction
from app.engine.importing import reading
from app.engine.refusals import Rejected
from app.web import imports
from app.web.navigation import place
from app.web.security import needs
from app.web.session import current_actor

blueprint = Blueprint("centerpoint", __name__)
place("System", 29, "CenterPoint export", "/imports/centerpoint", "upload", guided.MAY)
imports.report("centerpoint", "screens/centerpoint/report.html", guided.report)


@blueprint.url_value_preprocessor
def _larger(endpoint: str | None, _values: object) -> None:
    """Files may be longer than other forms; the guard still asks first who sends them."""
    if endpoint == "centerpoint.send":
        request.max_content_length = reading.LARGEST + 256 * 1024


@blueprint.get("/imports/centerpoint")
@needs(guided.MAY)
def ask() -> str:
    """Ask for the files."""
    return _asking()


def _asking(error: str = "") -> str:
    return render_template(
        "screens/centerpoint/send.html",
        sheets=SHEETS,
        error=error,
        megabytes=reading.LARGEST // 2**20,
        page_title="Bring in a CenterPoint export",
        crumbs=[("Imports", "/imports"), ("CenterPoint export", None)],
    )


@blueprint.post("/imports/centerpoint")
@needs(guided.MAY)
def send() -> AnyResponse | tuple[str, int]:
    """Keep the files as one run; the worker reads and rehearses it."""
    sent = [(each.filename or "", _pieces(each)) for each in request.files.getlist("files") if each.filename]
    try:
        with transaction() as connection:
            number = guided.receive(connection, current_actor(), sent)
            queued = background.queue.tasks["import.read"]
            background.defer_within(connection, queued, once=f"import.read:{number}", import_id=number)
    except Rejected as refused:
        return _asking(refused.errors.get("files", refused.sentence)), 422
    return redirect(f"/imports/{number}", 303)


def _pieces(sent: FileStorage) -> Iterator[bytes]:
    while piece := sent.stream.read(reading.PIECE):
        yield piece
