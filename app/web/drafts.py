"""Drafts of forms: kept while somebody types, offered when they come back, gone once saved or thrown away.

Only the author ever reads one. Of a form only its own fields are kept, and never a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import make_response, redirect, render_template, request
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.engine import ledger
from app.engine.access import Actor
from app.engine.fields import Choice, Flag, Reference, Secret
from app.engine.forms import RecordForm, TypedField
from app.engine.reading import Shown
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web import authorship, draft_rows
from app.web.draft_rows import Draft
from app.web.htmx import wants_fragment
from app.web.origin import AT, FROM, came

ASK, MINE = "draft", "mine"
"""`?draft=mine`: the form as its author left it."""
DO = "draft.do"
"""What a form is sent for when not to be saved: `keep` or `discard`."""
CARRIED = ("version", "was", "reason")


@dataclass(frozen=True)
class Difference:
    """A field that would change: as it is, and as it was typed."""

    title: str
    now: str
    mine: str


@dataclass(frozen=True)
class Offer:
    """What the page of a form says about the author's draft."""

    saved_at: datetime
    restored: bool
    """Whether the form is filled with it already."""
    differences: tuple[Difference, ...]
    changed_by: str | None
    """Who changed the record since the draft was begun; "" where nobody knows."""
    restore: str
    """The address of the form filled with it."""


def address() -> str:
    """The form as its drafts are kept by: its path, and what a new record was to begin with."""
    begun = [pair for pair in request.args.items(multi=True) if pair[0] not in (FROM, AT, ASK)]
    return f"{request.path}?{urlencode(sorted(begun))}" if begun else request.path


def waiting(actor: Actor) -> Draft | None:
    """The present person's draft of the present form."""
    return draft_rows.find(actor.app_user_id, address()) if actor.app_user_id else None


def wanted() -> bool:
    """Whether the author asked for the form as they left it."""
    return request.args.get(ASK) == MINE


def typed(draft: Draft) -> MultiDict[str, str]:
    """The draft as a form would have sent it."""
    return MultiDict(draft.typed)


def left_behind(actor: Actor) -> MultiDict[str, str] | None:
    """What was typed into a small form when the session ended, for the page one comes to after signing in again."""
    draft = waiting(actor) if wanted() else None
    return typed(draft) if draft else None


def forget(actor: Actor) -> None:
    """The present form was saved: its draft has done its work."""
    if actor.app_user_id:
        draft_rows.forget(actor.app_user_id, address())


def aside(form: RecordForm, actor: Actor) -> AnyResponse | None:
    """Keep or throw away a draft when that is what the form was sent for; None when it is to be saved."""
    asked = request.form.get(DO)
    if asked is None or not actor.app_user_id:
        return None
    saved_at, sentence = None, ""
    if asked == "keep":
        saved_at = draft_rows.keep(actor.app_user_id, address(), _kept(form.typed_fields, request.form))
        sentence = "" if saved_at else "Too long to keep as a draft. Save it to be safe."
    else:
        draft_rows.forget(actor.app_user_id, address())
    if wants_fragment():
        return make_response(render_template("parts/draft_line.html", saved_at=saved_at, sentence=sentence))
    return redirect(_plain(), 303)


def _plain() -> str:
    begun = address()
    return f"{begun}{came().replace('?', '&', 1) if '?' in begun else came()}"


def _kept(fields: Iterable[TypedField], sent: Mapping[str, str]) -> dict[str, str]:
    names = [each.name for each in fields if not isinstance(each.declared, Secret)]
    return _of(names, sent)


def _of(names: Iterable[str], sent: Mapping[str, str]) -> dict[str, str]:
    every = [*CARRIED, *(word for name in names for word in (name, f"{name}.q"))]
    return {name: sent[name] for name in every if name in sent}


def offer(connection: Connection, form: RecordForm, draft: Draft, shown: Shown | None, actor: Actor) -> Offer | None:
    """What to say of a draft over the form as the record stands; None when there is nothing in it that differs."""
    found = tuple(_differences(form, draft))
    if not found and not draft.typed.get("reason"):
        return None
    restore = f"{address()}{'&' if '?' in address() else '?'}{ASK}={MINE}{came().replace('?', '&', 1)}"
    return Offer(draft.saved_at, wanted(), found, _changed_by(connection, draft, shown, actor), restore)


def _changed_by(connection: Connection, draft: Draft, shown: Shown | None, actor: Actor) -> str | None:
    if shown is None or draft.version is None or draft.version == shown.version:
        return None
    last = ledger.history(connection, shown.resource, shown.key, actor, limit=1) if shown.resource.recorded else []
    return last[0].set.actor_name if last else ""


def _differences(form: RecordForm, draft: Draft) -> Iterable[Difference]:
    for each in form.typed_fields:
        if isinstance(each.declared, Secret):
            continue
        flag = isinstance(each.declared, Flag)
        if each.name not in draft.typed and not flag:
            continue
        mine = draft.typed.get(each.name, "").replace("\r\n", "\n")
        same = bool(mine) == bool(each.data) if flag else mine == each.typed.replace("\r\n", "\n")
        if not same:
            yield Difference(each.declared.title, _said(each, each.typed, each.chosen_label), _mine(each, draft, mine))


def _mine(each: TypedField, draft: Draft, mine: str) -> str:
    return _said(each, mine, draft.typed.get(f"{each.name}.q", ""))


def _said(each: TypedField, value: str, label: str) -> str:
    declared = each.declared
    if isinstance(declared, Flag):
        return declared.yes if value not in ("", "false") else declared.no
    if value == "":
        return "empty"
    if isinstance(declared, Choice):
        return declared.words(value)
    if isinstance(declared, Reference):
        return label or f"#{value}"
    return value if len(value) <= 80 else f"{value[:79]}…"


def keep_after_session() -> str | None:
    """A form arrived without script and without a session: keep what was typed for its author, who is not here now.

    Returns the address of the form to go on with after signing in, or None where the sender is not known or the form
    is none of a declared table.
    """
    who = authorship.author(request.form.get(authorship.FIELD))
    parts = request.view_args or {}
    resource: Resource | None = REGISTRY.at(parts.get("domain", ""), parts.get("table", ""))
    if who is None or resource is None or request.method != "POST":
        return None
    names = [each.name for each in resource.fields if not isinstance(each, Secret)]
    if draft_rows.keep(who.app_user_id, address(), _of(names, request.form)) is None:
        return None
    return f"{address()}{'&' if '?' in address() else '?'}{ASK}={MINE}{came().replace('?', '&', 1)}"
