"""Beside a masked value: ask for it with a reason, see it on this record for a minute, and it is masked again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.clock import now
from app.core.db import reading
from app.engine import reading as records
from app.engine import revealing
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.reading import Shown
from app.engine.refusals import NotAllowed, Rejected
from app.web.origin import came, crumbs
from app.web.receipts import say
from app.web.resources import find, stamp
from app.web.security import by_resource
from app.web.session import current_session

blueprint = Blueprint("revealing", __name__)

KEPT = "revealed"
"""Where the session remembers what is shown, and until when."""


@blueprint.route("/<domain>/<table>/<int:key>/reveal", methods=["GET", "POST"])
@by_resource("read")
def ask(domain: str, table: str, key: int) -> AnyResponse:
    """GET asks what and why; POST notes it and leads back to the record, where it is shown."""
    resource, view, actor = find(domain, table)
    shown = records.read(reading(), view, key, actor)
    offered = revealing.revealable(shown, actor)
    if not offered:
        raise NotAllowed("Nothing is masked here that could be shown to you.")
    chosen = request.values.getlist("field")
    errors: dict[str, str] = {}
    if request.method == "POST":
        reason = request.form.get("reason", "")
        try:
            with transaction() as connection:
                names = revealing.reveal(connection, shown, actor, chosen, reason, **stamp())
        except Rejected as refused:
            errors = refused.errors
        else:
            _remember(f"{resource.path}/{key}", names)
            say("Shown for one minute, and noted")
            return redirect(f"{resource.path}/{key}{came()}", 303)
    page = render_template(
        "resource/reveal.html",
        record=shown,
        resource=resource,
        fields=[resource.field(name) for name in offered],
        chosen=chosen or (list(offered) if request.method == "GET" else []),
        reason=request.form.get("reason", ""),
        errors=errors,
        page_title=f"Reveal personal data of {shown.title}",
        crumbs=[*crumbs(resource, view, actor, key), (shown.title, f"{resource.path}/{key}{came()}"), ("Reveal", None)],
    )
    return make_response(page, 422 if errors else 200)


def _remember(place: str, names: tuple[str, ...]) -> None:
    session, at = current_session(), now().timestamp()
    kept = {where: each for where, each in session.get(KEPT, {}).items() if each[0] > at}
    kept[place] = [at + revealing.LASTS_S, list(names)]
    session[KEPT] = kept


def revealed(shown: Shown, actor: Actor) -> tuple[dict[str, Any], int]:
    """(values by name of what is shown at this moment, for how many more seconds)."""
    until, names = current_session().get(KEPT, {}).get(f"{shown.resource.path}/{shown.key}", (0, []))
    left = int(until - now().timestamp())
    if left <= 0:
        return {}, 0
    return revealing.opened(reading(), shown, actor, names), left
