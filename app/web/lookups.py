"""The reference picker's answers: a few records by search, never a list of the whole table."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine.projection import projection
from app.engine.references import lookup, shows_label
from app.engine.refusals import BadQuery
from app.engine.registry import REGISTRY
from app.web.security import log_refusal, signed_in
from app.web.session import current_actor

blueprint = Blueprint("lookups", __name__)


@blueprint.get("/lookups/<name>")
@signed_in
def search(name: str) -> str | AnyResponse:
    """Options for one resource, as a listbox or as JSON; only records whose title this role may see."""
    resource, actor = REGISTRY.get(name), current_actor()
    if resource is None or not (shows_label(name, actor.permissions) or projection(resource, actor).reads):
        log_refusal("missing", f"{name}.read")
        abort(404)
    words = request.args.get("q", "").strip()
    if len(words) > 200 or "\x00" in words:
        raise BadQuery("Search for at most 200 ordinary characters.")
    found = lookup(reading(), resource, actor, words)
    if request.accept_mimetypes.best == "application/json":
        return jsonify([{"key": one.key, "label": one.label, "detail": one.detail} for one in found])
    return render_template("resource/options.html", options=found, resource=resource, words=words)
