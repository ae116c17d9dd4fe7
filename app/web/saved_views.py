"""Keeping a list under a name: save, rename, share, order, delete, and what opens first. Dialogs, or pages without script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, abort, make_response, redirect, render_template, request
from sqlalchemy import text
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import saved_views
from app.engine.access import Actor, holds
from app.engine.apply import apply
from app.engine.keeping_views import (
    SHARE,
    Wanted,
    may_change,
    plan_delete,
    plan_first,
    plan_new,
    plan_order,
    plan_save,
    plan_settings,
)
from app.engine.plan import Plan
from app.engine.projection import Projection, projection
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Rejected
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.saved_views import ALL, Asked, Kept, Pairs, SavedView, chosen
from app.web import receipts
from app.web.addresses import joined, link
from app.web.security import local_path, signed_in
from app.web.session import current_actor

blueprint = Blueprint("saved_views", __name__)

USUAL = "usual"
"""That somebody chose nothing: the list opens as for her role."""


def asked(resource: Resource, view: Projection, actor: Actor, given: Pairs, *, opens: bool = True) -> Asked:
    """What an address asks of a list, with what a view and the person's own ways add to it."""
    mine = saved_views.kept(reading(), resource, actor)
    return saved_views.resolve(given, mine, view, actor.timezone, opens=opens)


class Listed:
    """The list a dialog is about, named by its address in `list`; 404 where this person may not read it."""

    def __init__(self) -> None:
        address = local_path(request.values.get("list"), "")
        parts = urlsplit(address)
        self.actor = current_actor()
        self.resource = _resource(parts.path, self.actor)
        self.view = projection(self.resource, self.actor)
        if not self.view.reads:
            abort(404)
        self.given = joined(MultiDict(parse_qsl(parts.query)))
        self.asked = asked(self.resource, self.view, self.actor, self.given, opens=False)

    @property
    def kept(self) -> Kept:
        return self.asked.kept

    @property
    def here(self) -> str:
        return link(self.resource.path, self.asked.pairs)

    def find(self, key: int) -> SavedView:
        found = self.kept.find(key)
        if found is None:
            raise NotFound("There is no such view, or it is not shared with you.")
        return found

    def do(self, plan: Plan, said: str, to: Pairs) -> AnyResponse:
        """Write, say so, and show the list again."""
        from app.web.resources import stamp

        receipt = apply(plan, self.actor, **stamp())
        if receipt.change_set:
            receipts.say(said, receipt, back=self.here)
        self.key = receipt.keys[-1] if receipt.keys else None
        return self.go(to)

    def go(self, to: Pairs) -> AnyResponse:
        """The list in that state."""
        return redirect(link(self.resource.path, to), 303)

    def show(self, template: str, title: str, status: int = 200, **context: Any) -> AnyResponse:
        crumbs = [*self.resource.crumbs, (self.resource.plural, self.here), (title, None)]
        body = render_template(template, at=self, resource=self.resource, page_title=title, crumbs=crumbs, **context)
        return make_response(body, status)


def _resource(path: str, actor: Actor) -> Resource:
    from app.web import explorer

    declared = next((each for each in REGISTRY if each.path == path), None)
    if declared is not None:
        return declared
    where = path.removeprefix("/explorer/")
    if where == path or "/" in where or not actor.may("explorer.read"):
        abort(404)
    return explorer.find(where)[0]


@blueprint.route("/views/new", methods=["GET", "POST"])
@signed_in
def new() -> AnyResponse:
    """Save what the list shows now under a name, for oneself or for everyone."""
    at = Listed()
    wanted, errors = Wanted(at.asked.view.name if at.asked.view and request.method == "GET" else "", False, False), {}
    if request.method == "POST":
        wanted = _wanted(at)
        try:
            plan = plan_new(at.kept, at.actor, at.asked.pairs, wanted)
            answer = at.do(plan, f"View “{wanted.name}” saved", [])
        except Rejected as refused:
            errors = refused.errors
        else:
            answer.location = link(at.resource.path, [("view", str(at.key))])
            return answer
    return at.show(
        "views/new.html",
        "Save view",
        422 if errors else 200,
        wanted=wanted,
        errors=errors,
        may_share=at.actor.may(SHARE),
    )


def _wanted(at: Listed) -> Wanted:
    form = request.form
    shared = form.get("for") == "everyone"
    roles = tuple(key for key, _name in _roles(at)) if shared and "roles_asked" in form else ()
    return Wanted(
        form.get("name", "").strip(),
        shared,
        "first" in form,
        tuple(key for key in form.getlist("roles") if key in roles) if "roles_asked" in form else None,
        "everyone" in form,
    )


@blueprint.post("/views/<int:key>/save")
@signed_in
def save(key: int) -> AnyResponse:
    """The view shows from now on what the list shows now."""
    at = Listed()
    view = at.find(key)
    plan = plan_save(view, at.actor, at.asked.pairs, _number("version"))
    return at.do(plan, f"View “{view.name}” saved", [("view", str(key))])


@blueprint.route("/views/<int:key>", methods=["GET", "POST"])
@signed_in
def settings(key: int) -> AnyResponse:
    """Its name, who has it, and for whom it opens first."""
    at = Listed()
    view = at.find(key)
    if not may_change(view, at.actor):
        raise NotAllowed("This view is shared; your role opens it but does not change it.")
    wanted = Wanted(
        view.name, view.shared, view.is_default and not view.shared, view.role_keys, view.is_default and view.shared
    )
    errors: dict[str, str] = {}
    if request.method == "POST":
        wanted = _wanted(at)
        try:
            plan = plan_settings(view, at.kept, at.actor, wanted, _number("version"))
            return at.do(plan, f"View “{wanted.name}” changed", [("view", str(key))])
        except Rejected as refused:
            errors = refused.errors
    return at.show(
        "views/settings.html",
        f"View “{view.name}”",
        422 if errors else 200,
        kept=view,
        wanted=wanted,
        errors=errors,
        may_share=at.actor.may(SHARE),
        roles=_roles(at) if at.actor.may(SHARE) else [],
    )


@blueprint.post("/views/<int:key>/delete")
@signed_in
def delete(key: int) -> AnyResponse:
    """The view goes; the records it showed do not."""
    at = Listed()
    view = at.find(key)
    at.asked.pairs[:] = []
    return at.do(plan_delete(view, at.actor), f"View “{view.name}” deleted", [("view", ALL)])


@blueprint.route("/views", methods=["GET", "POST"])
@signed_in
def manage() -> AnyResponse:
    """All views over a list: their order, and which of them, or of the ready-made lists, opens first."""
    at = Listed()
    order = [each.id for each in at.kept.views]
    first = _first_of(at)
    if request.method == "POST":
        order = _ordered(order)
        first = request.form.get("first", first)
        if "move" not in request.form:
            return _arrange(at, order, first)
    found = {each.id: each for each in at.kept.views}
    return at.show(
        "views/manage.html",
        f"Views of {at.resource.plural.lower()}",
        views=[found[key] for key in order],
        first=first,
        may_change=lambda view: may_change(view, at.actor),
        actor_id=at.actor.app_user_id,
    )


def _arrange(at: Listed, order: list[int], first: str) -> AnyResponse:
    changes = list(plan_order(at.kept, at.actor, order).changes) if _moved(at, order) else []
    if first != _first_of(at):
        kind, _, which = first.partition(":")
        known = {f"view:{ALL}", USUAL, *(f"scope:{name}" for name in at.resource.scopes)}
        if first not in known | {f"view:{each.id}" for each in at.kept.views}:
            raise BadQuery("A list opens with one of its tabs.")
        opened = plan_first(at.kept, at.actor, kind if which else "", which)
        touched = {each.key: each for each in changes}
        for each in opened.changes:
            both = touched.get(each.key) if each.key is not None else None
            if both is None:
                changes.append(each)
            else:  # one record is written once
                changes[changes.index(both)] = type(both)(
                    both.resource, both.operation, both.key, {**both.before, **each.before},
                    {**both.after, **each.after}, both.version,
                )  # fmt: skip
    return at.do(Plan(tuple(changes), action="view.arrange"), "Views arranged", at.asked.pairs)


def _moved(at: Listed, order: list[int]) -> bool:
    return order != [each.id for each in at.kept.views]


def _ordered(known: list[int]) -> list[int]:
    """The order of the form; without script one tab moves a step at a time, by `move=up:12`."""
    sent = [int(key) for key in request.form.getlist("order") if key.isascii() and key.isdigit() and len(key) < 19]
    order = [key for key in dict.fromkeys(sent) if key in known]
    order += [key for key in known if key not in order]
    way, _, which = request.form.get("move", "").partition(":")
    if way in ("up", "down") and which.isdigit() and int(which[:18]) in order:
        step(order, int(which), way)
    return order


def step(order: list[Any], which: Any, way: str) -> None:
    """Move one thing of a list one place up or down."""
    at = order.index(which)
    to = max(0, at - 1) if way == "up" else min(len(order) - 1, at + 1)
    order.insert(to, order.pop(at))


def _first_of(at: Listed) -> str:
    """What this person chose to open first, as the form writes it."""
    for each in (*at.kept.views, *((at.kept.layout,) if at.kept.layout else ())):
        if each.is_default and not each.shared:
            return ":".join(chosen(each))
    return USUAL


def _roles(at: Listed) -> list[tuple[str, str]]:
    """The roles that read the list, for whom a shared view may open first."""
    rows = reading().execute(
        text("SELECT key, name, permissions FROM roles WHERE tenant_id = :tenant ORDER BY id"),
        {"tenant": at.actor.tenant_id},
    )
    reads = [at.resource.permission("read"), *([at.resource.permission("own")] if at.resource.own else [])]
    return [
        (key, name)
        for key, name, permissions in rows
        if any(holds(frozenset(permissions), each) for each in reads) and key != "worker"
    ]


def _number(name: str) -> int | None:
    given = request.form.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
