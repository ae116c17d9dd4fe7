"""The list: one statement of just the shown columns, cut to a page before any label is joined.

A statement's text depends on the columns, the order, which filters are set and what kind of cursor is given, but not on
their values. So it is built and compiled once per such shape and kept; a request only fills in the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from psycopg import errors as pg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    bindparam,
    false,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import psycopg as _psycopg
from sqlalchemy.sql import Subquery

from app.engine import counting, kept, keyset
from app.engine.access import Actor
from app.engine.fields import Field, Reference, Secret, SubjectLink
from app.engine.filters import OURS, Clause, condition, like, parameters, read_clauses
from app.engine.keyset import SortKey
from app.engine.projection import Projection
from app.engine.projection import projection as projection_of
from app.engine.references import label_join
from app.engine.refusals import BadQuery, TooSlow
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource
from app.engine.typed import as_words

DEFAULT_LIMIT, LEAST_LIMIT, MOST_LIMIT = 50, 10, 200
NARROWEST, WIDEST = 40, 1_000
"""Pixels."""
_DIALECT = _psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class ListQuery:
    """What an address asks of a list, every name checked against what this actor may see."""

    projection: Projection
    columns: tuple[Field, ...]
    order: tuple[tuple[str, bool], ...]
    """(field, descending)"""
    clauses: tuple[Clause, ...] = ()
    q: str = ""
    scope: str | None = None
    archived: bool = False
    merged: bool = False
    """Whether records merged into another are listed among the rest: where the filters ask about that themselves."""
    matching_any: bool = False
    """Whether one of the filters is enough, rather than all of them."""
    after: str | None = None
    before: str | None = None
    limit: int = DEFAULT_LIMIT
    exact: bool = False
    """Whether the person asked for an exact count."""
    widths: Mapping[str, int] = field(default_factory=dict)
    """Column -> its width in pixels, where somebody gave it one."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Field -> value set by the page itself, such as the record a related list belongs to."""
    only: tuple[int, ...] = ()
    """The records it is about, where it is about those alone: what of them stands in this list?"""
    kept: int | None = None
    """The number of a selection the server keeps (engine/kept.py): the list is about those records alone."""
    among: ColumnElement[bool] | None = field(default=None, compare=False)
    """Just these records, where some were selected."""

    @property
    def resource(self) -> Resource:
        return self.projection.resource

    @cached_property
    def sort_text(self) -> str:
        return ",".join(f"-{name}" if down else name for name, down in self.order)


@dataclass(frozen=True)
class Page:
    """One page of rows. A row is a tuple in the order of `query.columns`, then the extra columns of `extras`."""

    query: ListQuery
    rows: list[tuple[Any, ...]]
    layout: Layout
    previous: str | None
    next: str | None
    count: counting.Count | None = None


@dataclass(frozen=True)
class Layout:
    """Where a row keeps what: the index of each column's value, of its label, of the key and the title."""

    index: Mapping[str, int]
    labels: Mapping[str, int]
    key: int
    """The first column of the key; `keys` has them all, and is empty where rows have none."""
    title: int
    sort: tuple[int, ...]
    width: int
    keys: tuple[int, ...] = ()
    state: int = -1
    """Where the state stands by which a row's values may be closed to change; -1 where none is."""
    owner: int = -1
    """Where it stands whose a row is, for those who change only their own."""
    archived: int = -1


@dataclass(frozen=True)
class Prepared:
    """A compiled statement with the constants its conditions brought along."""

    sql: str
    constants: dict[str, Any]
    layout: Layout


def read_query(
    pairs: Sequence[tuple[str, str]],
    projection: Projection,
    zone: str,
    fixed: Mapping[str, Any] | None = None,
    columns: Sequence[str] = (),
    sort: str | None = None,
) -> ListQuery:
    """Read the list grammar. Unknown names, operators and values raise BadQuery with a sentence."""
    given = dict(pairs)
    names, widths = _measured(given.get("cols", ""))
    clauses = read_clauses(pairs, projection, zone, OURS)
    return ListQuery(
        projection=projection,
        columns=_columns(names, projection, columns),
        widths=widths,
        order=_order(given.get("sort") or sort or projection.resource.sort, projection),
        clauses=clauses,
        q=_words(given.get("q", "")),
        scope=_scope(given.get("scope"), projection.resource),
        archived=given.get("archived") == "1",
        merged=any(asks_of_merged(projection.resource, each) for each in clauses),
        matching_any=_matching_any(given.get("match", "")),
        after=given.get("after") or None,
        before=given.get("before") or None,
        limit=_limit(given.get("limit", "")),
        exact=given.get("count") == "exact",
        kept=_kept_selection(given.get("kept", "")),
        fixed=fixed or {},
    )


def asks_of_merged(resource: Resource, clause: Clause) -> bool:
    """Whether a filter speaks of records merged into another: it names their state, or what they were merged into."""
    merging, lifecycle = resource.merging, resource.lifecycle
    if merging is None or clause.via is not None:
        return False
    move = lifecycle.find(merging.move) if lifecycle and merging.move else None
    named = (
        lifecycle is not None and move is not None and clause.field.name == lifecycle.field and move.to in clause.values
    )
    return named or clause.field.name == merging.into


def _words(text: str) -> str:
    if "\x00" in text or len(text) > 200:
        raise BadQuery("Search for at most 200 ordinary characters.")
    return text.strip()


def _matching_any(text: str) -> bool:
    if text not in ("", "all", "any"):
        raise BadQuery("Filters match all or any.")
    return text == "any"


def _kept_selection(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadQuery("There is no such selection.")
    return int(text)


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not LEAST_LIMIT <= int(text[:9]) <= MOST_LIMIT:
        raise BadQuery(f"Rows per page go from {LEAST_LIMIT} to {MOST_LIMIT}.")
    return int(text)


def _scope(name: str | None, resource: Resource) -> str | None:
    if name and name not in resource.scopes:
        raise BadQuery(f"There is no ready-made list “{name[:60]}” here.")
    return name or None


def _measured(text: str) -> tuple[list[str], dict[str, int]]:
    """The columns of `cols=name:220,status`, and the widths some of them were given."""
    names, widths = [], {}
    for part in filter(None, text.split(",")):
        name, colon, width = part.rpartition(":")
        if not colon:
            names.append(part)
            continue
        if not width.isascii() or not width.isdigit() or not NARROWEST <= int(width[:9]) <= WIDEST:
            raise BadQuery(f"A column is {NARROWEST} to {WIDEST} wide.")
        names.append(name)
        widths[name] = int(width)
    return names, widths


def _columns(asked: Sequence[str], projection: Projection, wanted: Sequence[str]) -> tuple[Field, ...]:
    names = list(asked) or [name for name in wanted if name in projection.by_name]
    if not names:
        return projection.listed
    unknown = [name for name in names if name not in projection.by_name]
    if unknown:
        raise BadQuery(f"There is no column “{unknown[0][:60]}” here.")
    return tuple(projection.by_name[name] for name in dict.fromkeys(names))


def _order(text: str, projection: Projection) -> tuple[tuple[str, bool], ...]:
    order, keys = [], projection.resource.keys
    for part in text.split(",") if text else ():
        name, down = part.removeprefix("-").strip(), part.startswith("-")
        if name not in keys and name not in projection.sortable:
            if text == projection.resource.sort:
                continue  # the declared order leans on a field this role does not see
            raise BadQuery(f"This list cannot be sorted by “{name[:60]}”.")
        order.append((name, down))
    if len(order) > 4:
        raise BadQuery("Sort by at most four columns.")
    settled = tuple(dict(order).items()) or tuple((name, True) for name in keys)
    names = [name for name, _ in settled]
    # The key decides every tie, so what is asked for after it decides nothing, and a cursor always ends with the key.
    return settled[: max(map(names.index, keys)) + 1] if keys and set(keys) <= set(names) else settled


def fetch(connection: Connection, query: ListQuery, actor: Actor, count: bool = False) -> Page:
    """Read one page. `count` also counts, in a bounded way; a page that shows everything is its own count."""
    keys = sort_keys(query)
    if not keys:  # nothing tells these rows apart, so there is no further page to begin
        query = replace(query, after=None, before=None)
    reverse = query.before is not None
    cursor = query.before or query.after
    at_end = query.before == keyset.END
    place = keyset.decode(query.sort_text, cursor, len(keys)) if cursor and not at_end else None
    prepared = _prepared(query, actor, keys, place, reverse)
    given = prepared.constants | values(query, actor) | {"n": query.limit + 1}
    if place is not None:
        given |= {f"k{index}": value for index, value in enumerate(place)}
    rows = run(connection, prepared.sql, given)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    if reverse:
        rows.reverse()
    layout = prepared.layout
    edge = (more, place is not None) if not reverse else (not at_end, more)

    def at(row: tuple[Any, ...]) -> str:
        return keyset.encode(query.sort_text, [row[index] for index in layout.sort])

    page = Page(
        query,
        _masked(rows, query, layout),
        layout,
        previous=at(rows[0]) if rows and edge[1] else None,
        next=at(rows[-1]) if rows and edge[0] and keys else None,
    )
    if not count:
        return page
    whole = not cursor and not more
    found = counting.Count(len(rows), exact=True) if whole else counting.count(connection, query, actor)
    return Page(page.query, page.rows, layout, page.previous, page.next, found)


def nothing(query: ListQuery) -> Page:
    """The page of a list that could not be read, for the filters around it."""
    index = {each.name: 0 for each in query.columns}
    return Page(replace(query, after=None, before=None), [], Layout(index, {}, 0, 0, (), 0), None, None)


def run(connection: Connection, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Send a compiled statement straight to psycopg: on a list the driver's own rows are all that is wanted."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
        return cast(list[tuple[Any, ...]], cursor.fetchall())
    except pg.FeatureNotSupported:  # a column was given another type under a statement prepared before
        cursor.execute(sql, values, prepare=False)
        return cast(list[tuple[Any, ...]], cursor.fetchall())
    except pg.DataError as fault:
        raise BadQuery("This page's address holds a value the list cannot read. Start from the first page.") from fault
    except pg.QueryCanceled:
        raise TooSlow(
            "The database was still looking when its time was up, so it was stopped. Narrow it with a filter."
        ) from None
    finally:
        cursor.close()


def sort_keys(query: ListQuery) -> list[SortKey]:
    """The order as columns, closed by the key in the first column's direction so that one index serves both."""
    resource, keys = query.resource, []
    for name, down in query.order:
        column = resource.expression(name)
        keys.append(SortKey(name, column, down, bool(getattr(column, "nullable", True))))
    asked = dict(query.order)
    for name in resource.keys:
        if name not in asked:
            keys.append(SortKey(name, resource.table.c[name], bool(keys) and keys[0].descending, False))
    return keys


_kept: dict[Any, Prepared] = {}


def _prepared(query: ListQuery, actor: Actor, keys: list[SortKey], place: list[Any] | None, reverse: bool) -> Prepared:
    nulls = None if place is None else tuple(value is None for value in place)
    scope = query.resource.scopes.get(query.scope) if query.scope else None
    if callable(scope) or query.among is not None:
        return prepare(query, actor, keys, nulls, reverse)
    shape = (*shape_of(query, actor), tuple(each.name for each in query.columns), nulls, reverse)
    found = _kept.get(shape)
    if found is None:
        if len(_kept) > 2_000:
            _kept.clear()
        found = _kept[shape] = prepare(query, actor, keys, nulls, reverse)
    return found


def shape_of(query: ListQuery, actor: Actor) -> tuple[Any, ...]:
    """What decides the SQL of a list's conditions and order apart from values, so that compiled statements can be kept."""
    return (
        query.resource.identity,
        query.sort_text,
        tuple(clause.shape for clause in query.clauses),
        bool(query.q),
        bool(query.only),
        query.kept is not None,
        query.scope,
        query.archived,
        query.merged,
        query.matching_any,
        tuple(query.fixed),
        actor.permissions,
    )


def prepare(
    query: ListQuery, actor: Actor, keys: list[SortKey], nulls: tuple[bool, ...] | None, reverse: bool
) -> Prepared:
    """Build and compile the statement of one shape."""
    inner, layout = _cut(query, actor, keys, nulls, reverse)
    page = inner.subquery("page")
    columns, sources, labels = _labelled(query, page, layout)
    order = keyset.ordering(keys, [page.c[f"s{index}"] for index in range(len(keys))], reverse, split=False)
    statement = select(*columns).select_from(sources).order_by(*order)
    sql, constants = compiled(statement)
    return Prepared(sql, constants, replace(layout, labels=labels, width=len(columns)))


def prepare_all(query: ListQuery, actor: Actor, keys: list[SortKey]) -> Prepared:
    """The statement of the whole list, for an export: no page, no cursor, labels joined to every row."""
    inner, layout = _cut(replace(query, after=None, before=None), actor, keys, None, False, whole=True)
    every = inner.subquery("page")
    columns, sources, labels = _labelled(query, every, layout)
    order = keyset.ordering(keys, [every.c[f"s{index}"] for index in range(len(keys))], False, split=False)
    sql, constants = compiled(select(*columns).select_from(sources).order_by(*order))
    return Prepared(sql, constants, replace(layout, labels=labels, width=len(columns)))


def compiled(statement: Any) -> tuple[str, dict[str, Any]]:
    """SQL text and the constants in it; parameters without a value are left for the request to fill in."""
    built = statement.compile(dialect=_DIALECT)
    # IN lists are spelled out here, once, since nobody is there later to do it.
    ready = built.construct_expanded_state({name: None for name, value in built.params.items() if value is None})
    return ready.statement, {name: value for name, value in ready.parameters.items() if value is not None}


def _cut(
    query: ListQuery,
    actor: Actor,
    keys: list[SortKey],
    nulls: tuple[bool, ...] | None,
    reverse: bool,
    whole: bool = False,
) -> tuple[Any, Layout]:
    """The page itself, before labels: own columns, then key, title, version, subject types and sort values."""
    resource = query.resource
    columns: list[ColumnElement[Any]] = []
    index: dict[str, int] = {}
    for each in query.columns:
        index[each.name] = len(columns)
        columns.append(shown(resource, each).label(f"c{len(columns)}"))
    key = len(columns)
    for name in resource.keys:
        columns.append(resource.table.c[name].label(f"c{len(columns)}"))
    own = tuple(range(key, len(columns)))
    title = index.get(resource.title)
    if title is None:
        title = len(columns)
        columns.append(resource.expression(resource.title).label(f"c{title}"))
    for each in query.columns:
        if isinstance(each, SubjectLink):
            index["subject_type"] = len(columns)
            columns.append(resource.table.c["subject_type"].label(f"c{len(columns)}"))
    closing = [-1, -1, -1]
    for place, closes in enumerate(() if whole else _closing(query)):
        if closes:
            closing[place] = index[closes] if closes in index else len(columns)
            if closes not in index:
                columns.append(resource.table.c[closes].label(f"c{len(columns)}"))
    start = len(columns)
    columns += [each.column.label(f"s{position}") for position, each in enumerate(keys)]
    layout = Layout(index, {}, key, title, tuple(range(start, len(columns))), len(columns), own, *closing)

    statement = select(*columns).where(*conditions(query, actor))
    if whole:
        return statement, layout
    limit: Any = bindparam("n")
    if not keys:
        return statement.limit(limit), layout
    if not keys[0].nullable or keys[0].name in query.fixed:
        if nulls is not None:
            statement = statement.where(keyset.beyond(keys, nulls, reverse, filled_first=True))
        return statement.order_by(*_order_columns(keys, reverse, split=True)).limit(limit), layout
    return _two_stretches(statement, keys, nulls, reverse, limit), layout


def _closing(query: ListQuery) -> tuple[str | None, ...]:
    """The columns that tell which values of a row are closed to change: its state, its owner, whether it is archived."""
    view, resource = query.projection, query.resource
    if not view.in_place:
        return ()
    lifecycle = resource.lifecycle
    return (
        lifecycle.field if lifecycle and lifecycle.frozen else None,
        None if view.may("write") else resource.own,
        "archived_at" if resource.archivable and query.archived else None,
    )


def _two_stretches(
    statement: Select[Any], keys: list[SortKey], nulls: tuple[bool, ...] | None, reverse: bool, limit: Any
) -> Any:
    first = keys[0].column
    filled = statement.where(first.is_not(None))
    empty = statement.where(first.is_(None))
    if nulls is not None:
        past = keyset.beyond(keys, nulls, reverse, filled_first=True)
        if nulls[0]:
            filled, empty = (
                filled.where(true() if reverse else false()),
                empty.where(_within_empty(keys, nulls, reverse)),
            )
        else:
            filled, empty = filled.where(past), empty.where(false() if reverse else true())
    both = union_all(
        filled.order_by(*_order_columns(keys, reverse, split=True)).limit(limit).subquery().select(),
        empty.order_by(*_order_columns(keys[1:], reverse, split=False)).limit(limit).subquery().select(),
    ).subquery()
    order = keyset.ordering(keys, [both.c[f"s{index}"] for index in range(len(keys))], reverse, split=False)
    return select(both).order_by(*order).limit(limit)


def _within_empty(keys: list[SortKey], nulls: tuple[bool, ...], reverse: bool) -> ColumnElement[bool]:
    """Within the empty stretch the first column ties, so the rest of the order decides; parameters keep their numbers."""
    steps = []
    for index in range(1, len(keys)):
        ties = [keyset.same(i, keys[i], nulls[i]) for i in range(1, index)]
        steps.append(and_(*ties, keyset.further(index, keys[index], nulls[index], reverse, keys[index].nullable)))
    return or_(*steps)


def _order_columns(keys: Sequence[SortKey], reverse: bool, split: bool) -> list[Any]:
    return keyset.ordering(keys, [each.column for each in keys], reverse, split)


def shown(resource: Resource, each: Field) -> ColumnElement[Any]:
    """What the list asks of a column; of a secret only whether there is one."""
    expression = resource.expression(each.name)
    return expression.is_not(None) if isinstance(each, Secret) else expression


def conditions(query: ListQuery, actor: Actor) -> list[ColumnElement[bool]]:
    """Everything that narrows the list: tenant, own rows, archive, scope, filters, search, fixed values."""
    return [*held(query, actor), *narrowing(query, actor).values()]


def held(query: ListQuery, actor: Actor) -> list[ColumnElement[bool]]:
    """What holds for every list here whatever is asked of it: tenant, own rows, archive, what was merged, fixed values."""
    resource = query.resource
    found = list(row_scope(query.projection, actor))
    if query.among is not None:
        found.append(query.among)
    if resource.archivable and not query.archived:
        found.append(resource.table.c["archived_at"].is_(None))
    if resource.merged_into and not (query.archived or query.merged):
        found.append(resource.table.c[resource.merged_into].is_(None))
    for name in query.fixed:
        found.append(resource.table.c[name] == bindparam(f"x_{name}", type_=resource.table.c[name].type))
    if query.kept is not None:
        found.append(kept.among(resource))
    if query.only:
        found.append(resource.table.c[resource.keys[0]] == any_(bindparam("only", type_=ARRAY(BigInteger))))
    return found


def narrowing(query: ListQuery, actor: Actor) -> dict[str, ColumnElement[bool]]:
    """What was asked, piece by piece: "scope", "q", a group's name, a single filter's place ("0", "1", ...), or "any"
    for all filters of a list of which one is enough. A row is listed when each piece holds.
    """
    resource = query.resource
    found: dict[str, ColumnElement[bool]] = {}
    if query.scope:
        scope = resource.scopes[query.scope]
        found["scope"] = scope(actor) if callable(scope) else scope
    filtered = _filtered(query, actor)
    if query.matching_any and filtered:
        found["any"] = or_(*filtered.values())
    else:
        found |= filtered
    if query.q:
        searched = query.projection.searched
        found["q"] = or_(
            false(), *(as_words(resource.expression(name)).ilike(bindparam("q"), escape="\\") for name in searched)
        )
    return found


def _filtered(query: ListQuery, actor: Actor) -> dict[str, ColumnElement[bool]]:
    """Each filter that stands by itself, and each group as one."""
    alone: dict[str, ColumnElement[bool]] = {}
    groups: dict[str, list[ColumnElement[bool]]] = {}
    for position, clause in enumerate(query.clauses):
        asked = _asked(query, clause, position, actor)
        if clause.group:
            groups.setdefault(clause.group, []).append(asked)
        else:
            alone[str(position)] = asked
    return alone | {name: or_(*each) if name.startswith("any") else and_(*each) for name, each in groups.items()}


def _asked(query: ListQuery, clause: Clause, position: int, actor: Actor) -> ColumnElement[bool]:
    """One filter; one by a field of the record pointed at looks only among those the actor may see."""
    resource, name = query.resource, f"f{position}"
    if clause.via is None:
        return condition(clause, resource.expression(clause.field.name), name)
    target = target_of(clause.via)
    assert target is not None
    there = (
        select(target.table.c[clause.via.by])
        .where(*row_scope(projection_of(target, actor), actor))
        .where(condition(clause, target.expression(clause.field.name), name))
        .correlate(None)
    )
    return resource.expression(clause.via.name).in_(there)


def row_scope(projection: Projection, actor: Actor) -> list[ColumnElement[bool]]:
    """Which rows this actor may see at all, with parameters `tenant` and `me`."""
    resource = projection.resource
    found = []
    tenant: Any = bindparam("tenant")
    of_tenant = resource.in_tenant(tenant, platform=actor.may("platform.read"))
    if of_tenant is not None:
        found.append(of_tenant)
    if not projection.reads_all:
        own = resource.table.c[resource.own] if resource.own and projection.reads_own else None
        mine: ColumnElement[bool] = false() if own is None else own == bindparam("me")
        found.append(or_(mine, own.is_(None)) if own is not None and resource.shares else mine)
    if resource.seen is not None:
        found.append(resource.seen(actor))
    if resource.declared and resource.by_subject:
        found.append(seen_subjects(resource.table.c, actor))
    return found


def seen_subjects(columns: Any, actor: Actor) -> ColumnElement[bool]:
    """That the record a row is about (`subject_type`, `subject_id`) is one this actor sees, with parameter `me`."""
    if actor.may("*.*"):
        return true()
    views = [projection_of(each, actor) for each in REGISTRY]
    seen: list[ColumnElement[bool]] = [
        columns["subject_type"].in_([view.resource.name for view in views if view.reads_all])
    ]
    for view in views:
        if not view.reads_all and view.reads_own:
            rows = view.resource.table
            own = rows.c[view.resource.own or "id"] == bindparam("me")
            mine = select(rows.c.id).where(rows.c.id == columns["subject_id"], own).correlate_except(rows).exists()
            seen.append(and_(columns["subject_type"] == view.resource.name, mine))
    return or_(*seen)


def values(query: ListQuery, actor: Actor) -> dict[str, Any]:
    """What the request fills into a kept statement."""
    given: dict[str, Any] = {"tenant": actor.tenant_id, "me": actor.app_user_id}
    for position, clause in enumerate(query.clauses):
        given |= parameters(clause, f"f{position}", actor.timezone)
    for name, value in query.fixed.items():
        given[f"x_{name}"] = value
    if query.only:
        given["only"] = list(query.only)
    if query.kept is not None:
        given["kept"] = query.kept
    if query.q:
        given["q"] = like(query.q)
    return given


def _labelled(query: ListQuery, page: Subquery, layout: Layout) -> tuple[list[ColumnElement[Any]], Any, dict[str, int]]:
    """Join the titles of references to the finished page."""
    columns: list[ColumnElement[Any]] = list(page.c)
    sources: Any = page
    labels: dict[str, int] = {}
    for each in query.columns:
        if not isinstance(each, Reference):
            continue
        joined = label_join(each, page.c[layout.index[each.name]], query.projection.permissions)
        if joined is None:
            continue
        target, on, label = joined
        sources = sources.outerjoin(target, on)
        labels[each.name] = len(columns)
        columns.append(label)
    return columns, sources, labels


def _masked(rows: list[tuple[Any, ...]], query: ListQuery, layout: Layout) -> list[tuple[Any, ...]]:
    """Put masks in the place of personal values before anything else sees them."""
    view, title = query.projection, query.resource.title
    hidden = [(layout.index[each.name], each.mask) for each in query.columns if each.name in view.masked]
    if title in view.masked and title not in layout.index:
        hidden.append((layout.title, view.by_name[title].mask))
    if not hidden:
        return rows
    masked = []
    for row in rows:
        cells = list(row)
        for index, mask in hidden:
            cells[index] = mask(cells[index])
        masked.append(tuple(cells))
    return masked
