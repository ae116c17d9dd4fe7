"""The queue of duplicates: one question after the other, strongest first; answers that are remembered; exact matches together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from app.core.clock import now
from app.core.db import reading
from app.engine import background
from app.engine.access import Actor
from app.engine.apply import Receipt, transaction
from app.engine.duplicates import answers, looking, queue
from app.engine.duplicates.queue import Pair
from app.engine.merging import doing, runs
from app.engine.plan import Plan
from app.engine.references import labels
from app.engine.refusals import BadQuery, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web import receipts
from app.web.addresses import link
from app.web.comparison import compare
from app.web.merging import choices_of, keys_of
from app.web.navigation import place
from app.web.resources import stamp
from app.web.security import signed_in
from app.web.session import current_actor
from app.web.steering import steer

MOST_WAITED = timedelta(minutes=10)
"""So long a page asks again for what the worker was asked to look for."""
blueprint = Blueprint("duplicates", __name__)
place("Customers", 45, "Duplicates", "/duplicates", "merge", "customers.merge")

NEXT = 6


@blueprint.get("/duplicates")
@signed_in
def index() -> str | AnyResponse:
    """The queues this person answers, with how much waits in each."""
    actor, connection = current_actor(), reading()
    mine = queue.asked_of(actor)
    if not mine:
        abort(404)
    queues = [
        (each, queue.tally(connection, each, actor), looking.standing(connection, actor.tenant_id, each))
        for each in mine
    ]
    queues.sort(key=lambda line: -line[1].open)
    return render_template(
        "duplicates/index.html", queues=queues, page_title="Duplicates", crumbs=[("Duplicates", None)]
    )


def _opened(table: str) -> tuple[Resource, Actor, Connection]:
    actor = current_actor()
    resource = REGISTRY.get(table)
    if resource is None or not queue.answers(resource, actor):
        abort(404)
    return resource, actor, reading()


@blueprint.get("/duplicates/<table>")
@signed_in
def show(table: str) -> str | AnyResponse:
    """The question at hand: the strongest pair, or the one the address names, with what comes next."""
    resource, actor, connection = _opened(table)
    after, number = request.args.get("after", ""), request.args.get("pair", "")
    pair = _pair(connection, resource, actor, number, after)
    if pair is None and (number or after):
        return redirect(f"/duplicates/{table}", 303)
    return _page(resource, actor, connection, pair)


def _pair(connection: Connection, resource: Resource, actor: Actor, number: str, after: str) -> Pair | None:
    if number:
        named = number.isascii() and number.isdigit() and len(number) < 19
        return queue.find(connection, resource, actor, int(number)) if named else None
    return next(iter(queue.open_pairs(connection, resource, actor, after=after, limit=1)), None)


def _follows(standing: Any) -> str | None:
    """The address at which the page asks again: while the worker is at it, and after somebody asked it to be until it was."""
    asked = request.args.get("looking", "")
    pressed = (
        datetime.fromtimestamp(int(asked), UTC) if asked.isdecimal() and asked.isascii() and len(asked) < 11 else None
    )
    waits = pressed is not None and now() - pressed < MOST_WAITED
    if waits and pressed is not None and standing and standing.ended_at and standing.ended_at >= pressed:
        waits = False
    return request.full_path.rstrip("?") if waits or (standing and standing.busy) else None


def _page(resource: Resource, actor: Actor, connection: Connection, pair: Pair | None, problem: str = "") -> str:
    tally = queue.tally(connection, resource, actor)
    base = f"/duplicates/{resource.name}"
    context: dict[str, Any] = {
        "resource": resource,
        "tally": tally,
        "standing": looking.standing(connection, actor.tenant_id, resource),
        "pair": pair,
        "problem": problem,
        "base": base,
        "page_title": f"Duplicate {resource.plural.lower()}",
        "crumbs": [("Duplicates", "/duplicates"), (f"Duplicate {resource.plural.lower()}", None)],
    }
    if pair is None:
        context["follows"] = _follows(context["standing"])
        return render_template("duplicates/queue.html", found=None, **context)
    members, pairs = queue.together(connection, resource, actor, pair)
    left_out = set(keys_of(request.values.getlist("without")))
    members = [key for key in members if key not in left_out or key in (pair.left, pair.right)]
    keep = request.values.get("keep", "")
    found = compare(
        connection,
        resource,
        members,
        actor,
        keep=int(keep) if keep.isdigit() and len(keep) < 19 else None,
        choices=choices_of(request.values),
    )
    beyond = queue.open_pairs(connection, resource, actor, after=pair.mark, limit=60)
    others = [each for each in beyond if set(members).isdisjoint((each.left, each.right))]
    coming = queue.lines(connection, resource, actor, others)[:NEXT]
    onward = f"{base}?pair={coming[0].pair.id}" if coming else base
    before = queue.before(connection, resource, actor, pair)

    def again(keep: int | None = None, without: int | None = None) -> str:
        kept = keep if keep is not None else found.kept.shown.key
        out = sorted(left_out | ({without} if without is not None else set()))
        given = [("pair", str(pair.id)), ("keep", str(kept))]
        return link(base, [*given, *([("without", " ".join(map(str, out)))] if out else [])])

    return render_template(
        "duplicates/queue.html",
        found=found,
        pairs=[each for each in pairs if {each.left, each.right} <= set(members)],
        names={head.shown.key: head.name for head in found.heads},
        coming=coming,
        place=queue.rank(connection, resource, actor, pair),
        onward=onward,
        previous=f"{base}?pair={before.id}" if before else None,
        again=again,
        **context,
    )


@blueprint.post("/duplicates/<table>/apart")
@signed_in
def apart(table: str) -> AnyResponse:
    """Remember that these are not the same; the next question opens."""
    resource, actor, _connection = _opened(table)
    members = keys_of(request.form.getlist("keys"))
    try:
        _count, change_set = answers.keep_apart(
            resource, members, actor, request.form.get("reason", "").strip() or None, **stamp()
        )
    except NotFound as gone:
        receipts.say(gone.sentence, failed=True)
    else:
        receipt = Receipt(change_set, (), Plan(()))
        receipts.say("Not the same; you will not be asked again", receipt, back=f"/duplicates/{table}")
    return redirect(_onward(table), 303)


def _onward(table: str) -> str:
    from app.web.security import local_path

    return local_path(request.form.get("next"), f"/duplicates/{table}")


@blueprint.post("/duplicates/<table>/look")
@signed_in
def look(table: str) -> AnyResponse:
    """Have the worker look through what changed since the last time."""
    resource, actor, _connection = _opened(table)
    with transaction() as connection:
        once = f"duplicates-{actor.tenant_id}-{resource.name}"
        task = background.queue.tasks["duplicates.look"]
        background.defer_within(connection, task, once=once, tenant_id=actor.tenant_id, table=resource.name)
    receipts.say(f"The worker looks through the {resource.plural.lower()} that changed")
    onward = _onward(table)
    return redirect(f"{onward}?looking={int(now().timestamp())}" if "?" not in onward else onward, 303)


@blueprint.get("/duplicates/<table>/answered")
@signed_in
def answered(table: str) -> str:
    """What was said not to be the same, by whom and why."""
    resource, actor, connection = _opened(table)
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise BadQuery("That is not a page of this list.")
    given = answers.given(connection, resource, actor, int(before) if before else None)
    names = labels(connection, resource, actor, sorted({key for each in given for key in (each.left, each.right)}))
    base = f"/duplicates/{table}"
    return render_template(
        "duplicates/answered.html",
        resource=resource,
        given=given,
        names=names,
        base=base,
        older=f"{base}/answered?before={given[-1].id}" if len(given) == answers.PAGE else None,
        newest=f"{base}/answered" if before else None,
        page_title=f"{resource.plural} that are not the same",
        crumbs=[("Duplicates", "/duplicates"), (f"Duplicate {resource.plural.lower()}", base), ("Answered", None)],
    )


@blueprint.post("/duplicates/<table>/answered/<int:number>/ask-again")
@signed_in
def ask_again(table: str, number: int) -> AnyResponse:
    """Take an answer back."""
    resource, actor, _connection = _opened(table)
    answers.ask_again(resource, number, actor, **stamp())
    receipts.say("Taken back; they are asked about again")
    return redirect(f"/duplicates/{table}/answered", 303)


@blueprint.post("/duplicates/<table>/exact")
@signed_in
def exact(table: str) -> AnyResponse:
    """All that match exactly as one plan, which the worker rehearses."""
    resource, actor, connection = _opened(table)
    groups: list[tuple[int, list[int], dict[str, str]]] = []
    for members in queue.exact_groups(connection, resource, actor):
        rows = doing.rows_of(connection, resource, members, actor)
        if len(rows) > 1:
            kept = doing.oldest(rows)["id"]
            groups.append((kept, [row["id"] for row in rows if row["id"] != kept], {}))
    with transaction() as unit:
        number = runs.seal(unit, resource, groups, actor)
        background.defer_within(unit, background.queue.tasks["merge.rehearse"], run_id=number)
    return redirect(f"/duplicates/plans/{number}", 303)


# -- many merges as one plan -------------------------------------------------------------------------------------------

STATES = {
    "rehearsing": "Being rehearsed",
    "ready": "Rehearsed",
    "applying": "Being merged",
    "stopped": "Stopped",
    "done": "Merged",
    "failed": "Could not be rehearsed",
    "cancelled": "Thrown away",
}
OUTCOMES = {
    "waiting": ("Not looked at yet", "mute", "dot"),
    "merges": ("Will be merged", "accent", "part"),
    "refused": ("Refused", "danger", "fail"),
    "merged": ("Merged", "ok", "done"),
    "left_out": ("Left out", "warn", "warn"),
}


@blueprint.get("/duplicates/plans/<int:number>")
@signed_in
def plan(number: int, problem: str = "", typed: str = "") -> str:
    """A plan of merges as it stands."""
    actor, connection = current_actor(), reading()
    run = runs.open_(connection, number, actor)
    resource = run.resource
    asked = request.args.get("after", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
        raise BadQuery("That is not a page of this plan.")
    found = runs.groups(connection, run, int(asked), runs.PAGE + 1)
    shown = found[: runs.PAGE]
    keys = sorted({key for each in shown for key in (each.kept, *each.others)})
    names = labels(connection, resource, actor, keys)
    codes = doing.codes(connection, resource, keys, actor)
    base = f"/duplicates/plans/{number}"
    undone = None
    if run.first_set is not None:
        undone = connection.execute(doing.UNDONE, {"set": run.first_set}).scalar()
    return render_template(
        "duplicates/plan.html",
        run=run,
        resource=resource,
        groups=shown,
        names=names,
        codes=codes,
        outcomes=OUTCOMES,
        state=STATES[run.state],
        problem=problem,
        typed=typed,
        undone=undone,
        next=f"{base}?after={shown[-1].n}" if len(found) > runs.PAGE else None,
        first=base if asked != "0" else None,
        page_title="Merge exact matches" if run.total > 1 else f"Merge {resource.plural.lower()}",
        crumbs=[("Duplicates", "/duplicates"), (f"Duplicate {resource.plural.lower()}", f"/duplicates/{resource.name}"),
                ("Plan", None)],
    )  # fmt: skip


@blueprint.post("/duplicates/plans/<int:number>/apply")
@signed_in
def apply(number: int) -> AnyResponse | tuple[str, int]:
    """Let the worker merge what was shown."""
    actor = current_actor()
    run = runs.open_(reading(), number, actor)
    reason = request.form.get("reason", "")
    try:
        with transaction() as connection:
            runs.begin(connection, run, actor, reason, stamp()["request_id"], stamp()["ip"])
            _queue(connection, number)
    except (Rejected, Stale) as refused:
        return plan(number, refused.sentence, reason), 422 if isinstance(refused, Rejected) else 409
    return redirect(f"/duplicates/plans/{number}", 303)


def _queue(connection: Connection, number: int) -> None:
    background.defer_within(
        connection, background.queue.tasks["merge.apply"], once=f"merge.apply-{number}", run_id=number
    )


def _go_on(connection: Connection, run: runs.Run) -> None:
    runs.LIFE.go_on(connection, run)
    _queue(connection, run.id)


steer(
    blueprint,
    "/duplicates/plans",
    lambda number: runs.open_(reading(), number, current_actor()),
    stop=runs.LIFE.stop,
    go_on=_go_on,
)
