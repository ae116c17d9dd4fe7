"""A record as of any past moment, beside today's or another moment's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from app.core.clock import zone_of
from app.core.db import reading
from app.engine import dates, past
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.past import State
from app.engine.projection import Projection
from app.engine.refusals import BadQuery, NotFound
from app.engine.resource import Resource
from app.web.asking import number_of
from app.web.security import by_resource

blueprint = Blueprint("past", __name__)


@blueprint.get("/<domain>/<table>/<int:key>/past")
@by_resource("read")
def show(domain: str, table: str, key: int) -> str:
    """The record at a moment: `at` a date and time, or `entry`, the change after which it is meant; `and` a second moment."""
    from app.web.resources import find

    return show_past(*find(domain, table), key)


def show_past(resource: Resource, view: Projection, actor: Actor, key: Any) -> str:
    """The past of a record of any resource this actor may see today."""
    connection = reading()
    record = records.read(connection, view, key, actor)  # whoever may not see it today does not see its past
    if not resource.recorded:
        raise NotFound(f"No history is kept of {resource.plural.lower()}.")
    problem, then, other = "", None, past.today(connection, resource, key)
    try:
        entry, first, second = number_of(request.args.get("entry")), _moment("at", actor), _moment("and", actor)
        if second is not None:
            other = past.at(connection, resource, key, second)
        if entry is not None:
            then = past.after(connection, resource, key, entry)
            if then is None:
                raise NotFound(f"That is no change of this {resource.one}.")
        elif first is not None:
            then = past.at(connection, resource, key, first)
    except BadQuery as wrong:
        problem = wrong.sentence
    return render_template(
        "resource/past.html",
        record=record,
        resource=resource,
        view=view,
        problem=problem,
        then=then,
        other=other,
        was=past.shown(connection, resource, key, then, actor) if then and then.values is not None else None,
        compared=past.compared(connection, resource, key, *_ordered(then, other), actor) if then else None,
        local={"at": _local(then, actor), "and": _local(other, actor)},
        page_title=f"{record.title} as it was",
        crumbs=[
            (resource.plural, resource.path),
            (record.title, f"{resource.path}/{record.key}"),
            ("As it was", None),
        ],
    )


def _moment(name: str, actor: Actor) -> Any:
    """A moment of the address in the viewer's zone: 2026-11-20T14:30, a day's first moment, or -7d. Raises BadQuery."""
    asked = request.args.get(name, "").strip()
    return dates.span(asked, actor.timezone).moments(actor.timezone)[0] if asked else None


def _ordered(one: State, other: State) -> tuple[State, State]:
    """The earlier first; today comes last."""
    if one.at is not None and (other.at is None or one.at <= other.at):
        return one, other
    return other, one


def _local(state: State | None, actor: Actor) -> str:
    """As a date-time input takes it."""
    if state is None or state.at is None:
        return ""
    return state.at.astimezone(zone_of(actor.timezone)).strftime("%Y-%m-%dT%H:%M:%S")
