"""Adding a filter: a panel of small forms, one per field, each of which works without script and leads to a plain address."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template

from app.engine.fields import Choice, Date, Field, Flag, Moment, Reference, Secret
from app.engine.filters import DATE_WORDS, WORDS, parameter
from app.engine.projection import Projection
from app.engine.resource import Resource
from app.web.addresses import Pairs, given, link
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


@dataclass(frozen=True)
class Offer:
    """One field one may filter by, and how."""

    field: Field
    kind: str
    """choice, flag, date, reference, secret or text"""
    operators: tuple[tuple[str, str], ...]
    blank: bool
    """Whether it can be empty at all."""


def offers(view: Projection) -> list[Offer]:
    """Declared filters first; every other visible field can be asked for as well."""
    ordered = sorted(view.filterable, key=lambda each: not each.filter)
    columns = view.resource.table.c
    return [
        Offer(
            each,
            _kind(each),
            _operators(each),
            "null" in each.operators and (each.name not in columns or bool(columns[each.name].nullable)),
        )
        for each in ordered
        if each.operators
    ]


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


def _operators(each: Field) -> tuple[tuple[str, str], ...]:
    words = DATE_WORDS if isinstance(each, Date | Moment) else WORDS
    return tuple((op, words[op]) for op in each.operators if op not in ("null", "in", "between"))


def canonical(path: str, pairs: Pairs) -> str | None:
    """The plain address for what a filter form sent (`add`, `op`, `value`), or None when there is nothing to settle."""
    sent = dict(pairs)
    name = sent.get("add")
    if name is None:
        return None
    rest = [(key, value) for key, value in pairs if key not in ("add", "op", "value", "value2")]
    value, op = sent.get("value", ""), sent.get("op", "eq")
    if op == "between" and sent.get("value2"):
        value = f"{value},{sent['value2']}"
    elif "," in value and op == "eq":
        op = "in"
    if value == "" and op != "null":
        return link(path, rest)
    return link(path, rest, **{parameter(name, op): value})


@blueprint.get("/<domain>/<table>/filters")
@by_resource("read")
def panel(domain: str, table: str) -> str:
    """The panel on its own: swapped in beside the filter bar, or a page where there is no script."""
    from app.web.resources import find

    resource, view, _actor = find(domain, table)
    return show_panel(resource, view)


def show_panel(resource: Resource, view: Projection) -> str:
    """The filters of any resource."""
    from app.web.htmx import wants_fragment

    pairs = [(name, value) for name, value in given() if name not in ("after", "before", "count")]
    return render_template(
        "resource/filters_fragment.html" if wants_fragment() else "resource/filters.html",
        offers=offers(view),
        keep=pairs,
        resource=resource,
        spans=SPANS,
        link=link,
        pairs=pairs,
        page_title=f"Filter {resource.plural.lower()}",
        crumbs=[*resource.crumbs, (resource.plural, link(resource.path, pairs)), ("Filter", None)],
    )
