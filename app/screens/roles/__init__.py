"""Roles: what each may do, read and changed as a matrix, and all of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import text
from sqlalchemy.engine import Row
from werkzeug.wrappers import Response

from app.core.db import reading
from app.domains.auth import granting, role_bundles
from app.domains.auth.people import covers
from app.engine import revealing
from app.engine.access import holds
from app.engine.apply import change, transaction
from app.engine.approval_rules import Need
from app.engine.refusals import NotFound, Rejected, Stale
from app.roles import AREAS, PERMISSIONS
from app.screens.roles import matrix
from app.web import second_person, session_rows
from app.web.navigation import place
from app.web.receipts import say
from app.web.security import also_while_viewing, confirm_first, needs, signed_in
from app.web.session import VIEWING_AS, address, current_actor, current_session, request_id

blueprint = Blueprint("roles", __name__, url_prefix="/roles")
place("People and access", 1, "Roles", "/roles", "shield", "roles.read")

_ALL = text("""
SELECT r.id, r.key, r.name, r.description, r.permissions, r.is_system, r.version, r.updated_at,
       (SELECT count(*) FROM app_user_roles g JOIN app_users a ON a.id = g.app_user_id AND a.status IN ('active', 'invited')
        WHERE g.role_id = r.id AND (g.expires_at IS NULL OR g.expires_at > now())) AS holders
FROM roles r WHERE r.tenant_id = :tenant_id ORDER BY r.is_system DESC, r.id
""")
_HOLDERS = text("""
SELECT a.id, a.display_name, a.status, g.expires_at FROM app_user_roles g JOIN app_users a ON a.id = g.app_user_id
WHERE g.role_id = :id AND (g.expires_at IS NULL OR g.expires_at > now()) ORDER BY lower(a.display_name) LIMIT 50
""")


@blueprint.get("")
@needs("roles.read")
def index() -> str:
    """All roles with how far they reach and how many hold them."""
    rows = _roles()
    reach = {row.id: matrix.count(row.permissions) for row in rows}
    return render_template(
        "screens/roles/list.html",
        roles=rows,
        reach=reach,
        known=len(PERMISSIONS),
        page_title="Roles",
        crumbs=[("Roles", None)],
    )


@blueprint.get("/matrix")
@needs("roles.read")
def compare() -> str:
    """Every permission against every role, to see at a glance who may what."""
    rows = _roles()
    bundles = {row.id: frozenset(row.permissions) for row in rows}
    areas = [
        (label, [(f"{area}.{action}", action.replace("_", " ")) for action in actions])
        for area, (label, actions) in AREAS.items()
    ]
    held = {row.id: frozenset(key for key in PERMISSIONS if holds(bundles[row.id], key)) for row in rows}
    return render_template(
        "screens/roles/matrix.html",
        roles=rows,
        areas=areas,
        held=held,
        page_title="All roles side by side",
        crumbs=[("Roles", url_for("roles.index")), ("Side by side", None)],
    )


@blueprint.get("/new")
@needs("roles.create")
def blank() -> Response:
    """The form for a new role."""
    return _new_page({})


@blueprint.post("/new")
@needs("roles.create")
def create() -> Response:
    """Make a role, empty or like another."""
    like = request.form.get("like", "")
    actor = current_actor()
    try:
        with change(actor, action="role.create", request_id=request_id(), ip=address()) as connection:
            key = role_bundles.create(
                connection,
                actor,
                name=request.form.get("name", "").strip()[:100],
                description=request.form.get("description", "").strip()[:500],
                like=int(like) if like.isascii() and like.isdigit() else None,
            )
    except Rejected as refused:
        return _new_page(refused.errors, 422)
    say(f"Role {request.form['name'].strip()[:100]} made")
    return redirect(url_for("roles.show", key=key), 303)


@blueprint.get("/<int:key>")
@needs("roles.read")
def show(key: int) -> Response:
    """One role as a matrix; boxes for who may change it, ticks for who may not."""
    return _page(_role(key))


@blueprint.post("/<int:key>")
@needs("roles.write")
def save(key: int) -> Response:
    """Keep the matrix. Whoever holds the role has the new rights at their next click."""
    if (asking := confirm_first(url_for("roles.show", key=key))) is not None:
        return asking
    actor, form = current_actor(), request.form
    wanted = {each for each in form.getlist("permission") if each}
    version, reason = form.get("version", ""), form.get("reason", "").strip()[:500] or None
    if (need := granting.needed_to_widen(reading(), actor, key, wanted)) is not None:
        return _ask_to_widen(key, wanted, need)
    try:
        with change(actor, action="role.edit", reason=reason, request_id=request_id(), ip=address()) as connection:
            users = role_bundles.save(
                connection,
                actor,
                key,
                name=form.get("name", "").strip()[:100],
                description=form.get("description", "").strip()[:500],
                permissions=wanted,
                known=matrix.KNOWN,
                version=int(version) if version.isascii() and version.isdigit() else 0,
            )
            for user in users:
                session_rows.mark_for_renewal(connection, user)
    except Stale as stale:
        return _page(_role(key), 409, wanted=wanted, errors={"": stale.sentence}, is_stale=True)
    except Rejected as refused:
        return _page(_role(key), 422, wanted=wanted, errors=refused.errors)
    say(f"Role {form.get('name', '').strip()[:100]} saved")
    return redirect(url_for("roles.show", key=key), 303)


def _ask_to_widen(key: int, wanted: set[str], need: Need) -> Response:
    """The same as a request: why, until when, and who decides it."""
    actor, form, role = current_actor(), request.form, _role(key)
    errors: dict[str, str] = {}
    if second_person.was_asked() or form.get("reason", "").strip():
        version = form.get("version", "")
        asked = {
            "name": form.get("name", "").strip()[:100],
            "description": form.get("description", "").strip()[:500],
            "permissions": wanted,
            "known": matrix.KNOWN,
            "version": int(version) if version.isascii() and version.isdigit() else 0,
        }
        try:
            with second_person.changing(actor) as connection:
                made = granting.ask_to_widen(
                    connection, actor, need, key, asked, form.get("reason", ""), second_person.until(actor)
                )
            return second_person.told(made)
        except Stale as stale:
            return _page(role, 409, wanted=wanted, errors={"": stale.sentence}, is_stale=True)
        except Rejected as refused:
            if not refused.errors.keys() <= {"reason", "expires"}:
                return _page(role, 422, wanted=wanted, errors=refused.errors)
            errors = refused.errors
    here = url_for("roles.show", key=key)
    trail: list[tuple[str, str | None]] = [("Roles", url_for("roles.index")), (role.name, here)]
    return second_person.page(
        f"Let {role.name} do more", second_person.offer(need, actor, errors.get("expires", "")), here, trail, errors
    )


@blueprint.post("/<int:key>/delete")
@needs("roles.delete")
def remove(key: int) -> Response:
    """Delete a role nobody holds."""
    actor = current_actor()
    try:
        with change(actor, action="role.delete", request_id=request_id(), ip=address()) as connection:
            name = role_bundles.remove(connection, actor, key)
    except Rejected as refused:
        return _page(_role(key), 422, errors=refused.errors)
    say(f"Role {name} deleted")
    return redirect(url_for("roles.index"), 303)


@blueprint.post("/<int:key>/view-as")
@needs("roles.write")
def view_as(key: int) -> Response:
    """See the console as somebody of this role would, with no more than one's own rights, changing nothing."""
    role, actor = _role(key), current_actor()
    with transaction() as connection:
        revealing.note_viewing(connection, actor, role.name, ended=False, request_id=request_id(), ip=address())
    current_session()[VIEWING_AS] = [role.name, list(role.permissions)]
    return redirect("/", 303)  # type: ignore[return-value]


@blueprint.post("/view-as/end")
@signed_in
@also_while_viewing
def end_view() -> Response:
    """Be oneself again."""
    session, actor = current_session(), current_actor()
    if actor.viewing_as:
        with transaction() as connection:
            revealing.note_viewing(
                connection, actor, actor.viewing_as, ended=True, request_id=request_id(), ip=address()
            )
        del session[VIEWING_AS]
    return redirect(url_for("roles.index"), 303)  # type: ignore[return-value]


def _roles() -> Sequence[Row[Any]]:
    return reading().execute(_ALL, {"tenant_id": current_actor().tenant_id}).all()


def _role(key: int) -> Row[Any]:
    found = next((row for row in _roles() if row.id == key), None)
    if found is None:
        raise NotFound("There is no such role.")
    return found


def _page(
    role: Row[Any],
    status: int = 200,
    *,
    wanted: set[str] | None = None,
    errors: dict[str, str] | None = None,
    is_stale: bool = False,
) -> Response:
    actor, stored = current_actor(), set(role.permissions)
    shown = stored if wanted is None else wanted
    page = render_template(
        "screens/roles/show.html",
        role=role,
        lines=matrix.lines(shown),
        wide=matrix.wide(shown),
        others=matrix.others(shown),
        may_edit=actor.may("roles.write") and "*.*" not in stored,
        givable={key for key in matrix.KNOWN if covers(actor.permissions, key)} | stored,
        holders=reading().execute(_HOLDERS, {"id": role.id}).all(),
        reach=matrix.count(shown),
        known=len(PERMISSIONS),
        errors=errors or {},
        asked=request.form if status != 200 else {},
        added=sorted(shown - stored) if is_stale else [],
        dropped=sorted(stored - shown) if is_stale else [],
        is_stale=is_stale,
        page_title=role.name,
        crumbs=[("Roles", url_for("roles.index")), (role.name, None)],
    )
    return make_response(page, status)


def _new_page(errors: dict[str, str], status: int = 200) -> Response:
    page = render_template(
        "screens/roles/new.html",
        roles=[(row.id, row.name) for row in _roles()],
        errors=errors,
        asked=request.form,
        page_title="New role",
        crumbs=[("Roles", url_for("roles.index")), ("New role", None)],
    )
    return make_response(page, status)
