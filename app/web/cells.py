"""One value edited where it stands: the editor in its place, then the value as it was stored, with Undo."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.apply import Receipt, apply
from app.engine.fields import Edit, Field
from app.engine.forms import RecordForm, form_class
from app.engine.plan import Plan, plan_edit
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.resource import Resource
from app.web import drafts, receipts, rows
from app.web.htmx import wants_fragment
from app.web.origin import came, crumbs
from app.web.record_page import value_of
from app.web.resources import chosen, find, picks, stamp
from app.web.security import by_resource
from app.web.session import current_actor

blueprint = Blueprint("cells", __name__)


def _editable(resource: Resource, view: Projection, name: str) -> Field:
    each = view.by_name.get(name)
    if each is None:
        abort(404)
    if each not in view.writable(Edit.INLINE):
        raise NotAllowed(resource.read_only or f"{each.title} is not edited in place.")
    return each


@blueprint.get("/<domain>/<table>/<int:key>/cells/<name>")
@by_resource("write")
def editor(domain: str, table: str, key: int, name: str) -> str:
    """The editor of one value, or with `show` the value again, for who changed their mind."""
    return show_editor(*find(domain, table), key, name)


def show_editor(resource: Resource, view: Projection, actor: Actor, key: Any, name: str) -> str:
    """The editor of one value of any resource."""
    each = _editable(resource, view, name)
    shown = records.read(reading(), view, key, actor)
    if request.args.get("show"):
        return _value(shown, each, actor, None, None)
    opening = {**shown.values, "version": shown.version}
    form = form_class(resource, [each], actor.timezone)(drafts.left_behind(actor), data=opening)
    if not resource.declared:
        form.keep_opening(shown.values)
    chosen(form, shown.labels)
    return _editor(shown, each, form)


@blueprint.route("/<domain>/<table>/<int:key>/cells/<name>", methods=["PATCH", "POST"])
@by_resource("write")
def save(domain: str, table: str, key: int, name: str) -> str | AnyResponse:
    """Write one value. `If-Match` or the form's version guards it; without either the value as it stands is taken over."""
    return save_value(*find(domain, table), key, name)


def save_value(resource: Resource, view: Projection, actor: Actor, key: Any, name: str) -> str | AnyResponse:
    """Write one value of any resource."""
    each = _editable(resource, view, name)
    shown = records.read(reading(), view, key, actor)
    form = form_class(resource, [each], actor.timezone)(request.form)
    base = form.leave_untouched(shown.values) if not resource.declared else None
    if picks(form, actor) or not form.validate():
        return make_response(_editor(shown, each, form), 422)
    seen = _version() if form.seen is None else form.seen
    try:
        wanted = resource.settled(reading(), form.edits())
        plan = plan_edit(reading(), resource, key, wanted, seen, actor, where=Edit.INLINE, base=base)
        receipt = apply(plan, actor, None, **stamp())
    except Rejected as refused:
        form.put_errors(
            {name if field not in form._fields else field: words for field, words in refused.errors.items()}
        )
        return make_response(_editor(shown, each, form), 422)
    except Stale as clash:
        if not resource.declared:
            form.keep_opening(shown.values)
        return _clash(shown, each, form, clash, actor)
    if not wants_fragment():
        drafts.forget(actor)
        receipts.say(receipts.edited(shown.title, plan), receipt)
        return redirect(f"{resource.path}/{key}{came()}", 303)
    return _value(records.read(reading(), view, key, actor), each, actor, plan, receipt)


def _version() -> int | None:
    text = request.headers.get("If-Match", "").strip('" ')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _value(shown: Shown, each: Field, actor: Actor, plan: Plan | None, receipt: Receipt | None) -> str:
    said = receipts.said_of(receipts.edited(shown.title, plan), receipt) if plan is not None else None
    return render_template(
        "resource/cell.html", record=shown, each=value_of(each, shown, actor), said=said, resource=shown.resource
    )


def _editor(shown: Shown, each: Field, form: RecordForm) -> str:
    template = "resource/cell_editor.html" if wants_fragment() else "resource/cell_page.html"
    resource, view = shown.resource, shown.projection
    trail = crumbs(resource, view, current_actor(), shown.key)
    return render_template(
        template,
        record=shown,
        x=form[each.name],
        form=form,
        resource=resource,
        page_title=f"{each.title} of {shown.title}",
        crumbs=[*trail, (shown.title, f"{resource.path}/{shown.key}{came()}"), (each.title, None)],
    )


def _clash(shown: Shown, each: Field, form: RecordForm, clash: Stale, actor: Actor) -> Response:
    """Theirs stands in the sentence, yours stays in the editor, and saving again means you have seen both."""
    if each.name in clash.clashes:
        label = rows.column(each, actor.permissions).looks
        theirs = clash.clashes[each.name][1]
        words = label.get(theirs) or each.typed(theirs) or "empty"
        form[each.name].errors = [
            f"Someone else made this “{words}” meanwhile. Save again to replace it, or cancel to keep it."
        ]
        form.version.data = str(clash.version)
    else:
        form[each.name].errors = [clash.sentence]
    return make_response(_editor(shown, each, form), 409)
