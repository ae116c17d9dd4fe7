"""Asking for what needs a second person: the form says who decides, and sends a request where it would have done the act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core import clock
from app.core.db import reading
from app.engine import approvals
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import change
from app.engine.approval_rules import Need, among_them, deciders
from app.engine.plan import Plan
from app.engine.reading import Shown
from app.engine.refusals import Rejected
from app.engine.registry import REGISTRY
from app.engine.states import Transition
from app.web import drafts, receipts


@dataclass(frozen=True)
class Offer:
    """What the form says of the second person."""

    sentence: str
    who: str
    """Their names, or that there is nobody."""
    anybody: bool
    first: date
    last: date
    until: str
    """The day as it was typed, or the one proposed."""
    error: str = ""


def offer(need: Need, actor: Actor, error: str = "") -> Offer:
    """Who may decide this instead of the person asking, and until when."""
    found = deciders(reading(), actor.tenant_id, need.rule.decides, but=actor.app_user_id)
    today = clock.today(actor.timezone)
    typed = request.form.get("expires", "").strip()[:10]
    last = today + approvals.MOST - timedelta(days=1)
    proposed = typed or (today + approvals.LASTS).isoformat()
    return Offer(need.sentence, among_them(found), bool(found), today, last, proposed, error)


def until(actor: Actor) -> datetime | None:
    """The end of the day that was typed, as the person lives it."""
    typed = request.form.get("expires", "").strip()
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise Rejected({"expires": "Give a day like 2026-08-31."}) from None
    return datetime.combine(day + timedelta(days=1), time(), clock.zone_of(actor.timezone)).astimezone(UTC)


def ask_to_move(
    shown: Shown, move: Transition | Action, plan: Plan, asked: Mapping[str, Any], actor: Actor
) -> AnyResponse:
    """Keep the move as it was planned until somebody else decides it, and lead to the request."""
    reason = request.form.get("reason", "")
    with changing(actor) as connection:
        key = approvals.ask_to_move(connection, actor, plan, asked, reason, shown.title, move.label, until(actor))
    drafts.forget(actor)
    return told(key)


def page(
    title: str, offered: Offer, back: str, crumbs: list[tuple[str, str | None]], errors: Mapping[str, str]
) -> AnyResponse:
    """The form that asks why and until when, over whatever a person has just sent; that travels along hidden."""
    kept = [
        pair for pair in request.form.items(multi=True) if pair[0] not in ("csrf_token", "reason", "expires", "asked")
    ]
    body = render_template(
        "resource/ask.html",
        asking=offered,
        kept=kept,
        back=back,
        reason=request.form.get("reason", ""),
        errors=errors,
        page_title=title,
        crumbs=[*crumbs, ("Ask for approval", None)],
    )
    return make_response(body, 422 if errors else 200)


def was_asked() -> bool:
    """Whether the form that says why has been sent."""
    return request.form.get("asked") == "1"


def changing(actor: Actor) -> Any:
    """A change set for asking, stamped with the request it came by."""
    return change(actor, action="approval.ask", request_id=g.get("request_id"), ip=request.remote_addr)


def told(key: int) -> AnyResponse:
    """To the request that was made, saying that nothing has happened yet."""
    receipts.say("Asked for approval; nothing is changed until somebody else decides")
    return redirect(f"{REGISTRY['approval_requests'].path}/{key}", 303)
