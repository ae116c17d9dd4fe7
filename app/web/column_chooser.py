"""Which columns a list shows: a dialog over the list, or a page of its own where there is no script."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.engine import listing
from app.engine.access import Actor
from app.engine.projection import Projection
from app.engine.resource import Resource
from app.web.addresses import given, link
from app.web.htmx import wants_fragment
from app.web.security import by_resource

blueprint = Blueprint("column_chooser", __name__)


@blueprint.get("/<domain>/<table>/columns")
@by_resource("read")
def columns(domain: str, table: str) -> str:
    """Which columns to show, in their declared order."""
    from app.web.resources import find

    return show_columns(*find(domain, table))


def show_columns(resource: Resource, view: Projection, actor: Actor) -> str:
    """The columns of any resource."""
    pairs = [(name, value) for name, value in given() if name not in ("after", "before", "count")]
    query = listing.read_query(pairs, view, actor.timezone)
    shown = [each.name for each in query.columns]
    return render_template(
        "resource/columns_fragment.html" if wants_fragment() else "resource/columns.html",
        fields=view.fields,
        shown=shown,
        keep=[pair for pair in pairs if pair[0] != "cols"],
        resource=resource,
        pairs=pairs,
        link=link,
        page_title=f"Columns of {resource.plural.lower()}",
        crumbs=[*resource.crumbs, (resource.plural, link(resource.path, pairs)), ("Columns", None)],
    )
