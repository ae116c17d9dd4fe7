"""Explain: why each field and action of a record stands as it does, for oneself or, for who reads roles, for any role."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from sqlalchemy import text

from app.core.db import reading
from app.engine import explaining
from app.engine import reading as records
from app.engine.plan import current
from app.web.origin import came, crumbs
from app.web.resources import find
from app.web.security import by_resource

blueprint = Blueprint("explaining", __name__)


@blueprint.get("/<domain>/<table>/<int:key>/explain")
@by_resource("read")
def show(domain: str, table: str, key: int) -> str:
    """The deciding rule of everything; `role` in the address asks for another role than one's own rights."""
    resource, view, actor = find(domain, table)
    connection = reading()
    shown = records.read(connection, view, key, actor)
    tenant = {"tenant": actor.tenant_id}
    known = connection.execute(_ROLES, tenant).all() if actor.may("roles.read") else []
    asked = request.args.get("role", "")
    who = actor
    if asked:
        chosen = next((each for each in known if str(each.id) == asked), None)
        if chosen is None:
            abort(404)
        who = explaining.as_role(actor, chosen.name, frozenset(chosen.permissions))
    row = current(connection, view, key, actor)
    return render_template(
        "resource/explain.html",
        record=shown,
        resource=resource,
        explained=explaining.explain(connection, resource, row, actor, who),
        roles=[(str(each.id), each.name) for each in known],
        asked=asked,
        of=who.name if asked else "you",
        page_title=f"Explain {shown.title}",
        crumbs=[
            *crumbs(resource, view, actor, key),
            (shown.title, f"{resource.path}/{key}{came()}"),
            ("Explain", None),
        ],
    )


_ROLES = text("SELECT id, name, permissions FROM roles WHERE tenant_id = :tenant ORDER BY is_system DESC, id")
