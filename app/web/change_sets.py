"""The change history: every set with who, when, why; its entries; and the way back, previewed."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import changes, counting, ledger, undo_later
from app.engine.access import Actor
from app.engine.ledger import ChangeSet
from app.engine.refusals import TooSlow
from app.engine.undo import IN_REQUEST, UndoPlan, may_undo, plan_undo
from app.web.addresses import given, link
from app.web.asking import CHANNELS, Asking, number_of
from app.web.navigation import place
from app.web.security import needs, signed_in
from app.web.session import current_actor

blueprint = Blueprint("change_sets", __name__)
place("System", 30, "Change history", "/change-sets", "history", "audit.read")
place("System", 31, "Deleted records", "/deleted", "history", "audit.read")

WITHIN_MS = 5_000


@blueprint.get("/change-sets")
@needs("audit.read")
def index() -> str | AnyResponse:
    """All change sets, newest first, by person, channel, table, field, time and words."""
    actor, connection = current_actor(), reading()
    asking = Asking.read(given(), actor, ("channel", "person", "who", "table", "field", "when", "since", "until", "q"))
    person = asking.one_person()
    if person is not None:
        return redirect(link("/change-sets", asking.pairs, drop=("who", "before"), person=str(person)), 303)
    try:
        with counting.within(connection, WITHIN_MS):
            found = changes.find(connection, actor, asking.asked, asking.before)
    except DBAPIError as error:
        if "statement timeout" not in str(error):
            raise
        raise TooSlow("This takes the database too long. Ask for a shorter time or one table.") from None
    return render_template(
        "change_sets/list.html",
        sets=found.sets,
        reached=found.reached,
        channels=CHANNELS,
        asking=asking,
        older=link("/change-sets", asking.pairs, before=str(found.older)) if found.older else None,
        newest=link("/change-sets", asking.pairs) if asking.before else None,
        path="/change-sets",
        link=link,
        page_title="Change history",
        crumbs=[("Change history", None)],
    )


@blueprint.get("/deleted")
@signed_in
def deleted() -> str | AnyResponse:
    """Everything deleted of the tables this role reads, newest first, each with its way back."""
    actor, connection = current_actor(), reading()
    asking = Asking.read(given(), actor, ("person", "who", "table", "when", "since", "until"))
    person = asking.one_person()
    if person is not None:
        return redirect(link("/deleted", asking.pairs, drop=("who", "before"), person=str(person)), 303)
    try:
        with counting.within(connection, WITHIN_MS):
            found = changes.deleted(connection, actor, asking.asked, asking.before)
    except DBAPIError as error:
        if "statement timeout" not in str(error):
            raise
        raise TooSlow("This takes the database too long. Ask for a shorter time or one table.") from None
    last = found[-1].entry.id if len(found) == ledger.PAGE else None
    return render_template(
        "change_sets/deleted.html",
        found=found,
        asking=asking,
        older=link("/deleted", asking.pairs, before=str(last)) if last else None,
        newest=link("/deleted", asking.pairs) if asking.before else None,
        path="/deleted",
        link=link,
        page_title="Deleted records",
        crumbs=[("Deleted records", None)],
    )


@blueprint.get("/deleted/<int:entry_id>/restore")
@signed_in
def restore(entry_id: int) -> AnyResponse:
    """To the preview of what bringing a deleted record back brings back with it."""
    connection = reading()
    found = changes.deletion(connection, entry_id)
    if found is None:
        abort(404)
    opened(found.change_set_id)
    records = changes.went_along(connection, found.change_set_id, found.table_name, found.record_id)
    only = urlencode([("only", f"{table}/{record}") for table, record in records])
    return redirect(f"/change-sets/{found.change_set_id}/undo?{only}", 303)


def opened(set_id: int) -> tuple[ChangeSet, Actor]:
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
    found, actor = opened(set_id)
    return _page(found, actor)


def _page(found: ChangeSet, actor: Actor) -> str:
    connection = reading()
    after = number_of(request.args.get("after")) or 0
    entries = ledger.entries(connection, found, actor, after)
    why_not = may_undo(found, set(ledger.tables(connection, found.id)), actor, connection)
    prepared: UndoPlan | None = None
    if why_not is None and found.entry_count <= IN_REQUEST:
        prepared = plan_undo(connection, found, actor)
    return render_template(
        "change_sets/set.html",
        set=found,
        entries=entries,
        why_not=why_not,
        prepared=prepared,
        batches=ledger.together(connection, found),
        undos=ledger.undos(connection, found.id),
        runs=undo_later.runs_of(connection, found.id),
        more=entries[-1].id if len(entries) == ledger.PAGE else None,
        page_title=f"Change {found.id}",
        crumbs=crumbs(found, actor),
    )


def crumbs(found: ChangeSet, actor: Actor, *further: str) -> list[tuple[str, str | None]]:
    """The trail to a set, and on from it."""
    here = f"/change-sets/{found.id}" if further else None
    return [
        ("Change history", "/change-sets" if actor.may("audit.read") else None),
        (f"Change {found.id}", here),
        *((each, None) for each in further),
    ]
