"""The way back: what an undo would restore and what it would leave, record by record; then exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, abort, g, make_response, redirect, render_template, request
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import db, reading
from app.engine import background, counting, ledger, undo_at_once, undo_later
from app.engine.access import Actor
from app.engine.apply import apply, rehearse, transaction
from app.engine.ledger import ChangeSet, Entry
from app.engine.plan import Plan
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.undo import IN_REQUEST, Left, Record, UndoPlan, plan_undo
from app.engine.undo_at_once import Slice, Tally
from app.web import receipts
from app.web.asking import number_of
from app.web.change_sets import crumbs, opened
from app.web.security import local_path, signed_in
from app.web.session import current_actor

blueprint = Blueprint("undoing", __name__)

PAGE = 50
COUNTED_WITHIN_MS = 3_000
NOTHING = "Nothing is left to undo: every value has been changed since."
_LAST = 2**62


@dataclass(frozen=True)
class Line:
    """One record of a preview: what goes back, what stays and why."""

    entry: Entry
    changes: bool
    left: tuple[tuple[str, str], ...]
    """(field as people call it, why); "" for the record as a whole"""

    @property
    def mark(self) -> str:
        return f"{self.entry.table}/{self.entry.record_id}"

    @property
    def words(self) -> str:
        """What becomes of the record."""
        if not self.changes:
            return "stays as it is"
        back = {"insert": "is brought back", "delete": "is deleted again", "update": "goes back"}[self.entry.operation]
        return back + (", partly" if self.left and self.entry.operation == "update" else "")


@dataclass(frozen=True)
class Preview:
    """A page of what an undo would do, and the count of all of it."""

    lines: list[Line]
    tally: Tally | None
    """None where counting took too long."""
    refused: int
    large: bool
    more: int | None


@blueprint.route("/change-sets/<int:set_id>/undo", methods=["GET", "POST"])
@signed_in
def undo(set_id: int) -> str | AnyResponse:
    """GET previews; POST undoes what still can be, as a change set of its own, and names the rest."""
    found, actor = opened(set_id)
    if request.method == "GET":
        return _preview(found, actor)
    only = _chosen(request.form.getlist("record")) if request.form.get("rows") == "these" else None
    if only is not None and not only:
        return make_response(_preview(found, actor, "Tick the records to take back first."), 422)
    with db.engine.connect() as unit:
        sets = _sets(unit, found)
        why_not = undo_later.may_undo_all(unit, [number for number, _entries in sets], actor)
        if why_not:
            raise NotAllowed(why_not)
        if only is None and (len(sets) > 1 or found.entry_count > IN_REQUEST or _arrived_with_more(unit, found)):
            return _later(found, sets, actor)
        prepared = plan_undo(unit, found, actor, only)
    if request.form.get("without_refused"):
        prepared = _without_refused(prepared, actor)
    if prepared.plan.empty:
        return make_response(_preview(found, actor, NOTHING), 409)
    try:
        receipt = apply(
            prepared.plan,
            actor,
            _reason(found),
            request_id=g.get("request_id"),
            ip=request.remote_addr,
            undoes_id=found.id,
        )
    except (Rejected, Stale) as refused:
        return make_response(_preview(found, actor, refused.sentence), 409)
    left = f" {len(prepared.left)} left as they are, changed since." if prepared.left else ""
    receipts.say(f"Undone.{left}" if left else "Undone", receipt)
    return redirect(_back(found, actor), 303)


def _arrived_with_more(connection: Connection, found: ChangeSet) -> bool:
    """Whether an import brought records from which more follows when one of them is written: they go together or not."""
    if undo_later.arrived(found) is None:
        return False
    return any(bool(resource.follow) for resource in map(REGISTRY.get, ledger.tables(connection, found.id)) if resource)


def _reason(found: ChangeSet) -> str:
    return request.form.get("reason", "").strip()[:1000] or f"Undo of change {found.id}"


def _chosen(marks: Sequence[str]) -> list[Record]:
    """Records as the forms and links of this page name them: table/key."""
    if len(marks) > IN_REQUEST:
        raise BadQuery(f"At most {IN_REQUEST} records are undone by choice; undo all of the change instead.")
    split = (mark.partition("/") for mark in marks if len(mark) < 500 and "\x00" not in mark)
    return [(table, record) for table, slash, record in split if slash and record]


def _sets(connection: Connection, found: ChangeSet) -> list[tuple[int, int]]:
    """The sets to undo: this one, or with `together` all that were applied with it."""
    if request.values.get("together"):
        return ledger.together(connection, found)
    return [(found.id, found.entry_count)]


def _later(found: ChangeSet, sets: list[tuple[int, int]], actor: Actor) -> AnyResponse:
    """Leave a large one to the worker; the page of the undo tells how far it is."""
    if actor.app_user_id is None or actor.kind != "user":
        raise NotAllowed("A change this large is undone by a person.")
    with transaction() as connection:
        number = undo_later.ask(connection, sets, actor, _reason(found), g.get("request_id"))
        background.defer_within(connection, background.queue.tasks["undo.go_on"], run_id=number)
    return redirect(f"/change-sets/undos/{number}", 303)


def _without_refused(prepared: UndoPlan, actor: Actor) -> UndoPlan:
    """The same less what the database would refuse, which is named as left."""
    refused = rehearse(prepared.plan, actor)
    kept = tuple(each for place, each in enumerate(prepared.plan.changes) if place not in refused)
    left = tuple(
        Left(prepared.plan.changes[place].resource.name, str(prepared.plan.changes[place].key), None, why)
        for place, why in refused.items()
    )
    return UndoPlan(replace(prepared.plan, changes=kept), (*prepared.left, *left))


def _back(found: ChangeSet, actor: Actor) -> str:
    """To the record, when the set touched one; else to the set."""
    asked = local_path(request.form.get("next"), "")
    if asked:
        return asked
    shown: list[Entry] = ledger.entries(reading(), found, actor, limit=2)
    first = shown[0] if shown else None
    if first is not None and len(shown) == 1 and first.resource is not None and first.operation == "update":
        return f"{first.resource.path}/{first.key}"
    return f"/change-sets/{found.id}"


# -- what it would do ------------------------------------------------------------------------------------------------


def _preview(found: ChangeSet, actor: Actor, problem: str | None = None) -> str:
    connection = reading()
    only = _chosen(request.args.getlist("only"))
    sets = _sets(connection, found)
    why_not = undo_later.may_undo_all(connection, [number for number, _entries in sets], actor)
    shown = None
    if why_not is None:
        before = number_of(request.args.get("before"))
        with db.engine.connect() as unit:  # a transaction of its own: what it sets for itself ends with it
            shown = preview(unit, found, actor, only, before, request.args.get("show") == "left")
            unit.rollback()
    return render_template(
        "change_sets/undo.html",
        set=found,
        preview=shown,
        only=request.args.getlist("only") if only else [],
        sets=sets,
        batches=ledger.together(connection, found),
        why_not=why_not,
        problem=problem,
        show=request.args.get("show", ""),
        together=bool(request.values.get("together")),
        page_title=f"Undo change {found.id}",
        crumbs=crumbs(found, actor, "Undo"),
    )


def preview(
    connection: Connection, found: ChangeSet, actor: Actor, only: list[Record], before: int | None, left: bool
) -> Preview:
    """One page of what undoing this set, or some records of it, would do now. Nothing is written."""
    if only or found.entry_count <= IN_REQUEST:
        return _small(connection, found, actor, only, before, left)
    refs = _left_of(connection, found, before) if left else ledger.records(connection, found, before, PAGE)
    records = [(table, record) for _id, table, record in refs]
    lines = _lines(connection, found, plan_undo(connection, found, actor, records), {}, records, actor)
    more = refs[-1][0] if len(refs) == PAGE else None
    return Preview(lines, _tally(connection, found), 0, True, more)


def _small(
    connection: Connection, found: ChangeSet, actor: Actor, only: list[Record], before: int | None, left: bool
) -> Preview:
    prepared = plan_undo(connection, found, actor, only or None)
    refused = rehearse(prepared.plan, actor)
    refs = [tuple(each) for each in ledger.records(connection, found, None, IN_REQUEST)]
    chosen = [each for each in refs if not only or (each[1], each[2]) in only]
    lines = _lines(connection, found, prepared, refused, [(table, record) for _id, table, record in chosen], actor)
    tally = Tally(
        sum(each.changes and not each.left for each in lines),
        sum(each.changes and bool(each.left) for each in lines),
        sum(not each.changes for each in lines),
    )
    placed = [
        (number, each)
        for (number, _table, _record), each in zip(chosen, lines, strict=True)
        if (before is None or number < before) and (not left or each.left)
    ]
    page = placed[:PAGE]
    return Preview(
        [each for _number, each in page], tally, len(refused), False, page[-1][0] if len(placed) > PAGE else None
    )


def _lines(
    connection: Connection,
    found: ChangeSet,
    prepared: UndoPlan,
    refused: dict[int, str],
    records: list[Record],
    actor: Actor,
) -> list[Line]:
    """The records in their order, each with what is planned for it."""
    planned = ledger.of_plan(connection, found, Plan(prepared.plan.changes), actor)
    entries = {(each.table, each.record_id): each for place, each in enumerate(planned) if place not in refused}
    left: dict[Record, list[tuple[str, str]]] = {}
    for each in prepared.left:
        resource = REGISTRY.find(connection, each.table)
        record = (resource.ledger_name if resource else each.table, _as_ledger(connection, resource, each.record_id))
        left.setdefault(record, []).append((_title(resource, each.field), each.why))
    for place, why in refused.items():
        left.setdefault((planned[place].table, planned[place].record_id), []).append(("", why))
    others = {(each.table, each.record_id): each for each in ledger.bare(connection, found, records, actor)}
    return [
        Line(
            entries.get(record, others[record]),
            record in entries,
            tuple(left.get(record, ())) or _already(record, entries),
        )
        for record in records
    ]


def _already(record: Record, entries: dict[Record, Entry]) -> tuple[tuple[str, str], ...]:
    return () if record in entries else (("", "it is already as it was"),)


def _as_ledger(connection: Connection, resource: Any, key: str) -> str:
    try:
        return str(resource.ledger_key(connection, key)) if resource is not None and not resource.declared else key
    except NotFound:
        return key


def _title(resource: Any, field: str | None) -> str:
    if not field:
        return ""
    return str(resource.field(field).title) if resource is not None and resource.has(field) else field.replace("_", " ")


def _slices(connection: Connection, found: ChangeSet) -> list[Slice] | None:
    """The whole set by table; None where some of it is written record by record and cannot be judged at once."""
    plain = undo_at_once.is_plain(connection, found.id)
    made = []
    for table in ledger.tables(connection, found.id):
        came = undo_later.arrived(found)
        resource = undo_at_once.can(connection, table, came is not None)
        if resource is None:
            return None
        made.append(Slice(found.id, resource, 0, _LAST, plain, came))
    return made


def _tally(connection: Connection, found: ChangeSet) -> Tally | None:
    if found.entry_count > undo_later.COUNTED:
        return None
    try:
        with counting.within(connection, COUNTED_WITHIN_MS):
            slices = _slices(connection, found)
            return None if slices is None else sum((undo_at_once.tally(connection, each) for each in slices), Tally())
    except Exception as error:
        if "statement timeout" not in str(error):
            raise
        connection.rollback()
        return None


def _left_of(connection: Connection, found: ChangeSet, before: int | None) -> list[tuple[int, str, str]]:
    refs = [
        (number, each.resource.ledger_name, record)
        for each in _slices(connection, found) or ()
        for number, record in undo_at_once.left_alone(connection, each, before or _LAST, PAGE)
    ]
    return sorted(refs, reverse=True)[:PAGE]


# -- large ones ------------------------------------------------------------------------------------------------------


@blueprint.get("/change-sets/undos/<int:number>")
@signed_in
def show(number: int) -> str:
    """A large undo: how far it is, what it restored, what it left and why."""
    run, found, actor = _run(number)
    after = number_of(request.args.get("after")) or 0
    left = undo_later.left(reading(), number, after)
    entries = ledger.bare(reading(), found, [(each.table_name, each.record_id) for each in left], actor)
    lines = [
        (entry, _title(entry.resource, each.field) if entry.resource else "", each.why)
        for entry, each in zip(entries, left, strict=True)
    ]
    return render_template(
        "change_sets/run.html",
        run=run,
        set=found,
        lines=lines,
        more=left[-1].id if len(left) == ledger.PAGE else None,
        may=run.app_user_id == actor.app_user_id,
        page_title=f"Undo of change {found.id}",
        crumbs=crumbs(found, actor, "Undo"),
    )


@blueprint.post("/change-sets/undos/<int:number>/stop")
@signed_in
def stop(number: int) -> AnyResponse:
    """Stop after the batch at hand."""
    run, _found, actor = _run(number)
    _mine(run, actor)
    with transaction() as connection:
        done = undo_later.stop(connection, number)
    receipts.say("Stopped; what is undone is listed" if done else "It had ended already", failed=not done)
    return redirect(f"/change-sets/undos/{number}", 303)


@blueprint.post("/change-sets/undos/<int:number>/resume")
@signed_in
def resume(number: int) -> AnyResponse:
    """Go on where it stopped."""
    run, _found, actor = _run(number)
    _mine(run, actor)
    with transaction() as connection:
        done = undo_later.resume(connection, number)
        if done:
            background.defer_within(connection, background.queue.tasks["undo.go_on"], run_id=number)
    receipts.say("Going on" if done else "There is nothing to go on with", failed=not done)
    return redirect(f"/change-sets/undos/{number}", 303)


def _run(number: int) -> tuple[Row[Any], ChangeSet, Actor]:
    """The undo for whoever may open the change it undoes."""
    actor = current_actor()
    run = undo_later.run_of(reading(), number, actor.tenant_id)
    if run is None:
        abort(404)
    found, _actor = opened(run.change_set_id)
    return run, found, actor


def _mine(run: Row[Any], actor: Actor) -> None:
    """Only the person it is done as steers it, since it is done with that person's rights."""
    if run.app_user_id != actor.app_user_id:
        raise NotAllowed("Only the person who asked for this undo stops it or goes on with it.")
