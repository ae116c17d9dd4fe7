"""Pages that stay true while they are open: the stream of a tab, the same by asking, and what is asked after news."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import ledger as history
from app.engine import listing
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.live import ledger, presence
from app.engine.live.ledger import Mark
from app.engine.live.news import News, Readers, Watch
from app.engine.projection import projection
from app.engine.refusals import BadQuery
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web import gateway, newsroom, rows, saved_views
from app.web.addresses import given
from app.web.newsroom import OpenStream
from app.web.origin import carried
from app.web.resources import find
from app.web.security import by_resource, signed_in
from app.web.session import current_actor, current_session
from app.web.session_rows import rights

blueprint = Blueprint("live", __name__)

MOST_ROWS = 200
OLDEST_PAGE_S = 120


@blueprint.get("/live")
@signed_in
def stream() -> AnyResponse:
    """Server-sent events about the list or record named by `on`. 204 where this server keeps no streams: ask instead."""
    actor, session = current_actor(), current_session()
    room = request.environ.get(newsroom.PLACE)
    watch = _watch(actor)
    assert session.standing is not None, "the guard has let this person in"
    made = OpenStream(
        session_id=session.standing.id,
        rights=rights(session.standing),
        actor=actor,
        watch=watch,
        edits=request.args.get("edits") == "1",
        since=Mark.read(request.headers.get("Last-Event-ID")) or Mark.read(request.args.get("since")),
    )
    if room is None or not room.enter(made, reading(), _age()):
        return make_response("", 204)
    request.environ[gateway.STREAM](made)
    response = Response(mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


@blueprint.get("/live/since")
@signed_in
def since() -> Response:
    """The news since a mark, and who is here, for a browser whose stream fails. Without a mark: only a mark to begin with."""
    actor, connection = current_actor(), reading()
    watch, mark = _watch(actor), Mark.read(request.args.get("since"))
    now = ledger.now(connection)
    news = Readers(connection, ledger.since(connection, mark)).news(watch, actor) if mark else News()
    here: list[dict[str, Any]] = []
    if watch.record is not None:
        present = presence.here(connection, actor.tenant_id, [watch.record]).get(watch.record, [])
        here = [
            {"id": each.app_user_id, "name": each.name, "edits": each.edits}
            for each in present
            if each.app_user_id != actor.app_user_id
        ]
    return jsonify(mark=str(now), news=asdict(news) if news else None, here=here)


@blueprint.get("/<domain>/<table>/rows")
@by_resource("read")
def changed_rows(domain: str, table: str) -> str:
    """Those of the records in `keys` that stand in the list its address describes, as rows of it."""
    resource, view, actor = find(domain, table)
    pairs = [pair for pair in given() if pair[0] not in ("keys", "after", "before", "count", "limit")]
    keys = _keys(request.args.get("keys", ""))
    state = saved_views.asked(resource, view, actor, pairs, opens=False)
    query = replace(listing.read_query(state.pairs, view, actor.timezone), only=keys, limit=len(keys))
    page = listing.fetch(reading(), query, actor)
    came = carried([pair for pair in given() if pair[0] != "keys"])
    return render_template("resource/changed_rows.html", body=rows.render(page, actor, came=came))


@blueprint.get("/<domain>/<table>/<int:key>/news")
@by_resource("read")
def record_news(domain: str, table: str, key: int) -> str:
    """What others changed of a record since the ledger entry `from`, for somebody who is at its form."""
    resource, view, actor = find(domain, table)
    shown = records.read(reading(), view, key, actor)
    start = request.args.get("from", "")
    if not (start.isascii() and start.isdigit() and len(start) < 19):
        raise BadQuery("Say from which change on.")
    found = [each for each in history.history(reading(), resource, key, actor, limit=20) if each.id >= int(start)]
    seen = request.args.get("seen", "")
    if seen.isascii() and seen.isdigit() and len(seen) < 19:  # by the version the form was opened with: those after it
        found = found[: max(shown.version - int(seen), 0)]
    theirs = [each for each in found if each.set.app_user_id != actor.app_user_id or not each.set.app_user_id]
    return render_template("resource/news.html", entries=theirs, record=shown, resource=resource, view=view)


def _keys(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not 0 < len(parts) <= MOST_ROWS or not all(
        each.isascii() and each.isdigit() and len(each) < 19 for each in parts
    ):
        raise BadQuery(f"Name at most {MOST_ROWS} records by their numbers.")
    return tuple(map(int, parts))


def _age() -> float:
    """How long ago the page that asks was made, as its browser says; in seconds."""
    text = request.args.get("age", "")
    return min(int(text) / 1000, OLDEST_PAGE_S) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _watch(actor: Actor) -> Watch:
    """What the page has open. 404 for what this person may not open, as the page itself would be."""
    parts = request.args.get("on", "").strip("/").split("/")
    if len(parts) not in (2, 3) or (
        len(parts) == 3 and not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) < 19)
    ):
        raise BadQuery("Say which list or record this is about.")
    resource = REGISTRY.at(parts[0], parts[1])
    if resource is None or not projection(resource, actor).reads:
        abort(404)
    if len(parts) == 2:
        return Watch(resource)
    shown = records.read(reading(), projection(resource, actor), int(parts[2]), actor)
    return Watch(resource, int(parts[2]), tuple(_related(resource, shown, actor)))


def _related(resource: Resource, shown: records.Shown, actor: Actor) -> list[tuple[str, Resource, dict[str, Any]]]:
    found = []
    for each in resource.related:
        target = REGISTRY.get(each.to)
        if target is None or not projection(target, actor).reads or not each.reaches(shown.values):
            continue
        fixed = dict(each.fixed(shown.values, shown.key))
        if fixed.keys() <= set(target.table.c.keys()):
            found.append((each.name, target, fixed))
    return found
