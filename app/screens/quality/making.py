"""Rules made on the screen: a table, the conditions of its list, how grave it is, who works it; tried before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, abort, redirect, render_template, request
from sqlalchemy import Connection, select, text

from app.core.clock import now
from app.core.db import reading
from app.domains.platform import quality_upkeep
from app.engine import listing
from app.engine.access import Actor
from app.engine.apply import apply
from app.engine.plan import Change, Plan
from app.engine.projection import projection
from app.engine.quality import own, queues
from app.engine.quality.rules import SEVERITIES
from app.engine.refusals import Refusal, Rejected
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import needs
from app.web.session import current_actor

COUNTED = 1_000
"""Records counted while a rule is tried."""
WORDS = {"critical": "Critical", "warn": "Warning", "info": "Info"}


def mount(blueprint: Blueprint) -> None:
    """The addresses of these pages."""
    blueprint.get("/quality/rules/new")(new)
    blueprint.post("/quality/rules/new")(create)
    blueprint.get("/quality/rules/<int:number>")(edit)
    blueprint.post("/quality/rules/<int:number>")(save)
    blueprint.post("/quality/rules/<int:number>/stop")(stop)


def _tables(actor: Actor) -> list[Resource]:
    """The tables whose records a rule of this person may accuse."""
    return sorted(
        (each for each in REGISTRY if projection(each, actor).reads and each.opens_records and "id" in each.table.c),
        key=lambda each: each.plural,
    )


def _people() -> list[tuple[int, str]]:
    rows = reading().execute(_STAFF, {"tenant": current_actor().tenant_id})
    return [(row.id, row.display_name) for row in rows]


def _typed() -> dict[str, str]:
    names = ("title", "about", "table_name", "conditions", "severity", "owner_id")
    return {name: request.form.get(name, "").strip()[:2_000] for name in names}


def _form(typed: Mapping[str, str], stored: Any = None, errors: Mapping[str, str] | None = None, **said: Any) -> Any:
    title = stored.title if stored is not None else "New rule"
    page = render_template(
        "screens/quality/rule.html",
        typed=typed,
        stored=stored,
        errors=errors or {},
        tables=_tables(current_actor()),
        people=_people(),
        severities=[(each, WORDS[each]) for each in SEVERITIES],
        matching=said.get("matching"),
        more=said.get("more", False),
        look=said.get("look", ""),
        page_title=title,
        crumbs=[("Data quality", "/quality"), (title, None)],
    )
    return (page, 422) if errors else page


@needs("dq.rules")
def new() -> Any:
    """The form; from a list it comes with that list's conditions."""
    given = {name: request.args.get(name, "")[:2_000] for name in ("table_name", "conditions", "title")}
    given["conditions"] = _conditions(given["conditions"])
    return _form({"severity": "warn", "about": "", "owner_id": "", **given})


def _checked(typed: Mapping[str, str], actor: Actor) -> tuple[dict[str, Any], str]:
    """The values as they are kept and the address of the list; raises Rejected with a sentence beside each field."""
    wrong: dict[str, str] = {}
    if not typed["title"]:
        wrong["title"] = "Say in a few words what is wrong with such a record."
    if typed["severity"] not in SEVERITIES:
        wrong["severity"] = "Choose how grave it is."
    people = dict(_people())
    if typed["owner_id"] and not (typed["owner_id"].isdigit() and int(typed["owner_id"]) in people):
        wrong["owner_id"] = "Choose somebody who works here."
    conditions = _conditions(typed["conditions"])
    try:
        own.query(typed["table_name"], conditions, actor)
    except Rejected as refused:
        wrong |= refused.errors
    if wrong:
        raise Rejected(wrong)
    kept = {
        "title": typed["title"][:200],
        "about": typed["about"] or None,
        "table_name": typed["table_name"],
        "conditions": conditions,
        "severity": typed["severity"],
        "owner_id": int(typed["owner_id"]) if typed["owner_id"] else None,
    }
    return kept, f"{REGISTRY[typed['table_name']].path}?{conditions}"


def _conditions(said: str) -> str:
    """The conditions of what was typed: a list's whole address, or what stands behind its question mark."""
    query = urlsplit(said).query if "?" in said or said.startswith("/") else said
    return urlencode(
        [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in own.NARROWING], safe=",:"
    )


def _matching(values: Mapping[str, Any], actor: Actor) -> tuple[int, bool]:
    """How many records a rule accuses at this moment, counted so far."""
    asked = own.query(values["table_name"], values["conditions"], actor)
    table = asked.resource.table
    some = select(table.c.id).where(*listing.conditions(asked, actor)).limit(COUNTED + 1)
    sql, constants = listing.compiled(some)
    found = len(listing.run(reading(), sql, constants | listing.values(asked, actor)))
    return min(found, COUNTED), found > COUNTED


@needs("dq.rules")
def create() -> Any:
    """Try a rule, or keep it and have a worker look at once."""
    typed, actor = _typed(), current_actor()
    try:
        values, look = _checked(typed, actor)
        if "try" in request.form:
            matching, more = _matching(values, actor)
            return _form(typed, matching=matching, more=more, look=look)
        made = Change(REGISTRY["quality_rules"], "insert", None, {}, {k: v for k, v in values.items() if v is not None})
        receipt = apply(Plan((made,), action="quality.rule.make"), actor, f"Rule: {values['title']}", **stamp(),
                        within=lambda connection, keys: _settle(connection, actor, keys[0], values["owner_id"]))  # fmt: skip
    except Refusal as refused:
        errors = refused.errors if isinstance(refused, Rejected) else {"": refused.sentence}
        return _form(typed, errors=errors)
    queues.forget()
    say(f"The rule “{values['title']}” is kept and looked at", receipt, back="/quality")
    return redirect(f"/quality/{own.PREFIX}{receipt.key}", 303)


def _settle(connection: Connection, actor: Actor, number: int, owner: int | None) -> None:
    key = f"{own.PREFIX}{number}"
    quality_upkeep.queue(connection, actor.tenant_id, key, whole=True)
    connection.execute(_OWNER, {"tenant": actor.tenant_id, "rule": key, "owner": owner})


def _stored(number: int) -> Any:
    """A rule this person may know of; 404 for every other."""
    actor = current_actor()
    row = own.row_of(reading(), actor.tenant_id, f"{own.PREFIX}{number}")
    if row is None or not own.shows(row, actor):
        abort(404)
    return row


@needs("dq.rules")
def edit(number: int) -> Any:
    """The form of a rule that was kept."""
    row = _stored(number)
    names = ("title", "about", "table_name", "conditions", "severity", "owner_id")
    return _form({name: str(getattr(row, name) or "") for name in names}, row)


@needs("dq.rules")
def save(number: int) -> Any:
    """Change a rule; whoever changes it is who it is asked as from then on."""
    row, typed, actor = _stored(number), _typed(), current_actor()
    try:
        values, look = _checked(typed, actor)
        if "try" in request.form:
            matching, more = _matching(values, actor)
            return _form(typed, row, matching=matching, more=more, look=look)
        values["created_by"] = actor.app_user_id
        before = {name: getattr(row, name) for name in values}
        after = {name: value for name, value in values.items() if value != before[name]}
        change = Change(REGISTRY["quality_rules"], "update", row.id, {n: before[n] for n in after}, after, row.version)
        plan = Plan((change,) if after else (), action="quality.rule.change")
        receipt = apply(plan, actor, f"Rule: {values['title']}", **stamp(),
                        within=lambda connection, _keys: _settle(connection, actor, row.id, values["owner_id"]))  # fmt: skip
    except Refusal as refused:
        errors = refused.errors if isinstance(refused, Rejected) else {"": refused.sentence}
        return _form(typed, row, errors)
    queues.forget()
    say(f"The rule “{values['title']}” is kept and looked at", receipt, back="/quality")
    return redirect(f"/quality/{own.PREFIX}{row.id}", 303)


@needs("dq.rules")
def stop(number: int) -> Any:
    """Give a rule up: it is not looked at any more, and what it found is closed with it."""
    row, actor = _stored(number), current_actor()
    gone = Change(
        REGISTRY["quality_rules"], "update", row.id, {"archived_at": None}, {"archived_at": now()}, row.version
    )
    try:
        receipt = apply(
            Plan((gone,), action="quality.rule.stop"), actor, f"Rule given up: {row.title}", **stamp(),
            within=lambda connection, _keys: _close(connection, actor, row.id),
        )  # fmt: skip
    except Refusal as refused:
        return _form({}, row, {"": refused.sentence})
    queues.forget()
    say(f"The rule “{row.title}” is given up", receipt, back="/quality")
    return redirect("/quality", 303)


def _close(connection: Connection, actor: Actor, number: int) -> None:
    key = f"{own.PREFIX}{number}"
    connection.execute(_CLOSE, {"tenant": actor.tenant_id, "rule": key})


_STAFF = text(
    "SELECT id, display_name FROM app_users WHERE tenant_id = :tenant AND status = 'active' AND archived_at IS NULL"
    " AND user_id IS NOT NULL ORDER BY display_name LIMIT 200"
)
_OWNER = text("UPDATE quality_looks SET owner_id = :owner WHERE tenant_id = :tenant AND rule_key = :rule")
_CLOSE = text(
    "UPDATE data_quality_findings SET status = 'auto_resolved' WHERE tenant_id = :tenant AND rule_key = :rule"
    " AND status IN ('open', 'ignored')"
)
