"""Documents on paper: an invoice or estimate as the customer gets it, on one Letter page or as many as it has lines for."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from app.core.db import reading
from app.engine.registry import REGISTRY
from app.screens.paper.letter import letter
from app.web.resources import open_record
from app.web.security import by_resource
from app.web.session import current_actor

blueprint = Blueprint("paper", __name__)


@blueprint.get("/<domain>/<table>/<int:key>/print")
@by_resource("read")
def show(domain: str, table: str, key: int) -> str:
    """The letter, to look at before it is printed."""
    resource = REGISTRY.at(domain, table)
    if resource is None or not resource.printed:
        abort(404)
    record = open_record(resource, key)
    made = letter(reading(), record, current_actor())
    return render_template(
        "screens/paper/letter.html",
        letter=made,
        record=record,
        resource=resource,
        page_title=made.heading,
        crumbs=[(resource.plural, resource.path), (record.title, f"{resource.path}/{key}"), ("Print", None)],
    )
