"""Any table or view under /explorer/<schema>.<table>, with the engine's pages over what the catalogue says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from flask import Blueprint, abort, current_app, jsonify, make_response, redirect, render_template, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.exc import DBAPIError
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import ledger, reflect, tablename
from app.engine.access import Actor
from app.engine.projection import Projection, projection
from app.engine.references import lookup, shows_title
from app.engine.reflect.reflected import Reflected
from app.engine.refusals import BadQuery, NotFound, TooSlow
from app.engine.registry import REGISTRY
from app.web import cells, column_chooser, exporting, filter_panel, past, resources
from app.web.security import needs
from app.web.session import current_actor

TIME_LIMIT = "5s"
"""For what has to look through a table row by row; the plain list in its own order never needs it."""
GONE = ("42P01", "42703", "3F000")
ELSEWHERE = {
    "change_sets": "/change-sets",
    "change_entries": "/change-sets",
    "bulk_plans": "/plans",
    "bulk_plan_rows": "/plans",
    "bulk_plan_sets": "/plans",
}
"""Tables whose rows hold values of others: each is read on a page that hides what its reader may not see."""


class TableAddress(BaseConverter):
    """`schema.table`, each written as engine/tablename.py writes it, so that the one dot is the one between them."""

    regex = r"[^/.]+\.[^/.]+"


class Dotted(BaseConverter):
    """A name with more dots, as somebody types it who does not know how they are written."""

    regex = r"[^/.]+\.[^/]+\.(?!(?:csv|xlsx|json)$)[^/.]+"


def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters |= {"table": TableAddress, "dotted": Dotted}


blueprint = Blueprint("explorer", __name__)
blueprint.record(_add_converter)

Found = tuple[Reflected, Projection, Actor]


def find(where: str) -> Found:
    """The table at an address as this actor sees it. Declared ones and the ledger are shown by pages of their own."""
    try:
        schema, name = tablename.parts(where)
    except ValueError:
        abort(404)
    connection, actor = reading(), current_actor()
    if schema == current_app.extensions["console.config"].console_schema:
        if name in ELSEWHERE:
            abort(redirect(ELSEWHERE[name], 303))
        known = REGISTRY.get(name)
        if known is not None:
            abort(redirect(known.path + _rest(), 303))
    resource = reflect.find(connection, schema, name)
    if resource is None:
        other = reflect.find_qualified(connection, f"{schema}.{name}")
        if other is not None:  # a name that was written by hand, with its dots as they are
            abort(redirect(other.path + _rest(), 303))
        raise NotFound(f"There is no table or view {schema}.{name} in this database, or no longer.")
    why = closed(resource, actor)
    if why:
        abort(make_response(_page("explorer/closed.html", resource, why=why)))
    return resource, projection(resource, actor), actor


def _rest() -> str:
    """What follows the table in the present address, when it asks for nothing but to be read."""
    if request.method != "GET" or request.view_args is None or set(request.view_args) - {"where"}:
        return ""
    return f"?{request.query_string.decode()}" if request.query_string and request.endpoint == "explorer.index" else ""


def closed(resource: Reflected, actor: Actor) -> str | None:
    """Why the rows of a table cannot be shown at all."""
    described = resource.described
    role = resource.role
    if not described.usage or not described.readable:
        schema = f"GRANT USAGE ON SCHEMA {reflect.quoted(described.schema)} TO {reflect.quoted(role)}; "
        cure = ("" if described.usage else schema) + reflect.grant(described, "SELECT", role)
        return f"The database does not let the console read it. An administrator can: {cure}"
    if described.reads_ours and not resource.tenanted and not actor.may("platform.read"):
        return "It reads the console's own tables and does not say which company a row belongs to. Your role sees one company."
    return None


def _page(template: str, resource: Reflected, **context: Any) -> str:
    trail = [*resource.crumbs, (resource.plural, None)]
    return render_template(
        template, **{"resource": resource, "page_title": resource.plural, "crumbs": trail, **context}
    )


@contextmanager
def _readable(resource: Reflected) -> Iterator[None]:
    """What the database cannot do with a table of others is told in its words; what is gone meanwhile is not there."""
    try:
        yield
    except TooSlow:
        raise
    except BadQuery as fault:
        cause = fault.__cause__
        if not isinstance(cause, psycopg.Error) or _narrowed():
            raise
        _unreadable(resource, cause)
    except DBAPIError as fault:
        if not isinstance(fault.orig, psycopg.Error) or fault.connection_invalidated:
            raise
        _unreadable(resource, fault.orig)
    except psycopg.Error as fault:
        _unreadable(resource, fault)


def _narrowed() -> bool:
    return any(name not in ("sort", "cols", "limit", "count") for name in request.args)


def _unreadable(resource: Reflected, fault: psycopg.Error) -> None:
    if fault.sqlstate is None or fault.sqlstate.startswith(("08", "53", "57P", "25")):
        raise fault  # the connection, not the table
    if fault.sqlstate in GONE:
        reflect.forget()
        if reflect.find(reading(), resource.described.schema, resource.described.name) is None:
            raise NotFound(f"{resource.described.qualified} is no longer in this database.") from fault
    why = "It took longer than it may." if fault.sqlstate == "57014" else _sentence(fault)
    if request.path.endswith((".csv", ".xlsx", ".json")):
        response = jsonify(error=f"The database cannot read {resource.described.qualified}: {why}")
        response.status_code = 409
        abort(response)
    abort(make_response(_page("explorer/unreadable.html", resource, why=why)))


def _sentence(fault: psycopg.Error) -> str:
    said = (fault.diag.message_primary or str(fault)).strip()
    return said[:1].upper() + said[1:].rstrip(".") + "."


@contextmanager
def limited() -> Iterator[None]:
    """A shorter limit than a page's for what may have to read a whole table."""
    connection = reading()
    connection.exec_driver_sql(f"SET statement_timeout = '{TIME_LIMIT}'")
    try:
        yield
    finally:
        connection.exec_driver_sql("RESET statement_timeout")


def _needs_limit() -> bool:
    """Whether the list is asked for anything but its rows in their own order."""
    return any(name not in ("after", "before", "cols", "limit") for name in request.args)


# -- the list --------------------------------------------------------------------------------------------------------


@blueprint.get("/explorer/<table:where>")
@needs("explorer.read")
def index(where: str) -> str | AnyResponse:
    """The rows of a table."""
    resource, view, actor = find(where)
    with _readable(resource):
        if not _needs_limit() and resource.lasting:
            return resources.show_list(resource, view, actor, template="explorer/list.html")
        with limited():
            return resources.show_list(resource, view, actor, template="explorer/list.html")


@blueprint.get("/explorer/<dotted:where>")
@needs("explorer.read")
def by_hand(where: str) -> AnyResponse:
    """To the address of a table whose name was typed with its dots."""
    found = reflect.find_qualified(reading(), where)
    if found is None:
        raise NotFound(f"There is no table or view {where} in this database, or no longer.")
    return redirect(found.path, 303)


@blueprint.get("/explorer/<table:where>.<any(csv, xlsx, json):kind>")
@needs("explorer.read")
def export(where: str, kind: str) -> AnyResponse:
    """The same as a file."""
    resource, view, actor = find(where)
    with _readable(resource):
        return exporting.send_list(resource, view, actor, kind)


@blueprint.route("/explorer/<table:where>/export", methods=["GET", "POST"])
@needs("explorer.read")
def take_out(where: str) -> str | AnyResponse:
    """Which rows and columns to take out, and as what."""
    resource, view, actor = find(where)
    with _readable(resource):
        return exporting.take_out(resource, view, actor)


@blueprint.get("/explorer/<table:where>/filters")
@needs("explorer.read")
def filters(where: str) -> str | AnyResponse:
    resource, view, actor = find(where)
    with _readable(resource):
        return filter_panel.show_panel(resource, view, actor)


@blueprint.get("/explorer/<table:where>/columns")
@needs("explorer.read")
def columns(where: str) -> str:
    return column_chooser.show_columns(*find(where))


@blueprint.get("/lookups/explorer/<table:where>/<by>")
@needs("explorer.read")
def options(where: str, by: str) -> str | AnyResponse:
    """Rows a reference may point at, by the column it points to."""
    resource, _view, actor = find(where)
    if by not in resource.places or by in resource.masked(actor.may):
        abort(404)
    words = request.args.get("q", "").strip()
    if len(words) > 200 or "\x00" in words:
        raise BadQuery("Search for at most 200 ordinary characters.")
    with _readable(resource), limited():
        found = lookup(reading(), resource, actor, words, by=by)
    if request.accept_mimetypes.best == "application/json":
        return jsonify([{"key": one.key, "label": one.label, "detail": one.detail} for one in found])
    return render_template("resource/options.html", options=found, resource=resource, words=words)


# -- records ---------------------------------------------------------------------------------------------------------


@blueprint.get("/explorer/<table:where>/<key>")
@needs("explorer.read")
def record(where: str, key: str) -> str | AnyResponse:
    """One row, what it refers to and what refers to it."""
    resource, view, actor = _with_rows(where)
    with _readable(resource), limited():
        shown = resources.records.read(reading(), view, key, actor)
        return resources.show_record(
            resource, view, actor, key, template="explorer/record.html", links=_links(resource, shown, actor)
        )


def _with_rows(where: str) -> Found:
    resource, view, actor = find(where)
    if not resource.lasting:
        raise NotFound(f"{resource.no_key} So no row has a page of its own.")
    return resource, view, actor


def _links(resource: Reflected, shown: Any, actor: Actor) -> list[tuple[str, str, str]]:
    """(label, address, title) of the records this one points at by several columns."""
    found = []
    for each in resource.links:
        values = {theirs: shown.values.get(ours) for ours, theirs in each.pairs}
        if None in values.values() or not projection(each.target, actor).reads:
            continue
        target = each.target
        if isinstance(target, Reflected) and set(values) == set(target.key):
            key = target.key_of(values)
            title = f"{target.one} {', '.join(map(str, values.values()))}"
            if shows_title(target, actor.permissions):
                try:
                    title = resources.records.read(reading(), projection(target, actor), key, actor).title
                except NotFound:
                    continue
            found.append((each.label, f"{target.path}/{key}", title))
    return found


@blueprint.get("/explorer/<table:where>/<key>/history")
@needs("explorer.read")
def record_history(where: str, key: str) -> str:
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return resources.show_history(resource, view, actor, key)


@blueprint.get("/explorer/<table:where>/<key>/past")
@needs("explorer.read")
def record_past(where: str, key: str) -> str:
    """A row as it was."""
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return past.show_past(resource, view, actor, key)


@blueprint.get("/explorer/<table:where>/history")
@needs("explorer.read")
def history(where: str) -> str:
    """Every change of the table the ledger knows: made here, or by anybody once it is governed."""
    resource, view, actor = find(where)
    text = request.args.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    with limited():
        entries = ledger.history_of_table(reading(), resource, actor, before)
    return _page(
        "explorer/history.html",
        resource,
        view=view,
        entries=entries,
        more=entries[-1].id if len(entries) == ledger.PAGE else None,
        page_title=f"History of {resource.plural}",
        crumbs=[*resource.crumbs, (resource.plural, resource.path), ("History", None)],
    )


@blueprint.route("/explorer/<table:where>/new", methods=["GET", "POST"])
@needs("explorer.write")
def new(where: str) -> str | AnyResponse:
    resource, view, actor = find(where)
    with _readable(resource):
        return resources.make_record(resource, view, actor)


@blueprint.route("/explorer/<table:where>/<key>/edit", methods=["GET", "POST"])
@needs("explorer.write")
def edit(where: str, key: str) -> str | AnyResponse:
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return resources.edit_record(resource, view, actor, key)


@blueprint.route("/explorer/<table:where>/<key>/delete", methods=["GET", "POST"])
@needs("explorer.write")
def delete(where: str, key: str) -> str | AnyResponse:
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return resources.delete_record(resource, view, actor, key)


@blueprint.get("/explorer/<table:where>/<key>/cells/<name>")
@needs("explorer.write")
def cell(where: str, key: str, name: str) -> str | AnyResponse:
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return cells.show_editor(resource, view, actor, key, name)


@blueprint.route("/explorer/<table:where>/<key>/cells/<name>", methods=["PATCH", "POST"])
@needs("explorer.write")
def save_cell(where: str, key: str, name: str) -> str | AnyResponse:
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return cells.save_value(resource, view, actor, key, name)


@blueprint.post("/explorer/<table:where>/cells")
@needs("explorer.write")
def save_cells(where: str) -> AnyResponse:
    """Values of several rows, collected and saved together."""
    resource, view, actor = _with_rows(where)
    with _readable(resource):
        return cells.save_together(resource, view, actor)
