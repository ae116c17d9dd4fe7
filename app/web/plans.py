"""Fixes of many records: choose what is done, see what it would do, apply just that, and find it all again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, abort, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.core import formats
from app.core.db import reading
from app.engine import background, listing, selection
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import Receipt, transaction
from app.engine.bulk import applying, approval, operations, plans, rehearsal, work
from app.engine.bulk.plans import AT_ONCE, OUTCOMES, BulkPlan, PlanRow
from app.engine.fields import Field
from app.engine.forms import RecordForm, form_class
from app.engine.plan import Plan
from app.engine.projection import Projection, projection
from app.engine.references import labels
from app.engine.refusals import BadQuery, NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.states import Transition
from app.engine.values import typed_row
from app.web import saved_views, second_person
from app.web.addresses import joined, link
from app.web.navigation import place
from app.web.origin import FROM
from app.web.receipts import say
from app.web.resources import chosen, picks, stamp
from app.web.security import local_path, needs, signed_in
from app.web.session import current_actor
from app.web.steering import asks_after, steer
from app.web.written import of_changes

blueprint = Blueprint("plans", __name__)
place("System", 31, "Bulk fixes", "/plans", "pencil", "export.read")

TONES = {
    "changes": ("accent", "part"),
    "applied": ("ok", "done"),
    "already": ("mute", "done"),
    "refused": ("danger", "fail"),
    "left_out": ("warn", "warn"),
    "waiting": ("mute", "dot"),
}
STATES = {
    "draft": "Not rehearsed yet",
    "rehearsing": "Being rehearsed",
    "ready": "Rehearsed",
    "applying": "Being applied",
    "stopped": "Stopped",
    "done": "Applied",
    "failed": "Could not be rehearsed",
    "cancelled": "Thrown away",
}


@blueprint.get("/plans")
@needs("export.read")
def index() -> str:
    """One's own plans, newest first."""
    actor, asked = current_actor(), request.args.get("before", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadQuery("That is not a page of this list.")
    found = plans.mine(reading(), actor, int(asked) if asked else None)
    return render_template(
        "plans/list.html",
        plans=found,
        states=STATES,
        resources={each.name: each for each in REGISTRY},
        older=link("/plans", [], before=str(found[-1].id)) if len(found) == plans.PAGE else None,
        newest="/plans" if asked else None,
        page_title="Bulk fixes",
        crumbs=[("Bulk fixes", None)],
    )


@blueprint.post("/plans")
@signed_in
def new() -> AnyResponse:
    """Seal a selection of a list: the rows that were ticked, or all that match at this moment."""
    actor = current_actor()
    address = local_path(request.form.get("list"), "")
    parts = urlsplit(address)
    resource = REGISTRY.at(*parts.path.strip("/").split("/")) if parts.path.count("/") == 2 else None
    view = projection(resource, actor) if resource is not None else None
    if resource is None or view is None or not view.reads:
        abort(404)
    said = [pair for pair in joined(MultiDict(parse_qsl(parts.query))) if pair[0] != FROM]
    pairs = saved_views.asked(resource, view, actor, said, opens=False).pairs
    query = listing.read_query(pairs, view, actor.timezone)
    keys = [*request.form.getlist("key"), *request.form.get("keys", "").split()]
    all_of_it = request.form.get("rows") == "all"
    picked = selection.Selection(query) if all_of_it else selection.these(query, keys)
    with transaction() as connection:
        number = plans.seal(connection, picked, link(resource.path, pairs), actor)
    return redirect(f"/plans/{number}", 303)


@dataclass(frozen=True)
class Opened:
    """A plan with who looks at it."""

    plan: BulkPlan
    actor: Actor
    connection: Connection

    @property
    def resource(self) -> Resource:
        return self.plan.resource

    @property
    def view(self) -> Projection:
        return projection(self.resource, self.actor)

    def page(self, template: str, **context: Any) -> str:
        plan, resource = self.plan, self.resource
        many = resource.one if plan.total == 1 else resource.many[:1].lower() + resource.many[1:]
        title = plan.title if plan.title and template == "plans/plan.html" else f"Edit {plan.total:,} {many}"
        return render_template(
            template,
            plan=plan,
            resource=resource,
            view=self.view,
            many=many,
            counted=f"{plan.total:,} {many}",
            page_title=title,
            crumbs=[(resource.plural, plan.address), ("Bulk fixes", "/plans"), (title, None)],
            **context,
        )


def _open(number: int) -> Opened:
    actor, connection = current_actor(), reading()
    return Opened(plans.open_(connection, number, actor), actor, connection)


@blueprint.get("/plans/<int:number>")
@signed_in
def show(number: int) -> str:
    """A plan as it stands: what to do, how far it is, what it would do, what came of it."""
    opened = _open(number)
    state = opened.plan.state
    if state in ("draft", "failed") or (state == "ready" and "change" in request.args):
        return _choosing(opened, request.args.get("move", ""))
    return _page(opened)


# -- choosing what is done ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One field of the form: what can be done with it, and what was typed."""

    x: Any
    field: Field
    operations: tuple[operations.Operation, ...]
    sources: tuple[Field, ...]
    typed: Mapping[str, str]

    @property
    def do(self) -> str:
        return self.typed.get("do", "")


def _choosing(
    opened: Opened, move: str = "", form: RecordForm | None = None, errors: Mapping[str, str] | None = None
) -> str:
    view, resource, plan = opened.view, opened.resource, opened.plan
    fields = operations.fields(view)
    moves = work.moves(view)
    picked = next((each for each in moves if each.key == move), None)
    asks = [resource.field(name) for name in picked.asks] if picked else []
    if form is None:
        form = _form(opened, asks if picked else fields)
    errors = dict(errors or {})
    for each in form.typed_fields:
        if each.name in errors:
            each.errors = [errors.pop(each.name)]
    chosen(form, {})
    kept = {str(each["field"]): each for each in (plan.edits or {}).get("steps", ())} if not request.form else {}
    made = [
        Row(
            _x(form, each, kept),
            each,
            operations.operations(view, each),
            operations.sources(view, each),
            _typed(each, kept),
        )
        for each in ([] if picked else fields)
    ]
    return opened.page(
        "plans/choose.html",
        form=form,
        rows=made,
        moves=moves,
        move=picked,
        away=work.takes_away(view),
        rest=list(errors.values()),
        at_once=AT_ONCE,
    )


def _form(opened: Opened, fields: Any) -> RecordForm:
    made = form_class(opened.resource, fields, opened.actor.timezone)
    return made(request.form) if request.method == "POST" else made()


def _x(form: RecordForm, field: Field, kept: Mapping[str, Mapping[str, Any]]) -> Any:
    """The form's field, filled with what was chosen before where nothing was typed now."""
    x = form[field.name]
    x.needed = False
    if field.name in kept and not request.form:
        x.typed = str(kept[field.name].get("value") or "")
    return x


def _typed(field: Field, kept: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    if request.form:
        return {name: request.form.get(f"{field.name}.{name}", "") for name in _PARTS} | {
            "do": request.form.get(f"do.{field.name}", "")
        }
    return {name: str(kept.get(field.name, {}).get(name) or "") for name in (*_PARTS, "do")}


_PARTS = ("find", "with", "case", "amount", "percent", "days", "from")


@blueprint.post("/plans/<int:number>/rehearse")
@signed_in
def rehearse(number: int) -> AnyResponse | tuple[str, int]:
    """Rehearse what was chosen: at once where it is small, by a worker where a person would wait."""
    opened = _open(number)
    plan, resource, actor = opened.plan, opened.resource, opened.actor
    move = request.form.get("move", "")
    picked = next((each for each in work.moves(opened.view) if each.key == move), None)
    form = _form(opened, [resource.field(name) for name in picked.asks] if picked else operations.fields(opened.view))
    if picks(form, actor):
        return _choosing(opened, move, form), 422
    edits, errors = _edits(opened, form, picked)
    try:
        if errors:
            raise Rejected(errors)
        with transaction() as connection:
            plans.choose(connection, plan, work.of(connection, resource, edits, actor), edits)
            if plan.total > AT_ONCE:
                background.defer_within(
                    connection, background.queue.tasks["bulk.rehearse"], once=f"bulk.rehearse:{number}", plan_id=number
                )
        if plan.total <= AT_ONCE:
            rehearsal.rehearse(number, actor)
    except Rejected as refused:
        return _choosing(opened, move, form, refused.errors), 422
    return redirect(f"/plans/{number}", 303)


def _edits(opened: Opened, form: RecordForm, move: Transition | Action | None) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form asks for, as a plan keeps it, and what is wrong with it already."""
    if move is not None:
        asked_for = [each.declared for each in form.typed_fields]
        checked = form_class(opened.resource, asked_for, opened.actor.timezone, needed=move.requires)(request.form)
        if not checked.validate():
            wrong = {each.name: str(each.errors[0]) for each in checked.typed_fields if each.errors}
            return {}, wrong
        asked = {each.name: each.declared.typed(each.data) for each in form.typed_fields}
        return {"kind": "move", "move": move.key, "asked": asked}, {}
    if request.form.get("away"):
        return {"kind": request.form["away"]}, {}
    steps = []
    for field in operations.fields(opened.view):
        typed = _typed(field, {})
        if typed["do"]:
            steps.append({"field": field.name, "value": form[field.name].typed} | {k: v for k, v in typed.items() if v})
    return {"kind": "fields", "steps": steps}, {}


# -- what it would do, how far it is, what came of it ------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """One record of a plan on the page."""

    row: PlanRow
    title: str
    href: str
    changes: tuple[tuple[str, Markup | str, Markup | str], ...]
    """(field, before, after)"""


def _page(opened: Opened, status_reason: str = "", typed: str = "") -> str:
    plan, connection = opened.plan, opened.connection
    # Before the rehearsal is through there is nothing to show of its rows, and whoever waits asks every second.
    shows = plan.state != "rehearsing"
    counted = plans.counts(connection, plan) if shows else {}
    outcome = request.args.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        raise BadQuery("There are no such rows.")
    asked = request.args.get("after", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
        raise BadQuery("That is not a page of this plan.")
    found = plans.rows(connection, plan, outcome or None, int(asked), plans.PAGE + 1) if shows else []
    base = f"/plans/{plan.id}"
    pairs = [("outcome", outcome)] if outcome else []
    made = plans.sets(connection, plan)
    return opened.page(
        "plans/plan.html",
        state=STATES[plan.state],
        counts=[(key, OUTCOMES[key], counted[key], *TONES[key]) for key in OUTCOMES if counted.get(key)],
        outcome=outcome,
        segments=[("All", base, not outcome, plan.total)]
        + [
            (OUTCOMES[key], f"{base}?outcome={key}", outcome == key, counted[key])
            for key in OUTCOMES
            if counted.get(key)
        ],
        rows=_shown(opened, found[: plans.PAGE]),
        next=link(base, pairs, after=str(found[plans.PAGE - 1].n)) if len(found) > plans.PAGE else None,
        first=link(base, pairs) if asked != "0" else None,
        reasons=plans.reasons(connection, plan) if shows else (),
        shows=shows,
        asks_after=asks_after(plan.total),
        touched=_touched(plan, opened.actor),
        money=_money(plan, opened.actor),
        whole=bool(plan.effects.get("whole")),
        sets=made,
        first_set=made[-1] if made else None,
        left=counted.get("changes", 0),
        outcomes=OUTCOMES,
        tones=TONES,
        problem=status_reason,
        asking=_asking(opened),
        typed=typed,
        deletes=(plan.edits or {}).get("kind") == "delete",
        danger=(plan.edits or {}).get("kind") in ("archive", "delete"),
    )


def _asking(opened: Opened) -> second_person.Offer | None:
    """Who decides, where applying is not one person's to do."""
    ready = opened.plan.state == "ready" and opened.plan.changing
    need = approval.needed_to_apply(opened.connection, opened.plan, opened.actor) if ready else None
    return second_person.offer(need, opened.actor) if need else None


def _shown(opened: Opened, found: list[PlanRow]) -> list[Shown]:
    view, resource, connection, actor = opened.view, opened.resource, opened.connection, opened.actor
    titles = labels(connection, resource, actor, [each.record_id for each in found])
    sides = [(typed_row(resource.table, each.before), typed_row(resource.table, each.after)) for each in found]
    fields, written = of_changes(connection, view, actor, sides)
    made = []
    for each, (before, after) in zip(found, sides, strict=True):
        changes = tuple(
            (
                fields[name].title,
                written.cell(fields[name], before.get(name)),
                "set when applied"
                if name in each.given and after.get(name) is None
                else written.cell(fields[name], after.get(name)),
            )
            for name in after
            if name in fields
        )
        title = titles.get(each.record_id) or f"{resource.one.capitalize()} {each.record_id}"
        made.append(Shown(each, title, f"{resource.path}/{each.record_id}", changes))
    return made


def _touched(plan: BulkPlan, actor: Actor) -> list[str]:
    """What else is written, in tables this actor may read; of others only that there are some."""
    words = {"insert": "created", "update": "changed", "delete": "deleted"}
    found, hidden = [], False
    for each in plan.effects.get("touched", ()):
        resource = REGISTRY.get(each["table"])
        if resource is None or not projection(resource, actor).reads:
            hidden = True
            continue
        number = each["records"]
        many = resource.one if number == 1 else resource.many[:1].lower() + resource.many[1:]
        found.append(f"{number:,} {many} {words[each['operation']]}")
    return found + (["Records your role does not show"] if hidden else [])


def _money(plan: BulkPlan, actor: Actor) -> list[tuple[str, str, str, str]]:
    """(which amount, before, after, difference), of what this actor may see."""
    found = []
    for each in plan.money:
        resource = REGISTRY.get(each["table"])
        view = projection(resource, actor) if resource is not None else None
        if (
            view is None
            or resource is None
            or not view.reads
            or each["field"] not in view.by_name
            or each["field"] in view.masked
        ):
            continue
        before, after = (formats.money(_amount(each[side]), each["currency"]) for side in ("before", "after"))
        moved = _amount(each["after"]) - _amount(each["before"])
        sign = "+" if moved > 0 else ""
        number = each["records"]
        many = resource.one if number == 1 else resource.many[:1].lower() + resource.many[1:]
        label = f"{view.by_name[each['field']].title} of {number:,} {many}"
        found.append((label, before, after, f"{sign}{formats.money(moved, each['currency'])}"))
    return found


def _amount(value: Any) -> Any:
    return Decimal(str(value))


# -- doing it ----------------------------------------------------------------------------------------------------------


@blueprint.post("/plans/<int:number>/apply")
@signed_in
def apply(number: int) -> AnyResponse | tuple[str, int]:
    """Apply exactly what was shown; a second press does nothing."""
    opened = _open(number)
    plan, actor = opened.plan, opened.actor
    reason = request.form.get("reason", "")
    try:
        if (plan.edits or {}).get("kind") == "delete" and request.form.get("confirm", "").strip() != str(plan.changing):
            raise Rejected({"confirm": f"Type {plan.changing} to confirm that so many records may go."})
        need = approval.needed_to_apply(opened.connection, plan, actor)
        if need is not None and plan.changing:
            with second_person.changing(actor) as connection:
                made = approval.ask_to_apply(connection, actor, need, plan, reason)
            return second_person.told(made)
        with transaction() as connection:
            applying.begin(connection, plan, actor, reason, **stamp())
            if plan.changing > AT_ONCE:
                _queue(connection, number)
    except (Rejected, Stale, NotAllowed) as refused:
        return _page(_open(number), refused.sentence, reason), 422 if isinstance(refused, Rejected) else 409
    if plan.changing <= AT_ONCE:
        _tell(applying.carry_out(number, actor))
    return redirect(f"/plans/{number}", 303)


def _queue(connection: Connection, number: int) -> None:
    background.defer_within(
        connection, background.queue.tasks["bulk.apply"], once=f"bulk.apply:{number}", plan_id=number
    )


def _tell(done: BulkPlan) -> None:
    resource = done.resource
    many = resource.one if done.applied == 1 else resource.many[:1].lower() + resource.many[1:]
    left = f"; {done.left_out:,} left out" if done.left_out else ""
    first = plans.first_set(reading(), done)
    receipt = Receipt(first, (), Plan(())) if first else None
    say(f"{done.applied:,} {many} changed{left}", receipt, failed=not done.applied, back=f"/plans/{done.id}")


def _go_on(connection: Connection, plan: BulkPlan) -> None:
    plans.LIFE.go_on(connection, plan)
    _queue(connection, plan.id)


steer(
    blueprint,
    "/plans",
    lambda number: _open(number).plan,
    stop=plans.LIFE.stop,
    go_on=_go_on,
    discard=plans.LIFE.discard,
    thrown_away="Plan thrown away; nothing was changed",
    onward=lambda plan: local_path(plan.address, "/plans"),
)
