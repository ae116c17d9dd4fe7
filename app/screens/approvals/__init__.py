"""One approval: what would be done, record by record, why, who asks; and the decision, by somebody else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from app.core.clock import now
from app.core.db import reading
from app.engine import approvals, ledger
from app.engine.access import Actor
from app.engine.apply import apply
from app.engine.approval_rules import among_them, deciders
from app.engine.plan import plan_move
from app.engine.projection import projection
from app.engine.reading import Shown
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web.origin import came, crumbs, steps
from app.web.receipts import say
from app.web.record_page import moves
from app.web.resources import open_record, stamp
from app.web.security import confirm_first, local_path, signed_in
from app.web.session import current_actor

blueprint = Blueprint("approvals", __name__)

KEPT_APART = ("call", "why", "look", "amount", "currency")
"""Words of a request that stand elsewhere on its page."""
AT = "/platform/approval_requests/<int:key>"


@blueprint.get(AT)
@signed_in
def show(key: int) -> Response:
    """The request with its rehearsal; the buttons for whoever may decide it."""
    return _page(key)


@blueprint.post(f"{AT}/decide")
@signed_in
def decide(key: int) -> Response:
    """Approve, which carries it out at once, or reject with a note."""
    resource, shown, actor = _opened(key)
    verdict = request.form.get("verdict", "")
    move = resource.lifecycle.find(verdict) if resource.lifecycle and verdict in ("approve", "reject") else None
    if move is None:
        abort(400, "Choose to approve or to reject.")
    if shown.values["kind"] == "role_grant" and (first := confirm_first(f"{resource.path}/{key}")) is not None:
        return first  # type: ignore[return-value]
    note = request.form.get("decision_note", "").strip()[:2000]
    try:
        plan = plan_move(reading(), resource, key, move, {"decision_note": note or None}, actor)
        apply(plan, actor, note or None, **stamp())
    except Rejected as refused:
        return _page(key, 422, errors=refused.errors)
    except (NotAllowed, Stale) as refused:
        return _page(key, 409, errors={"": refused.sentence})
    if verdict == "reject":
        say(f"Rejected: {shown.title}")
    elif (sentence := approvals.carry_out(key)) is not None:
        say(f"Approved, but not done. {sentence}", failed=True)
    elif _is_carried_out(key):
        say(f"Approved and carried out: {shown.title}")
    else:
        say(f"Approved: {shown.title}")
    return redirect(f"{resource.path}/{key}{came()}", 303)  # type: ignore[return-value]


def _is_carried_out(key: int) -> bool:
    """Whether the console itself carries this out."""
    found = approvals.find(reading(), key)
    return found is not None and found.call is not None


def _opened(key: int) -> tuple[Resource, Shown, Actor]:
    resource, actor = REGISTRY["approval_requests"], current_actor()
    if not projection(resource, actor).reads:
        abort(404)
    return resource, open_record(resource, key), actor


def _page(key: int, status: int = 200, *, errors: dict[str, str] | None = None) -> Response:
    resource, shown, actor = _opened(key)
    connection = reading()
    asked = approvals.find(connection, key)
    assert asked is not None, "it was just read"
    changes = approvals.rehearsal(connection, asked)
    offered = {each.move.key: each for each in moves(shown, actor, connection)}
    walk = steps(connection, shown.projection, actor, key)
    own = asked.requested_by is not None and asked.requested_by == actor.app_user_id
    pending = asked.status == "pending"
    may_decide = pending and not own and actor.may(shown.values["approver_permission"])
    words = {name: str(value) for name, value in asked.payload.items() if name not in KEPT_APART and value}
    page = render_template(
        "screens/approvals/show.html",
        record=shown,
        resource=resource,
        asked=asked,
        entries=ledger.planned(connection, changes, actor),
        totals=_totals(changes, actor),
        words=words,
        why=asked.payload.get("why"),
        look=local_path(asked.payload.get("look"), ""),
        digest=asked.payload_hash.hex(),
        own=own,
        may_decide=may_decide,
        late=shown.values["expires_at"] is not None and shown.values["expires_at"] <= now(),
        withdraw=offered.get("withdraw"),
        who=among_them(
            deciders(connection, actor.tenant_id, shown.values["approver_permission"], but=asked.requested_by)
        )
        if pending
        else "",
        history=ledger.history(connection, resource, key, actor, limit=8),
        errors=errors or {},
        note=request.form.get("decision_note", ""),
        steps=walk,
        came=walk.came if walk else came(),
        page_title=shown.title,
        crumbs=[*crumbs(resource, shown.projection, actor, key), (shown.title, None)],
    )
    return make_response(page, status)


def _totals(changes: list[Any], actor: Actor) -> list[tuple[str, Decimal, Decimal]]:
    """(field, sum before, sum after) of the money that moves, where more than one record does."""
    if len(changes) < 2:
        return []
    sums: dict[str, list[Decimal]] = {}
    for each in changes:
        view = projection(each.resource, actor)
        for name in each.after:
            field = view.by_name.get(name)
            if field is None or field.type != "money" or name in view.masked:
                continue
            before, after = (Decimal(str(side.get(name) or 0)) for side in (each.before, each.after))
            total = sums.setdefault(field.title, [Decimal(0), Decimal(0)])
            total[0], total[1] = total[0] + before, total[1] + after
    return [(title, before, after) for title, (before, after) in sums.items()]
