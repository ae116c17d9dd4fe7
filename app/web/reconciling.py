"""A record against its sources, and the queue of fields a source and we both changed: take theirs or keep ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine.access import Actor
from app.engine.approval_rules import NeedsApproval
from app.engine.fields import Field
from app.engine.importing import conflicts
from app.engine.importing.conflicts import AT_ONCE, Conflict
from app.engine.projection import projection
from app.engine.references import labels
from app.engine.refusals import BadQuery, NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.web import receipts
from app.web.addresses import link
from app.web.asking import number_of
from app.web.navigation import place
from app.web.resources import stamp
from app.web.security import needs
from app.web.session import current_actor
from app.web.told import name_of
from app.web.written import Written

blueprint = Blueprint("reconciling", __name__)
place("System", 31, "Source conflicts", "/imports/conflicts", "split", "imports.read")

QUEUE = "/imports/conflicts"
# -- the queue ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One field in question on the page."""

    conflict: Conflict
    title: str
    href: str
    before: Markup | str
    theirs: Markup | str
    ours: Markup | str
    last: conflicts.Last | None
    name: str
    may: bool

    @property
    def mark(self) -> str:
        """The question as it was looked at: its number and the version of the record."""
        return f"{self.conflict.id}.{self.conflict.now.get('version') or 0}"


@blueprint.get(QUEUE)
@needs("imports.read")
def queue() -> str:
    """Fields that a source and we both changed, oldest first."""
    return _page(reason=request.args.get("reason", "")[:200])


def _page(problem: str = "", reason: str = "", ticked: Sequence[str] = ()) -> str:
    actor, connection = current_actor(), reading()
    table, record = request.values.get("table", ""), number_of(request.values.get("record"))
    if table and table not in REGISTRY:
        raise BadQuery("There is no such table.")
    found, more = conflicts.open_conflicts(
        connection, actor, table=table or None, record=record, after=number_of(request.args.get("after")) or 0
    )
    counted = conflicts.counted(connection, actor)
    pairs = [("table", table)] if table else []
    pairs += [("record", str(record))] if record else []
    return render_template(
        "imports/conflicts.html",
        lines=_lines(connection, actor, found),
        counted=counted,
        total=sum(number for each, number in counted if not table or each.name == table),
        table=table,
        record=record,
        segments=[("All", QUEUE, not table, sum(number for _each, number in counted))]
        + [(each.plural, link(QUEUE, [("table", each.name)]), each.name == table, number) for each, number in counted],
        next=link(QUEUE, pairs, after=str(more)) if more else None,
        first=link(QUEUE, pairs) if request.args.get("after") else None,
        problem=problem,
        reason=reason,
        ticked=frozenset(ticked),
        at_once=AT_ONCE,
        page_title="Source conflicts",
        crumbs=[("Imports", "/imports"), ("Conflicts", None)],
    )


def _lines(connection: Connection, actor: Actor, found: Sequence[Conflict]) -> list[Line]:
    sides = [
        (each.field, value)
        for each in found
        for value in (each.said_before, each.theirs, each.now.get(each.field.name))
    ]
    written = Written(connection, actor, sides)
    titles: dict[str, Mapping[Any, str]] = {}
    for resource in {each.resource.name: each.resource for each in found}.values():
        keys = sorted({each.record_id for each in found if each.resource is resource})
        titles[resource.name] = labels(connection, resource, actor, keys)
    asked = [(each.resource, each.record_id, each.field.name) for each in found]
    touched = conflicts.last_touches(connection, asked)
    made = []
    for each in found:
        resource, field = each.resource, each.field
        view = projection(resource, actor)
        masked = field.name in view.masked

        def shown(value: Any, field: Field = field, masked: bool = masked) -> Markup | str:
            return written.cell(field, field.mask(value) if masked else value)

        title = titles[resource.name].get(each.record_id) or f"{resource.one} {each.record_id}"
        last = touched.get((resource.name, each.record_id, field.name))
        made.append(
            Line(
                each,
                title,
                f"{resource.path}/{each.record_id}",
                shown(each.said_before),
                shown(each.theirs),
                shown(each.now.get(field.name)),
                last,
                name_of(each.source),
                not masked and view.writes and view.edits(each.now, actor.app_user_id),
            )
        )
    return made


@blueprint.post(QUEUE)
@needs("imports.read")
def decide() -> AnyResponse:
    """Take theirs or keep ours, for the fields that are ticked, one of them, or all that are asked about."""
    actor, connection, form = current_actor(), reading(), request.form
    way, _, single = form.get("do", "").partition(":")
    marks = [single] if single else form.getlist("conflict")
    reason = form.get("reason", "")
    try:
        if way not in ("theirs", "ours"):
            raise Rejected({"": "Say whether theirs is taken or ours is kept."})
        if form.get("rows") == "all" and not single:
            table = form.get("table", "")
            found, _more = conflicts.open_conflicts(connection, actor, table=table or None, limit=AT_ONCE)
            found = [each for each in found if not each.moved]
        else:
            found = _looked_at(connection, actor, marks)
        receipt = conflicts.decide(connection, actor, found, "theirs" if way == "theirs" else "ours", reason, **stamp())
    except (Rejected, Stale, NotAllowed, NeedsApproval) as refused:
        status = 422 if isinstance(refused, Rejected) else 403 if isinstance(refused, NotAllowed) else 409
        return make_response(_page(refused.sentence, reason, marks), status)
    many = f"{len(found):,} fields" if len(found) != 1 else found[0].field.title
    receipts.say(f"{many}: {'theirs taken' if way == 'theirs' else 'ours kept'}", receipt, back=QUEUE)
    pairs = [(name, form[name]) for name in ("table", "record") if form.get(name)]
    if single:  # the next one is likely decided for the same reason
        pairs.append(("reason", reason.strip()[:200]))
    return redirect(link(QUEUE, pairs), 303)


def _looked_at(connection: Connection, actor: Actor, marks: Sequence[str]) -> list[Conflict]:
    """The questions as they were looked at. Raises Stale where a record was changed or a question decided meanwhile."""
    seen: dict[int, int] = {}
    for mark in marks[:AT_ONCE]:
        number, _, version = mark.partition(".")
        if not (number.isascii() and number.isdigit() and version.isascii() and version.isdigit() and len(mark) < 30):
            raise BadQuery("That is no question of this queue.")
        seen[int(number)] = int(version)
    found, _more = conflicts.open_conflicts(connection, actor, ids=list(seen), limit=AT_ONCE)
    if len(found) != len(seen):
        raise Stale("Somebody decided one of these already. Look at what is left.")
    for each in found:
        if (each.now.get("version") or 0) != seen[each.id]:
            raise Stale(f"This {each.resource.one} was changed since you looked. Look at both values once more.")
    return found
