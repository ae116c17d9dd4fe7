"""The change history: every set with who, when, why; its entries; and the way back, previewed."""

from __future__ import annotations

from flask import Blueprint, abort, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import db, reading
from app.engine import ledger
from app.engine.access import Actor
from app.engine.apply import apply
from app.engine.ledger import ChangeSet, Entry
from app.engine.refusals import BadQuery, NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.undo import UndoPlan, may_undo, plan_undo
from app.web import receipts
from app.web.addresses import given, link
from app.web.navigation import place
from app.web.security import local_path, needs, signed_in
from app.web.session import current_actor

blueprint = Blueprint("change_sets", __name__)
place("System", 30, "Change history", "/change-sets", "history", "audit.read")

CHANNELS = ("console", "api", "import", "automation", "agent", "system", "outside")


@blueprint.get("/change-sets")
@needs("audit.read")
def index() -> str:
    """All change sets, newest first, by channel, person or table."""
    actor, pairs = current_actor(), given()
    asked = dict(pairs)
    unknown = set(asked) - {"channel", "person", "table", "before"}
    if unknown:
        raise BadQuery(f"There is no filter “{sorted(unknown)[0][:40]}” here.")
    if asked.get("channel") and asked["channel"] not in CHANNELS:
        raise BadQuery(f"A channel is one of {', '.join(CHANNELS)}.")
    where = {"channel": asked.get("channel"), "person": _number(asked.get("person")), "table": asked.get("table")}
    sets = ledger.change_sets(reading(), actor, _number(asked.get("before")), where=where)
    rest = [pair for pair in pairs if pair[0] != "before"]
    return render_template(
        "change_sets/list.html",
        sets=sets,
        channels=CHANNELS,
        asked=asked,
        older=link("/change-sets", rest, before=str(sets[-1].id)) if len(sets) == ledger.PAGE else None,
        newest=link("/change-sets", rest) if "before" in asked else None,
        clear="/change-sets" if rest else None,
        link=link,
        pairs=rest,
        tables=sorted((each for each in REGISTRY if each.versioned), key=lambda each: each.plural),
        page_title="Change history",
        crumbs=[("Change history", None)],
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadQuery("That is not a number of this list.")
    return int(text)


def _open(set_id: int) -> tuple[ChangeSet, Actor]:
    """The set, for an auditor, or for whoever made it."""
    actor = current_actor()
    found = ledger.change_set(reading(), actor, set_id)
    if found is None or not (
        actor.may("audit.read")
        or (found.app_user_id and found.app_user_id == actor.app_user_id)
        or _reads(found, actor)
    ):
        abort(404)
    return found, actor


def _reads(found: ChangeSet, actor: Actor) -> bool:
    """Whoever reads every table a set touched sees it on those records already."""
    shown = ledger.entries(reading(), found, actor, limit=2)
    return bool(shown) and all(each.resource is not None for each in shown)


@blueprint.get("/change-sets/<int:set_id>")
@signed_in
def show(set_id: int) -> str:
    """One set with its entries, and what an undo would do."""
    found, actor = _open(set_id)
    return _page(found, actor, "change_sets/set.html", None)


@blueprint.route("/change-sets/<int:set_id>/undo", methods=["GET", "POST"])
@signed_in
def undo(set_id: int) -> str | AnyResponse:
    """GET previews; POST undoes what still can be, as a change set of its own, and names the rest."""
    found, actor = _open(set_id)
    if request.method == "GET":
        return _page(found, actor, "change_sets/set.html", None)
    with db.engine.connect() as unit:
        tables = set(ledger.tables(unit, found.id))
        why_not = may_undo(found, tables, actor, unit)
        if why_not:
            raise NotAllowed(why_not)
        prepared = plan_undo(unit, found, actor)
    if prepared.plan.empty:
        return make_response(
            _page(found, actor, "change_sets/set.html", "Nothing is left to undo: every value has been changed since."),
            409,
        )
    try:
        reason = request.form.get("reason", "").strip()[:1000] or f"Undo of change {found.id}"
        receipt = apply(
            prepared.plan, actor, reason, request_id=g.get("request_id"), ip=request.remote_addr, undoes_id=found.id
        )
    except (Rejected, Stale) as refused:
        return make_response(_page(found, actor, "change_sets/set.html", refused.sentence), 409)
    left = f" {len(prepared.left)} left as they are, changed since." if prepared.left else ""
    receipts.say(f"Undone.{left}" if left else "Undone", receipt)
    return redirect(_back(found, actor), 303)


def _back(found: ChangeSet, actor: Actor) -> str:
    """To the record, when the set touched one; else to the set."""
    asked = local_path(request.form.get("next"), "")
    if asked:
        return asked
    shown: list[Entry] = ledger.entries(reading(), found, actor, limit=2)
    first = shown[0] if shown else None
    if first is not None and len(shown) == 1 and first.resource is not None and first.operation == "update":
        return f"{first.resource.path}/{first.key}"
    return f"/change-sets/{found.id}"


def _page(found: ChangeSet, actor: Actor, template: str, problem: str | None) -> str:
    connection = reading()
    after = _number(request.args.get("after")) or 0
    entries = ledger.entries(connection, found, actor, after)
    why_not = may_undo(found, set(ledger.tables(connection, found.id)), actor, connection)
    prepared: UndoPlan | None = None
    if why_not is None and found.entry_count <= 500:
        prepared = plan_undo(connection, found, actor)
    return render_template(
        template,
        set=found,
        entries=entries,
        why_not=why_not,
        prepared=prepared,
        problem=problem,
        more=entries[-1].id if len(entries) == ledger.PAGE else None,
        page_title=f"Change {found.id}",
        crumbs=[("Change history", "/change-sets" if actor.may("audit.read") else None), (f"Change {found.id}", None)],
    )
