"""Bringing a file in: send it, say what its columns are, see what it would do, apply just that, and find it all again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import db, reading
from app.engine import background
from app.engine.access import Actor
from app.engine.apply import Receipt, transaction
from app.engine.exports import safe_name
from app.engine.importing import applying, approval, files, matching, runs
from app.engine.importing import mapping as mappings
from app.engine.importing import reading as file_reading
from app.engine.importing.mapping import Column, ColumnMapping
from app.engine.importing.runs import AT_ONCE, OUTCOMES, RowFound, Run, Sheet
from app.engine.importing.transformations import offered
from app.engine.plan import Plan
from app.engine.projection import Projection, projection
from app.engine.references import labels
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.values import typed_row
from app.web import second_person
from app.web.addresses import link
from app.web.navigation import place
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import needs, signed_in
from app.web.session import current_actor
from app.web.steering import asks_after, steer
from app.web.told import name_of
from app.web.written import of_changes

blueprint = Blueprint("imports", __name__)
place("System", 30, "Imports", "/imports", "upload", "export.read")

AT_ONCE_BYTES = 128 * 1024
"""Size of a file up to which a person waits for its rehearsal; beyond, the worker does it."""
TONES = {
    "creates": ("ok", "part"),
    "changes": ("accent", "part"),
    "conflicts": ("warn", "warn"),
    "applied": ("ok", "done"),
    "already": ("mute", "done"),
    "refused": ("danger", "fail"),
    "left_out": ("warn", "warn"),
    "waiting": ("mute", "dot"),
}
STATES = {
    "draft": "Not rehearsed yet",
    "reading": "Being read",
    "rehearsing": "Being rehearsed",
    "ready": "Rehearsed",
    "applying": "Being applied",
    "stopped": "Stopped",
    "done": "Applied",
    "failed": "Could not be read or rehearsed",
    "cancelled": "Thrown away",
}


STATE_TONES = {
    "draft": ("mute", "open"),
    "reading": ("info", "part"),
    "rehearsing": ("info", "part"),
    "ready": ("accent", "part"),
    "applying": ("info", "part"),
    "stopped": ("warn", "pause"),
    "done": ("ok", "done"),
    "failed": ("danger", "fail"),
    "cancelled": ("mute", "off"),
}

Report = Callable[[Connection, Run], Mapping[str, Any]]
"""Given a connection for reading and the run; what its template shows as `report`."""

_REPORTS: dict[str, tuple[str, Report]] = {}


def report(kind: str, template: str, load: Report) -> None:
    """Give guided runs of this kind a report of their own, above their rows."""
    _REPORTS[kind] = (template, load)


@blueprint.url_value_preprocessor
def _larger(endpoint: str | None, _values: Any) -> None:
    """A file may be longer than other forms; the guard still asks first who sends it."""
    if endpoint == "imports.send":
        request.max_content_length = file_reading.LARGEST + 64 * 1024
    elif endpoint == "imports.rehearse":
        request.max_form_parts = 5_000


@blueprint.get("/imports")
@needs("export.read")
def index() -> str:
    """One's own imports, newest first."""
    actor, asked = current_actor(), request.args.get("before", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadQuery("That is not a page of this list.")
    found = runs.mine(reading(), actor, int(asked) if asked else None)
    return render_template(
        "imports/list.html",
        runs=found,
        states=STATES,
        tones=STATE_TONES,
        name_of=name_of,
        resources={each.name: each for each in REGISTRY},
        may_begin=bool(tables(actor)),
        older=link("/imports", [], before=str(found[-1].id)) if len(found) == runs.PAGE else None,
        newest="/imports" if asked else None,
        page_title="Imports",
        crumbs=[("Imports", None)],
    )


def tables(actor: Actor) -> list[Resource]:
    """What this role brings anything into, by name."""
    return sorted(
        (each for each in REGISTRY if files.may_import(projection(each, actor))), key=lambda each: each.plural.lower()
    )


# -- sending a file ----------------------------------------------------------------------------------------------------


@blueprint.get("/imports/new")
@signed_in
def new() -> str:
    """Ask for a file, and which table it is for."""
    return _asking_for_file(request.args.get("table", ""))


def _asking_for_file(table: str, source: str = "", errors: Mapping[str, str] | None = None) -> str:
    actor = current_actor()
    found = tables(actor)
    if not found:
        raise NotAllowed("Your role brings nothing in.")
    chosen = next((each for each in found if each.name == table), None)
    return render_template(
        "imports/new.html",
        tables=found,
        chosen=chosen,
        closed=_closed(actor),
        instead=_why_not(actor, table) if table and not chosen else "",
        source=source,
        errors=errors or {},
        megabytes=file_reading.LARGEST // 2**20,
        most=runs.MOST_ROWS,
        page_title=f"Import {chosen.plural.lower()}" if chosen else "Import a file",
        crumbs=[("Imports", "/imports"), ("New", None)],
    )


def _closed(actor: Actor) -> list[tuple[Resource, str]]:
    """Lists this person reads that take no file from anybody, each with the reason."""
    found = [
        (each, why) for each in REGISTRY if (why := matching.closed(each)) is not None and projection(each, actor).reads
    ]
    return sorted(found, key=lambda each: each[0].plural.lower())


def _why_not(actor: Actor, table: str) -> str:
    """Why a table that was asked for takes no file from this person. One they do not read is as one that is not there."""
    resource = REGISTRY.get(table)
    view = projection(resource, actor) if resource is not None else None
    if view is not None and view.reads:
        return files.why_not(view) or ""
    return f"None of your lists is called {table[:80]}. {matching.UNDECLARED if actor.may('explorer.read') else ''}".strip()


@blueprint.post("/imports")
@signed_in
def send() -> AnyResponse | tuple[str, int]:
    """Keep the file, look at it, and guess what its columns are."""
    actor = current_actor()
    sent, table, source = request.files.get("file"), request.form.get("table", ""), request.form.get("source", "")
    resource = REGISTRY.get(table)
    if resource is None or not files.may_import(projection(resource, actor)):
        why = _why_not(actor, table) if table else ""
        return _asking_for_file("", source, {"table": f"{why} Choose what the rows of the file are.".strip()}), 422
    if sent is None or not sent.filename:
        return _asking_for_file(table, source, {"file": "Choose a file."}), 422
    try:
        with transaction() as connection:
            number = files.receive(connection, actor, resource, sent.filename, _pieces(sent), source)
    except Rejected as refused:
        return _asking_for_file(table, source, refused.errors), 422
    return redirect(f"/imports/{number}", 303)


def _pieces(sent: FileStorage) -> Iterator[bytes]:
    while piece := sent.stream.read(file_reading.PIECE):
        yield piece


# -- one import --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A run with who looks at it."""

    run: Run
    actor: Actor
    connection: Connection

    @property
    def sheet(self) -> Sheet:
        """The sheet that is looked at: the first, or the one the address names."""
        asked = request.args.get("sheet", "1")
        return next((each for each in self.run.sheets if str(each.position) == asked), self.run.sheets[0])

    @property
    def resource(self) -> Resource:
        return self.sheet.resource

    @property
    def view(self) -> Projection:
        return projection(self.resource, self.actor)

    def page(self, template: str, **context: Any) -> str:
        run = self.run
        return render_template(
            template,
            run=run,
            source_name=name_of(run.source),
            sheet=self.sheet,
            resource=self.resource,
            view=self.view,
            page_title=f"Import {run.title}" if run.kind == "file" else run.title,
            crumbs=[("Imports", "/imports"), (run.title, None)],
            **context,
        )


def _open(number: int) -> Opened:
    actor, connection = current_actor(), reading()
    run = runs.open_run(connection, number, actor)
    if not run.sheets:
        raise NotFound("There is no such import. It may have been forgotten, as imports are in time.")
    opened = Opened(run, actor, connection)
    if not opened.view.reads and run.kind == "file":
        raise NotFound("There is no such import. It may have been forgotten, as imports are in time.")
    return opened


@blueprint.get("/imports/<int:number>")
@signed_in
def show(number: int) -> str:
    """An import as it stands: what its columns are, how far it is, what it would do, what came of it."""
    opened = _open(number)
    run = opened.run
    if run.kind == "file" and (run.state in ("draft", "failed") or (run.state == "ready" and "change" in request.args)):
        return _mapping(opened)
    return _page(opened)


# -- what the columns are ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnRow:
    """One column of the file in the form."""

    n: int
    name: str
    samples: Sequence[str]
    chosen: Column
    doings: Sequence[tuple[str, str]]
    """(key, words) of what can be done to its cells."""
    ways: Sequence[tuple[str, str]]
    also_doings: Sequence[tuple[str, str]]


def _mapping(opened: Opened, errors: Mapping[str, str] | None = None) -> str:
    sheet, view = opened.sheet, opened.view
    known = mappings.targets(view)
    sent = request.form if request.method == "POST" and "mode" in request.form else None
    mapping = _sent_mapping(sheet) if sent is not None else ColumnMapping.read(sheet.mapping)
    facts = sheet.dialect.get("columns", ())
    fields = {each.key: each.field for each in known}
    made = []
    for n, name in enumerate(sheet.header):
        chosen = mapping.columns.get(name, Column())
        declared, also = fields.get(chosen.to), fields.get(chosen.also)
        made.append(
            ColumnRow(
                n,
                name,
                facts[n]["samples"][:3] if n < len(facts) else (),
                chosen,
                [(each.key, each.words) for each in offered(declared)] if declared else [],
                mappings.ways(opened.connection, opened.actor, declared) if declared else [],
                [(each.key, each.words) for each in offered(also)] if also else [],
            )
        )
    said: Mapping[str, str] = sent or {}
    return opened.page(
        "imports/mapping.html",
        columns=made,
        targets=known,
        keys=mappings.keys(view, mapping.mapped),
        mapping=mapping,
        source=said.get("source", opened.run.source),
        mode=said.get("mode", sheet.mode),
        key=said.get("key", sheet.key),
        blanks=said.get("blanks", sheet.blanks),
        errors=dict(errors or {}),
        modes=[
            (key, words)
            for key, words in files.MODES.items()
            if (key == "update" or view.creates) and (key == "create" or view.writes)
        ],
        blank_words=list(files.BLANKS.items()),
        encodings=list(files.ENCODINGS.items()),
        delimiters=list(files.DELIMITERS.items()),
        date_orders=list(files.DATE_ORDERS.items()),
        decimals=list(files.DECIMALS.items()),
    )


def _sent_mapping(sheet: Sheet) -> ColumnMapping:
    """What the form says of each column. A column is known by its place: names may be anything."""
    form = request.form
    columns = {
        name: Column(
            *(form.get(f"{part}.{n}", "")[:120] for part in ("to", "do", "by", "also", "also_do")),
        )
        for n, name in enumerate(sheet.header)
    }
    return ColumnMapping(columns, form.get("nothing", "")[:200])


@blueprint.post("/imports/<int:number>/read")
@signed_in
def read(number: int) -> AnyResponse | tuple[str, int]:
    """Look at the file again as a person says it is to be read."""
    opened = _open(number)
    chosen = {name: request.form.get(name, "") for name in files.DIALECT}
    at = chosen["header_row"].strip()
    try:
        if at and not (at.isascii() and at.isdigit() and len(at) < 4):
            raise Rejected({"header_row": "Give the number of the row with the column names, or 0 for none."})
        known = (
            not chosen["encoding"] or chosen["encoding"] in files.ENCODINGS,
            not chosen["delimiter"] or chosen["delimiter"] in files.DELIMITERS,
            not chosen["date_order"] or chosen["date_order"] in files.DATE_ORDERS,
            not chosen["decimal"] or chosen["decimal"] in files.DECIMALS,
        )
        if not all(known):
            raise Rejected({"file": "That is no way to read a file here."})
        with transaction() as connection:
            files.look_again(connection, opened.run, opened.actor, chosen)
    except (Rejected, Stale) as refused:
        errors = refused.errors if isinstance(refused, Rejected) else {"": refused.sentence}
        return _mapping(opened, errors), 422
    return redirect(f"/imports/{number}", 303)


@blueprint.post("/imports/<int:number>/rehearse")
@signed_in
def rehearse(number: int) -> AnyResponse | tuple[str, int]:
    """Rehearse what was chosen: at once where the file is small, by a worker where a person would wait."""
    opened = _open(number)
    run, sheet, actor, form = opened.run, opened.sheet, opened.actor, request.form
    if run.kind != "file":
        abort(404)
    mapping = _sent_mapping(sheet)
    if "again" in form:  # the choices that hang on a column's field are shown anew; nothing is rehearsed
        return _mapping(opened), 200
    small = sheet.file_bytes <= AT_ONCE_BYTES
    try:
        with transaction() as connection:
            files.choose(
                connection,
                run,
                actor,
                mapping,
                source=form.get("source", ""),
                mode=form.get("mode", ""),
                key=form.get("key", ""),
                blanks=form.get("blanks", ""),
            )
            files.to_read(connection, run)
            if not small:
                queued = background.queue.tasks["import.read"]
                background.defer_within(connection, queued, once=f"import.read:{number}", import_id=number)
        if small:
            files.read_and_rehearse(number, actor)
    except (Rejected, NotAllowed, Stale) as refused:
        with transaction() as connection:
            runs.LIFE.fail(connection, number, refused.sentence)
        errors = refused.errors if isinstance(refused, Rejected) else {"": refused.sentence}
        return _mapping(_open(number), errors), 422
    return redirect(f"/imports/{number}", 303)


# -- what it would do, how far it is, what came of it ------------------------------------------------------------------


@dataclass(frozen=True)
class ShownRow:
    """One row of a run on the page."""

    row: RowFound
    column: str
    """The column the reason is about, as the file calls it."""
    title: str
    href: str
    changes: tuple[tuple[str, Markup | str, Markup | str], ...]
    """(field, before, after)"""
    clashes: tuple[tuple[str, Markup | str, Markup | str], ...]
    """(field, what we have and keep, what the source says now)"""


def _page(opened: Opened, problem: str = "", typed: str = "") -> str:
    run, connection, sheet = opened.run, opened.connection, opened.sheet
    # Before the rehearsal is through there is nothing to show of its rows, and whoever waits asks every second.
    shows = run.state not in ("reading", "rehearsing")
    counted: Mapping[int, Mapping[str, int]] = (
        runs.counts(connection, run) if shows else {each.id: {} for each in run.sheets}
    )
    outcome = request.args.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        raise BadQuery("There are no such rows.")
    asked = request.args.get("after", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
        raise BadQuery("That is not a page of this import.")
    found = (
        runs.rows(connection, sheet.id, outcome or None, int(asked), runs.PAGE + 1)
        if shows and opened.view.reads
        else []
    )
    base = f"/imports/{run.id}"
    several = [("sheet", str(sheet.position))] if len(run.sheets) > 1 else []
    pairs = [*several, *([("outcome", outcome)] if outcome else [])]
    here, whole = counted[sheet.id], _together(counted)
    made = runs.sets(connection, run)
    ready = run.state == "ready" and run.writing
    need = approval.needed_to_apply(connection, run, opened.actor) if ready else None
    template, load = _REPORTS.get(run.kind, ("", None))
    return opened.page(
        "imports/run.html",
        state=STATES[run.state],
        counts=[(key, OUTCOMES[key], whole[key], *TONES[key]) for key in OUTCOMES if whole.get(key)],
        sheets=[
            (each, link(base, [("sheet", str(each.position))]), each.id == sheet.id, sum(counted[each.id].values()))
            for each in run.sheets
        ],
        segments=[("All", link(base, several), not outcome, sum(here.values()))]
        + [
            (OUTCOMES[key], link(base, [*several, ("outcome", key)]), outcome == key, here[key])
            for key in OUTCOMES
            if here.get(key)
        ],
        rows=_shown(opened, found[: runs.PAGE]),
        next=link(base, pairs, after=str(found[runs.PAGE - 1].n)) if len(found) > runs.PAGE else None,
        first=link(base, pairs) if asked != "0" else None,
        reasons=[
            (each, files.column_title(_sheet(run, each.sheet_id), each.column))
            for each in (runs.reasons(connection, run) if shows else ())
        ],
        shows=shows,
        asks_after=asks_after(run.total),
        refused_of=[
            (each, counted[each.id].get("refused", 0) + counted[each.id].get("left_out", 0))
            for each in run.sheets
            if (counted[each.id].get("refused") or counted[each.id].get("left_out"))
            and projection(each.resource, opened.actor).reads
        ],
        not_taken=whole.get("refused", 0) + whole.get("left_out", 0),
        sets=made,
        first_set=made[-1] if made else None,
        left=run.writing - run.applied - run.left_out if run.state in ("stopped", "applying") else 0,
        outcomes=OUTCOMES,
        tones=TONES,
        problem=problem,
        asking=second_person.offer(need, opened.actor) if need else None,
        typed=typed,
        report_template=template,
        report=load(connection, run) if load is not None and shows else None,
    )


def _together(counted: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for each in counted.values():
        for outcome, number in each.items():
            whole[outcome] = whole.get(outcome, 0) + number
    return whole


def _sheet(run: Run, key: int) -> Sheet:
    return next(each for each in run.sheets if each.id == key)


def _shown(opened: Opened, found: Sequence[RowFound]) -> list[ShownRow]:
    view, resource, connection, actor = opened.view, opened.resource, opened.connection, opened.actor
    titles = labels(connection, resource, actor, [each.record_id for each in found if each.record_id])
    sides = [(typed_row(resource.table, each.before), typed_row(resource.table, each.after)) for each in found]
    kept = [_clashing(resource, each) for each in found]
    fields, written = of_changes(connection, view, actor, [*sides, *kept])
    made = []
    for each, (before, after), (ours, theirs) in zip(found, sides, kept, strict=True):
        changes, clashes = (
            tuple(
                (
                    fields[name].title,
                    written.cell(fields[name], was.get(name)),
                    written.cell(fields[name], becomes[name]),
                )
                for name in becomes
                if name in fields
            )
            for was, becomes in ((before, after), (ours, theirs))
        )
        title = titles.get(each.record_id or 0) or str(after.get(resource.title) or "") or each.source_key or ""
        href = f"{resource.path}/{each.record_id}" if each.record_id else ""
        column = files.column_title(opened.sheet, each.column)
        made.append(ShownRow(each, column, title or f"Row {each.row_no}", href, changes, clashes))
    return made


def _clashing(resource: Resource, row: RowFound) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What we have and what the source says of the fields both changed."""
    ours, theirs = ({name: said[place] for name, said in row.clashes.items()} for place in (2, 1))
    return typed_row(resource.table, ours), typed_row(resource.table, theirs)


@blueprint.get("/imports/<int:number>/refused/<int:position>.csv")
@signed_in
def refused(number: int, position: int) -> Response:
    """The rows that were not taken, in their own columns, with the reasons."""
    opened = _open(number)
    sheet = next((each for each in opened.run.sheets if each.position == position), None)
    if sheet is None or not projection(sheet.resource, opened.actor).reads:
        abort(404)
    name = safe_name(f"{sheet.file_name.rpartition('.')[0] or sheet.file_name or sheet.table_name}-refused")
    lines = files.refused_lines(db.engine, opened.run, sheet)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response(lines, mimetype="text/csv", headers=headers)


# -- doing it ----------------------------------------------------------------------------------------------------------


@blueprint.post("/imports/<int:number>/apply")
@signed_in
def apply(number: int) -> AnyResponse | tuple[str, int]:
    """Apply exactly what was shown; a second press does nothing."""
    opened = _open(number)
    run, actor, reason = opened.run, opened.actor, request.form.get("reason", "")
    try:
        need = approval.needed_to_apply(opened.connection, run, actor)
        if need is not None and run.writing:
            with second_person.changing(actor) as connection:
                made = approval.ask_to_apply(connection, actor, need, run, reason)
            return second_person.told(made)
        with transaction() as connection:
            applying.begin(connection, run, actor, reason, **stamp())
            if run.writing > AT_ONCE:
                approval.apply_later(connection, number)
    except (Rejected, Stale, NotAllowed) as refused_:
        return _page(_open(number), refused_.sentence, reason), 422 if isinstance(refused_, Rejected) else 409
    if run.writing <= AT_ONCE:
        _tell(applying.carry_out(number, actor))
    return redirect(f"/imports/{number}", 303)


def _tell(done: Run) -> None:
    left = f"; {done.left_out:,} left out" if done.left_out else ""
    first = runs.first_set(reading(), done)
    receipt = Receipt(first, (), Plan(())) if first else None
    row = "row" if done.applied == 1 else "rows"
    say(f"{done.applied:,} {row} brought in{left}", receipt, failed=not done.applied, back=f"/imports/{done.id}")


def _go_on(connection: Connection, run: Run) -> None:
    runs.LIFE.go_on(connection, run)
    approval.apply_later(connection, run.id)


steer(
    blueprint,
    "/imports",
    lambda number: _open(number).run,
    stop=runs.LIFE.stop,
    go_on=_go_on,
    discard=applying.discard,
    thrown_away="Import thrown away; nothing was changed",
    onward=lambda _run: "/imports",
)
