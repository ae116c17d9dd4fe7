"""References: the label joined in the list's own statement, and the picker that searches instead of listing a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, cast, false, literal, or_, select
from sqlalchemy import String as SqlString

from app.engine.access import Actor, holds
from app.engine.fields import Reference
from app.engine.filters import like
from app.engine.projection import projection, seen_with
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource


@dataclass(frozen=True)
class Choice:
    """One record offered by a picker, with enough beside its title to tell two alike apart."""

    key: Any
    label: str
    detail: str


def shows_label(name: str, permissions: frozenset[str]) -> bool:
    """Whether the title of a record of that resource may be shown where it is only referred to; a personal one is masked."""
    target = REGISTRY.get(name)
    return target is not None and shows_title(target, permissions)


@lru_cache(maxsize=4096)
def shows_title(target: Resource, permissions: frozenset[str]) -> bool:
    """The same of the resource itself."""
    if target.open_title:
        return True
    return holds(permissions, target.permission("read")) and not hides_title(target, permissions)


def hides_title(resource: Resource, permissions: frozenset[str]) -> bool:
    """Whether what names a record to others, such as an e-mail address, is personal data to this reader."""
    return resource.title in seen_with(resource, permissions).masked


def label_of(resource: Resource, columns: Any) -> ColumnElement[Any]:
    """The title of a record as SQL, over `columns` of the table or an alias of it; a record without one shows its key."""
    title = columns[resource.title] if resource.title in columns else columns[resource.keys[0]]
    return cast(title, SqlString)


def label_join(
    field: Reference, column: ColumnElement[Any], permissions: frozenset[str]
) -> tuple[Any, Any, Any] | None:
    """(aliased table, ON condition, label) to hang on a page of rows; None where the label may not be seen."""
    target = target_of(field)
    if target is None or not shows_title(target, permissions):
        return None
    alias = _aliased(target.table, f"r_{field.name}")
    return alias, alias.c[field.by] == column, label_of(target, alias.c).label(f"l_{field.name}")


@lru_cache(maxsize=2048)
def _aliased(table: FromClause, name: str) -> Any:
    """A table under another name; kept, for it takes a copy of every column, and a list has a few of them."""
    return table.alias(name)


def lookup(
    connection: Connection, resource: Resource, actor: Actor, text: str, limit: int = 12, by: str = "id"
) -> list[Choice]:
    """Records whose title, code or searched fields hold `text`, in order of title; blank gives the first few.

    `by` is the column whose value a reference keeps.
    """
    from app.engine.listing import row_scope

    view = projection(resource, actor)
    table = resource.table
    detail = resource.code if resource.code in view.by_name and resource.code not in view.masked else None
    hidden = hides_title(resource, actor.permissions)
    label: Any = literal(None) if hidden else label_of(resource, table.c)
    statement = select(table.c[by], label, cast(table.c[detail], SqlString) if detail else literal("")).where(
        *_visible(resource, actor, row_scope(view, actor))
    )
    if resource.archivable:
        statement = statement.where(table.c.archived_at.is_(None))
    if resource.merged_into:
        statement = statement.where(table.c[resource.merged_into].is_(None))
    if text:
        names = dict.fromkeys((*([] if hidden else [resource.title]), *([detail] if detail else []), *view.searched))
        pattern = like(text)
        # Only what is text already: a cast would keep the search from its index.
        hits = [
            table.c[name].ilike(pattern, escape="\\")
            for name in names
            if name in table.c and isinstance(table.c[name].type, SqlString)
        ]
        is_key = text.isascii() and text.isdigit() and len(text) < 18 and isinstance(table.c[by].type, BigInteger)
        statement = statement.where(or_(false(), *hits, *([table.c[by] == int(text)] if is_key else [])))
    order = table.c[by] if hidden else table.c.get(resource.title, table.c[by])
    rows = connection.execute(
        statement.order_by(order, table.c[by]).limit(limit), {"tenant": actor.tenant_id, "me": actor.app_user_id}
    )
    return [Choice(key, label or f"#{key}", extra or "") for key, label, extra in rows]


def pickable(connection: Connection, resource: Resource, actor: Actor, key: Any, by: str = "id") -> str | None:
    """The title of one record a picker would offer; None where this actor may not pick it or there is none."""
    from app.engine.listing import row_scope

    hidden = hides_title(resource, actor.permissions)
    label: Any = literal(None) if hidden else label_of(resource, resource.table.c)
    statement = select(resource.table.c[by], label).where(
        resource.table.c[by] == key, *_visible(resource, actor, row_scope(projection(resource, actor), actor))
    )
    row = connection.execute(statement.limit(1), {"tenant": actor.tenant_id, "me": actor.app_user_id}).first()
    return None if row is None else row[1] or f"#{key}"


def _visible(resource: Resource, actor: Actor, scope: list[Any]) -> list[Any]:
    """A colleague's name may be picked without the right to read colleagues' records; any other record may not."""
    if resource.open_title:
        mine = resource.in_tenant(actor.tenant_id, platform=False)
        return [] if mine is None else [mine]
    return scope


def labels(
    connection: Connection, resource: Resource, actor: Actor, keys: Sequence[Any], by: str = "id"
) -> dict[Any, str]:
    """Titles by key, for chips and histories; keys that may not be named are left out."""
    if not keys or not shows_title(resource, actor.permissions):
        return {}
    key = resource.table.c[by]
    statement = select(key, label_of(resource, resource.table.c)).where(key.in_(keys))
    mine = resource.in_tenant(actor.tenant_id, platform=actor.may("platform.read"))
    if mine is not None:
        statement = statement.where(mine)
    return {key: label or f"#{key}" for key, label in connection.execute(statement)}
