"""Field by field: what each of the records says, and which of it the kept one takes unless somebody chooses otherwise.

The kept record's own value stands unless it is empty; how people are reached goes by what was changed last; labels of all
are put together, and so are long texts, so that nobody's note is lost. A person chooses by the record and never by the value:
what is masked for them is chosen, kept and written without ever being shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.engine.fields import Edit, Field, Secret, Tags, Text
from app.engine.merging.declared import Row
from app.engine.plan import same
from app.engine.projection import Projection
from app.engine.refusals import Rejected
from app.engine.resource import Resource

ALL = "all"
"""The choice of everything that any of them says."""
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

Choices = Mapping[str, str]
"""Field -> the key of the record whose value is taken, or ALL."""


@dataclass(frozen=True)
class FieldLine:
    """One field across the records."""

    field: Field
    differs: bool
    chosen: str
    """The key of the record whose value it will be, or ALL."""
    choosable: bool
    together: bool
    """Whether all of it can be taken."""


def fields(resource: Resource) -> list[Field]:
    """The fields in which a kept record may take another's value."""
    merging = resource.merging
    assert merging is not None
    found = []
    for each in resource.fields:
        if each.name not in resource.table.c or each.expr is not None or isinstance(each, Secret):
            continue
        if each.name in (merging.into, resource.code):
            continue
        if each.edit & (Edit.FORM | Edit.INLINE | Edit.BULK) or each.name in merging.ranks:
            found.append(each)
    return found


def lines(view: Projection, kept: Row, others: Sequence[Row], choices: Choices) -> list[FieldLine]:
    """The fields this reader sees, with what is taken of each."""
    resource = view.resource
    merging = resource.merging
    assert merging is not None
    made = []
    for each in fields(resource):
        if each.name not in view.by_name:
            continue
        differs = any(not same(kept[each.name], other[each.name]) for other in others)
        free = each.name not in merging.ranks and each.name not in merging.keeps
        together = differs and free and joins(each) and sum(not _blank(row[each.name]) for row in (kept, *others)) > 1
        chosen = choices.get(each.name) if free else None
        made.append(
            FieldLine(
                each,
                differs,
                chosen
                if chosen and _possible(chosen, kept, others, together)
                else default(resource, each, kept, others),
                differs and free,
                together,
            )
        )
    return made


def joins(each: Field) -> bool:
    """Whether what several records say in this field can stand together."""
    return isinstance(each, Tags) or (isinstance(each, Text) and each.long)


def default(resource: Resource, each: Field, kept: Row, others: Sequence[Row]) -> str:
    """What is taken when nobody says otherwise."""
    merging = resource.merging
    assert merging is not None
    everyone = [kept, *others]
    own = str(kept["id"])
    if each.name in merging.keeps:
        return own
    if each.name in merging.ranks:
        order = {value: place for place, value in enumerate(merging.ranks[each.name])}
        return str(min(everyone, key=lambda row: order.get(row[each.name], len(order)))["id"])
    filled = [row for row in everyone if not _blank(row[each.name])]
    if joins(each) and len(filled) > 1 and any(not same(filled[0][each.name], row[each.name]) for row in filled):
        return ALL
    if not filled:
        return own
    if each.name in merging.latest:
        return str(max(filled, key=lambda row: row.get("updated_at") or _LONG_AGO)["id"])
    return str(filled[0]["id"])


def after(resource: Resource, view: Projection, kept: Row, others: Sequence[Row], choices: Choices) -> dict[str, Any]:
    """The values the kept record takes that it has not. Raises Rejected for a choice there is none of."""
    merging = resource.merging
    assert merging is not None
    rows = {str(row["id"]): row for row in (kept, *others)}
    taken: dict[str, Any] = {}
    for each in fields(resource):
        chosen = choices.get(each.name)
        fixed = each.name in merging.ranks or each.name in merging.keeps or each.name not in view.by_name
        if not chosen or fixed:
            chosen = default(resource, each, kept, others)
        if (chosen != ALL and chosen not in rows) or (chosen == ALL and not joins(each)):
            raise Rejected({each.name: f"{each.title}: choose one of these records."})
        value = _joined([row[each.name] for row in rows.values()]) if chosen == ALL else rows[chosen][each.name]
        if not same(value, kept[each.name]):
            taken[each.name] = value
    for name in merging.carries:
        giver = next((row for row in others if not _blank(row[name])), None)
        if _blank(kept[name]) and giver is not None:
            taken[name] = giver[name]
    return taken


def given_up(resource: Resource, kept: Row, other: Row) -> dict[str, Any]:
    """What another record loses to the kept one."""
    merging = resource.merging
    assert merging is not None
    return {name: None for name in merging.carries if _blank(kept[name]) and not _blank(other[name])}


def _possible(chosen: str, kept: Row, others: Sequence[Row], together: bool) -> bool:
    return together if chosen == ALL else chosen in {str(row["id"]) for row in (kept, *others)}


def _blank(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _joined(values: Sequence[Any]) -> Any:
    filled = [value for value in values if not _blank(value)]
    if any(isinstance(value, list) for value in filled):
        return list(dict.fromkeys(each for value in filled for each in value))
    return "\n\n".join(dict.fromkeys(filled))
