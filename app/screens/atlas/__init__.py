"""The atlas: the list of every table there is, each with its evidence, and a map of how those of a domain refer to each other."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import listing
from app.engine.atlas.about import About, about, about_key
from app.engine.atlas.survey import Standing, ensure, kept
from app.engine.registry import REGISTRY
from app.screens.atlas.drawing import Drawing, draw
from app.screens.atlas.references import Outline, outline
from app.web import column_chooser, filter_panel, resources, rows, saved_views
from app.web.addresses import given
from app.web.htmx import wants_fragment
from app.web.list_page import ListPage
from app.web.resources import filter_labels, find
from app.web.security import by_resource, needs
from app.web.session import current_actor

blueprint = Blueprint("atlas", __name__)

# The list is the engine's own, at an address of its own: the engine's views are told which table it is of.
OF = {"domain": "platform", "table": "atlas_entries"}
_VIEWS: dict[str, Any] = {
    "/explorer/filters": filter_panel.panel,
    "/explorer/columns": column_chooser.columns,
    "/explorer.<any(csv, xlsx, json):kind>": resources.export,
    "/explorer/<int:key>/history": resources.history,
    # Refused, with the reason why nothing is written here.
    "/explorer/new": resources.new,
    "/explorer/<int:key>/edit": resources.edit,
    "/explorer/<int:key>/delete": resources.delete,
}
_READ = (filter_panel.panel, column_chooser.columns, resources.export, resources.history)
for _rule, _view in _VIEWS.items():
    blueprint.add_url_rule(
        _rule, f"list_{_view.__name__}", _view, defaults=OF, methods=["GET"] if _view in _READ else ["GET", "POST"]
    )


@blueprint.get("/explorer", defaults=OF)
@by_resource("read")
def index(domain: str, table: str) -> str | AnyResponse:
    """Every table with its verdict: the engine's list over the survey, which is made anew where the schema has changed."""
    resource, view, actor = find(domain, table)
    pairs = given()
    state = saved_views.asked(resource, view, actor, pairs)
    query = listing.read_query(state.pairs, view, actor.timezone)
    connection = reading()
    fragment = wants_fragment()
    standing, failed = (None, None) if fragment else _standing()  # who pages through a list goes on in the same one
    page = listing.fetch(connection, query, actor, count=not fragment or query.exact)
    shown = ListPage(
        query,
        page,
        state.pairs,
        actor,
        rows.render(page, actor),
        filter_labels(connection, query, actor),
        resource.path,
        state,
        emptied=resources.emptied(connection, query, page, actor),
    )
    return render_template(
        "resource/rows.html" if fragment else "screens/atlas/list.html",
        list=shown,
        fragment=fragment,
        resource=resource,
        view=view,
        standing=standing,
        failed=failed,
        domains=[] if fragment else _domains(),
        page_title=resource.plural,
        crumbs=[(resource.plural, None)],
    )


def _standing() -> tuple[Standing | None, str | None]:
    """From when the list is. Where a new survey could not be made in time, the last one stands, and the page says so."""
    connection = reading()
    try:
        return ensure(connection), None
    except OperationalError:
        last = kept(connection)
        if last is None:
            raise
        return last, "The database did not answer in time for a new survey"


def _domains() -> list[tuple[str, str, int]]:
    """(domain, its name for people, tables) for the maps, the console's own rooms first."""
    counted = {row.domain: row.tables for row in reading().execute(_DOMAINS)}
    order = {name: each.order for name, each in REGISTRY.domains.items()}
    names = sorted(counted, key=lambda name: (name not in order, order.get(name, 0), name))
    return [(name, _called(name), counted[name]) for name in names]


def _called(domain: str) -> str:
    room = REGISTRY.domains.get(domain)
    return room.label if room else domain


_DOMAINS = text("SELECT domain, count(*) AS tables FROM atlas_entries GROUP BY domain")


# -- one table -------------------------------------------------------------------------------------------------------


@blueprint.get("/explorer/about/<path:name>")
@needs("explorer.read")
def show(name: str) -> str:
    """The evidence behind one table's verdict, by `schema.table`."""
    _standing()
    return _page(about(reading(), name, current_actor().tenant_id))


@blueprint.get("/explorer/<int:key>", defaults=OF, endpoint="entry")
@by_resource("read")
def entry(key: int, domain: str = "", table: str = "") -> str:
    """The same by the key of its row in the list."""
    return _page(about_key(reading(), key, current_actor().tenant_id))


def _page(found: About | None) -> str:
    if found is None:
        abort(404)
    return render_template(
        "screens/atlas/entry.html",
        about=found,
        domain_name=_called(str(found.entry["domain"])),
        page_title=found.qualified,
        crumbs=[("Tables", "/explorer"), (found.qualified, None)],
    )


# -- the map ---------------------------------------------------------------------------------------------------------


@blueprint.get("/explorer/map/<path:domain>")
@needs("explorer.read")
def chart(domain: str) -> str:
    """How the tables of a domain refer to each other, drawn and as a table."""
    _standing()
    found: Outline = outline(reading(), domain)
    if not found.tables:
        abort(404)
    picture: Drawing = draw(found)
    name = _called(domain)
    context: dict[str, Any] = {"outline": found, "picture": picture, "domain": domain, "domains": _domains()}
    return render_template(
        "screens/atlas/map.html",
        **context,
        domain_name=name,
        page_title=f"Map of {name}",
        crumbs=[("Tables", "/explorer"), (f"Map of {name}", None)],
    )
