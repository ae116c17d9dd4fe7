"""Data quality: the rules as queues at the left, one problem with its rehearsed fix at the right, worked by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import Connection, text
from werkzeug.wrappers import Response

from app.core import formats
from app.core.clock import today, zone_of
from app.core.db import reading
from app.domains.platform import quality_upkeep
from app.engine import kept, listing, selection
from app.engine.access import Actor
from app.engine.apply import apply, transaction
from app.engine.approval_rules import NeedsApproval, among_them, everybody
from app.engine.bulk import plans, rehearsal, work
from app.engine.bulk.plans import AT_ONCE
from app.engine.fields import Choice
from app.engine.plan import plan_move
from app.engine.projection import projection
from app.engine.quality import at_once, fixing, looking, queues
from app.engine.quality.fixing import Finding, Rehearsed
from app.engine.quality.queues import Queue
from app.engine.quality.rules import GROUPS, Rule
from app.engine.reading import Shown, read
from app.engine.references import labels
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected, Stale
from app.engine.registry import REGISTRY
from app.screens.quality import making
from app.web.navigation import counted, place
from app.web.receipts import say
from app.web.resources import stamp
from app.web.security import needs, permission_of
from app.web.session import current_actor

blueprint = Blueprint("quality", __name__)
place("System", 60, "Data quality", "/quality", "broom", "dq.read", letter="q")
counted("/quality", lambda actor: queues.open_now(reading(), actor))
making.mount(blueprint)

NEXT_SHOWN = 6
MOST_AT_ONCE = 2_000
"""Problems one plan takes; a longer queue is put right in several."""
LIGHTS = {"critical": ("danger", "fail"), "warn": ("warn", "warn"), "info": ("mute", "dot")}
WAITS = (("7", "A week"), ("30", "A month"), ("90", "Three months"), ("", "For good"))


@dataclass(frozen=True)
class Place:
    """Where a problem stands in its queue."""

    ids: Sequence[int]
    at: int

    @property
    def number(self) -> int:
        return self.ids[self.at]

    @property
    def previous(self) -> int | None:
        return self.ids[self.at - 1] if self.at > 0 else None

    @property
    def next(self) -> int | None:
        return self.ids[self.at + 1] if self.at + 1 < len(self.ids) else None


def _grouped(found: Sequence[Queue]) -> list[tuple[str, list[Queue]]]:
    """The headings with their queues: those with work by what they hold up, then the clean ones, errors always in sight."""
    order = {"critical": 0, "warn": 1, "info": 2}
    busy = [each for each in found if each.count or each.error]
    made = [
        (
            heading,
            sorted(
                (each for each in busy if each.rule.group == group),
                key=lambda each: (order[each.severity], -each.count),
            ),
        )
        for group, heading in GROUPS.items()
    ]
    made.append(("Clean, checked nightly", [each for each in found if not (each.count or each.error)]))
    return [(heading, those) for heading, those in made if those]


def _side(connection: Connection, actor: Actor) -> dict[str, Any]:
    found = queues.queues(connection, actor)
    week = queues.week(connection, actor)
    return {
        "queues": found,
        "groups": _grouped(found),
        "open": sum(each.count for each in found),
        "week": week,
        "erring": [each for each in found if each.error],
        "busy": any(each.state != "idle" for each in found),
        "lights": LIGHTS,
        "may_look": actor.may("dq.fix"),
        "may_make": actor.may("dq.rules"),
    }


@blueprint.get("/quality")
@needs("dq.read")
def index() -> str | Response:
    """The gravest queue that has work."""
    side = _side(reading(), current_actor())
    first = next((each for _heading, those in side["groups"] for each in those if each.count), None)
    if first is not None:
        return _page(side, first, None)
    return render_template(
        "screens/quality/clean.html", **side, current="", page_title="Data quality", crumbs=[("Data quality", None)]
    )


@blueprint.get("/quality/queues")
@needs("dq.read")
def side() -> str:
    """Only the queues with their counts, for the page that keeps itself up to date."""
    return render_template(
        "screens/quality/_side.html", **_side(reading(), current_actor()), current=request.args.get("of", "")
    )


@blueprint.get("/quality/<key>")
@needs("dq.read")
def queue(key: str) -> str:
    """A queue, opened at its first problem."""
    side = _side(reading(), current_actor())
    return _page(side, _of(side, key), None)


@blueprint.get("/quality/<key>/<int:number>")
@needs("dq.read")
def show(key: str, number: int) -> str | Response:
    """One problem with what would put it right, rehearsed."""
    side = _side(reading(), current_actor())
    return _page(side, _of(side, key), number)


def _of(side: Mapping[str, Any], key: str) -> Queue:
    found: Queue | None = next((each for each in side["queues"] if each.rule.key == key), None)
    return found or abort(404)


def _page(side: Mapping[str, Any], queue: Queue, number: int | None, status: int = 200, **said: Any) -> Any:
    connection, actor = reading(), current_actor()
    waived = request.args.get("waived") == "1"
    ids = queues.ids(connection, actor, queue.rule, "ignored" if waived else "open")
    found = _finding(connection, actor, queue.rule, ids[0] if number is None and ids else number)
    here = Place(ids, ids.index(found.id)) if found is not None and found.id in ids else None
    shown = _record(connection, actor, found) if found is not None else None
    may_fix = found is not None and shown is not None and found.status == "open"
    rehearsed = (
        [fixing.rehearse(queue.rule, each, found, actor) for each in queue.rule.fixes] if may_fix and found else []
    )
    following = ids[here.at + 1 : here.at + 1 + NEXT_SHOWN] if here else ids[:NEXT_SHOWN]
    page = render_template(
        "screens/quality/queue.html",
        **side,
        queue=queue,
        rule=queue.rule,
        current=queue.rule.key,
        found=found,
        here=here,
        record=shown,
        facts=_facts(found, actor) if found is not None else [],
        rehearsed=rehearsed,
        offered=[each for each in rehearsed if not each.why_not],
        others=_others(connection, actor, rehearsed),
        following=_lines(connection, actor, following),
        left=len(ids) - (here.at + 1 if here else 0),
        total=len(ids),
        waived=waived,
        waived_count=len(queues.ids(connection, actor, queue.rule, "ignored", 1_000)),
        tables=[(REGISTRY[name], many) for name, many in queues.tables(connection, actor, queue.rule)],
        all_fixes=[each for each in queue.rule.fixes if each.at_once and not fixing.why_not(each, actor)],
        may_waive=actor.may("dq.ignore"),
        may_see_money=queues.shows_money(queue.rule, actor),
        people=_people(connection, actor) if actor.may("dq.rules") else [],
        opens=queue.rule.opens(found.subject_id) if queue.rule.opens and found is not None else None,
        page_for=_page_for(queue.rule),
        waits=WAITS,
        errors=said.get("errors", {}),
        typed=said.get("typed", {}),
        problem=said.get("problem", ""),
        page_title=queue.rule.title,
        crumbs=[("Data quality", "/quality"), (queue.rule.title, None)],
    )
    return page if status == 200 else (page, status)


def _finding(connection: Connection, actor: Actor, rule: Rule, number: int | None) -> Finding | None:
    if number is None:
        return None
    try:
        found = fixing.find(connection, actor, number)
    except NotFound:
        abort(404)
    if found.rule_key != rule.key or not queues.sees(connection, actor, number):
        abort(404)
    return found


def _facts(found: Finding, actor: Actor) -> list[tuple[str, str]]:
    """What the rule saw, said as the console says it elsewhere: days, moments, states, amounts of the finding's currency."""
    resource = REGISTRY.get(found.subject_type)
    lifecycle = resource.lifecycle if resource is not None else None
    states = resource.field(lifecycle.field) if resource is not None and lifecycle else None
    said = []
    for name, value in (found.details or {}).items():
        if value is None or name == "first":
            continue
        words = f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        if isinstance(value, float) or _AMOUNT.fullmatch(str(value)):
            words = formats.money(Decimal(str(value)), found.currency or "USD") if found.amount is not None else words
        elif _DAY.fullmatch(words):
            words = formats.date(date.fromisoformat(words), today(actor.timezone))
        elif _MOMENT.match(words):
            words = formats.absolute(datetime.fromisoformat(words), actor.timezone)
        elif isinstance(states, Choice) and words in states.values:
            words = states.words(words)
        said.append((name.replace("_", " ").capitalize(), words))
    return said


_AMOUNT, _DAY = re.compile(r"-?\d+\.\d\d"), re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$")


def _record(connection: Connection, actor: Actor, found: Finding) -> Shown | None:
    """The record at fault as this person sees it; None where it is gone."""
    resource = REGISTRY.get(found.subject_type)
    if resource is None:
        return None
    try:
        return read(connection, projection(resource, actor), found.subject_id, actor)
    except NotFound:
        return None


def _lines(connection: Connection, actor: Actor, ids: Sequence[int]) -> list[tuple[Finding, str]]:
    """Problems with what their record is called."""
    found = fixing.find_all(connection, actor, ids)
    names: dict[tuple[str, int], str] = {}
    for table in {each.subject_type for each in found}:
        if table in REGISTRY:
            keys = [each.subject_id for each in found if each.subject_type == table]
            names |= {(table, key): name for key, name in labels(connection, REGISTRY[table], actor, keys).items()}
    return [
        (
            each,
            names.get((each.subject_type, each.subject_id)) or f"{REGISTRY[each.subject_type].one} {each.subject_id}",
        )
        for each in found
    ]


def _others(connection: Connection, actor: Actor, rehearsed: Sequence[Rehearsed]) -> dict[str, str]:
    """Who could put it right, by the key of each fix this person's role does not do."""
    missing = [each.fix for each in rehearsed if fixing.why_not(each.fix, actor)]
    staff = everybody(connection, actor.tenant_id) if missing else []
    return {
        fix.key: among_them((each.app_user_id or 0, each.name) for each in staff if not fixing.why_not(fix, each))
        for fix in missing
    }


def _people(connection: Connection, actor: Actor) -> list[tuple[int, str]]:
    rows = connection.execute(_STAFF, {"tenant": actor.tenant_id})
    return [(row.id, row.display_name) for row in rows]


def _page_for(rule: Rule) -> str:
    """The page that puts a rule's problems right, where this console has it and this person may open it."""
    found = next(
        (each.endpoint for each in current_app.url_map.iter_rules() if rule.page and each.rule == rule.page), None
    )
    permission = permission_of(current_app, found) if found is not None else None
    return rule.page if permission is not None and current_actor().may(permission) else ""


_STAFF = text(
    "SELECT id, display_name FROM app_users WHERE tenant_id = :tenant AND status = 'active' AND archived_at IS NULL"
    " AND user_id IS NOT NULL ORDER BY display_name LIMIT 200"
)


# -- answers -----------------------------------------------------------------------------------------------------------


def _opened(key: str, number: int) -> tuple[Mapping[str, Any], Queue, Finding, str]:
    """The queue and the problem of an answer, and where the next one is."""
    connection, actor = reading(), current_actor()
    side = _side(connection, actor)
    queue = _of(side, key)
    found = _finding(connection, actor, queue.rule, number)
    assert found is not None, "a number was given"
    ids = queues.ids(connection, actor, queue.rule)
    at = ids.index(number) if number in ids else None
    rest = [] if at is None else [*ids[at + 1 :], *ids[:at]]
    return side, queue, found, f"/quality/{key}/{rest[0]}" if rest else f"/quality/{key}"


@blueprint.post("/quality/<key>/<int:number>/fix")
@needs("dq.fix")
def fix(key: str, number: int) -> Any:
    """Apply a fix as it was shown, look again, and open the next problem."""
    side, queue, found, following = _opened(key, number)
    actor, reason = current_actor(), request.form.get("reason", "").strip()[:500]
    chosen = next((each for each in queue.rule.fixes if each.key == request.form.get("fix")), None)
    if chosen is None:
        abort(400, "Choose how to put it right.")
    if chosen.reason and not reason:
        return _page(side, queue, number, 422, errors={f"reason-{chosen.key}": "Say why; the history keeps it."})
    try:
        done = fixing.put_right(queue.rule, chosen, found, actor, request.form.get("seen", ""), stamp(), why=reason)
    except NeedsApproval:
        return _ask(side, queue, found, chosen.key, following)
    except (Rejected, Stale, NotAllowed, NotFound) as refused:
        return _page(side, queue, number, 409, problem=refused.sentence)
    queues.forget()
    says = done.says if done.cured else f"{done.says} The problem still stands."
    say(says, done.receipt, back=f"/quality/{key}/{number}")
    return redirect(following, 303)


def _ask(side: Mapping[str, Any], queue: Queue, found: Finding, key: str, following: str) -> Any:
    reason = request.form.get("reason", "").strip()
    if not reason:
        said = {f"reason-{key}": "Say why; whoever decides reads it."}
        return _page(side, queue, found.id, 422, errors=said)
    try:
        made = fixing.ask(queue.rule, queue.rule.fix_of(key), found, current_actor(), reason, stamp())
    except Refusal as refused:
        return _page(side, queue, found.id, 409, problem=refused.sentence)
    say(f"Asked for approval (request {made}). It is done once somebody else agrees.")
    return redirect(following, 303)


@blueprint.post("/quality/<key>/<int:number>/waive")
@needs("dq.ignore")
def waive(key: str, number: int) -> Any:
    """Leave a problem alone, with a reason, until a day or for good; open the next one."""
    side, queue, found, following = _opened(key, number)
    actor, reason = current_actor(), request.form.get("reason", "").strip()[:1000]
    wait = request.form.get("for", "")
    if wait not in dict(WAITS):
        abort(400, "Choose until when.")
    day = request.form.get("until", "").strip()
    try:
        until = _until(day, wait, actor)
        if not reason:
            raise Rejected({"waive": "Say why it may stay as it is; the history keeps it."})
        resource = REGISTRY["data_quality_findings"]
        move = resource.lifecycle.find("ignore") if resource.lifecycle else None
        assert move is not None
        asked = {"ignore_reason": reason, "ignored_until": until}
        apply(plan_move(reading(), resource, found.id, move, asked, actor, reason), actor, reason, **stamp())
    except Rejected as refused:
        sentence = refused.errors.get("ignored_until") or refused.sentence
        typed = {"reason": reason, "until": day}
        return _page(side, queue, number, 422, errors={"waive": sentence}, typed=typed)
    except (NotAllowed, Stale) as refused:
        return _page(side, queue, number, 409, problem=refused.sentence)
    queues.forget()
    say("Left alone" + (f" until {until:%b} {until.day}" if until else " for good"))
    return redirect(following, 303)


def _until(day: str, wait: str, actor: Actor) -> datetime | None:
    """The morning on which it comes back; None for good. A day that was typed goes before the choice."""
    zone = zone_of(actor.timezone)
    if not day:
        if not wait:
            return None
        return datetime.combine(today(actor.timezone) + timedelta(days=int(wait)), time(), zone)
    try:
        typed = date.fromisoformat(day)
    except ValueError:
        raise Rejected({"waive": "Write the day like 2026-12-31."}) from None
    if typed <= today(actor.timezone):
        raise Rejected({"waive": "Choose a day that lies ahead."})
    return datetime.combine(typed, time(), zone)


@blueprint.post("/quality/<key>/<int:number>/reopen")
@needs("dq.fix")
def reopen(key: str, number: int) -> Any:
    """Work again what was left alone."""
    side, queue, found, _following = _opened(key, number)
    resource = REGISTRY["data_quality_findings"]
    move = resource.lifecycle.find("reopen") if resource.lifecycle else None
    assert move is not None
    try:
        actor = current_actor()
        apply(plan_move(reading(), resource, found.id, move, {}, actor), actor, **stamp())
    except (Rejected, NotAllowed, Stale) as refused:
        return _page(side, queue, number, 409, problem=refused.sentence)
    queues.forget()
    say("Open again")
    return redirect(f"/quality/{key}/{number}", 303)


@blueprint.post("/quality/<key>/fix-all")
@needs("dq.fix")
def fix_all(key: str) -> Any:
    """A stored plan over all of a queue: rehearsed, shown record by record, and applied by the worker where it is large."""
    connection, actor = reading(), current_actor()
    side = _side(connection, actor)
    queue = _of(side, key)
    resource = REGISTRY.get(request.form.get("table", queue.rule.tables[0]))
    chosen = next((each for each in queue.rule.fixes if each.key == request.form.get("fix") and each.at_once), None)
    if resource is None or chosen is None or not projection(resource, actor).reads:
        abort(400, "Choose how to put them right.")
    keys = [str(each) for each in queues.subjects(connection, actor, queue.rule, resource.name)[:MOST_AT_ONCE]]
    edits = at_once.edits(queue.rule, chosen)
    try:
        listed = listing.read_query([("archived", "1")], projection(resource, actor), actor.timezone)
        picked = selection.these(listed, keys)
        with transaction() as writing:
            number = plans.seal(writing, picked, f"/quality/{key}", actor)
            plan = plans.find(writing, number, actor.tenant_id)
            made = work.of(writing, resource, edits, actor)
            plans.choose(writing, plan, made, edits, f"{queue.rule.key}: {chosen.label}")
            if plan.total > AT_ONCE:
                quality_upkeep.rehearse_later(writing, number)
        if plan.total <= AT_ONCE:
            rehearsal.rehearse(number, actor)
    except Refusal as refused:
        return _page(side, queue, None, 409, problem=refused.sentence)
    return redirect(f"/plans/{number}", 303)


@blueprint.post("/quality/<key>/rows")
@needs("dq.read")
def rows(key: str) -> Any:
    """All records a rule accuses, as a list one can sort, export and edit together."""
    connection, actor = reading(), current_actor()
    queue = _of(_side(connection, actor), key)
    resource = REGISTRY.get(request.form.get("table", ""))
    if resource is None or not projection(resource, actor).reads:
        abort(400, "Choose which records to list.")
    keys = queues.subjects(connection, actor, queue.rule, resource.name)
    if not keys:
        say("There is nothing to list any more")
        return redirect(f"/quality/{key}", 303)
    with transaction() as writing:
        number = kept.keep(writing, resource, keys, actor)
    archived = "&archived=1" if resource.archivable else ""
    return redirect(f"{resource.path}?kept={number}{archived}", 303)


# -- looks -------------------------------------------------------------------------------------------------------------


@blueprint.post("/quality/look")
@needs("dq.fix")
def look_at_all() -> Any:
    """Have a worker look at every rule, over every record."""
    actor = current_actor()
    with transaction() as connection:
        many = sum(
            quality_upkeep.queue(connection, actor.tenant_id, each.key, whole=True)
            for each in looking.every(actor.tenant_id)
        )
    say(f"{many} rules are looked at; the counts follow" if many else "They are being looked at already")
    return redirect(url_for("quality.index"), 303)


@blueprint.post("/quality/<key>/look")
@needs("dq.fix")
def look(key: str) -> Any:
    """Have a worker look at one rule, over every record."""
    actor = current_actor()
    queue = _of(_side(reading(), actor), key)
    with transaction() as connection:
        quality_upkeep.queue(connection, actor.tenant_id, queue.rule.key, whole=True)
    queues.forget()
    say("It is looked at; the count follows")
    return redirect(f"/quality/{key}", 303)


@blueprint.post("/quality/<key>/owner")
@needs("dq.rules")
def owner(key: str) -> Any:
    """Say who works a rule's problems."""
    connection, actor = reading(), current_actor()
    queue = _of(_side(connection, actor), key)
    chosen = request.form.get("owner", "")
    known = dict(_people(connection, actor))
    if chosen and not (chosen.isdigit() and int(chosen) in known):
        abort(400, "Choose somebody who works here.")
    with transaction() as writing:
        writing.execute(
            _OWNER, {"tenant": actor.tenant_id, "rule": queue.rule.key, "owner": int(chosen) if chosen else None}
        )
    say(f"{known[int(chosen)]} works it" if chosen else "Nobody in particular works it")
    return redirect(f"/quality/{key}", 303)


_OWNER = text("""
INSERT INTO quality_looks (tenant_id, rule_key, owner_id) VALUES (:tenant, :rule, :owner)
ON CONFLICT (tenant_id, rule_key) DO UPDATE SET owner_id = excluded.owner_id
""")
