"""One's own keys for programs: made by hand and shown once, replaced, revoked; and how the API is used with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.core.db import reading
from app.domains.auth import keys, refresh
from app.domains.auth.keys import LONGEST_DAYS, Wish
from app.engine.access import Actor
from app.engine.api_keys import grantable
from app.engine.apply import change, transaction
from app.engine.fields.field import Invalid
from app.engine.refusals import NotFound, Rejected
from app.engine.registry import REGISTRY
from app.roles import AREAS
from app.web import receipts
from app.web.api import openapi
from app.web.api.blueprint import ROOT
from app.web.security import confirm_first, needs, signed_in
from app.web.session import address, current_actor, request_id

blueprint = Blueprint("keys", __name__, url_prefix="/account")
OWN = "apikeys.own"
LASTS = (
    (30, "30 days"),
    (90, "90 days"),
    (180, "180 days"),
    (LONGEST_DAYS, "A year"),
)
REACHES = (
    ("read", "Read whatever I may read"),
    ("all", "Do whatever I may do"),
    ("chosen", "Only what is ticked in the table"),
)
_COMMON = ("read", "create", "write", "delete")
_NEVER = ("own",)
"""Keeping one's own things in the console itself is no work of a program."""


@blueprint.get("/keys")
@needs(OWN)
def index() -> Response:
    """One's keys, and the programs that signed in with one's password."""
    return _page()


@blueprint.get("/keys/new")
@needs(OWN)
def new() -> Response:
    """What the key is to do, for how long and from where; asked after the password, so that nothing typed is lost."""
    if (asking := confirm_first(url_for("keys.new"))) is not None:
        return asking
    return _form({}, {})


@blueprint.post("/keys/new")
@needs(OWN)
def create() -> Response:
    """Make the key and show it, this once."""
    if (asking := confirm_first(url_for("keys.new"))) is not None:
        return asking
    actor = current_actor()
    try:
        wish = _wished(actor)
        with change(actor, action="api_key.create", request_id=request_id(), ip=address()) as connection:
            secret = keys.make(connection, actor, wish)
    except Rejected as refused:
        return _form(refused.errors, request.form, 422)
    return _page(secret, wish.name)


@blueprint.post("/keys/<int:key>/rotate")
@needs(OWN)
def rotate(key: int) -> Response:
    """A new key with the same rights; the old one goes on for a day, for the program to change over."""
    if (asking := confirm_first(url_for("keys.index"))) is not None:
        return asking
    actor = current_actor()
    with change(actor, action="api_key.rotate", request_id=request_id(), ip=address()) as connection:
        name, secret = keys.rotate(connection, actor, key)
    return _page(secret, name, replaced=True)


@blueprint.post("/keys/<int:key>/revoke")
@needs(OWN)
def revoke(key: int) -> Response:
    """End a key: its next call is refused."""
    actor = current_actor()
    with change(actor, action="api_key.revoke", request_id=request_id(), ip=address()) as connection:
        name = keys.revoke(connection, actor, key)
        number = connection.info["change_set"]
    receipts.say(f"Key {name} revoked in change {number}")
    return redirect(url_for("keys.index"), 303)


@blueprint.post("/tokens/<uuid:family>/end")
@signed_in
def end_tokens(family: UUID) -> Response:
    """Sign out one program that uses one's password."""
    actor = current_actor()
    with transaction() as connection:
        ended = refresh.end_family(connection, family, "logout", actor.user_id)
    if not ended:
        raise NotFound("That program is signed out already.")
    receipts.say("Program signed out")
    return redirect(url_for("keys.index" if actor.may(OWN) else "keys.how"), 303)


@blueprint.get("/api")
@signed_in
def how() -> str:
    """How a program uses the console: address, key, a first call, and where everything is described."""
    actor = current_actor()
    seen = [each for each in REGISTRY if actor.may(each.permission("read"))]
    return render_template(
        "screens/account/api.html",
        base=current_app.extensions["console.config"].address + ROOT,
        example=next((each for each in seen if each.name == "customers"), seen[0] if seen else None),
        seen=sorted(seen, key=lambda each: each.plural),
        root=ROOT,
        may_make=actor.may(OWN),
        families=refresh.living(reading(), actor.user_id or 0),
        page_title="The API",
        crumbs=[("Your account", url_for("account.show")), ("The API", None)],
    )


@blueprint.get("/api/openapi.json")
@signed_in
def description() -> Response:
    """The API's description as a file, for who is at a browser and has no key yet."""
    response = make_response(openapi.written(current_actor().permissions))
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="brainops-console-openapi.json"'
    return response


def _wished(actor: Actor) -> Wish:
    """The form as a wish. Raises Rejected with every fault."""
    form, faults = request.form, {}
    name = form.get("name", "").strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        faults["name"] = "Say in 1 to 80 characters which program uses it."
    try:
        networks = tuple(
            REGISTRY["user_api_keys"].field("allowed_ips").parse(form.get("networks", "").replace("\n", ","))
        )
    except Invalid as fault:
        networks, faults["networks"] = (), str(fault)
    rate, days = (int(form[each]) if form.get(each, "").isdecimal() else 0 for each in ("rate", "days"))
    if not 1 <= rate <= 100_000:
        faults["rate"] = "Allow 1 to 100000 requests a minute."
    if days not in dict(LASTS):
        faults["days"] = "Choose how long it lasts."
    scopes = _scopes(actor, form.get("reach", ""), form.getlist("scope"))
    if not scopes:
        faults["scopes"] = "Choose at least one thing this key may do."
    if faults:
        raise Rejected(faults)
    return Wish(name, scopes, days, networks, rate)


def _scopes(actor: Actor, reach: str, ticked: list[str]) -> tuple[str, ...]:
    offered = _offered(actor)
    if reach == "all":
        return tuple(offered)
    if reach == "read":
        return tuple(each for each in offered if each.endswith(".read"))
    return tuple(dict.fromkeys(each for each in ticked if each in offered)) if reach == "chosen" else ()


def _offered(actor: Actor) -> list[str]:
    return [each for each in grantable(actor.permissions) if each.rpartition(".")[2] not in _NEVER]


def _lines(actor: Actor) -> list[dict[str, Any]]:
    """The areas a key may be given, each with its common and its further actions."""
    offered, found = set(_offered(actor)), []
    for area, (label, actions) in AREAS.items():
        held = [action for action in actions if f"{area}.{action}" in offered]
        if held:
            common = [f"{area}.{action}" if action in held else None for action in _COMMON]
            rest = [(f"{area}.{action}", action.replace("_", " ")) for action in held if action not in _COMMON]
            found.append({"area": area, "label": label, "common": common, "rest": rest})
    return found


def _form(errors: Any, asked: Any, status: int = 200) -> Response:
    actor = current_actor()
    page = render_template(
        "screens/account/new_key.html",
        errors=errors,
        asked=asked,
        ticked=set(asked.getlist("scope")) if errors else set(),
        lasts=LASTS,
        reaches=REACHES,
        lines=_lines(actor),
        page_title="New API key",
        crumbs=[("Your account", url_for("account.show")), ("API keys", url_for("keys.index")), ("New", None)],
    )
    return make_response(page, status)


def _page(secret: str | None = None, name: str = "", replaced: bool = False) -> Response:
    actor = current_actor()
    page = render_template(
        "screens/account/keys.html",
        secret=secret,
        secret_name=name,
        replaced=replaced,
        keys=keys.own(reading(), actor),
        families=refresh.living(reading(), actor.user_id or 0),
        sees_all=actor.may("apikeys.read"),
        page_title="API keys",
        crumbs=[("Your account", url_for("account.show")), ("API keys", None)],
    )
    return make_response(page)
