"""Copies taken out: how a file is getting on, the file itself for whom it was made, and who took a copy of a record."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Row, text
from werkzeug.wrappers import Response as AnyResponse

from app.core import formats
from app.core.db import db, reading
from app.engine import copies, copies_later
from app.engine.apply import transaction
from app.engine.exports import safe_name
from app.engine.projection import projection
from app.engine.reading import read
from app.engine.refusals import NotFound
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web.exporting import MIME
from app.web.navigation import place
from app.web.receipts import say
from app.web.security import local_path, needs, signed_in
from app.web.session import current_actor

blueprint = Blueprint("copies", __name__)
place("System", 22, "Who took a copy", "/copies", "search", "exports.read")

CHOICES = {"all": "All that matched", "page": "One page", "these": "Selected rows"}


@blueprint.get("/platform/data_exports/<int:key>")
@signed_in
def show(key: int) -> str:
    """One copy: its manifest, and while it is being made how far it is."""
    manifest = _mine_or_watched(key)
    actor = current_actor()
    resource = REGISTRY["data_exports"]
    view = projection(resource, actor)
    return render_template(
        "screens/copies/show.html",
        copy=manifest,
        label=resource.field("status").words(manifest.status),  # type: ignore[attr-defined]
        choices=CHOICES,
        kinds=copies.KINDS,
        size=formats.size,
        titles=_titles(manifest),
        address=local_path(manifest.address, "") if "address" not in view.masked else None,
        is_mine=manifest.app_user_id == actor.app_user_id,
        gettable=_is_gettable(manifest),
        may_cancel=_may_cancel(manifest),
        page_title=manifest.file_name,
        crumbs=[(resource.plural, resource.path), (manifest.file_name, None)],
    )


def _mine_or_watched(key: int) -> Row[Any]:
    """A manifest one may read: one's own, and every one for those who watch over copies; for others there is none."""
    actor = current_actor()
    found = copies_later.manifest(reading(), key, actor.tenant_id)
    if found is None or not (actor.may("exports.read") or found.app_user_id == actor.app_user_id):
        raise NotFound("There is no such copy, or your role does not show it.")
    return found


def _titles(manifest: Row[Any]) -> list[tuple[str, bool]]:
    """(column as people call it, whether it was masked)"""
    resource = REGISTRY.find(reading(), manifest.table_name)
    masked = set(manifest.masked)
    return [
        (resource.field(name).title if resource is not None and resource.has(name) else name, name in masked)
        for name in manifest.columns
    ]


def _may_cancel(manifest: Row[Any]) -> bool:
    actor = current_actor()
    own = manifest.app_user_id == actor.app_user_id
    return manifest.in_background and manifest.status in ("waiting", "running") and (own or actor.may("exports.cancel"))


def _is_gettable(manifest: Row[Any]) -> bool:
    """Whether the file is there for this person: made for them, not yet expired, and nothing in it hidden from them since."""
    actor = current_actor()
    if not manifest.is_there or manifest.app_user_id != actor.app_user_id:
        return False
    try:
        copies.still_seen(reading(), manifest, actor)
    except copies.NotAllowed:
        return False
    return True


@blueprint.get("/copies/<int:key>/file")
@needs("export.read")
def file(key: int) -> Response:
    """The file a worker made, for the one it was made for."""
    manifest = _mine_or_watched(key)
    if not _is_gettable(manifest):
        raise NotFound("This file is not here: it expired, or it was made for somebody else.")
    response = Response(copies_later.read(db.engine, key), mimetype=MIME[manifest.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{safe_name(manifest.file_name)}"'
    response.headers["Content-Length"] = str(manifest.byte_count)
    return response


@blueprint.get("/copies/<int:key>/manifest.json")
@signed_in
def manifest_file(key: int) -> Response:
    """The manifest to lie beside a file that cannot carry its own."""
    manifest = _mine_or_watched(key)
    hidden = "address" in projection(REGISTRY["data_exports"], current_actor()).masked
    response = jsonify(
        copy=manifest.id,
        file=manifest.file_name,
        format=manifest.format,
        list=manifest.label,
        table=manifest.table_name,
        address=None if hidden else manifest.address,
        narrowed_by=manifest.filters,
        which_rows=manifest.selected,
        columns=manifest.columns,
        masked=manifest.masked,
        only_own_rows=manifest.own_rows,
        taken_by=manifest.taken_by,
        taken_at=manifest.created_at.isoformat(),
        status=manifest.status,
        rows=manifest.row_count,
        bytes=manifest.byte_count,
        sha256=manifest.sha256,
        request=manifest.request_id,
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{safe_name(manifest.file_name)}.manifest.json"'
    return response


@blueprint.post("/copies/<int:key>/cancel")
@signed_in
def cancel(key: int) -> AnyResponse:
    """Stop making a file."""
    if not _may_cancel(_mine_or_watched(key)):
        abort(404)
    with transaction() as connection:
        done = copies_later.cancel(connection, key)
    say("Export cancelled; what was made of it is gone" if done else "The export had ended already", failed=not done)
    return redirect(url_for("copies.show", key=key), 303)


# -- who took a copy of this -----------------------------------------------------------------------------------------


@blueprint.get("/copies")
@needs("exports.read")
def taken() -> str:
    """Every copy that held one record, asked by its table and key."""
    actor, connection = current_actor(), reading()
    table, key = request.args.get("table", "").strip(), request.args.get("key", "").strip()
    resource = REGISTRY.find(connection, table) if table and "\x00" not in table else None
    found: list[Row[Any]] = []
    problem = ""
    if resource is not None and key:
        try:
            numbers = copies.holding(connection, resource, key, actor)
            found = list(connection.execute(_COPIES, {"ids": numbers, "tenant": actor.tenant_id}))
        except (NotFound, ValueError):
            problem = f"“{key[:60]}” is no key of {resource.plural}."
    elif table and resource is None:
        problem = f"There is no table “{table[:60]}”."
    return render_template(
        "screens/copies/taken.html",
        table=table,
        key=key,
        resource=resource,
        title=_title(resource, key) if resource is not None and key and not problem else "",
        found=found,
        problem=problem,
        tables=sorted((each.name, each.plural) for each in REGISTRY),
        choices=CHOICES,
        kinds=copies.KINDS,
        page_title="Who took a copy",
        crumbs=[("Copies taken out", REGISTRY["data_exports"].path), ("Who took a copy", None)],
    )


def _title(resource: Resource, key: str) -> str:
    """The record's title for those who may read it, its table and key for the others."""
    actor = current_actor()
    plain = f"{resource.one} {key}"
    view = projection(resource, actor)
    if not view.reads:
        return plain
    try:
        return read(reading(), view, int(key) if resource.declared else key, actor).title
    except NotFound:
        return plain


_COPIES = text("""
SELECT e.*, a.display_name AS taken_by FROM data_exports e LEFT JOIN app_users a ON a.id = e.app_user_id
WHERE e.id = ANY(CAST(:ids AS bigint[])) AND e.tenant_id = :tenant ORDER BY e.created_at DESC, e.id DESC
""")
