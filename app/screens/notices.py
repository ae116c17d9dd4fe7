"""Notices: what the console tells the person signed in, newest first, each leading to what it is about."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from sqlalchemy import Row, text
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import apply
from app.engine.plan import Plan, plan_move, unpermitted
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import local_path, signed_in
from app.web.session import current_actor

blueprint = Blueprint("notices", __name__)

MOST = 50


@blueprint.get("/notices")
@signed_in
def show() -> str:
    """The notices waiting for this person, read or not."""
    actor = _reader()
    found = _mine(actor)
    return render_template(
        "screens/notices/show.html",
        notices=[(each, _leads_to(each, actor)) for each in found],
        unread=sum(each.read_at is None for each in found),
        may_mark=_may_mark(actor),
        everything=REGISTRY["user_notifications"].path,
        page_title="Notices",
        crumbs=[("Notices", None)],
    )


@blueprint.post("/notices/<int:key>/open")
@signed_in
def follow(key: int) -> AnyResponse:
    """To what a notice is about; it counts as read from then on."""
    actor = _reader()
    notice = next((each for each in _mine(actor, key) if each.id == key), None)
    if notice is None:
        abort(404)
    if notice.read_at is None and _may_mark(actor):
        apply(_read(key, actor), actor, **stamp())
    return redirect(local_path(_leads_to(notice, actor), url_for("notices.show")), 303)


@blueprint.post("/notices/read")
@signed_in
def read_all() -> AnyResponse:
    """All of them are known now."""
    actor = _reader()
    if not _may_mark(actor):
        abort(404)
    unread = [each.id for each in _mine(actor) if each.read_at is None]
    changes = tuple(change for key in unread for change in _read(key, actor).changes)
    receipt = apply(Plan(changes, action="notice.read"), actor, **stamp())
    say(f"{len(unread)} {'notice' if len(unread) == 1 else 'notices'} marked as read", receipt)
    return redirect(url_for("notices.show"), 303)


def _leads_to(notice: Row[Any], actor: Actor) -> str | None:
    """Where a notice leads: as it says itself, else to the record it is about, where this person may open it."""
    if notice.link:
        return str(notice.link)
    about = REGISTRY.get(notice.subject_type or "")
    readable = about is not None and notice.subject_id is not None and projection(about, actor).reads
    return f"{about.path}/{notice.subject_id}" if about is not None and readable else None


def _reader() -> Actor:
    """Whoever is told things at all; for the others there are no notices."""
    actor = current_actor()
    if not (actor.may("notices.own") or actor.may("notices.read")):
        abort(404)
    return actor


def _may_mark(actor: Actor) -> bool:
    own = {"app_user_id": actor.app_user_id, "read_at": None, "dismissed_at": None}
    return unpermitted(REGISTRY["user_notifications"], own, _move(), actor) is None


def _move() -> Action:
    return next(each for each in REGISTRY["user_notifications"].actions if each.key == "read")


def _read(key: int, actor: Actor) -> Plan:
    return plan_move(reading(), REGISTRY["user_notifications"], key, _move(), {}, actor)


def _mine(actor: Actor, key: int | None = None) -> list[Row[Any]]:
    asked = {"me": actor.app_user_id, "tenant": actor.tenant_id, "most": MOST, "key": key}
    return list(reading().execute(_MINE, asked))


_MINE = text("""
SELECT id, severity, title, body, link, subject_type, subject_id, created_at, read_at FROM user_notifications
WHERE app_user_id = :me AND tenant_id = :tenant AND dismissed_at IS NULL AND (snoozed_until IS NULL OR snoozed_until <= now())
  AND (CAST(:key AS bigint) IS NULL OR id = :key)
ORDER BY created_at DESC, id DESC LIMIT :most
""")
