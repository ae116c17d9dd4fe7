"""Lists and records of any table over the API: read, create, change, archive, and the moves of their life cycles."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request
from sqlalchemy import Connection
from werkzeug.exceptions import MethodNotAllowed

from app.core.db import reading
from app.engine import listing
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import apply
from app.engine.fields import Edit
from app.engine.plan import plan_archive, plan_create, plan_edit, plan_move, unpermitted
from app.engine.projection import Projection
from app.engine.refusals import NotAllowed, NotFound
from app.engine.resource import Resource
from app.engine.states import Transition
from app.web import saved_views
from app.web.addresses import given, link
from app.web.api import bodies, shapes
from app.web.api.blueprint import blueprint
from app.web.api.once import once, sent
from app.web.problems import Problem
from app.web.resources import find, stamp
from app.web.security import by_resource

LIST, RECORD = "/<domain>/<table>", "/<domain>/<table>/<int:key>"
RESTORE = "restore"


# -- reading ---------------------------------------------------------------------------------------------------------


@blueprint.get(LIST, provide_automatic_options=False)
@by_resource("read")
def index(domain: str, table: str) -> Response:
    """One page of the list, by the grammar of its page; `next` and `previous` are whole addresses."""
    resource, view, actor = find(domain, table)
    _sensible()
    pairs = given()
    if any(name == "view" for name, _value in pairs):
        pairs = saved_views.asked(resource, view, actor, pairs, opens=False).pairs
    query = listing.read_query(pairs, view, actor.timezone)
    begins = query.after is None and query.before is None
    page = listing.fetch(reading(), query, actor, count=begins or query.exact)
    place = f"{shapes.ROOT}/{domain}/{table}"
    around = {
        "next": link(place, pairs, after=page.next) if page.next else None,
        "previous": link(place, pairs, before=page.previous) if page.previous else None,
    }
    count = {"number": page.count.number, "exact": page.count.exact} if page.count else None
    response = sent(200, None, shapes.written({"data": shapes.rows(page), **around, "count": count}))
    links = [f'<{address}>; rel="{name[:4]}"' for name, address in around.items() if address]
    response.headers["Link"] = ", ".join([*links, f'<{link(place, pairs)}>; rel="first"'])
    return response


def _sensible() -> None:
    """A form leaves fields blank and a page makes the best of an address; a program is told what it did not say."""
    blank = next((name for name, value in request.args.items() if not value and name != "q"), None)
    if blank is not None:
        raise Problem(400, f"“{blank[:60]}” was given no value.")
    if request.args.get("archived", "1") not in ("0", "1"):
        raise Problem(400, "archived is 0 or 1.")
    if request.args.get("count", "exact") != "exact":
        raise Problem(400, "count may be exact, or be left out.")


@blueprint.get(RECORD, provide_automatic_options=False)
@by_resource("read")
def show(domain: str, table: str, key: int) -> Response:
    """One record. What was archived is gone unless `archived=1` asks for it; an unchanged one answers 304."""
    _resource, view, actor = find(domain, table)
    _sensible()
    unknown = next((name for name in request.args if name != "archived"), None)
    if unknown is not None:
        abort(400, f"There is no parameter “{unknown[:60]}” here.")
    response = _answer(_present(view, key, actor))
    response.make_conditional(request)
    return response


def _present(view: Projection, key: int, actor: Actor) -> records.Shown:
    shown = records.read(reading(), view, _key(key, view), actor)
    if shown.archived and request.args.get("archived") != "1":
        raise NotFound(f"This {view.resource.one} was archived; archived=1 shows it.")
    return shown


def _key(key: int, view: Projection) -> int:
    if key >= 2**63:
        raise NotFound(f"There is no such {view.resource.one}, or your role does not show it.")
    return key


def _answer(shown: records.Shown) -> Response:
    body = shapes.written(shapes.record(shown))
    response = sent(200, None, body)
    response.set_etag(shapes.tag(shown.version, body))
    return response


@blueprint.route(LIST, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(RECORD, methods=["OPTIONS"], provide_automatic_options=False, endpoint="record_options")
@by_resource("read")
def options(domain: str, table: str, key: int | None = None) -> Response:
    """What this caller may do here."""
    resource, view, _actor = find(domain, table)
    ways = of_list(resource, view) if key is None else of_record(resource, view)
    return Response(status=204, headers={"Allow": ", ".join([*ways, "HEAD", "OPTIONS"])})


def of_list(resource: Resource, view: Projection) -> list[str]:
    """The methods of a list for who sees it so."""
    return [*(["GET"] if view.reads else []), *(["POST"] if view.creates else [])]


def of_record(resource: Resource, view: Projection) -> list[str]:
    """The methods of a record for who sees it so."""
    changes = ["PATCH"] if view.writes and view.writable(_CHANGE) else []
    return ["GET", *changes, *(["DELETE"] if resource.read_only is None and view.may("delete") else [])]


_CHANGE = Edit.FORM | Edit.INLINE | Edit.BULK


# -- writing ---------------------------------------------------------------------------------------------------------


@blueprint.post(LIST, provide_automatic_options=False)
@by_resource("create")
def create(domain: str, table: str) -> Response:
    """A new record: 201 with its address. With an Idempotency-Key, once however often it is sent."""
    resource, view, actor = find(domain, table)
    if resource.read_only is not None or not resource.create:
        raise MethodNotAllowed(of_list(resource, view), resource.read_only)
    if not view.creates:
        raise NotAllowed(f"Your role does not create {resource.plural.lower()}.")
    body = bodies.read()
    why = bodies.reason(body) if "reason" not in view.by_name else None
    fields = view.writable(Edit.CREATE)
    opening = _opening(resource, view, actor)
    wanted = opening | bodies.edits(resource, body, view.by_name, fields, bodies.needed_to_create(resource, fields))
    plan = plan_create(resource, wanted, actor)

    def answered(connection: Connection, keys: tuple[Any, ...]) -> tuple[int, str | None, bytes]:
        place = shapes.place(resource, keys[0])
        if not view.reads:  # a program that only brings something in is told where it went, and no more
            return 201, place, shapes.written({"id": keys[0], "href": place})
        shown = records.read(connection, view, keys[0], actor)
        return 201, place, shapes.written(shapes.record(shown))

    return once(actor, lambda within: _do(plan, actor, why, within), answered)


def _opening(resource: Resource, view: Projection, actor: Actor) -> dict[str, Any]:
    """The values a new record's form would open with."""
    writable = {each.name for each in view.writable(Edit.CREATE)}
    found = {name: value(actor) if callable(value) else value for name, value in resource.defaults.items()}
    return {name: value for name, value in found.items() if name in writable}


def _do(plan: Any, actor: Actor, why: str | None, within: Any = None) -> None:
    apply(plan, actor, why, channel="api", within=within, **stamp())


@blueprint.patch(RECORD, provide_automatic_options=False)
@by_resource("write")
def change(domain: str, table: str, key: int) -> Response:
    """Change the fields in the body and no others, if the record is still the one that was read."""
    resource, view, actor = find(domain, table)
    if "PATCH" not in of_record(resource, view):
        if resource.read_only is not None or not view.writes:
            raise NotAllowed(resource.read_only or f"Your role does not change {resource.plural.lower()}.")
        raise MethodNotAllowed(of_record(resource, view))
    shown = _present(view, key, actor)
    body = bodies.read()
    why = bodies.reason(body) if "reason" not in view.by_name else None
    wanted = bodies.edits(resource, body, view.by_name, view.writable(_CHANGE))
    # After the body: what could not be taken at any version is said first (RFC 9110, 13.2.1).
    bodies.check_version(shown.version, demanded=bool(resource.row_version))
    seen = shown.version if resource.row_version else None
    _do(plan_edit(reading(), resource, shown.key, wanted, seen, actor, where=_CHANGE), actor, why)
    return _answer(records.read(reading(), view, shown.key, actor))


@blueprint.delete(RECORD, provide_automatic_options=False)
@by_resource("delete")
def remove(domain: str, table: str, key: int) -> Response:
    """Archive where the table keeps its records, delete where it does not; If-Match is heeded when given."""
    resource, view, actor = find(domain, table)
    if resource.read_only is not None:
        raise MethodNotAllowed(of_record(resource, view), resource.read_only)
    shown = _present(view, key, actor)
    bodies.check_version(shown.version, demanded=False)
    _do(plan_archive(reading(), resource, shown.key, actor), actor, None)
    return Response(status=204)


@blueprint.post(f"{RECORD}/actions/<action>")
@by_resource("read")
def act(domain: str, table: str, key: int, action: str) -> Response:
    """A move of the life cycle or a named action, with what it asks for and why; the record as it stands afterwards."""
    resource, view, actor = find(domain, table)
    shown = records.read(reading(), view, _key(key, view), actor)
    back = shown.archived and action == RESTORE
    move = None if back else found_move(resource, action)
    if move is None and not back:
        abort(404)
    body = bodies.read(optional=True)
    asked = () if move is None else tuple(resource.field(name) for name in move.asks)
    why = bodies.reason(body) if "reason" not in {each.name for each in asked} else None

    def effect(within: Any) -> None:
        if move is None:
            bodies.edits(resource, body, {}, ())
            bodies.check_version(shown.version, demanded=False)
            plan = plan_archive(reading(), resource, shown.key, actor, restore=True)
        else:
            forbidden = unpermitted(resource, shown.values, move, actor)
            if forbidden:
                raise NotAllowed(forbidden)
            wanted = bodies.edits(resource, body, {each.name: each for each in asked}, asked, move.requires)
            bodies.check_version(shown.version, demanded=False)
            try:
                plan = plan_move(reading(), resource, shown.key, move, wanted, actor, why)
            except NotAllowed as refused:  # not by this role, which was asked above, but as the record stands
                raise Problem(409, refused.sentence) from None
        _do(plan, actor, why, within)

    def answered(connection: Connection, _keys: tuple[Any, ...]) -> tuple[int, str | None, bytes]:
        return 200, None, shapes.written(shapes.record(records.read(connection, view, shown.key, actor)))

    return once(actor, effect, answered)


def found_move(resource: Resource, key: str) -> Transition | Action | None:
    """The move an address names; those the console alone makes are no address."""
    moves: list[Transition | Action] = [
        *(resource.lifecycle.transitions if resource.lifecycle else ()),
        *resource.actions,
    ]
    move = next((each for each in moves if each.key == key), None)
    return None if isinstance(move, Transition) and move.by_system else move
