"""What becomes of a batch of rows: references resolved, records found, and each field weighed between them, us and before.

One statement each for the references, the records and what their source said last, however many rows a batch has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from app.engine.access import Actor
from app.engine.fields import CREATE, Edit, Field, Invalid, Reference
from app.engine.forms import is_required
from app.engine.importing import sources
from app.engine.importing.runs import Run, Sheet
from app.engine.importing.sources import Allowance, Clash, Heard, Said
from app.engine.listing import row_scope
from app.engine.plan import same
from app.engine.projection import Projection, projection
from app.engine.refusals import NotAllowed
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource
from app.engine.values import typed


@dataclass(frozen=True)
class Context:
    """A sheet with whose it is and what they may do there; checked anew for every batch.

    Raises NotAllowed where this actor brings nothing in here.
    """

    run: Run
    sheet: Sheet
    actor: Actor

    def __post_init__(self) -> None:
        resource, view = self.resource, self.view
        if not self.stands_in and (closed(resource) or not view.reads):
            raise NotAllowed(closed(resource) or f"Your role does not bring in {resource.plural.lower()}.")
        if not (self.creates and self.sheet.mode != "update") and not (self.writes and self.sheet.mode != "create"):
            word = {"create": "create", "update": "change"}.get(self.sheet.mode, "create or change")
            raise NotAllowed(f"Your role does not {word} {resource.plural.lower()}.")

    @cached_property
    def resource(self) -> Resource:
        return self.sheet.resource

    @cached_property
    def view(self) -> Projection:
        return projection(self.resource, self.actor)

    @cached_property
    def allowance(self) -> Allowance:
        return sources.allowance(self.run.kind, self.sheet.table_name)

    @cached_property
    def stands_in(self) -> bool:
        """Whether a permission for the whole run stands for those of this table."""
        return bool(self.allowance.may) and self.actor.may(self.allowance.may)

    @property
    def creates(self) -> bool:
        return self.view.creates or self.stands_in

    @property
    def writes(self) -> bool:
        return self.view.writes or self.stands_in

    @cached_property
    def creatable(self) -> frozenset[str]:
        return self._names(CREATE)

    @cached_property
    def changeable(self) -> frozenset[str]:
        return self._names(Edit.FORM)

    def _names(self, where: Edit) -> frozenset[str]:
        if not self.stands_in:
            return frozenset(each.name for each in self.view.writable(where)) | self.allowance.columns
        declared = (each.name for each in self.resource.fields if each.edit & where and each.expr is None)
        return frozenset(declared) | self.allowance.columns

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """Fields a new record cannot do without."""
        table = self.resource.table
        return tuple(each for each in self.resource.fields if each.edit & CREATE and is_required(table, each))

    @property
    def follows(self) -> bool:
        return bool(self.resource.follow) and self.allowance.follows

    @property
    def merged_into(self) -> str:
        """The column that leads from a merged record to the one that stands for it now."""
        return "merged_into_id" if "merged_into_id" in self.resource.table.c else ""

    def edits(self, row: Mapping[str, Any]) -> bool:
        return self.stands_in or self.view.edits(row, self.actor.app_user_id)


def closed(resource: Resource) -> str | None:
    """Why no file becomes records of this table, whoever sends it, as a sentence; None where one may."""
    if not resource.declared:
        return UNDECLARED
    if resource.read_only is not None:
        return resource.read_only
    written = any(each.edit & (CREATE | Edit.FORM) and each.expr is None for each in resource.fields)
    if not written or resource.writes is not None or "id" not in resource.table.c:
        kept = resource.lifecycle.why_frozen if resource.lifecycle else ""
        return kept or f"{resource.plural} are changed by the buttons of each record alone."
    return None


UNDECLARED = (
    "Tables of the explorer take no file: nobody wrote down which rows may stand there, so an import could not be checked"
    " before it is written. Change their rows one by one, in the explorer."
)


@dataclass(frozen=True)
class Row:
    """A row of a run as it is taken up."""

    n: int
    source_key: str | None
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What becomes of one row."""

    row: Row
    outcome: str
    column: str | None = None
    why: str | None = None
    record_id: int | None = None
    version: int | None = None
    now: Mapping[str, Any] = field(default_factory=dict)
    """The record as it stands, the columns that count."""
    after: Mapping[str, Any] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    """Columns whose value is only known when it is applied: a number, the key of a record made by an earlier row."""
    said: Mapping[str, Any] = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()
    noted: bool = False
    """Whether what the source says is kept though nothing of ours changes."""
    heard_of: bool = False
    """Whether it is on record already that the source means this record by the row's key."""

    @property
    def todo(self) -> bool:
        return self.outcome in ("creates", "changes", "conflicts") or self.noted

    @property
    def before(self) -> dict[str, Any]:
        return {name: self.now.get(name) for name in self.after} if self.outcome != "creates" else {}

    def refused(self, column: str | None, why: str) -> Found:
        return replace(self, outcome="refused", column=column or None, why=why, noted=False)

    def heard(self, record_id: int) -> Heard | None:
        """What is kept of what the source said, where the row has a key there."""
        if not self.row.source_key:
            return None
        given, said = self.row.given, self.said
        resolved = {name: said[name] for name, value in given.items() if value.__class__ is dict and name in said}
        unsaid = () if len(said) == len(given) else tuple(given.keys() - said.keys())
        return Heard(self.row.n, record_id, resolved, unsaid)


BUSY = "Somebody is changing it at this very moment, or your role does not show it."


def _refuse(row: Row, column: str | None, why: str) -> Found:
    return Found(row, "refused", column, why)


# -- the batch ---------------------------------------------------------------------------------------------------------


def look(connection: Connection, context: Context, rows: Sequence[Row]) -> list[Found]:
    """What becomes of these rows by the rules, before the database was asked to write. Records found are held."""
    resolved = resolve(connection, context, rows)
    known, targets = _meant(connection, context, rows, resolved)
    held = _hold(connection, context, sorted({key for keys in targets.values() for key in keys}))
    return _weighed(context, rows, resolved, known, targets, held)


def foresee(connection: Connection, context: Context, rows: Sequence[Row]) -> list[Found] | None:
    """The same of rows none of which is about a record there is, without holding any; None where one of them may be.

    It stands as long as `still_new` says so.
    """
    if any(points_at(row) for row in rows):
        return None
    resolved = resolve(connection, context, rows)
    known, targets = _meant(connection, context, rows, resolved)
    return None if known or targets else _weighed(context, rows, resolved, known, targets, {})


def still_new(connection: Connection, context: Context, rows: Sequence[Row]) -> bool:
    """Whether still none of these rows is about a record there is."""
    known, targets = _meant(connection, context, rows, Resolved())
    return not known and not targets


def _meant(
    connection: Connection, context: Context, rows: Sequence[Row], resolved: Resolved
) -> tuple[dict[str, Said], dict[int, Sequence[int]]]:
    """What the source said of these rows before, and the keys of the records each could be about."""
    known = sources.said(
        connection, context.run, context.sheet, {row.n: row.source_key for row in rows if row.source_key}
    )
    return known, _targets(connection, context, [row for row in rows if row.n not in resolved.refused], known)


def _weighed(
    context: Context,
    rows: Sequence[Row],
    resolved: Resolved,
    known: Mapping[str, Said],
    targets: Mapping[int, Sequence[int]],
    held: Mapping[int, Mapping[str, Any]],
) -> list[Found]:
    found = []
    for row in rows:
        if row.n in resolved.refused:
            found.append(_refuse(row, *resolved.refused[row.n]))
            continue
        given = resolved.given[row.n]
        before = known.get(row.source_key or "")
        found.append(_one(context, row, given, resolved.later[row.n], targets.get(row.n, ()), held, before))
    return found


def _one(
    context: Context,
    row: Row,
    given: dict[str, Any],
    later: tuple[str, ...],
    targets: Sequence[int],
    held: Mapping[int, Mapping[str, Any]],
    before: Said | None,
) -> Found:
    resource, sheet = context.resource, context.sheet
    if len(targets) > 1:
        title = resource.field(sheet.key).title if resource.has(sheet.key) else sheet.key
        return _refuse(
            row, sheet.key, f"{len(targets)} {resource.many.lower()} have this {title.lower()}; use another key."
        )
    if targets:
        now = held.get(targets[0])
        if now is None:
            return _refuse(row, None, BUSY)
        weighed = _change(context, row, given, later, now, before)
        if sheet.mode == "create" and weighed.outcome in ("changes", "conflicts"):
            return _refuse(row, None, f"This {resource.one} is here already, and this import only creates.")
        return weighed
    if sheet.mode == "update":
        return _refuse(row, None, f"There is no such {resource.one}, and this import only changes what is here.")
    if not row.source_key and sheet.key not in ("", "id", resource.code):
        return _refuse(row, None, "The row has no key.")
    if sheet.key == "id" and row.source_key:
        return _refuse(row, "id", f"There is no {resource.one} with the key {row.source_key}.")
    return _create(context, row, given, later)


def _create(context: Context, row: Row, given: Mapping[str, Any], later: tuple[str, ...]) -> Found:
    resource = context.resource
    if not context.creates:
        return _refuse(row, None, f"Your role does not create {resource.plural.lower()}.")
    after: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value == "" or value == []:
            continue
        if value.__class__ is _Unread:
            return _refuse(row, name, value.why)
        if name not in context.creatable:
            if name in context.changeable:
                return _refuse(row, name, "It cannot be given to a new record.")
            continue
        after[name] = value
    for each in context.required:
        if each.name in after:
            continue
        if each.name in resource.defaults:
            default = resource.defaults[each.name]
            after[each.name] = default(context.actor) if callable(default) else default
        if after.get(each.name) in (None, "", []):
            return _refuse(row, each.name, f"{each.title} cannot stay empty.")
    lifecycle = resource.lifecycle
    if lifecycle and lifecycle.field not in after:
        after[lifecycle.field] = lifecycle.initial
    if "tenant_id" in resource.table.c:
        after["tenant_id"] = context.run.tenant_id
    if resource.authored:
        after["created_by"] = after["updated_by"] = context.actor.app_user_id
    if row.source_key and context.sheet.key == "source" and "external_id" in resource.table.c:
        after["external_source"], after["external_id"] = context.run.source, row.source_key
    if resource.numbered and resource.code and not after.get(resource.code):
        later = (*later, resource.code)
    kept = context.allowance.kept
    said = given if not kept else {name: value for name, value in given.items() if name not in kept}
    return Found(row, "creates", after=after, later=later, said=said)


def _change(
    context: Context,
    row: Row,
    given: Mapping[str, Any],
    later: tuple[str, ...],
    now: Mapping[str, Any],
    before: Said | None,
) -> Found:
    resource, table = context.resource, context.resource.table
    found = Found(row, "already", record_id=now["id"], version=now.get("version"), now=now)
    edits = context.edits(now)
    if before is not None and before.record_id != now["id"]:
        before = None
    undone = before is not None and before.undone
    base: Mapping[str, Any] = before.said if before is not None and not undone else {}
    after: dict[str, Any] = {}
    said: dict[str, Any] = {}
    clashes: list[Clash] = []
    kept, changeable = context.allowance.kept, context.changeable
    for name, written in given.items():
        if name in kept:
            continue
        if name in base and name in changeable and written == base[name]:
            said[name] = written  # it says what it said before, so ours stays, whatever it is
            continue
        declared = resource.field(name) if resource.has(name) else None
        ours = now[name]
        if isinstance(written, _Unread):
            if declared is not None and _says(declared, ours, written.text.strip()):
                continue
            return found.refused(name, written.why)
        said[name] = written
        theirs = typed(table.c[name], written)
        if _is_so(declared, theirs, ours):
            continue
        if name not in changeable:
            if name in context.creatable:
                return found.refused(name, "It is given once, when the record is made, and cannot be changed here.")
            del said[name]
            continue
        if name in base:
            was = typed(table.c[name], base[name])
            if _is_so(declared, theirs, was):
                continue
            if not _is_so(declared, was, ours):
                clashes.append(Clash(now["id"], name, was, theirs, ours))
                continue
        if theirs in (None, "", []) and declared is not None and is_required(table, declared):
            return found.refused(name, f"{declared.title} cannot stay empty.")
        after[name] = theirs
    lifecycle = resource.lifecycle
    if lifecycle:
        state = now[lifecycle.field]
        frozen = [name for name in after if lifecycle.is_frozen(state, name) and name not in context.allowance.columns]
        if frozen:
            return found.refused(frozen[0], lifecycle.why_frozen)
    if context.merged_into and now.get(context.merged_into) is not None:
        after = {}
    if undone and now.get("archived_at") is not None:  # taken back with the import that made it, and brought in again
        after["archived_at"] = None
    if (after or clashes) and not edits:
        return found.refused(None, f"Your role does not change this {resource.one}.")
    taken = edits and context.sheet.key == "source" and bool(row.source_key)
    changed = before is None or undone or before.changed
    outcome = "conflicts" if clashes else "changes" if after else "already"
    return replace(
        found,
        outcome=outcome,
        after=after,
        later=tuple(name for name in later if name in after),
        said=said,
        clashes=tuple(clashes),
        noted=outcome == "already" and taken and changed,
        heard_of=before is not None,
    )


def _is_so(declared: Field | None, value: Any, ours: Any) -> bool:
    """Whether a record says this already, be it in other words: what its own text would be read as."""
    if same(value, ours) or (value in (None, "", []) and ours in (None, "", [])):
        return True
    if declared is None or ours is None or not isinstance(ours, str | list):
        return False
    if isinstance(ours, str) and (not ours.strip() if value in (None, "") else ours == f"'{value}"):
        return True  # blanks alone are nothing; an apostrophe was taken for the one that keeps a cell from being run
    try:
        return bool(declared.parse(declared.typed(ours)) == value)
    except Invalid:
        return False


def _says(declared: Field, ours: Any, written: str) -> bool:
    """Whether a file would have the record's value just so."""
    shown = declared.out(ours)
    if isinstance(shown, Decimal):
        try:
            return Decimal(written) == shown
        except InvalidOperation:
            return False
    return ("" if shown is None else str(shown).strip()) in (written, f"'{written}")


# -- which record a row is about ---------------------------------------------------------------------------------------


def _targets(
    connection: Connection, context: Context, rows: Sequence[Row], known: Mapping[str, Said]
) -> dict[int, Sequence[int]]:
    """Row -> the keys of the records it could be about."""
    sheet, resource, table = context.sheet, context.resource, context.resource.table
    found: dict[int, Sequence[int]] = {}
    if sheet.key == "":
        return found
    by_source = sheet.key == "source"
    if not by_source:
        wanted: dict[int, Any] = {}
        for row in rows:
            value = _key_value(resource, sheet.key, row.source_key)
            if value is not None:
                wanted[row.n] = value
        places: dict[Any, list[int]] = {}
        for key, value in _having(connection, context, sheet.key, sorted(set(wanted.values()), key=str)):
            places.setdefault(value, []).append(key)
        found = {n: places[value] for n, value in wanted.items() if value in places}
    elif "external_id" in table.c:
        # Brought in before anybody kept what a source said.
        rest = [row.source_key for row in rows if row.source_key and row.source_key not in known]
        at = dict(_having(connection, context, "external_id", rest, table.c.external_source == context.run.source))
        by_key = {value: key for key, value in at.items()}
        found = {row.n: [by_key[row.source_key]] for row in rows if row.source_key in by_key}
    for row in rows:
        if row.n not in found and (heard := known.get(row.source_key or "")) is not None:
            found[row.n] = [heard.record_id]
    return _surviving(connection, context, found)


def _key_value(resource: Resource, key: str, written: str | None) -> Any:
    if not written:
        return None
    if key == "id":
        plain = written.strip()
        return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 19 else None
    try:
        return resource.field(key).parse(written)
    except Invalid:
        return None


def _having(connection: Connection, context: Context, name: str, values: Sequence[Any], *more: Any) -> list[Any]:
    """(key, value) of the records whose column holds one of these."""
    if not values:
        return []
    table = context.resource.table
    column = table.c[name]
    those = bindparam("those", value=list(values), type_=ARRAY(column.type))
    statement = select(table.c.id, column).where(column == any_(those), *_scope(context), *more)
    return [tuple(row) for row in connection.execute(statement, _me(context.actor))]


def _surviving(connection: Connection, context: Context, found: dict[int, Sequence[int]]) -> dict[int, Sequence[int]]:
    """The same with those that were merged replaced by the record that stands for them, and those that are gone left out."""
    keys = {key for keys in found.values() for key in keys}
    if not keys:
        return found
    table = context.resource.table
    # A key of ours names a record itself; a source goes on naming the one that was merged away.
    into = table.c[context.merged_into] if context.merged_into and context.sheet.key == "source" else None
    names = [table.c.id] if into is None else [table.c.id, into]
    there: dict[int, int] = {}
    asked, depth = keys, 0
    while asked and depth < 5:
        those = bindparam("those", value=sorted(asked), type_=ARRAY(BigInteger))
        rows = connection.execute(
            select(*names).where(table.c.id == any_(those), *_tenant(context)), _me(context.actor)
        )
        next_: set[int] = set()
        for row in rows:
            there[row[0]] = row[0] if into is None or row[1] is None else row[1]
            if there[row[0]] != row[0] and there[row[0]] not in there:
                next_.add(there[row[0]])
        asked, depth = next_, depth + 1

    def last(key: int) -> int | None:
        for _ in range(5):
            if key not in there:
                return None
            if there[key] == key:
                return key
            key = there[key]
        return key

    result: dict[int, Sequence[int]] = {}
    for n, candidates in found.items():
        left = list(dict.fromkeys(survivor for key in candidates if (survivor := last(key)) is not None))
        if left:
            result[n] = left
    return result


def _scope(context: Context) -> list[Any]:
    """Rows this actor may see; a guided run sees its company's."""
    return _tenant(context) if context.stands_in else list(row_scope(context.view, context.actor))


def _tenant(context: Context) -> list[Any]:
    mine = context.resource.in_tenant(context.actor.tenant_id, platform=context.actor.may("platform.read"))
    return [] if mine is None else [mine]


def _me(actor: Actor) -> dict[str, Any]:
    return {"tenant": actor.tenant_id, "me": actor.app_user_id}


def _hold(connection: Connection, context: Context, keys: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Lock and read these records; those somebody else holds are not waited for."""
    if not keys:
        return {}
    table = context.resource.table
    names = list(table.c.keys())
    those = bindparam("those", value=list(keys), type_=ARRAY(BigInteger))
    statement = (
        select(*(table.c[name] for name in names))
        .where(table.c.id == any_(those), *_scope(context))
        .order_by(table.c.id)
    )
    if context.changeable:
        statement = statement.with_for_update(skip_locked=True, key_share=True, of=table)
    place = names.index("id")
    found = connection.execute(statement, _me(context.actor)).all()
    return {row[place]: dict(zip(names, row, strict=True)) for row in found}


# -- values and references ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Unread:
    text: str
    why: str


@dataclass
class Resolved:
    """The rows' values as they are kept, with the keys of what they refer to."""

    given: dict[int, dict[str, Any]] = field(default_factory=dict)
    later: dict[int, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[int, tuple[str | None, str]] = field(default_factory=dict)


def points_at(row: Row) -> set[tuple[str, str]]:
    """(table, key) of the records of its own source this row refers to."""
    return {
        (str(value["table"]), str(value["value"]))
        for value in row.given.values()
        if value.__class__ is dict and value.get("by") == "source" and value.keys() == _REF
    }


_REF = {"table", "by", "value"}


def resolve(connection: Connection, context: Context, rows: Sequence[Row]) -> Resolved:
    """Find what kept values refer to, one statement for each way of referring. The others stay as they are kept: most of
    them go on as JSON, and only those that are compared are read."""
    table, made = context.resource.table, Resolved()
    asked: dict[tuple[str, str], set[str]] = {}
    pending: list[tuple[Row, str, Mapping[str, str]]] = []
    unknown: set[str] = set()
    whole: set[str] = set()
    known: set[str] = set()
    for row in rows:
        values = dict(row.given)
        if not values.keys() <= known:
            new = values.keys() - known
            known |= new
            unknown |= {name for name in new if name not in table.c}
            whole |= {name for name in new - unknown if isinstance(table.c[name].type, JSONB)}
        for name in unknown:
            values.pop(name, None)
        for name, value in row.given.items():
            if value.__class__ is not dict or name in whole or name in unknown:
                continue
            if "unread" in value:
                values[name] = _Unread(value["unread"], value["why"])
            else:
                asked.setdefault((value["table"], value["by"]), set()).add(value["value"])
                values[name] = None
                pending.append((row, name, value))
        made.given[row.n], made.later[row.n] = values, ()
    answers = {way: _answers(connection, context, *way, sorted(those)) for way, those in asked.items()}
    missing: list[tuple[Row, str, Mapping[str, str]]] = []
    for row, name, value in pending:
        keys = answers[value["table"], value["by"]].get(value["value"], [])
        if len(keys) == 1:
            key, of_this_run = keys[0]
            made.given[row.n][name] = key
            if of_this_run:
                made.later[row.n] = (*made.later[row.n], name)
        elif keys:
            made.refused.setdefault(row.n, (name, _several(value, len(keys))))
        else:
            missing.append((row, name, value))
    if missing:
        _explain(connection, context, missing, made)
    return made


def _several(value: Mapping[str, str], number: int) -> str:
    target = REGISTRY[value["table"]]
    return f"{number} {target.many.lower()} are called “{value['value'][:80]}”; give the number instead."


def _explain(
    connection: Connection, context: Context, missing: Sequence[tuple[Row, str, Mapping[str, str]]], made: Resolved
) -> None:
    """Why a reference leads nowhere: what it points at was refused itself, or is not here."""
    turned: dict[tuple[str, str], int] = {}
    for table in {value["table"] for _row, _name, value in missing if value["by"] == "source"}:
        those = sorted({value["value"] for _row, _name, value in missing if value["table"] == table})
        asked = {"import": context.run.id, "table": table, "keys": those}
        turned |= {(table, key): row_no for key, row_no in connection.execute(_TURNED_AWAY, asked)}
    for row, name, value in missing:
        target = REGISTRY[value["table"]]
        at = turned.get((value["table"], value["value"]))
        if at is not None and value["by"] == "source":
            why = f"The {target.one} “{value['value'][:80]}” it belongs to was refused itself (row {at})."
        else:
            why = f"There is no {target.one} “{value['value'][:80]}”."
        if value["by"] == "id":  # the record may point there already, at what this role does not see
            made.given[row.n][name] = _Unread(value["value"], why)
        else:
            made.refused.setdefault(row.n, (name, why))


_TURNED_AWAY = text("""
SELECT r.source_key, min(r.row_no) FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id
WHERE s.import_id = :import AND s.table_name = :table AND r.source_key = ANY(:keys)
    AND r.outcome IN ('refused', 'left_out') GROUP BY 1
""")


def _answers(
    connection: Connection, context: Context, table: str, by: str, values: Sequence[str]
) -> dict[str, list[tuple[int, bool]]]:
    """Value -> (key, whether this very run made or named it) of the records it stands for."""
    target = REGISTRY.get(table)
    if target is None:
        return {}
    if by != "source":
        return {
            value: [(key, False) for key in keys]
            for value, keys in having(connection, context.actor, target, by, values).items()
        }
    asked = {"tenant": context.run.tenant_id, "source": context.run.source, "table": table, "keys": list(values)}
    found = {
        key: [(record, made_by == context.run.id)]
        for key, record, made_by in connection.execute(_OF_SOURCE, asked).all()
    }
    rest = [value for value in values if value not in found]
    if rest and "external_id" in target.table.c:
        columns = target.table.c
        those = bindparam("those", value=rest, type_=ARRAY(columns.external_id.type))
        statement = select(columns.id, columns.external_id).where(
            columns.external_id == any_(those), columns.external_source == context.run.source,
            columns.tenant_id == context.run.tenant_id,
        )  # fmt: skip
        for key, value in connection.execute(statement):
            found.setdefault(value, []).append((key, False))
    return found


_OF_SOURCE = text("""
SELECT source_key, record_id, import_id FROM record_sources
WHERE tenant_id = :tenant AND source = :source AND table_name = :table AND source_key = ANY(:keys)
""")


def having(
    connection: Connection, actor: Actor, target: Resource, by: str, values: Sequence[str]
) -> dict[str, list[int]]:
    """Value -> keys of the records this actor may refer to by it."""
    view = projection(target, actor)
    if by != "id" and not target.open_title and (by not in view.by_name or by in view.masked):
        return {}
    column = target.table.c[by]
    read: dict[Any, str] = {}
    for value in values:
        parsed = _key_value(target, by, value)
        if parsed is not None:
            read[parsed] = value
    if not read:
        return {}
    those = bindparam("those", value=list(read), type_=ARRAY(column.type))
    mine = target.in_tenant(actor.tenant_id, platform=False)
    scope = ([] if mine is None else [mine]) if target.open_title else row_scope(view, actor)
    found: dict[str, list[int]] = {}
    for key, value in connection.execute(
        select(target.table.c.id, column).where(column == any_(those), *scope), _me(actor)
    ):
        found.setdefault(read[value], []).append(key)
    return found


def target_named(declared: Field) -> Resource | None:
    """The table a field refers to, where its records are known by their key."""
    if not isinstance(declared, Reference) or declared.by != "id":
        return None
    return target_of(declared)
