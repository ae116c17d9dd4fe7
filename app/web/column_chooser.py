"""Which columns a list shows, in what order, how wide and how dense: a dialog over the list, or a page of its own."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.engine import listing
from app.engine.access import Actor
from app.engine.apply import apply
from app.engine.fields import Field
from app.engine.keeping_views import may_change, plan_columns, plan_layout
from app.engine.listing import NARROWEST, WIDEST
from app.engine.projection import Projection
from app.engine.refusals import BadQuery
from app.engine.resource import Resource
from app.engine.saved_views import DENSITIES, LOOKS, Asked, Pairs
from app.web import saved_views
from app.web.addresses import given, link
from app.web.resources import find, stamp
from app.web.security import by_resource, signed_in

blueprint = Blueprint("column_chooser", __name__)


@dataclass(frozen=True)
class Line:
    """One column of the chooser."""

    field: Field
    shown: bool
    width: int | None
    pinned: bool
    masked: bool


@blueprint.get("/<domain>/<table>/columns")
@by_resource("read")
def columns(domain: str, table: str) -> str:
    """The columns of a declared table."""
    return show_columns(*find(domain, table))


def show_columns(resource: Resource, view: Projection, actor: Actor) -> str:
    """The columns of any resource: those shown in their order, then the others this role may see; no more are named."""
    state = saved_views.asked(resource, view, actor, given(), opens=False)
    return _dialog(resource, view, actor, state, state.pairs)


def _dialog(resource: Resource, view: Projection, actor: Actor, state: Asked, pairs: Pairs) -> str:
    query = listing.read_query(pairs, view, actor.timezone)
    shown = [_line(each, view, query.widths, True) for each in query.columns]
    names = {each.name for each in query.columns}
    hidden = [_line(each, view, query.widths, False) for each in view.fields if each.name not in names]
    return render_template(
        "resource/columns.html",
        shown=shown,
        hidden=sorted(hidden, key=lambda line: not line.field.list),
        here=link(resource.path, pairs),
        usual=link(resource.path, [pair for pair in pairs if pair[0] not in LOOKS]),
        density=dict(pairs).get("density", ""),
        densities=DENSITIES,
        open_view=state.view,
        may_save=state.view is None or may_change(state.view, actor),
        bounds=(NARROWEST, WIDEST),
        resource=resource,
        page_title=f"Columns of {resource.plural.lower()}",
        crumbs=[*resource.crumbs, (resource.plural, link(resource.path, pairs)), ("Columns", None)],
    )


def _line(each: Field, view: Projection, widths: object, shown: bool) -> Line:
    width = widths.get(each.name) if isinstance(widths, dict) else None
    return Line(each, shown, width, each.name == view.resource.title and shown, each.name in view.masked)


@blueprint.post("/views/columns")
@signed_in
def choose() -> AnyResponse | str:
    """The chosen columns into the address, and where asked for into the view or the person's own ways."""
    at = saved_views.Listed()
    names = request.form.getlist("cols")
    if "move" in request.form:
        way, _, which = request.form["move"].partition(":")
        if way in ("up", "down") and which in names:
            saved_views.step(names, which, way)
    looks = _looks(at, names)
    pairs = [pair for pair in at.asked.pairs if pair[0] not in ("cols", "density")] + looks
    listing.read_query(pairs, at.view, at.actor.timezone)
    if "move" in request.form:
        return _dialog(at.resource, at.view, at.actor, at.asked, pairs)
    if "keep" not in request.form:
        return at.go(pairs)
    return keep(at, pairs)


def keep(at: saved_views.Listed, pairs: Pairs) -> AnyResponse:
    """Keep the columns of an address where they belong: in the open view, else in how this person has the list."""
    looks, view = [pair for pair in pairs if pair[0] in LOOKS], at.asked.view
    if view is not None:
        return at.do(plan_columns(view, at.actor, looks), f"Columns of “{view.name}” saved", pairs)
    rest = [pair for pair in pairs if pair[0] not in LOOKS] or [("view", "all")]
    return at.do(plan_layout(at.kept, at.actor, looks), f"Columns of {at.resource.plural.lower()} kept", rest)


@blueprint.post("/views/widths")
@signed_in
def widths() -> AnyResponse:
    """Widths as somebody has just drawn them: into the address, and kept unless a view is open, which has to be saved."""
    at = saved_views.Listed()
    pairs = [pair for pair in at.asked.pairs if pair[0] != "cols"] + [("cols", request.form.get("cols", ""))]
    listing.read_query(pairs, at.view, at.actor.timezone)
    if at.asked.view is None:
        apply(plan_layout(at.kept, at.actor, pairs), at.actor, **stamp())
    answer = make_response("", 204)
    answer.headers["Location"] = link(at.resource.path, pairs)
    return answer


def _looks(at: saved_views.Listed, names: list[str]) -> Pairs:
    """Columns with their widths, and the density, as an address says them; nothing for what the list has by itself."""
    found = []
    for name in dict.fromkeys(names):
        width = request.form.get(f"width.{name}", "").strip()
        if width and not (width.isascii() and width.isdigit()):
            raise BadQuery("A width is a number of pixels.")
        found.append(f"{name}:{width}" if width else name)
    cols, density = ",".join(found), request.form.get("density", "")
    usual = ",".join(each.name for each in at.view.listed)
    looks = [("cols", cols)] if cols and cols != usual else []
    return looks + ([("density", density)] if density in DENSITIES else [])
