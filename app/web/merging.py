"""Merging over HTTP: records side by side, the choice field by field, then exactly what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import background
from app.engine.access import Actor
from app.engine.apply import Receipt, transaction
from app.engine.duplicates import queue
from app.engine.merging import doing, runs
from app.engine.plan import Plan
from app.engine.references import labels, lookup
from app.engine.refusals import BadQuery, NotAllowed, Rejected, Stale
from app.engine.resource import Resource
from app.web import receipts
from app.web.addresses import link
from app.web.comparison import Comparison, compare
from app.web.resources import find, open_record, stamp
from app.web.security import by_resource, local_path

blueprint = Blueprint("merging", __name__)

PICKED = 12


def keys_of(written: Sequence[str]) -> list[int]:
    """Keys as forms and addresses carry them, one by one or several in a row. Raises BadQuery for what is none."""
    found: list[int] = []
    for each in " ".join(written).replace(",", " ").split():
        if not (each.isascii() and each.isdigit() and len(each) < 19):
            raise BadQuery("One of the selected rows is no record. Select them again.")
        found.append(int(each))
    return list(dict.fromkeys(found))


def choices_of(values: Any) -> dict[str, str]:
    """Which record's value is taken, field by field."""
    return {name.removeprefix("take."): value for name, value in values.items() if name.startswith("take.") and value}


def _number(written: str | None) -> int | None:
    return int(written) if written and written.isascii() and written.isdigit() and len(written) < 19 else None


@blueprint.route("/<domain>/<table>/merge", methods=["GET", "POST"])
@by_resource("merge")
def merge(domain: str, table: str) -> str | AnyResponse:
    """GET shows them side by side; POST merges as shown, or takes a selection here from its list."""
    resource, _view, actor = find(domain, table)
    if resource.merging is None:
        abort(404)
    if request.method == "GET":
        keys = keys_of(request.args.getlist("keys"))
        return _page(resource, keys, actor, _number(request.args.get("keep")), choices_of(request.args))
    if "digest" not in request.form:
        return _from_list(resource)
    return carry_out(resource, actor)


def _from_list(resource: Resource) -> AnyResponse:
    if request.form.get("rows") == "all":
        raise BadQuery(f"Merging takes {resource.plural.lower()} chosen one by one, at most {doing.MOST_RECORDS}.")
    keys = keys_of([*request.form.getlist("key"), *request.form.getlist("keys")])
    if len(keys) < 2:
        receipts.say(f"Select two or more {resource.plural.lower()} to merge.", failed=True)
        return redirect(local_path(request.form.get("list"), resource.path), 303)
    if len(keys) > doing.MOST_RECORDS:
        receipts.say(f"At most {doing.MOST_RECORDS} {resource.plural.lower()} are merged at once.", failed=True)
        return redirect(local_path(request.form.get("list"), resource.path), 303)
    back = local_path(request.form.get("list"), "")
    pairs = [("keys", " ".join(map(str, keys))), *([("next", back)] if back else [])]
    return redirect(link(f"{resource.path}/merge", pairs), 303)


def carry_out(resource: Resource, actor: Actor) -> AnyResponse:
    """Merge what the form shows, exactly as it was shown."""
    keep, keys = _number(request.form.get("keep")), keys_of(request.form.getlist("keys"))
    others = [key for key in keys if key != keep]
    choices = choices_of(request.form)
    reason = request.form.get("reason", "").strip()[:1000] or None
    if keep is None or keep not in keys or not others:
        raise BadQuery("Say which of them is kept.")
    if request.form.get("large"):
        with transaction() as connection:
            number = runs.seal(connection, resource, [(keep, others, choices)], actor)
            background.defer_within(connection, background.queue.tasks["merge.rehearse"], run_id=number)
        return redirect(f"/duplicates/plans/{number}", 303)
    try:
        done = doing.apply_merge(
            resource, keep, others, choices, actor, request.form.get("digest", ""), reason, **stamp()
        )
    except (NotAllowed, Rejected, Stale) as refused:
        status = 422 if isinstance(refused, Rejected) else 409
        return make_response(_page(resource, keys, actor, keep, choices, refused.sentence), status)
    shown = open_record(resource, keep)
    gone = f"{len(others)} {resource.plural.lower()}" if len(others) > 1 else _called(resource, done.others[0])
    words = f"{gone} merged into {shown.code or shown.title}"
    receipts.say(words, Receipt(done.change_set, (keep,), Plan(())), back=f"{resource.path}/{keep}")
    return redirect(local_path(request.form.get("next"), f"{resource.path}/{keep}"), 303)


def _called(resource: Resource, row: Any) -> str:
    return str((row[resource.code] if resource.code else None) or f"{resource.one.capitalize()} {row['id']}")


def _page(
    resource: Resource,
    keys: Sequence[int],
    actor: Actor,
    keep: int | None,
    choices: dict[str, str],
    problem: str = "",
) -> str:
    found = compare(reading(), resource, keys[: doing.MOST_RECORDS], actor, keep=keep, choices=choices)
    title = f"Merge {len(found.heads)} {resource.plural.lower()}"
    onward = local_path(request.values.get("next"), "")
    return render_template(
        "duplicates/merge.html",
        found=found,
        resource=resource,
        problem=problem,
        onward=onward,
        again=lambda **given: _again(found, onward, **given),
        page_title=title,
        crumbs=[(resource.plural, resource.path), (title, None)],
    )


def _again(found: Comparison, onward: str, keep: int | None = None, without: int | None = None) -> str:
    """The same page with another record kept, or with one left out."""
    keys = [head.shown.key for head in found.heads if head.shown.key != without]
    kept = keep if keep is not None else found.kept.shown.key
    pairs = [("keys", " ".join(map(str, sorted(keys)))), ("keep", str(kept))]
    return link(f"{found.resource.path}/merge", [*pairs, *([("next", onward)] if onward else [])])


@blueprint.get("/<domain>/<table>/<int:key>/merge")
@by_resource("merge")
def choose(domain: str, table: str, key: int) -> str:
    """Which records this one is to be merged with: those it may be the same as, and any that are searched for."""
    resource, view, actor = find(domain, table)
    if resource.merging is None:
        abort(404)
    shown = open_record(resource, key)
    words = request.args.get("q", "").strip()[:200]
    connection = reading()
    pairs = (
        queue.open_pairs(connection, resource, actor, among=[key], limit=PICKED)
        if queue.answers(resource, actor)
        else []
    )
    names = labels(connection, resource, actor, [each.left if each.right == key else each.right for each in pairs])
    alike = [(other, names.get(other, f"#{other}"), each) for each in pairs for other in [_other(each, key)]]
    offered = [each for each in lookup(connection, resource, actor, words, PICKED) if each.key != key] if words else []
    return render_template(
        "duplicates/choose.html",
        record=shown,
        resource=resource,
        view=view,
        alike=alike,
        words=words,
        offered=offered,
        beside=lambda other: link(f"{resource.path}/merge", [("keys", f"{key} {other}")]),
        page_title=f"Merge {shown.title}",
        crumbs=[(resource.plural, resource.path), (shown.title, f"{resource.path}/{key}"), ("Merge", None)],
    )


def _other(pair: queue.Pair, key: int) -> int:
    return pair.left if pair.right == key else pair.right
