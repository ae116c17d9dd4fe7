"""The SQL desk: a statement, its answer, a chart of it, the queries one keeps, and the way from a result to the records."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy.dialects import postgresql
from werkzeug.wrappers import Response as AnyResponse

from app.config import Config
from app.core.db import reading
from app.engine import kept
from app.engine.apply import transaction
from app.engine.desk import log, queries, running, views
from app.engine.desk.log import Asking
from app.engine.desk.queries import Kept
from app.engine.desk.running import Needed, Result, Shut, Stopped
from app.engine.desk.statement import Objection, Table, parameters, place_of, read
from app.engine.fields import Reference
from app.engine.projection import projection
from app.engine.refusals import BadQuery, Rejected, Stale
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource
from app.screens.sql.charting import KINDS, Chart, draw, places_of
from app.web.addresses import link
from app.web.htmx import wants_fragment
from app.web.navigation import place
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import needs
from app.web.session import current_actor, request_id

blueprint = Blueprint("sql", __name__)
place("System", 7, "SQL desk", "/sql", "code", "sql.run")

VALUE = "v-"
"""Before the name of a parameter in the form."""


@dataclass
class Draft:
    """What stands in the form."""

    statement: str = ""
    values: dict[str, str] = field(default_factory=dict)
    seconds: int = 10
    query: Kept | None = None
    name: str = ""
    about: str = ""
    shared: bool = False
    version: int = 0
    chart: tuple[str, str, str] = ("", "", "")
    """Kind, across, up."""


@dataclass
class Answer:
    """What came of it, for the page."""

    result: Result | None = None
    needed: Needed | None = None
    chart: Chart | None = None
    no_chart: str = ""
    places: tuple[int, int | None] = (0, None)
    """Which columns a chart has across and up."""
    objection: str = ""
    line: str = ""
    """The line of the statement that is wrong, and where in it."""
    at: int | None = None
    place: tuple[int, int] | None = None
    errors: dict[str, str] = field(default_factory=dict)
    explained: bool = False


# -- asking ----------------------------------------------------------------------------------------------------------


@blueprint.get("/sql")
@needs("sql.run")
def show() -> str:
    """The desk, with a kept query where the address names one."""
    draft = Draft()
    number = request.args.get("query", "")
    if number:
        draft = _of_kept(_kept(number))
    return _page(draft, Answer())


@blueprint.post("/sql")
@needs("sql.run")
def ask() -> tuple[str, int] | str:
    """Run what was typed, or show its plan."""
    draft = _typed()
    answer = Answer(explained=request.form.get("do") == "explain")
    status = 200
    try:
        _run(draft, answer)
    except Shut:
        status = 503
    except Objection as wrong:
        answer.objection, answer.at = wrong.sentence, wrong.at
        if wrong.at is not None:
            answer.place = place_of(draft.statement, wrong.at)
            answer.line = draft.statement.split("\n")[answer.place[0] - 1]
        status = 422
    return _page(draft, answer), status


def _run(draft: Draft, answer: Answer) -> None:
    actor, config = current_actor(), _config()
    asking = Asking(
        actor,
        draft.statement,
        draft.values,
        seconds=draft.seconds,
        query_id=draft.query.id if draft.query else None,
        ticket=request.form.get("ticket", "")[:64] or None,
        beats=request.form.get("beats") == "1",
        request_id=request_id(),
    )
    try:
        statement = read(draft.statement, views.shown_with(actor.permissions))
        answer.explained = answer.explained or statement.explains
        asked = Asking(**{**vars(asking), "kind": "explain" if answer.explained else "run"})
        found = running.run(config, asked, statement)
    except Stopped:
        raise
    except Objection as wrong:
        log.refused(asking, wrong.sentence)
        raise
    if isinstance(found, Needed):
        answer.needed = found
        return
    answer.result = found
    kind, across, up = draft.chart
    if found.plan is None:
        answer.places = places_of(found, across, up)
    if kind and found.plan is None:
        drawn = draw(found, kind, answer.places)
        answer.chart, answer.no_chart = (None, drawn) if isinstance(drawn, str) else (drawn, "")


def _typed() -> Draft:
    form = request.form
    seconds = form.get("seconds", "10")
    draft = Draft(
        statement=form.get("statement", "").replace("\r\n", "\n"),
        values={name[len(VALUE) :]: value[:4000] for name, value in form.items() if name.startswith(VALUE)},
        seconds=int(seconds) if seconds in map(str, running.SECONDS) else 10,
        name=form.get("name", ""),
        about=form.get("about", ""),
        shared=form.get("shared") == "1",
        version=int(form.get("version", "0")) if form.get("version", "0").isdigit() else 0,
        chart=(form.get("chart", ""), form.get("across", ""), form.get("up", "")),
    )
    try:
        asked = parameters(draft.statement)
    except Objection:
        asked = ()  # what is wrong with it is said when it is read
    draft.values = {name: value for name, value in draft.values.items() if name in asked}
    if form.get("query"):
        draft.query = _kept(form["query"])
    return draft


def _kept(number: str) -> Kept:
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        abort(404)
    return queries.find(reading(), current_actor(), int(number))


def _of_kept(found: Kept) -> Draft:
    return Draft(
        found.statement, query=found, name=found.name, about=found.about, shared=found.shared, version=found.version
    )


def _config() -> Config:
    config: Config = current_app.extensions["console.config"]
    return config


def _page(draft: Draft, answer: Answer) -> str:
    actor, shut = current_actor(), None
    try:
        running.open_desk(_config())
    except Shut as reason:
        shut = reason
    result = answer.result
    opens = [(at, resource) for at, resource in _openings(result)] if result else []
    return render_template(
        "screens/sql/desk.html",
        draft=draft,
        answer=answer,
        shut=shut,
        ticket=secrets.token_hex(12),
        seconds=running.SECONDS,
        kept=queries.listed(reading(), actor),
        rooms=_rooms(views.shown_with(actor.permissions)),
        may_share=actor.may("sql.share"),
        may_read_log=actor.may("sql.read"),
        opens=opens,
        keys={at: _keys(result, at) for at, _ in opens} if result else {},
        kinds=KINDS,
        longest=running.LONGEST_CELL,
        VALUE=VALUE,
        page_title=draft.query.name if draft.query else "SQL desk",
        crumbs=[("SQL desk", url_for("sql.show")), (draft.query.name, None)] if draft.query else [("SQL desk", None)],
    )


def _rooms(shown: dict[str, Table]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables by domain: (domain, [(name, what people call it)])."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(shown):
        resource = REGISTRY[name]
        found.setdefault(resource.domain, []).append((name, resource.plural))
    order = sorted(found, key=lambda room: REGISTRY.domains[room].order)
    return [(REGISTRY.domains[room].label, found[room]) for room in order]


@blueprint.get("/sql/tables/<name>")
@needs("sql.run")
def table(name: str) -> str:
    """The columns of one table, as the desk has them for this person."""
    actor = current_actor()
    shown = views.shown_with(actor.permissions).get(name)
    if shown is None:
        abort(404)
    resource = REGISTRY[name]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    lines = []
    for column in shown.columns:
        declared = resource.field(column) if resource.has(column) else None
        target = target_of(declared) if isinstance(declared, Reference) else None
        lines.append(
            (
                column,
                resource.table.c[column].type.compile(dialect=dialect).lower(),
                declared.title if declared else "Key",
                target.name if target is not None and target.declared else None,
                column in shown.masked,
            )
        )
    return render_template(
        "screens/sql/columns.html" if wants_fragment() else "screens/sql/table.html",
        resource=resource,
        lines=lines,
        page_title=resource.plural,
        crumbs=[("SQL desk", url_for("sql.show")), (name, None)],
    )


@blueprint.post("/sql/stop")
@needs("sql.run")
def stop() -> tuple[str, int]:
    """Whoever sent a statement does not want its answer any more."""
    log.ask_to_stop(request.form.get("ticket", ""), current_actor())
    return "", 204


@blueprint.post("/sql/beat")
@needs("sql.run")
def beat() -> tuple[str, int]:
    """The page still waits for the answer."""
    log.beat(request.form.get("ticket", ""), current_actor())
    return "", 204


# -- kept queries ----------------------------------------------------------------------------------------------------


@blueprint.post("/sql/queries")
@needs("sql.run")
def keep() -> tuple[str, int] | AnyResponse:
    """Keep what is typed under a name: in place of the query that is open, or as a new one."""
    draft, actor = _typed(), current_actor()
    earlier = (
        draft.query
        if draft.query is not None and draft.query.is_of(actor) and request.form.get("do") == "keep"
        else None
    )
    try:
        number = queries.save(
            reading(), actor, name=draft.name, about=draft.about, statement=draft.statement, shared=draft.shared,
            earlier=earlier, version=draft.version, stamp=stamp(),
        )  # fmt: skip
    except Rejected as wrong:
        return _page(draft, Answer(errors=wrong.errors)), 422
    except Stale as late:
        return _page(draft, Answer(errors={"name": late.sentence})), 409
    say(f"Query “{' '.join(draft.name.split())}” kept")
    return redirect(url_for("sql.show", query=number), 303)


@blueprint.post("/sql/queries/<int:number>/forget")
@needs("sql.run")
def forget(number: int) -> AnyResponse:
    """Delete a query of one's own."""
    found, actor = queries.find(reading(), current_actor(), number), current_actor()
    if not found.is_of(actor):
        abort(404)
    queries.forget(actor, found, stamp())
    say(f"Query “{found.name}” deleted")
    return redirect(url_for("sql.show"), 303)


# -- from a result to the records --------------------------------------------------------------------------------------


def _openings(result: Result) -> list[tuple[int, Resource]]:
    """Columns that hold the keys of records this person may open: (place, resource)."""
    found, actor = [], current_actor()
    for at, column in enumerate(result.columns):
        resource = column.opens
        if resource is not None and projection(resource, actor).reads and resource.opens_records:
            found.append((at, resource))
    return found


def _keys(result: Result, at: int) -> list[str]:
    return list(dict.fromkeys(row[at] for row in result.rows if row[at] is not None))  # type: ignore[misc]


@blueprint.post("/sql/records")
@needs("sql.run")
def records() -> AnyResponse:
    """Open the records of a result as the list of just those, from where they are changed as any others."""
    resource, actor = REGISTRY.get(request.form.get("table", "")), current_actor()
    if resource is None or not projection(resource, actor).reads:
        abort(404)
    keys = request.form.get("keys", "").split()
    if not keys or not all(key.isascii() and key.isdigit() and len(key) < 19 for key in keys):
        raise BadQuery("There are no records in this column. Run the statement again.")
    with transaction() as connection:
        number = kept.keep(connection, resource, map(int, keys), actor)
    shows = [("kept", str(number)), *([("archived", "1")] if resource.archivable else [])]
    return redirect(link(resource.path, shows), 303)
