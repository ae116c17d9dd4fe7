"""How a table nobody declared is made, and what is decided about it: classes of columns, editing, the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.engine.reflect import deciding, guesses
from app.engine.reflect.build import declared_as
from app.engine.reflect.describe import Column, ForeignKey
from app.engine.reflect.reflected import Reflected
from app.engine.refusals import NotAllowed, Rejected
from app.web import receipts
from app.web.explorer import find
from app.web.resources import stamp
from app.web.security import go_to, needs

blueprint = Blueprint("explorer_structure", __name__)

WORDS = {guesses.OPEN: "Open", guesses.PERSONAL: "Personal", guesses.SECRET: "Secret"}


@dataclass(frozen=True)
class Row:
    """One column on the page."""

    column: Column
    name: str
    role: str
    """primary key, unique, or nothing"""
    refers: tuple[tuple[str, str], ...]
    """(words, address) of what it points at."""
    said: str | None
    guessed: str | None
    why_fixed: str | None

    @property
    def standing(self) -> str:
        """How it is treated now, in words."""
        if self.said:
            return WORDS[self.said]
        return (
            f"Looks {'personal' if self.guessed == guesses.PERSONAL else 'secret'}, hidden" if self.guessed else "Open"
        )

    @property
    def chosen(self) -> str:
        """What the form offers first: nothing is decided by opening it."""
        return self.said or ("" if self.guessed else guesses.OPEN)


@blueprint.get("/explorer/<table:where>/structure")
@needs("explorer.read")
def structure(where: str) -> str:
    """Columns, keys and references of a table, and what was decided about it."""
    return _page(where)


def _page(where: str, problem: str | None = None) -> str:
    resource, view, actor = find(where)
    described = resource.described
    return render_template(
        "explorer/structure.html",
        resource=resource,
        view=view,
        described=described,
        rows=[_row(resource, each) for each in described.columns],
        out=[(key, *_other(resource, key.target)) for key in described.out],
        into=[(key, *_other(resource, key.source)) for key in described.into],
        words=WORDS,
        manages=actor.may("explorer.manage"),
        may_open=described.kind in ("table", "partitioned")
        and resource.lasting
        and not described.is_ours
        and not described.extension,
        problem=problem,
        drop_triggers=" ".join(f"DROP TRIGGER {name} ON {resource.regclass};" for name in deciding.TRIGGERS),
        page_title=f"Structure of {resource.plural}",
        crumbs=[*resource.crumbs, (resource.plural, resource.path), ("Structure", None)],
    )


def _row(resource: Reflected, column: Column) -> Row:
    described = resource.described
    name = resource.field_of(column.name)
    role = "primary key" if column.name in described.primary else ""
    if not role and any(column.name in each for each in described.uniques):
        role = "unique"
    refers = tuple(
        (_words(key, resource), _other(resource, key.target)[1]) for key in described.out if column.name in key.columns
    )
    place = resource.places.get(name)
    return Row(
        column,
        name,
        role,
        refers,
        resource.classes.get(column.name),
        resource.guesses.get(column.name),
        place.why_fixed if place else "The database does not let the console read it.",
    )


def _words(key: ForeignKey, resource: Reflected) -> str:
    other = resource.described.neighbours[key.target]
    return f"{other.qualified} ({', '.join(key.to_columns)})"


def _other(resource: Reflected, oid: int) -> tuple[str, str]:
    """(name, address) of a neighbour."""
    from app.engine import tablename

    other = resource.described.neighbours[oid]
    known = declared_as(other)
    return other.qualified, known.path if known is not None else tablename.path(other.schema, other.name)


# -- deciding --------------------------------------------------------------------------------------------------------


def _reason() -> str:
    return request.form.get("reason", "").strip()[:1000]


def _decided(where: str, decide: Any, said: str) -> AnyResponse:
    resource, _view, actor = find(where)
    try:
        decide(resource, actor)
    except (Rejected, NotAllowed) as refused:
        return make_response(_page(where, refused.sentence), 422 if isinstance(refused, Rejected) else 409)
    receipts.say(said.format(resource.plural))
    return go_to(f"{resource.path}/structure")


@blueprint.post("/explorer/<table:where>/classify")
@needs("explorer.manage")
def classify(where: str) -> AnyResponse:
    """Say what columns hold: open, personal, or secret."""
    resource, _view, actor = find(where)
    said = {
        place.column.name: request.form[f"class.{name}"]
        for name, place in resource.places.items()
        if request.form.get(f"class.{name}")
    }
    said = {
        column: kind
        for column, kind in said.items()
        if kind != guesses.OPEN or column in resource.classes or column in resource.guesses
    }
    try:
        receipt = deciding.classify(resource, said, actor, _reason() or None, **stamp())
    except (Rejected, NotAllowed) as refused:
        return make_response(_page(where, refused.sentence), 422)
    receipts.say(f"Columns of {resource.plural} classified" if receipt else "Nothing to classify anew")
    return go_to(f"{resource.path}/structure")


@blueprint.post("/explorer/<table:where>/open")
@needs("explorer.manage")
def open_editing(where: str) -> AnyResponse:
    """Open the table for editing, with a reason."""
    return _decided(
        where, lambda table, actor: deciding.open_editing(table, actor, _reason(), **stamp()), "{} is open for editing"
    )


@blueprint.post("/explorer/<table:where>/close")
@needs("explorer.manage")
def close_editing(where: str) -> AnyResponse:
    """Close it again."""
    return _decided(
        where,
        lambda table, actor: deciding.close_editing(table, actor, _reason() or None, **stamp()),
        "{} is read-only again",
    )


@blueprint.post("/explorer/<table:where>/govern")
@needs("explorer.manage")
def govern(where: str) -> AnyResponse:
    """Attach the ledger, with a reason."""
    return _decided(
        where,
        lambda table, actor: deciding.govern(table, actor, _reason(), **stamp()),
        "{} is governed: the ledger keeps every change",
    )


@blueprint.post("/explorer/<table:where>/ungovern")
@needs("explorer.manage")
def ungovern(where: str) -> AnyResponse:
    """Detach it; what it recorded stays."""
    return _decided(
        where,
        lambda table, actor: deciding.ungovern(table, actor, _reason() or None, **stamp()),
        "{} is governed no longer",
    )
