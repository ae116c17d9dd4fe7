"""HTTP for any table: list, record, create, edit, history, actions, archive and export, from its declaration alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from flask import Blueprint, Response, abort, current_app, g, make_response, redirect, render_template, request
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.core.clock import now
from app.core.db import reading
from app.engine import attached, ledger, listing, revealing
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.apply import apply
from app.engine.approval_rules import needed_to_move
from app.engine.editing import save_edit
from app.engine.fields import Edit, Reference
from app.engine.filters import referred
from app.engine.forms import RecordForm, form_class
from app.engine.narrowing import Emptied, emptied_by
from app.engine.plan import Wanted, plan_archive, plan_create, plan_move, unpermitted
from app.engine.projection import Projection, projection
from app.engine.references import labels, lookup
from app.engine.refusals import NotAllowed, Rejected, Stale, TooSlow
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource
from app.engine.states import Moving
from app.web import drafts, exporting, merged, receipts, rows, saved_views, second_person
from app.web.addresses import PLACE, Pairs, given, joined
from app.web.htmx import asked_from, wants_fragment
from app.web.list_page import ListPage
from app.web.origin import AT, FROM, came, came_back, carried, crumbs, in_place_of, page_with, steps
from app.web.origin import origin as origin_of
from app.web.record_page import RecordPage, related_page
from app.web.security import by_resource
from app.web.sent_once import NotDone, sent_once
from app.web.session import current_actor

blueprint = Blueprint("resources", __name__)


def find(domain: str, table: str) -> tuple[Resource, Projection, Actor]:
    """The resource at an address as this actor sees it; the guard has asked for the permission already."""
    resource = REGISTRY.at(domain, table)
    if resource is None:
        abort(404)
    actor = current_actor()
    return resource, projection(resource, actor), actor


def open_record(resource: Resource, key: int) -> records.Shown:
    """The record as the present actor sees it, or 404; for hand-made screens."""
    actor = current_actor()
    return records.read(reading(), projection(resource, actor), key, actor)


# -- list ------------------------------------------------------------------------------------------------------------


@blueprint.get("/<domain>/<table>")
@by_resource("read")
def index(domain: str, table: str) -> str | AnyResponse:
    """The list, or only its rows when a fragment is wanted."""
    return show_list(*find(domain, table))


def show_list(
    resource: Resource,
    view: Projection,
    actor: Actor,
    *,
    template: str = "resource/list.html",
    before_reading: Callable[[listing.ListQuery], None] = lambda query: None,
    **context: Any,
) -> str | AnyResponse:
    """The list of any resource. One that takes too long still stands there with its filters, and says how to go on."""
    said = [pair for pair in given() if pair[0] != FROM]
    state = saved_views.asked(resource, view, actor, said)
    pairs = state.pairs
    query = listing.read_query(pairs, view, actor.timezone)
    fragment, stopped = wants_fragment(), None
    connection = reading()
    before_reading(query)
    try:
        page = listing.fetch(connection, query, actor, count=not fragment or query.exact)
    except TooSlow as slow:
        page, stopped = listing.nothing(query), slow.sentence
    left = request.args.get(FROM)
    if left and page.rows and not fragment and left not in rows.keys(page):
        begins = page_with(connection, query, said, actor, left)
        if begins is not None:
            return redirect(begins, 303)
    shown = ListPage(
        query,
        page,
        pairs,
        actor,
        rows.render(page, actor, came=carried(said), left=left),
        filter_labels(connection, query, actor),
        resource.path,
        state,
        carried(said),
        stopped,
        None if stopped else emptied(connection, query, page, actor),
        fragment and turned(resource.path, said),
    )
    return render_template(
        "resource/rows.html" if fragment else template,
        **{"page_title": resource.plural, "crumbs": [*resource.crumbs, (resource.plural, None)], **context},
        list=shown,
        fragment=fragment,
        resource=resource,
        view=view,
    )


def turned(path: str, said: Pairs) -> bool:
    """Whether the page that asks shows this list already, whatever part of it."""
    page, _, query = asked_from().partition("?")
    before = joined(MultiDict(parse_qsl(query)))
    return page == path and [pair for pair in before if pair[0] not in (FROM, *PLACE)] == [
        pair for pair in said if pair[0] not in PLACE
    ]


def emptied(connection: Connection, query: listing.ListQuery, page: listing.Page, actor: Actor) -> Emptied | None:
    """What keeps a list empty; asked only of a first page without rows, since any other needs no reason."""
    if page.rows or query.after or query.before or not (query.clauses or query.q or query.scope):
        return None
    return emptied_by(connection, query, actor)


def filter_labels(connection: Connection, query: listing.ListQuery, actor: Actor) -> dict[str, str]:
    """Titles of the records that filters name, so that a chip reads "Customer is Bluestem" and not "is 417"."""
    found: dict[str, str] = {}
    for clause in referred(query.clauses):
        assert isinstance(clause.field, Reference)
        target = target_of(clause.field)
        if target is not None:
            named = labels(connection, target, actor, list(clause.values), clause.field.by)
            found |= {f"{clause.path}:{key}": label for key, label in named.items()}
    return found


@blueprint.get("/<domain>/<table>.<any(csv, xlsx, json):kind>")
@by_resource("read")
def export(domain: str, table: str, kind: str) -> Response:
    """The same list as a file: same filters, order, columns and masks; everything that matches, not a page."""
    return exporting.send_list(*find(domain, table), kind)


# -- record ----------------------------------------------------------------------------------------------------------


@blueprint.get("/<domain>/<table>/<int:key>")
@by_resource("read")
def record(domain: str, table: str, key: int) -> str | AnyResponse:
    """The record with its facts, related lists and latest history, or the screen made for its kind."""
    resource, view, actor = find(domain, table)
    if resource.screen:
        return cast(str, current_app.view_functions[resource.screen](key=key))
    return show_record(resource, view, actor, key)


def show_record(
    resource: Resource, view: Projection, actor: Actor, key: Any, template: str = "resource/record.html", **context: Any
) -> str | AnyResponse:
    """The record page of any resource; one that was merged into another leads there."""
    connection = reading()
    wanted = request.args.get("rel")
    if wants_fragment() and wanted:
        shown = records.read(connection, view, key, actor)
        return render_template(
            "resource/related.html", related=related_page(connection, shown, actor, wanted, request.args), record=shown
        )
    page = RecordPage.load(connection, view, key, actor, request.args)
    onward = merged.away(page.record)
    if onward is not None:
        return redirect(onward, 303)
    walk = steps(connection, view, actor, key)
    return render_template(
        template,
        page=page,
        steps=walk,
        came=walk.came if walk else came(),
        record=page.record,
        resource=resource,
        view=view,
        page_title=page.record.title,
        crumbs=[*crumbs(resource, view, actor, key), (page.record.title, None)],
        was=merged.came_from(resource, view, actor, key),
        into=merged.kept_one(page.record, actor),
        mergeable=merged.offered(page.record, actor),
        **context,
    )


@blueprint.get("/<domain>/<table>/<int:key>/history")
@by_resource("read")
def history(domain: str, table: str, key: int) -> str:
    """Every change of this record: who, when, why, before and after, each with its way back."""
    return show_history(*find(domain, table), key)


def show_history(resource: Resource, view: Projection, actor: Actor, key: Any) -> str:
    """The history of a record of any resource."""
    connection = reading()
    shown = records.read(connection, view, key, actor)
    before = request.args.get("before", "")
    entries = ledger.history(
        connection, resource, key, actor, int(before) if before.isdigit() and len(before) < 19 else None
    )
    return render_template(
        "resource/history.html",
        record=shown,
        resource=resource,
        view=view,
        entries=entries,
        more=entries[-1].id if len(entries) == ledger.PAGE else None,
        seen=revealing.seen_by(connection, shown, actor) if resource.declared and before == "" else [],
        page_title=f"History of {shown.title}",
        crumbs=[*_crumbs(view, actor, shown), ("History", None)],
    )


# -- create and edit -------------------------------------------------------------------------------------------------


@blueprint.route("/<domain>/<table>/new", methods=["GET", "POST"])
@by_resource("create")
def new(domain: str, table: str) -> str | AnyResponse:
    """A form for a new record; what cannot be taken comes back with everything typed."""
    return make_record(*find(domain, table))


def make_record(resource: Resource, view: Projection, actor: Actor) -> str | AnyResponse:
    """The form for a new record of any resource."""
    if not view.creates:
        raise NotAllowed(resource.read_only or f"{resource.plural} are not created here.")
    fields = view.writable(Edit.CREATE)
    made = form_class(resource, fields, actor.timezone)
    if request.method == "GET":
        form, draft = made(data=_opening(resource, actor)), drafts.waiting(actor)
        _named(form, actor)
        offer = drafts.offer(reading(), form, draft, None, actor) if draft else None
        if draft and drafts.wanted():
            form = made(drafts.typed(draft))
            chosen(form, {}, draft.typed)
        return _form(resource, view, form, None, actor, offer=offer)
    form = made(request.form)
    set_aside = drafts.aside(form, actor)
    if set_aside is not None:
        return set_aside
    if picks(form, actor) or not form.validate():
        return _form(resource, view, form, None, actor, status=422)
    try:
        with sent_once(actor) as turn:
            if turn.earlier:
                return turn.again()
            wanted = resource.settled(reading(), form.edits())
            words = f"{resource.one.capitalize()} created"
            back = came()
            kept = turn.keep(words, lambda key: f"{resource.path}/{key}{back}")
            receipt = apply(plan_create(resource, wanted, actor), actor, _reason(), within=kept, **stamp())
    except Rejected as refused:
        return _form(resource, view, form, None, actor, form.put_errors(refused.errors), 422)
    drafts.forget(actor)
    receipts.say(words, receipt)
    return redirect(f"{resource.path}/{receipt.key}{came()}", 303)


@blueprint.route("/<domain>/<table>/<int:key>/edit", methods=["GET", "POST"])
@by_resource("write")
def edit(domain: str, table: str, key: int) -> str | AnyResponse:
    """A form over an existing record, guarded by the version it was opened with."""
    return edit_record(*find(domain, table), key)


def edit_record(resource: Resource, view: Projection, actor: Actor, key: Any) -> str | AnyResponse:
    """The form over a record of any resource."""
    connection = reading()
    shown = records.read(connection, view, key, actor)
    if not view.writes:
        raise NotAllowed(resource.read_only or f"{resource.plural} are not changed here.")
    if not view.edits(shown.values, actor.app_user_id):
        raise NotAllowed(f"Your role changes only its own {resource.plural.lower()}.")
    fields = records.editable(shown)
    if not fields:
        raise NotAllowed(
            resource.lifecycle.why_frozen if resource.lifecycle else f"{resource.plural} are not changed here."
        )
    made = form_class(resource, fields, actor.timezone)
    if request.method == "GET":
        form = made(data={**shown.values, "version": shown.version})
        if not resource.declared:
            form.keep_opening(shown.values)
        chosen(form, shown.labels)
        draft = drafts.waiting(actor)
        offer = drafts.offer(connection, form, draft, shown, actor) if draft else None
        if draft and drafts.wanted():
            form = made(drafts.typed(draft))
            chosen(form, shown.labels, draft.typed)
        return _form(resource, view, form, shown, actor, offer=offer)
    form = made(request.form)
    set_aside = drafts.aside(form, actor)
    if set_aside is not None:
        return set_aside
    base = form.leave_untouched(shown.values) if not resource.declared else None
    if picks(form, actor) or not form.validate():
        chosen(form, shown.labels)
        return _form(resource, view, form, shown, actor, status=422)
    try:
        wanted = resource.settled(connection, form.edits())
        asked = Wanted(key, wanted, form.seen, base)
        plan, receipt = save_edit(connection, resource, asked, actor, _reason(), **stamp())
    except Stale as clash:
        if not resource.declared:
            form.keep_opening(shown.values)
        return _conflict(resource, view, form, shown, actor, clash)
    except Rejected as refused:
        chosen(form, shown.labels)
        return _form(resource, view, form, shown, actor, form.put_errors(refused.errors), 422)
    drafts.forget(actor)
    receipts.say(receipts.edited(shown.title, plan), receipt)
    return redirect(f"{resource.path}/{key}{came_back(view, actor, plan)}", 303)


def _opening(resource: Resource, actor: Actor) -> dict[str, Any]:
    """Values a new form opens with: declared ones, then those of the address ("New job" on a customer's page)."""
    data = {name: value(actor) if callable(value) else value for name, value in resource.defaults.items()}
    for each in resource.fields:
        column = resource.table.c.get(each.name)
        if (
            each.name not in data
            and column is not None
            and column.server_default is not None
            and each.type in ("choice", "flag", "money", "count", "percent", "code")
        ):
            data[each.name] = _default(each, str(getattr(column.server_default, "arg", "")))
        typed = request.args.get(each.name)
        if typed and each.name not in (FROM, AT):
            try:
                data[each.name] = each.parse(typed)
            except ValueError:
                continue
    return data


def _default(each: Any, text: str) -> Any:
    try:
        return each.parse(text)
    except ValueError:
        return None


def _reason() -> str | None:
    return request.form.get("reason", "").strip()[:1000] or None


def stamp() -> dict[str, Any]:
    """What a change set keeps of the request that asked for it."""
    return {"request_id": g.get("request_id"), "ip": request.remote_addr}


def picks(form: RecordForm, actor: Actor) -> bool:
    """References picked without script: a typed name is searched, and the form comes back with the matches to choose from.

    True when the form must be shown again because a choice is still open.
    """
    open_choice = False
    for each in form.typed_fields:
        if not isinstance(each.declared, Reference):
            continue
        picked, words = request.form.get(f"{each.name}.pick", ""), request.form.get(f"{each.name}.q", "").strip()
        target, by = target_of(each.declared), each.declared.by
        key = _picked(each.declared, picked)
        if key is not None:
            each.data, each.typed, each.errors, each.given = key, picked, (), True
            if target is not None:  # its name, not the words it was found by, should the form come back
                each.chosen_label = labels(reading(), target, actor, [key], by).get(key, words)
        elif _typed_over(each.typed, words, request.form.get(f"{each.name}.was", "")):
            each.data, each.typed = None, ""
        asked = request.form.get("find") == each.name
        if target is None or not (asked or (words and not each.typed)):
            if not words and not picked and request.form.get(f"{each.name}.q") is not None:
                each.data, each.typed = None, ""
            continue
        each.offered = lookup(reading(), target, actor, words, by=by)
        each.chosen_label = words
        exact = [one for one in each.offered if one.label == words or one.detail == words]
        if len(exact) == 1 and not asked:
            each.data, each.typed, each.offered, each.given = exact[0].key, str(exact[0].key), [], True
        elif each.offered:
            each.errors = [*each.errors, "Choose one of these."]
            open_choice = True
        else:
            each.errors = [*each.errors, f"Nothing called “{words[:60]}” was found."]
            open_choice = True
    return open_choice


def _picked(declared: Reference, picked: str) -> Any:
    """The key of a radio button's value, or None where it is none."""
    if not picked or len(picked) > 200:
        return None
    try:
        return declared.parse(picked)
    except ValueError:
        return None


def _typed_over(key: str, words: str, was: str) -> bool:
    """Whether another name was typed over the one the form came with while its hidden key, lacking a script, stayed."""
    key_then, _, label_then = was.partition(":")
    return bool(words and key) and key == key_then and "".join(words.split()) != "".join(label_then.split())


def chosen(form: RecordForm, known: Any, typed: Mapping[str, str] | None = None) -> None:
    """Give each reference the title its picker shows: what was typed, in this request or in a draft, or what is known."""
    sent = request.form if typed is None else typed
    for each in form.typed_fields:
        if isinstance(each.declared, Reference) and not each.chosen_label:
            each.chosen_label = sent.get(f"{each.name}.q") or known.get(
                each.name, f"#{each.typed}" if each.typed else ""
            )


def _form(
    resource: Resource,
    view: Projection,
    form: RecordForm,
    shown: records.Shown | None,
    actor: Actor,
    rest: list[str] | None = None,
    status: int = 200,
    offer: drafts.Offer | None = None,
) -> Response:
    title = f"Edit {shown.title}" if shown else f"New {resource.one}"
    if not shown:
        _named(form, actor)
    body = render_template(
        "resource/form.html",
        form=form,
        groups=grouped(form),
        record=shown,
        resource=resource,
        view=view,
        rest=rest or [],
        offer=offer,
        page_title=title,
        crumbs=[*_crumbs(view, actor, shown), ("Edit" if shown else "New", None)],
    )
    return make_response(body, status)


def _crumbs(view: Projection, actor: Actor, shown: records.Shown | None) -> list[tuple[str, str | None]]:
    """The crumbs before a page about a record: the list it was opened from, and the record as it was opened."""
    trail = crumbs(view.resource, view, actor, shown.key if shown else None)
    if shown:
        trail.append((shown.title, f"{view.resource.path}/{shown.key}{came()}"))
    return trail


def _named(form: RecordForm, actor: Actor) -> None:
    """Titles for references a new form opens with."""
    for each in form.typed_fields:
        if not isinstance(each.declared, Reference) or each.data is None or each.chosen_label:
            continue
        target = target_of(each.declared)
        if target is not None:
            each.chosen_label = labels(reading(), target, actor, [each.data], each.declared.by).get(each.data, "")


def grouped(form: RecordForm) -> list[tuple[str, list[Any]]]:
    """The form's fields under their headings, in order of first appearance."""
    groups: dict[str, list[Any]] = {}
    for each in form.typed_fields:
        groups.setdefault(each.declared.group, []).append(each)
    return list(groups.items())


def _conflict(
    resource: Resource, view: Projection, form: RecordForm, shown: records.Shown, actor: Actor, clash: Stale
) -> Response:
    """Theirs and yours for the fields both changed; everything else merges by itself."""
    if not clash.clashes:
        return _form(resource, view, form, shown, actor, [clash.sentence], 409)
    connection = reading()
    last = ledger.history(connection, resource, shown.key, actor, limit=1)
    names: dict[str, dict[int, str]] = {}
    for name, values in clash.clashes.items():
        each = view.by_name[name]
        target = target_of(each) if isinstance(each, Reference) else None
        if isinstance(each, Reference) and target is not None:
            there = [value for value in values if value is not None]
            names[name] = labels(connection, target, actor, there, each.by)
    body = render_template(
        "resource/conflict.html",
        resource=resource,
        record=shown,
        form=form,
        clash=clash,
        view=view,
        last=last[0] if last else None,
        names=names,
        columns={name: rows.column(view.by_name[name], actor.permissions) for name in clash.clashes},
        page_title=f"Edit {shown.title}",
        crumbs=[*_crumbs(view, actor, shown), ("Edit", None)],
    )
    return make_response(body, 409)


# -- actions and archive ---------------------------------------------------------------------------------------------


@blueprint.route("/<domain>/<table>/<int:key>/actions/<action>", methods=["GET", "POST"])
@by_resource("read")
def act(domain: str, table: str, key: int, action: str) -> str | AnyResponse:
    """A move of the life cycle or a named action: GET shows what it asks, POST does it."""
    resource, view, actor = find(domain, table)
    move = (resource.lifecycle.find(action) if resource.lifecycle else None) or next(
        (each for each in resource.actions if each.key == action), None
    )
    if move is None:
        abort(404)
    shown = records.read(reading(), view, key, actor)
    if resource.merging is not None and resource.merging.move == move.key:
        return redirect(f"{resource.path}/{key}/merge", 303)
    forbidden = unpermitted(resource, shown.values, move, actor)
    if forbidden:
        raise NotAllowed(forbidden)
    made = form_class(resource, [resource.field(name) for name in move.asks], actor.timezone, needed=move.requires)
    form = (
        made(request.form)
        if request.method == "POST"
        else made(drafts.left_behind(actor), data={name: shown.values.get(name) for name in move.asks})
    )
    rest: list[str] = []
    status, day = 200, ""
    moving = Moving(shown.values, {}, actor, reading(), now())
    need = needed_to_move(move.approval, moving)
    if request.method == "POST":
        if not picks(form, actor) and form.validate():
            try:
                try:
                    with sent_once(actor) as turn:
                        if turn.earlier:
                            return turn.again()
                        plan = plan_move(reading(), resource, key, move, form.edits(), actor, _reason())
                        if plan.needs is not None:
                            raise NotDone
                        onward = _back(f"{resource.path}/{key}{came_back(view, actor, plan)}")
                        words = f"{shown.title} {move.done or move.label.lower()}"
                        kept = turn.keep(words, lambda _key, to=onward: str(to))  # type: ignore[misc]
                        receipt = apply(plan, actor, _reason(), within=kept, **stamp())
                except NotDone:
                    return second_person.ask_to_move(shown, move, plan, form.edits(), actor)
                drafts.forget(actor)
                receipts.say(words, receipt)
                return redirect(onward, 303)
            except Rejected as refused:
                day = refused.errors.pop("expires", "")
                rest, status = form.put_errors(refused.errors), 422
            except (NotAllowed, Stale) as refused:
                rest, status = [refused.sentence], 409
        else:
            status = 422
    chosen(form, shown.labels)
    body = render_template(
        "resource/action.html",
        resource=resource,
        record=shown,
        move=move,
        form=form,
        rest=rest,
        view=view,
        asking=second_person.offer(need, actor, day) if need else None,
        page_title=move.label,
        crumbs=[*_crumbs(view, actor, shown), (move.label, None)],
    )
    return make_response(body, status)


def _back(otherwise: str) -> str:
    from app.web.security import local_path

    return local_path(request.form.get("next"), otherwise)


@blueprint.route("/<domain>/<table>/<int:key>/delete", methods=["GET", "POST"])
@by_resource("delete")
def delete(domain: str, table: str, key: int) -> str | AnyResponse:
    """Archive where the dictionary keeps records, delete where it does not; asked first, undone after."""
    return delete_record(*find(domain, table), key)


def delete_record(resource: Resource, view: Projection, actor: Actor, key: Any) -> str | AnyResponse:
    """Take a record of any resource away."""
    if resource.read_only or not view.may("delete"):
        raise NotAllowed(resource.read_only or f"Your role does not delete {resource.plural.lower()}.")
    shown = records.read(reading(), view, key, actor)
    restore = shown.archived
    rest: list[str] = []
    hangs = None if restore else attached.harm(reading(), resource, key, actor)
    name = shown.code or (f"{resource.one} {key}" if resource.title in view.masked else shown.title)
    asks = hangs is not None and not resource.archivable and hangs.much
    typed = " ".join(request.form.get("confirm", "").split())
    wrong = ""
    if request.method == "POST" and asks and typed != " ".join(name.split()):
        wrong = f"Type “{name}” to confirm that all of this may go."
    elif request.method == "POST":
        onward = None if restore else _onward(view, actor, key)
        try:
            plan = plan_archive(reading(), resource, key, actor, restore=restore)
            receipt = apply(plan, actor, _reason(), **stamp())
        except Rejected as refused:
            rest = list(refused.errors.values())
        else:
            word = "restored" if restore else "archived" if resource.archivable else "deleted"
            receipts.say(f"{shown.title} {word}", receipt)
            return redirect(onward or (f"{resource.path}/{key}{came()}" if resource.archivable else resource.path), 303)
    body = render_template(
        "resource/delete.html",
        resource=resource,
        record=shown,
        restore=restore,
        rest=rest,
        harm=hangs,
        asks=asks,
        name=name,
        wrong=wrong,
        typed=typed,
        view=view,
        page_title=f"{'Restore' if restore else 'Archive' if resource.archivable else 'Delete'} {shown.title}",
        crumbs=[*_crumbs(view, actor, shown), ("Archive" if resource.archivable else "Delete", None)],
    )
    return make_response(body, 422 if rest or wrong else 200)


def _onward(view: Projection, actor: Actor, key: Any) -> str | None:
    """The list a record about to be taken away was opened from, at the row that will stand in its place."""
    found = origin_of(view, actor)
    return found.address(in_place_of(reading(), found, actor, key)) if found else None
