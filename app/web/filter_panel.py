"""Asking a list for less: fields to choose from, one small form for the field chosen, and how the filters stand together.

Every step is an address of its own, so it works without script; with one, the steps change places in a dialog.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from app.core.db import reading
from app.engine import listing
from app.engine.access import Actor
from app.engine.fields import Choice, Date, Field, Flag, Moment, Reference, Secret
from app.engine.filters import DATE_WORDS, OURS, WORDS, Clause, parameter, reached, read_clause
from app.engine.listing import ListQuery
from app.engine.narrowing import facets
from app.engine.projection import Projection
from app.engine.references import Choice as Match
from app.engine.references import labels, lookup, shows_title
from app.engine.refusals import BadQuery
from app.engine.registry import target_of
from app.engine.resource import Resource
from app.web.addresses import Pairs, given, less, link
from app.web.list_page import words_of
from app.web.security import by_resource

blueprint = Blueprint("filter_panel", __name__)

SPANS = (
    ("today", "Today"),
    ("-1d", "Yesterday"),
    ("week", "This week"),
    ("month", "This month"),
    ("-1month", "Last month"),
    ("year", "This year"),
)
FORM = ("add", "op", "value", "value2", "value.q", "days", "preset", "into", "field", "edit")
"""What the forms of this panel send beside the list's own address."""
LAST, NEXT, EMPTY, FILLED = "last", "next", "empty", "filled"
_LAST, _NEXT = re.compile(r"-(\d{1,4})d,today"), re.compile(r"today,\+(\d{1,4})d")
_EMPTY = ((EMPTY, "is empty"), (FILLED, "is not empty"))


@dataclass(frozen=True)
class Group:
    """Filters that count as one, as the panel shows them."""

    name: str
    """`any1`; "" for those that stand by themselves."""
    any: bool
    filters: tuple[tuple[str, str, str, str, str], ...]
    """(field, operator, value, address to change it, address without it)"""
    turned: str | None
    """The address at which one suffices where now all must hold, or the other way round."""
    more: str
    """Where a further filter of this group is chosen."""


@dataclass(frozen=True)
class Asking:
    """The form for one field."""

    path: str
    field: Field
    title: str
    kind: str
    """choice, flag, date, reference, secret or text"""
    operators: tuple[tuple[str, str], ...]
    op: str
    values: tuple[str, ...]
    days: str
    """Of a filter by the last or next days, how many."""
    counts: dict[str, int] | None
    lookup: str

    chosen: str = ""
    """The title of the record a reference filter names now, or what was typed to find one."""
    offered: tuple[Match, ...] = ()
    """Records found by what was typed, to choose one of without script."""

    @property
    def spoken(self) -> bool:
        """Whether a date is said in a word, as `today`, which no calendar input holds."""
        return any(not value[:1].isdigit() for value in self.values)


@blueprint.get("/<domain>/<table>/filters")
@by_resource("read")
def panel(domain: str, table: str) -> str | AnyResponse:
    """The panel on its own: a dialog over the list, or a page where there is no script."""
    from app.web.resources import find

    return show_panel(*find(domain, table))


def show_panel(resource: Resource, view: Projection, actor: Actor) -> str | AnyResponse:
    """The filters of any resource: what there is to ask, the form for one field, or the list as it was asked for."""
    sent = dict(given())
    pairs = [pair for pair in given() if pair[0] not in (*FORM, "after", "before", "count")]
    query = listing.read_query(pairs, view, actor.timezone)
    position = _position(sent.get("edit", ""), query)
    into = sent.get("into", query.clauses[position].group if position is not None else "")
    if "add" in sent:
        try:
            _find_record(view, actor, sent)
            return redirect(_settled(resource.path, view, actor, pairs, sent, position, into), 303)
        except BadQuery as refused:
            asking = _asking(resource, view, actor, query, sent["add"], position, sent)
            return _show(resource, view, query, pairs, asking, into, position, refused.sentence)
    name = sent.get("field") or (query.clauses[position].path if position is not None else None)
    form = _asking(resource, view, actor, query, name, position, None) if name else None
    return _show(resource, view, query, pairs, form, into, position)


def _show(
    resource: Resource,
    view: Projection,
    query: ListQuery,
    pairs: Pairs,
    asking: Asking | None,
    into: str,
    position: int | None,
    wrong: str | None = None,
) -> AnyResponse:
    from app.web.htmx import wants_fragment

    body = render_template(
        "resource/filters_fragment.html" if wants_fragment() else "resource/filters.html",
        asking=asking,
        own=[] if asking else _choices(view),
        through=[] if asking else _through(view),
        groups=[] if asking else _groups(resource, query, pairs),
        into=into,
        places=_places(query),
        fresh=_fresh("any", query),
        position=position,
        wrong=wrong,
        keep=pairs,
        resource=resource,
        spans=SPANS,
        link=link,
        pairs=pairs,
        page_title=f"Filter {resource.plural.lower()}",
        crumbs=[*resource.crumbs, (resource.plural, link(resource.path, pairs)), ("Filter", None)],
    )
    return make_response(body, 422 if wrong else 200)


# -- what there is to ask ------------------------------------------------------------------------------------------


def _choices(view: Projection) -> list[tuple[str, str]]:
    """(name, title) of the list's own fields; those people filter by most come first."""
    return [(each.name, each.title) for each in sorted(view.filterable, key=lambda each: not each.filter)]


def _through(view: Projection) -> list[tuple[str, list[tuple[str, str]]]]:
    """The same of each record the list points at: (title of the reference, its fields)."""
    return [
        (reference.title, [(f"{name}.{each.name}", each.title) for each in _ordered(fields)])
        for name, (reference, fields) in reached(view).items()
    ]


def _ordered(fields: dict[str, Field]) -> list[Field]:
    return sorted(fields.values(), key=lambda each: not each.filter)


def _groups(resource: Resource, query: ListQuery, pairs: Pairs) -> list[Group]:
    at = [place for place, (name, _value) in enumerate(pairs) if name not in OURS]
    named: dict[str, list[int]] = {"": []}
    for number, clause in enumerate(query.clauses):
        named.setdefault(clause.group, []).append(number)
    return [
        Group(
            name,
            query.matching_any if not name else name.startswith("any"),
            tuple(_row(resource, query, pairs, number, at[number]) for number in numbers),
            _turned(resource, query, pairs, name),
            link(f"{resource.path}/filters", pairs, into=name),
        )
        for name, numbers in named.items()
        if numbers or not name
    ]


def _row(resource: Resource, query: ListQuery, pairs: Pairs, number: int, place: int) -> tuple[str, str, str, str, str]:
    clause = query.clauses[number]
    change = link(f"{resource.path}/filters", pairs, edit=str(number))
    return clause.title, clause.words, words_of(clause, {}), change, less(resource.path, pairs, {place})


def _turned(resource: Resource, query: ListQuery, pairs: Pairs, name: str) -> str | None:
    """The list with a group's any and all changed about; None where no name is left for it."""
    if not name:
        return link(resource.path, pairs, match=None if query.matching_any else "any")
    other = _fresh("all" if name.startswith("any") else "any", query)
    if other is None:
        return None
    return link(
        resource.path,
        [
            (f"{other}.{key.removeprefix(f'{name}.')}" if key.startswith(f"{name}.") else key, value)
            for key, value in pairs
        ],
    )


def _fresh(kind: str, query: ListQuery) -> str | None:
    """The name of a group there is not yet; the grammar has nine of each kind."""
    taken = {clause.group for clause in query.clauses}
    return next((f"{kind}{digit}" for digit in range(1, 10) if f"{kind}{digit}" not in taken), None)


def _places(query: ListQuery) -> list[tuple[str, str]]:
    """(name, words) of where a new filter may go: by itself, into a group there is, or into a new one."""
    taken = dict.fromkeys(clause.group for clause in query.clauses if clause.group)
    known = [(name, f"Group {number}, {name[:3]} of it") for number, name in enumerate(taken, 1)]
    fresh = [(_fresh(kind, query), f"A new group, {kind} of it") for kind in ("any", "all")]
    return [("", "By itself"), *known, *((name, words) for name, words in fresh if name)]


# -- the form for one field ----------------------------------------------------------------------------------------


def _asking(
    resource: Resource,
    view: Projection,
    actor: Actor,
    query: ListQuery,
    name: str,
    position: int | None,
    sent: dict[str, str] | None,
) -> Asking:
    clause = query.clauses[position] if position is not None else None
    if clause is None or clause.path != name:
        clause = None
    via, each = _field(name, view)
    kind = _kind(each)
    if sent is not None:
        op, values = sent.get("op", ""), tuple(sent[part] for part in ("value", "value2") if part in sent)
        days = sent.get("days", "")
    else:
        op, values, days = _now(clause) if clause else ("", (), "")
    operators = _operators(each, via, kind)
    return Asking(
        name,
        each,
        f"{via.title}: {each.title}" if via else each.title,
        kind,
        operators,
        op or ("contains" if "contains" in each.operators else operators[0][0] if operators else ""),
        values,
        days,
        _counts(query, each, actor) if via is None and kind in ("choice", "flag") else None,
        _lookup(each),
        (sent or {}).get("value.q") or (_chosen(clause, actor) if clause else ""),
        _matches(each, actor, sent["value.q"]) if sent and sent.get("value.q") and not sent.get("value") else (),
    )


def _field(name: str, view: Projection) -> tuple[Reference | None, Field]:
    for each in view.filterable:
        if each.name == name:
            return None, each
    first, _, rest = name.partition(".")
    found = reached(view).get(first)
    if found is None or rest not in found[1]:
        raise BadQuery(f"There is no filter “{name[:60]}” here.")
    return found[0], found[1][rest]


def _kind(each: Field) -> str:
    for kind, types in (
        ("choice", Choice),
        ("flag", Flag),
        ("date", Date | Moment),
        ("reference", Reference),
        ("secret", Secret),
    ):
        if isinstance(each, types):
            return kind
    return "text"


def _operators(each: Field, via: Reference | None, kind: str) -> tuple[tuple[str, str], ...]:
    words = DATE_WORDS if kind == "date" else WORDS
    found = [(op, words[op]) for op in each.operators if op != "null" and not (op == "in" and kind == "choice")]
    if kind == "date":
        found += [(LAST, "is in the last … days"), (NEXT, "is in the next … days")]
    return (*found, *(_EMPTY if "null" in each.operators and _may_be_empty(each, via) else ()))


def _may_be_empty(each: Field, via: Reference | None) -> bool:
    target = target_of(via) if via else None
    column = target.table.c.get(each.name) if target is not None else None
    return column is None or bool(column.nullable)


def _now(clause: Clause) -> tuple[str, tuple[str, ...], str]:
    """A filter as its form shows it: operator, values, days."""
    if clause.op == "null":
        return (EMPTY if clause.values[0] else FILLED), (), ""
    if isinstance(clause.field, Choice):
        return ("eq" if clause.op == "in" else clause.op), clause.raw, ""
    for op, pattern in ((LAST, _LAST), (NEXT, _NEXT)):
        days = pattern.fullmatch(clause.text) if clause.op == "between" else None
        if days:
            return op, (), days[1]
    return clause.op, (clause.text,) if clause.op == "in" else clause.raw, ""


def _counts(query: ListQuery, each: Field, actor: Actor) -> dict[str, int] | None:
    found = facets(reading(), query, each, actor)
    return None if found is None else {each.typed(value): number for value, number in found.items()}


def _lookup(each: Field) -> str:
    return f"/lookups/{each.to}" if isinstance(each, Reference) else ""


def _matches(each: Field, actor: Actor, words: str) -> tuple[Match, ...]:
    target = target_of(each) if isinstance(each, Reference) else None
    if target is None or not isinstance(each, Reference) or not shows_title(target, actor.permissions):
        return ()
    return tuple(lookup(reading(), target, actor, words[:200].replace("\x00", ""), by=each.by))


def _find_record(view: Projection, actor: Actor, sent: dict[str, str]) -> None:
    """Without script a record is named by words: one that fits is taken, several are offered. Raises BadQuery."""
    _via, each = _field(sent["add"], view)
    if not isinstance(each, Reference) or sent.get("value") or not sent.get("value.q"):
        return
    found = _matches(each, actor, sent["value.q"])
    if len(found) != 1:
        raise BadQuery("Choose one of these." if found else f"Nothing called “{sent['value.q'][:60]}” was found.")
    sent["value"] = str(found[0].key)


def _chosen(clause: Clause, actor: Actor) -> str:
    target = target_of(clause.field) if isinstance(clause.field, Reference) else None
    if target is None or clause.op == "null" or len(clause.values) != 1:
        return ""
    named = labels(reading(), target, actor, list(clause.values), clause.field.by)  # type: ignore[attr-defined]
    return named.get(clause.values[0], f"#{clause.raw[0]}")


def _position(text: str, query: ListQuery) -> int | None:
    """Which filter is asked anew; None for a new one."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else len(query.clauses)
    return number if number < len(query.clauses) else None


# -- and what it says ----------------------------------------------------------------------------------------------


def _settled(
    path: str, view: Projection, actor: Actor, pairs: Pairs, sent: dict[str, str], position: int | None, into: str
) -> str:
    """The plain address of the list for what the form sent. Raises BadQuery with the sentence to put beside it."""
    _via, each = _field(sent["add"], view)
    op, value = _meant(each, sent)
    key = parameter(sent["add"], op, into)
    read_clause(key, value, view, actor.timezone)
    at = [place for place, (name, _value) in enumerate(pairs) if name not in OURS]
    gone = {at[position]} if position is not None else set()
    if not into and position is None:  # a second value for the same question takes the place of the first
        gone = {place for place in at if pairs[place][0] == key and op not in ("contains", "startswith", "ne")}
    kept = [pair for place, pair in enumerate(pairs) if place not in gone]
    return link(path, [*kept, (key, value)])


def _meant(each: Field, sent: dict[str, str]) -> tuple[str, str]:
    """Operator and value in the list grammar for what a person chose and typed. Raises BadQuery for half a question."""
    op, value, value2 = sent.get("op", "eq"), sent.get("value", "").strip(), sent.get("value2", "").strip()
    if sent.get("preset"):
        return "eq", sent["preset"]
    if op in (EMPTY, FILLED):
        return "null", "true" if op == EMPTY else "false"
    if op in (LAST, NEXT):
        days = sent.get("days", "").strip()
        if not days.isascii() or not days.isdigit() or not 0 < int(days[:6]) <= 9999:
            raise BadQuery("Write how many days, like 30.")
        return "between", f"-{int(days)}d,today" if op == LAST else f"today,+{int(days)}d"
    if value == "":
        raise BadQuery("Say what it should be.")
    if op != "between":
        return ("in" if op == "eq" and "," in value and isinstance(each, Choice) else op), value
    if value2 == "":
        raise BadQuery("Say up to what.")
    return op, f"{value},{value2}"
