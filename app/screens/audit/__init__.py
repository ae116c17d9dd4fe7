"""The system audit: what this platform really has, built, reaches, uses and runs, from evidence, and what changed since."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, cast

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import text
from werkzeug.wrappers import Response as AnyResponse

from app.core import formats
from app.core.clock import zone_of
from app.core.db import db, reading
from app.domains.platform.audit import api as operator_api
from app.domains.platform.audit import keeping, pages, taking
from app.domains.platform.audit.keeping import Kept
from app.domains.platform.audit.markdown import markdown
from app.domains.platform.audit_upkeep import may_call_inside, take_one
from app.engine import background, outbound
from app.engine.apply import apply, transaction
from app.engine.outbound import NotCalled
from app.engine.plan import plan_edit
from app.engine.refusals import NotAllowed
from app.engine.registry import REGISTRY
from app.screens.audit.surface import surface
from app.screens.audit.words import WORDS
from app.web.navigation import place
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import needs
from app.web.session import current_actor

blueprint = Blueprint("audit", __name__)
blueprint.record_once(lambda mounted: pages.shown_by(lambda: surface(cast(Flask, mounted.app))))
place("System", 2, "System audit", "/platform/audit", "shield", "audits.read")


@blueprint.url_value_preprocessor
def _larger(endpoint: str | None, _values: Any) -> None:
    """An OpenAPI file may be longer than other forms; the guard still asks first who sends it."""
    if endpoint == "audit.tell":
        request.max_content_length = request.max_form_memory_size = operator_api.LONGEST + 64 * 1024


# -- reading ---------------------------------------------------------------------------------------------------------


@blueprint.get("/platform/audit")
@needs("audits.read")
def show() -> str:
    """The newest report."""
    return _page(keeping.newest(reading(), current_actor().tenant_id), is_newest=True)


@blueprint.get("/platform/audit/<day>")
@needs("audits.read")
def on_day(day: str) -> str:
    """The last report of a calendar day, 2026-08-04, as the company reckons it."""
    actor = current_actor()
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        abort(404)
    kept = keeping.of_day(reading(), actor.tenant_id, asked, _zone())
    return _page(kept) if kept else abort(404)


@blueprint.get("/platform/system_audits/<int:key>")
@needs("audits.read")
def kept(key: int) -> str:
    """A report by its key, as the list of reports leads to it."""
    found = keeping.by_key(reading(), current_actor().tenant_id, key)
    return _page(found) if found else abort(404)


def _page(kept: Kept | None, is_newest: bool = False) -> str:
    connection, actor = reading(), current_actor()
    latest = kept if is_newest else keeping.newest(connection, actor.tenant_id)
    week = keeping.since_last_week(connection, actor.tenant_id, kept) if kept else None
    previous = keeping.since_previous(connection, actor.tenant_id, kept) if kept else None
    if kept is None:
        title = "System audit"
    else:
        title = f"System audit of {formats.date(kept.taken_at.astimezone(zone_of(_zone())).date())}"
    return render_template(
        "screens/audit/report.html" if kept and kept.report else "screens/audit/nothing.html",
        kept=kept,
        report=kept.report if kept else None,
        is_newest=latest is None or (kept is not None and kept.key == latest.key),
        week=week,
        previous=previous if previous and (week is None or previous.key != week.key) else None,
        others=keeping.others(connection, actor.tenant_id),
        told=_told(),
        queued=_queued(actor.tenant_id),
        words=WORDS,
        at=datetime.fromisoformat,
        domains={name: room.label for name, room in REGISTRY.domains.items()},
        may_run=actor.may("audits.run"),
        may_take_out=actor.may("export.read"),
        page_title=title if not is_newest else "System audit",
        crumbs=[("System audit", None)] if is_newest else [("System audit", url_for("audit.show")), (title, None)],
    )


def _told() -> dict[str, Any]:
    """What the company said of its operator API."""
    actor = current_actor()
    found = reading().execute(_TOLD, {"tenant": actor.tenant_id}).scalar()
    return found if isinstance(found, dict) else {}


def _zone() -> str:
    return str(reading().execute(_ZONE, {"tenant": current_actor().tenant_id}).scalar_one())


def _queued(tenant_id: int) -> bool:
    """Whether an audit somebody asked for waits for a worker or is under way."""
    return bool(reading().execute(_WAITING, {"lock": _lock(tenant_id), "tenant": str(tenant_id)}).scalar())


def _lock(tenant_id: int) -> str:
    return f"audit.take:{tenant_id}"


_TOLD = text("SELECT settings -> 'audit' FROM tenants WHERE id = :tenant")
_ZONE = text("SELECT timezone FROM tenants WHERE id = :tenant")
_WAITING = text("""
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'audit.take' AND status IN ('todo', 'doing')
               AND (queueing_lock = :lock OR args ->> 'tenant_id' = :tenant))
""")


# -- taking it out ---------------------------------------------------------------------------------------------------


@blueprint.get("/platform/system_audits/<int:key>.<any(md, json):kind>")
@needs("audits.read")
def take_out(key: int, kind: str) -> Response:
    """A report as a file: Markdown to send to somebody, JSON for a program."""
    connection, actor = reading(), current_actor()
    if not actor.may("export.read"):
        raise NotAllowed("Your role reads reports but does not take them out.")
    found = keeping.by_key(connection, actor.tenant_id, key)
    if found is None:
        abort(404)
    if kind == "json":
        response = Response(json.dumps(found.raw, ensure_ascii=False, indent=1), mimetype="application/json")
    elif found.report is None:
        abort(404)
    else:
        week = keeping.since_last_week(connection, actor.tenant_id, found)
        previous = keeping.since_previous(connection, actor.tenant_id, found)
        response = Response(markdown(found.report, week, previous), mimetype="text/markdown")
    day = found.taken_at.astimezone(zone_of(_zone())).date().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="system-audit-{day}.{kind}"'
    current_app.logger.info("export", extra={"resource": "system_audits", "kind": kind, "actor": actor.app_user_id})
    return response


# -- taking one ------------------------------------------------------------------------------------------------------


@blueprint.post("/platform/audit/run")
@needs("audits.run")
def run() -> AnyResponse:
    """Take a report now; where another program has to be asked, by the worker."""
    actor = current_actor()
    if not _told().get("api_address"):
        taking.take(actor.tenant_id, "manual", actor.app_user_id, private=may_call_inside())
        say("Audit taken")
        return redirect(url_for("audit.show"), 303)
    with transaction() as connection:
        queued = background.defer_within(
            connection, take_one, once=_lock(actor.tenant_id), tenant_id=actor.tenant_id, taken_by=actor.app_user_id
        )
    say(
        "The audit is queued; the worker asks the operator API, which takes up to a minute"
        if queued
        else "An audit is queued already"
    )
    return redirect(url_for("audit.show"), 303)


@blueprint.post("/platform/audit/api")
@needs("audits.run")
def tell() -> AnyResponse:
    """Say where the operator API is, or what its OpenAPI file declares; kept in the company's settings."""
    address = request.form.get("address", "").strip()[:500]
    pasted = request.form.get("text", "").strip()
    uploaded = request.files.get("file")
    known: dict[str, Any] = {}
    try:
        if request.form.get("forget"):
            said = "The operator API is no longer looked at"
        elif uploaded and uploaded.filename:
            known, said = _file(uploaded.read(), uploaded.filename)
        elif pasted:
            known, said = _file(pasted.encode(), "pasted")
        elif address:
            outbound.place(address, private=may_call_inside())
            known, said = {"api_address": address}, "The address is kept; run the audit to ask it"
        else:
            raise NotCalled("Give an address, choose a file, or paste one.")
        receipt = _keep(known)
    except NotCalled as refused:
        say(str(refused), failed=True)
    else:
        say(said, receipt)
    return redirect(url_for("audit.show", _anchor="api"), 303)


def _file(raw: bytes, name: str) -> tuple[dict[str, Any], str]:
    declared = operator_api.by_file(raw, name)
    return {
        "api_file": operator_api.to_keep(declared)
    }, f"{declared.declared:,} operations read; run the audit to report them"


def _keep(known: dict[str, Any]) -> Any:
    actor, companies = current_actor(), REGISTRY["tenants"]
    with db.engine.connect() as unit:
        settings = dict(unit.execute(_SETTINGS, {"tenant": actor.tenant_id}).scalar_one())
        settings.pop("audit", None)
        wanted = {"settings": settings | ({"audit": known} if known else {})}
        plan = plan_edit(unit, companies, actor.tenant_id, wanted, None, actor)
    return apply(plan, actor, "Where the system audit finds the operator API", **stamp())


_SETTINGS = text("SELECT settings FROM tenants WHERE id = :tenant")
