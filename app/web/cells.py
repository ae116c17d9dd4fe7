"""One value edited where it stands, in a list or on its record: the editor in its place, then the value as it was stored,
with Undo. Or it is only tried, for who collects changes and saves them together."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.apply import Receipt
from app.engine.approval_rules import NeedsApproval
from app.engine.editing import save_edit, save_edits
from app.engine.fields import IN_PLACE, Field
from app.engine.forms import RecordForm, TypedField, form_class
from app.engine.plan import Plan, Wanted, plan_edit, same
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Refusal, Rejected, SomeRefused, Stale
from app.engine.resource import Resource
from app.web import drafts, receipts, rows
from app.web.clashes import Clash, clash_of, in_words
from app.web.htmx import wants_fragment
from app.web.origin import came, crumbs
from app.web.receipts import Said
from app.web.record_page import value_of
from app.web.resources import chosen, find, picks, stamp
from app.web.security import by_resource
from app.web.session import current_actor

blueprint = Blueprint("cells", __name__)

MOST_AT_ONCE = 200
"""Values that are saved together; whoever changes more does it in bulk, where it is rehearsed first."""


def _editable(view: Projection, name: str) -> Field:
    each = view.by_name.get(name)
    if each is None:
        abort(404)
    if each not in view.in_place:
        raise NotAllowed(view.resource.read_only or f"{each.title} is not edited in place.")
    return each


def _in_list() -> bool:
    """Whether the value stands in a list rather than on its record."""
    return request.values.get("in") == "list" and wants_fragment()


@blueprint.get("/<domain>/<table>/<int:key>/cells/<name>")
@by_resource("write")
def editor(domain: str, table: str, key: int, name: str) -> str | AnyResponse:
    """The editor of one value, or with `show` the value again, for who changed their mind."""
    return show_editor(*find(domain, table), key, name)


def show_editor(resource: Resource, view: Projection, actor: Actor, key: Any, name: str) -> str | AnyResponse:
    """The editor of one value of any resource."""
    each = _editable(view, name)
    shown = records.read(reading(), view, key, actor)
    if request.args.get("show"):
        return _value(shown, each, actor)
    why = _closed(shown, each, actor)
    if why and _in_list():
        return make_response(_value(shown, each, actor, Said(why, failed=True)), 409)
    if why:
        raise NotAllowed(why)
    opening = {**shown.values, "version": shown.version}
    form = form_class(resource, [each], actor.timezone)(drafts.left_behind(actor), data=opening)
    if not resource.declared:
        form.keep_opening(shown.values)
    chosen(form, shown.labels)
    return _editor(shown, each, form)


def _closed(shown: Shown, each: Field, actor: Actor) -> str | None:
    """Why this record's value is not changed as the record stands."""
    resource = shown.resource
    if not shown.projection.edits(shown.values, actor.app_user_id):
        return f"Your role changes only its own {resource.plural.lower()}."
    if each not in records.in_place(shown):
        return resource.lifecycle.why_frozen if resource.lifecycle else f"{each.title} is not edited in place."
    return None


@blueprint.route("/<domain>/<table>/<int:key>/cells/<name>", methods=["PATCH", "POST"])
@by_resource("write")
def save(domain: str, table: str, key: int, name: str) -> str | AnyResponse:
    """Write one value. `If-Match` or the form's version guards it; without either the value as it stands is taken over.

    With `stage` nothing is written: the value is tried as if it were, and comes back as it would be stored.
    """
    return save_value(*find(domain, table), key, name)


def save_value(resource: Resource, view: Projection, actor: Actor, key: Any, name: str) -> str | AnyResponse:
    """Write one value of any resource."""
    each = _editable(view, name)
    shown = records.read(reading(), view, key, actor)
    form = form_class(resource, [each], actor.timezone)(request.form)
    base = form.leave_untouched(shown.values) if not resource.declared else None
    if picks(form, actor) or not form.validate():
        return make_response(_editor(shown, each, form), 422)
    seen = _version() if form.seen is None else form.seen
    try:
        asked = Wanted(key, resource.settled(reading(), form.edits()), seen, base)
        if request.form.get("stage"):
            plan_edit(reading(), resource, key, asked.values, seen, actor, where=IN_PLACE, base=base)
            return _staged(shown, each, form, asked, actor)
        plan, receipt = save_edit(reading(), resource, asked, actor, where=IN_PLACE, **stamp())
    except Rejected as refused:
        form.put_errors(
            {name if field not in form._fields else field: words for field, words in refused.errors.items()}
        )
        return make_response(_editor(shown, each, form), 422)
    except NotAllowed as refused:
        if not _in_list():
            raise
        form[name].errors = [refused.sentence]
        return make_response(_editor(shown, each, form), 409)
    except Stale as clash:
        if not resource.declared:
            form.keep_opening(shown.values)
        return _clash(shown, each, form, clash, actor)
    if not wants_fragment():
        drafts.forget(actor)
        receipts.say(receipts.edited(shown.title, plan), receipt)
        return redirect(f"{resource.path}/{key}{came()}", 303)
    said = receipts.said_of(receipts.edited(shown.title, plan), receipt)
    return _value(records.read(reading(), view, key, actor), each, actor, said)


def _version() -> int | None:
    text = request.headers.get("If-Match", "").strip('" ')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _value(shown: Shown, each: Field, actor: Actor, said: Said | None = None, staged: str | None = None) -> str:
    if _in_list():
        return render_template(
            "resource/list_cell.html", body=rows.cell(shown, each, actor, came()), said=said, staged=staged
        )
    return render_template(
        "resource/cell.html",
        record=shown,
        each=value_of(each, shown, actor),
        said=said,
        staged=staged,
        resource=shown.resource,
    )


def _editor(shown: Shown, each: Field, form: RecordForm, clash: Clash | None = None) -> str:
    in_list = _in_list()
    if in_list:
        form[each.name].id = f"c-{each.name}"
    kind = "list_editor" if in_list else "cell_editor" if wants_fragment() else "cell_page"
    resource, view = shown.resource, shown.projection
    trail = crumbs(resource, view, current_actor(), shown.key)
    return render_template(
        f"resource/{kind}.html",
        record=shown,
        x=form[each.name],
        form=form,
        clash=clash,
        resource=resource,
        page_title=f"{each.title} of {shown.title}",
        crumbs=[*trail, (shown.title, f"{resource.path}/{shown.key}{came()}"), (each.title, None)],
    )


def _clash(shown: Shown, each: Field, form: RecordForm, stale: Stale, actor: Actor) -> Response:
    """Theirs, yours and before stand beside the editor, yours stays in it, and saving again means you have seen them all."""
    if each.name not in stale.clashes:
        form[each.name].errors = [stale.sentence]
        return make_response(_editor(shown, each, form), 409)
    form.version.data = str(stale.version)
    return make_response(_editor(shown, each, form, clash_of(shown.projection, each.name, stale, actor)), 409)


# -- collected, and saved together -----------------------------------------------------------------------------------


def _staged(shown: Shown, each: Field, form: RecordForm, asked: Wanted, actor: Actor) -> str:
    """The value as it would be stored, and what the page keeps of it until all is saved together."""
    typed: TypedField = form[each.name]
    value = asked.values.get(each.name, shown.values.get(each.name))
    kept = {
        "key": str(shown.key),
        "title": shown.title,
        "field": each.name,
        "label": each.title,
        "type": each.type,
        "version": str(asked.seen if asked.seen is not None else shown.version),
        "was": form.was.data or "",
        "typed": typed.typed,
        "chosen": typed.chosen_label or request.form.get(f"{each.name}.q", ""),
        "before": in_words(each, shown.values.get(each.name), actor),
        "now": in_words(each, value, actor),
        "same": same(value, shown.values.get(each.name)),
    }
    return _value(shown, each, actor, staged=json.dumps(kept, ensure_ascii=False))


@blueprint.post("/<domain>/<table>/cells")
@by_resource("write")
def save_collected(domain: str, table: str) -> AnyResponse:
    """Write collected values of several records as one change set, whole or not at all."""
    return save_together(*find(domain, table))


def save_together(resource: Resource, view: Projection, actor: Actor) -> AnyResponse:
    """The same for any resource. The answer names each value that stands against it; nothing is written then."""
    asked: list[Wanted] = []
    problems: list[dict[str, str]] = []
    for sent in _collected():
        try:
            asked.append(_wanted(resource, view, actor, sent))
        except Refusal as why:
            problems += _problems(view, sent["key"], (sent["field"],), why, actor)
    reason = request.form.get("reason", "").strip()[:1000] or None
    if not problems:
        try:
            plan, receipt = save_edits(reading(), resource, asked, actor, reason, IN_PLACE, **stamp())
        except SomeRefused as several:
            for key, names, reason_why in several.refused:
                problems += _problems(view, str(key), names, reason_why, actor)
        except Rejected as refused:
            fields = tuple(name for each in asked if each.key == refused.key for name in each.values)
            problems += _problems(view, str(refused.key or ""), fields, refused, actor)
        except (Stale, NeedsApproval) as late:
            problems.append({"key": "", "field": "", "sentence": late.sentence})
    if problems:
        answer = jsonify(problems=problems)
        answer.status_code = 409 if any("theirs" in each for each in problems) else 422
        return answer
    return _saved(resource, plan, receipt)


def _saved(resource: Resource, plan: Plan, receipt: Receipt) -> AnyResponse:
    receipts.say(receipts.edited_together(resource.many.lower(), plan), receipt)
    return jsonify(saved=sum(len(each.after) for each in plan.changes), change_set=receipt.change_set)


def _collected() -> list[dict[str, str]]:
    try:
        sent = json.loads(request.form.get("changes", ""))
    except ValueError:
        sent = None
    names = ("key", "field", "typed", "version", "was")
    if not isinstance(sent, list) or not sent:
        raise BadQuery("Say which values are to be saved.")
    if len(sent) > MOST_AT_ONCE:
        raise BadQuery(f"At most {MOST_AT_ONCE} changes are saved together. Save some of them first.")
    if not all(isinstance(each, dict) and all(isinstance(each.get(name), str) for name in names) for each in sent):
        raise BadQuery("Each change names a record, a field, what was typed and the version it was typed over.")
    return sent


def _wanted(resource: Resource, view: Projection, actor: Actor, sent: dict[str, str]) -> Wanted:
    """One collected value, read anew by its field's own rules."""
    each = view.by_name.get(sent["field"])
    if each is None or each not in view.in_place:
        raise NotAllowed(f"{each.title if each else 'This'} is not edited in place.")
    key: Any = sent["key"]
    if resource.declared:
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            raise NotFound(f"There is no such {resource.one}.")
        key = int(key)
    typed = MultiDict({each.name: sent["typed"], "version": sent["version"], "was": sent["was"]})
    form = form_class(resource, [each], actor.timezone)(typed)
    base = None
    if not resource.declared:
        base = form.leave_untouched(records.read(reading(), view, key, actor).values)
    if not form.validate():
        raise Rejected({each.name: " ".join(map(str, form[each.name].errors))})
    return Wanted(key, resource.settled(reading(), form.edits()), form.seen, base)


def _problems(view: Projection, key: str, names: tuple[str, ...], why: Refusal, actor: Actor) -> list[dict[str, str]]:
    """What stands against the values of one record, each sentence with the field it is about."""
    if isinstance(why, Stale) and why.clashes:
        found = [(name, clash_of(view, name, why, actor)) for name in why.clashes]
        return [
            {
                "key": key,
                "field": name,
                "sentence": each.sentence,
                "before": each.before,
                "theirs": each.theirs,
                "who": each.who,
                "version": str(why.version),
            }
            for name, each in found
        ]
    if isinstance(why, Rejected):
        first = names[0] if names else ""
        return [
            {"key": key, "field": field if field in names else first, "sentence": sentence}
            for field, sentence in why.errors.items()
        ]
    return [{"key": key, "field": name, "sentence": why.sentence} for name in names[:1]]
