"""The statement of a search: for each resource a few short walks along indexes, cut early, all in one round trip.

Eighty resources make a long statement, so it is put together from text with the names the registry gave, once for each
bundle of permissions and kind of question; what a person typed is only ever bound to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.dialects.postgresql import psycopg as _psycopg

from app.engine.access import Actor
from app.engine.listing import compiled, row_scope
from app.engine.search.places import Place, by_reference
from app.engine.search.question import TITLE, Question

CANDIDATES = 200
"""So many rows of one resource are weighed against each other; who meant another one says more."""
EXACT, BEGINS, WORD, TITLED, ELSEWHERE = range(5)
"""How well a record answers, best first."""

_quote: Callable[[str], str] = _psycopg.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
_kept: dict[Any, tuple[str, dict[str, Any]]] = {}
_scopes: dict[Any, tuple[str, dict[str, Any]]] = {}


def prepared(
    asked: Question, among: Sequence[Place], actor: Actor, *, narrowed: bool = False, only: str = ""
) -> tuple[str, dict[str, Any]]:
    """SQL and constants; no SQL where nothing can answer such a question.

    `narrowed`: one kind of record was named. `only`: look by nothing but the `code`, or the database's own `key`.
    """
    shape = (asked.shape, tuple(each.resource.name for each in among), narrowed, only, actor.permissions)
    kept = _kept.get(shape)
    if kept is None:
        if len(_kept) > 1_000:
            _kept.clear()
        branches: list[str] = []
        constants: dict[str, Any] = {}
        for place, each in enumerate(among):
            parts = _parts(asked, each, actor, narrowed, only)
            if parts:
                scope, brought = _scope(each, actor)
                constants |= brought
                both = "\nUNION ALL ".join(f"({part})" for part in parts).replace("{scope}", scope)
                # A later part is not even begun when an earlier one has filled the room.
                branches.append(f"(SELECT {place}, found.* FROM ({both}) AS found LIMIT %(room)s)")
        kept = _kept[shape] = ("\nUNION ALL\n".join(branches), constants)
    return kept


def _parts(asked: Question, where: Place, actor: Actor, narrowed: bool, only: str) -> list[str]:
    if only == "key":
        return [_by_key(where, EXACT)]
    if only == "code":
        return [_by_code(where)] if where.code else []
    if asked.e_mail:
        return [_by_words(asked, where, where.e_mails)] if where.e_mails and asked.long else []
    parts = []
    if (asked.code or asked.grouped) and where.code:  # another program's numbers may look like a telephone's
        parts.append(_by_code(where))
    if asked.phone and where.phones:
        parts.append(_by_phone(where))
    if asked.grouped:
        return parts
    if where.title:
        parts.append(_by_start(where))
    if asked.long and where.words:
        # An address of mail is not what somebody means who types a number.
        among = [name for name in where.words if not (asked.code and name in where.e_mails)]
        parts += [_by_words(asked, where, among)] if among else []
        if narrowed:
            parts += [_by_reference(asked, where, each.name, target, actor) for each, target in by_reference(where)]
    if narrowed and asked.key is not None:
        parts.append(_by_key(where, WORD))
    return parts


def _scope(where: Place, actor: Actor) -> tuple[str, dict[str, Any]]:
    """The rows this actor may read, as text; worked out once for all who look at the table alike."""
    alike = (where.resource.name, actor.may("platform.read"), where.view.reads_all, where.view.reads_own)
    found = _scopes.get(alike)
    if found is None:
        found = _scopes[alike] = _condition(where, actor)
    return found


def _condition(where: Place, actor: Actor) -> tuple[str, dict[str, Any]]:
    conditions = list(row_scope(where.view, actor))
    if where.resource.archivable:
        conditions.append(where.resource.table.c.archived_at.is_(None))
    if not conditions:
        return "true", {}
    sql, constants = compiled(select(true()).select_from(where.resource.table).where(*conditions))
    return f"({sql.partition('WHERE ')[2]})", constants


def _name(where: Place, column: str) -> str:
    return f"{_quote(where.resource.name)}.{_quote(column)}"


def _from(where: Place) -> str:
    return _quote(where.resource.name)


def _head(where: Place, tier: str) -> str:
    return f"SELECT {_name(where, 'id')} AS key, {tier} AS tier, 1.0::float8 AS score, {_recency(where)} AS recency"


def _recency(where: Place) -> str:
    return _name(where, where.recency) if where.recency else "NULL::timestamptz"


def _by_key(where: Place, tier: int) -> str:
    return f"{_head(where, str(tier))} FROM {_from(where)} WHERE {_name(where, 'id')} = %(key)s AND {{scope}}"


def _by_code(where: Place) -> str:
    """The number itself: as it was typed, or its digits in the way this company counts, 417 for C-00417."""
    assert where.code
    column = _name(where, where.code)
    hits = f"{column} = ANY(%(code)s)"
    if where.resource.numbered:
        hits += (
            f" OR {column} = (SELECT prefix || lpad(%(digits)s::text, greatest(padding, length(%(digits)s::text)), '0')"
            f" FROM number_sequences WHERE tenant_id = %(tenant)s AND kind = '{where.resource.numbered}'"
            " AND upper(prefix) LIKE %(letters)s)"
        )
    return f"{_head(where, str(EXACT))} FROM {_from(where)} WHERE ({hits}) AND {{scope}} LIMIT %(room)s"


def _by_phone(where: Place) -> str:
    columns = [_name(where, name) for name in where.phones]
    same = " OR ".join(f"{each} = %(e164)s" for each in columns)
    hits = " OR ".join(f"{each} LIKE %(phone)s" for each in columns)
    tier = f"CASE WHEN {same} THEN {EXACT} ELSE {WORD} END"
    return f"{_head(where, tier)} FROM {_from(where)} WHERE ({hits}) AND {{scope}} LIMIT %(room)s"


def _by_start(where: Place) -> str:
    """Names that begin so, by walking the index of migration 0027 from the first that does."""
    assert where.title
    begins = f'lower("left"({_name(where, where.title)}, {TITLE})) COLLATE "C"'
    return (
        f"{_head(where, f'CASE WHEN {begins} = %(whole)s THEN {EXACT} ELSE {BEGINS} END')} FROM {_from(where)}"
        f" WHERE {begins} >= %(whole)s AND {begins} < %(beyond)s AND {{scope}} ORDER BY {begins} LIMIT %(room)s"
    )


def _by_words(asked: Question, where: Place, among: Sequence[str]) -> str:
    """Rows in which every word occurs somewhere: the best of the first so many."""
    columns = [_name(where, name) for name in among]
    hits = " AND ".join(
        f"({' OR '.join(f'{each} ILIKE %(w{word})s' for each in columns)})" for word in range(len(asked.long))
    )
    named = _name(where, where.title) if where.title and where.title in among else columns[0]
    code = _name(where, where.code) if where.code and where.code in among else "NULL::text"
    titled = (
        f"WHEN ' ' || named ILIKE %(inner)s THEN {WORD} WHEN named ILIKE ALL(%(every)s) THEN {TITLED}"
        if where.title in among
        else ""
    )
    return (
        f"SELECT key, CASE WHEN code ILIKE %(start)s THEN {BEGINS} WHEN code LIKE %(tail)s THEN {WORD} {titled}"
        f" ELSE {ELSEWHERE} END AS tier, word_similarity(%(plain)s, coalesce(named, ''))::float8 AS score, recency FROM"
        f" (SELECT {_name(where, 'id')} AS key, {named} AS named, {code} AS code, {_recency(where)} AS recency"
        f" FROM {_from(where)} WHERE {hits} AND {{scope}} LIMIT {CANDIDATES}) AS first"
        " ORDER BY tier, score DESC, recency DESC NULLS LAST, key DESC LIMIT %(room)s"
    )


def _by_reference(asked: Question, where: Place, name: str, target: Place, actor: Actor) -> str:
    """Records that belong to somebody so called: of "inv bluestem" the invoices of Bluestem, newest first."""
    assert target.title
    called = " AND ".join(f"{_name(target, target.title)} ILIKE %(w{word})s" for word in range(len(asked.long)))
    theirs = _scope(target, actor)[0]
    return (
        f"SELECT mine.id AS key, {ELSEWHERE} AS tier, 0.0::float8 AS score, mine.recency FROM"
        f" (SELECT {_name(target, 'id')} AS id FROM {_from(target)} WHERE {called} AND {theirs} LIMIT {CANDIDATES // 4})"
        f" AS named CROSS JOIN LATERAL (SELECT {_name(where, 'id')} AS id, {_recency(where)} AS recency"
        f" FROM {_from(where)} WHERE {_name(where, name)} = named.id AND {{scope}} LIMIT {CANDIDATES}) AS mine"
        " ORDER BY mine.recency DESC NULLS LAST LIMIT %(room)s"
    )
