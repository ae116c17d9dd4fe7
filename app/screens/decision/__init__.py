"""One AI decision: what was asked and chosen and why, the calls behind it as a time-line, and a person's verdict."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from app.core import clock
from app.core.db import reading
from app.engine.access import Actor
from app.engine.projection import projection
from app.engine.reading import Shown
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.screens.decision.case import Case, case
from app.screens.decision.trace import Trace, trace
from app.web.origin import came, crumbs, steps
from app.web.record_page import moves
from app.web.resources import open_record
from app.web.security import needs
from app.web.session import current_actor

blueprint = Blueprint("decision", __name__)


@blueprint.get("/ai/ai_decision_logs/<int:key>")
@needs("ai.decisions.read")
def show(key: int) -> str:
    """The page of a decision; `call` in the address chooses the call that is shown in full."""
    resource: Resource = REGISTRY["ai_decision_logs"]
    return render_template("screens/decision/page.html", **load(resource, key, request.args.get("call", "")))


def load(resource: Resource, key: int, call: str) -> dict[str, Any]:
    """Six statements at most, all by key or index, however long the log is."""
    actor, connection = current_actor(), reading()
    shown = open_record(resource, key)
    found: Case = case(connection, actor, shown)
    calls = projection(REGISTRY["ai_calls"], actor)
    trace_of: Trace | None = trace(connection, actor, shown, calls, call) if calls.reads_all else None
    walk = steps(connection, shown.projection, actor, key)
    offered = {each.move.key: each for each in moves(shown, actor, connection)}
    return {
        "record": shown,
        "resource": resource,
        "case": found,
        "trace": trace_of,
        "moves": offered,
        "may_review": "agree" in offered,
        "steps": walk,
        "came": walk.came if walk else came(),
        "now": clock.now(),
        "zone": actor.timezone,
        "page_title": found.number,
        "crumbs": _crumbs(shown, actor, found, opened_from_list=walk is not None),
    }


def _crumbs(shown: Shown, actor: Actor, found: Case, opened_from_list: bool) -> list[tuple[str, str | None]]:
    queue: list[tuple[str, str | None]] = (
        [("To review", found.queue_href)] if found.waiting and not opened_from_list else []
    )
    return [*crumbs(shown.resource, shown.projection, actor, shown.key), *queue, (found.number, None)]
