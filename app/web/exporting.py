"""Taking a list out: which rows, which columns, which kind of file; small ones at once, long ones by the worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.clock import now
from app.core.db import db, reading
from app.engine import copies, counting, listing, selection
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.copies import Asked
from app.engine.fields import Field, Secret
from app.engine.projection import Projection
from app.engine.refusals import BadQuery, NotAllowed, TooSlow
from app.engine.resource import Resource
from app.engine.selection import Selection
from app.web import saved_views
from app.web.addresses import PLACE, Pairs, given, link
from app.web.htmx import wants_fragment
from app.web.receipts import say
from app.web.security import by_resource
from app.web.session import request_id

blueprint = Blueprint("exporting", __name__)

MIME = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
COUNTED_WITHIN_MS = 2_000
"""How long it may take to find out whether a list is long; one that takes longer is for the worker."""


@blueprint.route("/<domain>/<table>/export", methods=["GET", "POST"])
@by_resource("read")
def choose(domain: str, table: str) -> str | AnyResponse:
    """What to take out of a list; sent with a format, the file."""
    from app.web.resources import find

    return take_out(*find(domain, table))


def take_out(resource: Resource, view: Projection, actor: Actor) -> str | AnyResponse:
    """The export of any resource."""
    _allowed(actor)
    pairs = saved_views.asked(resource, view, actor, given(), opens=False).pairs
    query = listing.read_query(pairs, view, actor.timezone)
    keys = [*request.form.getlist("key"), *request.form.get("keys", "").split()]
    if "format" not in request.form:
        return _dialog(query, pairs, keys, actor)
    kind, chosen = request.form["format"], request.form.get("rows", "all")
    if kind not in copies.KINDS or chosen not in ("all", "page", "these"):
        raise BadQuery("Choose which rows and which kind of file.")
    columns = [each.name for each in (_every(view) if request.form.get("columns") == "all" else query.columns)]
    query = replace(query, columns=tuple(view.by_name[name] for name in columns))
    address = link(resource.path, pairs, drop=() if chosen == "page" else PLACE, cols=",".join(columns))
    return _answer(Asked(_selected(query, chosen, keys, actor), chosen, kind, address), actor)


def send_list(resource: Resource, view: Projection, actor: Actor, kind: str) -> Response:
    """The whole list of any resource as a file, as its plain address asks for it: sent at once, however long."""
    _allowed(actor)
    pairs = saved_views.asked(resource, view, actor, given(), opens=False).pairs
    query = listing.read_query(pairs, view, actor.timezone)
    return _send(Asked(Selection(query), "all", kind, link(resource.path, pairs)), actor)


def _allowed(actor: Actor) -> None:
    if not actor.may("export.read"):
        raise NotAllowed("Your role reads lists but does not take them out.")


def _every(view: Projection) -> list[Field]:
    """All columns this role may see, those it sees masked included; of a secret there is nothing to take."""
    return [each for each in view.fields if not isinstance(each, Secret)]


def _selected(query: listing.ListQuery, chosen: str, keys: list[str], actor: Actor) -> Selection:
    if chosen == "these":
        return selection.these(query, keys)
    if chosen == "page" and query.resource.opens_records:
        page = listing.fetch(reading(), query, actor)
        return selection.page(query, page.rows, page.layout.keys)
    return Selection(query)


def _dialog(query: listing.ListQuery, pairs: Pairs, keys: list[str], actor: Actor) -> str:
    resource, view = query.resource, query.projection
    if request.method == "POST" and request.form.get("rows") == "these":
        selection.these(query, keys)  # said now, not after everything else was chosen
    found = _count(query, actor)
    return render_template(
        "resource/export_fragment.html" if wants_fragment() else "resource/export.html",
        resource=resource,
        action=link(f"{resource.path}/export", pairs, drop=()),
        back=link(resource.path, pairs, drop=()),
        keys=keys,
        chosen="these" if keys and request.form.get("rows") != "all" else "all",
        all=found,
        pages=resource.opens_records,
        kinds=copies.KINDS,
        shown=query.columns,
        every=_every(view),
        masked=[each.title for each in _every(view) if each.name in view.masked],
        direct=copies.DIRECT,
        page_title=f"Export {resource.plural.lower()}",
        crumbs=[*resource.crumbs, (resource.plural, link(resource.path, pairs, drop=())), ("Export", None)],
    )


def _count(query: listing.ListQuery, actor: Actor) -> counting.Count | None:
    """How many rows match, as a list says it; None where finding out takes too long."""
    connection = reading()
    try:
        with counting.within(connection, COUNTED_WITHIN_MS):
            return counting.count(connection, replace(query, exact=False), actor)
    except TooSlow:
        return None


def _is_long(query: listing.ListQuery, actor: Actor) -> bool:
    connection = reading()
    try:
        with counting.within(connection, COUNTED_WITHIN_MS):
            return counting.more_than(connection, query, actor, copies.DIRECT)
    except TooSlow:
        return True


def _answer(asked: Asked, actor: Actor) -> AnyResponse:
    if not asked.selection.is_all or not _is_long(asked.query, actor):
        return _send(asked, actor)
    expected = _count(asked.query, actor)
    with transaction() as connection:
        number = copies.ask(connection, asked, actor, request_id(), expected.number if expected else None)
    say(f"The export of {asked.query.resource.plural} is being made; you can go on working")
    return redirect(f"/platform/data_exports/{number}", 303)


def _send(asked: Asked, actor: Actor) -> Response:
    number, pieces = copies.direct(db.engine, asked, actor, request_id())
    # With the first rows in hand: what cannot be read is then refused, not broken off halfway through a file.
    first = next(pieces, b"")
    response = Response(_whole(first, pieces), mimetype=MIME[asked.kind])
    name = copies.file_name(asked.query, asked.kind, now())
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Link"] = f'</copies/{number}/manifest.json>; rel="describedby"; type="application/json"'
    # Which copy was taken and by whom; not what was searched for, which may name a person.
    current_app.logger.info(
        "export",
        extra={
            "resource": asked.query.resource.name,
            "kind": asked.kind,
            "actor": actor.app_user_id,
            "copy": number,
            "filters": sorted(request.args),
        },
    )
    return response


def _whole(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
