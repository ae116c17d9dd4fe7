"""What needs a second person before it happens: declared rules by kind of act, and the question whether one applies.

A rule says who decides and above what it asks; the company's own limits stand in its settings, which the tenant's form
edits. What is asked, decided and carried out stands in `approvals`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.refusals import NotAllowed

if TYPE_CHECKING:
    from app.engine.resource import Resource
    from app.engine.states import Moving


EVERYTHING = "*.*"


@dataclass(frozen=True)
class Rule:
    """One kind of act that two people do: one asks, another decides."""

    kind: str
    """A word of `approval_requests.kind`."""
    decides: str
    """The permission of who may decide it."""
    act: str
    """The act as a clause begins with it: "Writing off money"."""
    risk: str = "medium"
    setting: str | None = None
    """Where a company keeps its own limit, in `tenants.settings`."""
    above: Decimal | None = None
    """Amounts or numbers of records above this need it where the company set nothing; None means every one does."""
    on_money_only: bool = False
    """Asked only where the table's rows are money."""
    owner_alone: bool = False
    """Whether whoever holds everything does it without asking, since nobody is above them."""
    when_somebody_can: bool = False
    """Asked only where there is a second person to decide it: a company of one could otherwise never take in a second."""


@dataclass(frozen=True)
class Need:
    """That an act needs a second person, with what the person who wants it is told."""

    rule: Rule
    sentence: str
    amount: Decimal | None = None
    currency: str | None = None
    size: int = 1

    @property
    def kind(self) -> str:
        return self.rule.kind


@dataclass(frozen=True)
class Approval:
    """Beside a move or an action: by which rule it needs a second person."""

    kind: str
    amount: str | None = None
    """The field with the money at stake."""
    when: Callable[[Moving], str | None] = field(default=lambda moving: "")
    """None where this record's move needs nobody; else what to say of it, or "" for the rule's own words."""


class NeedsApproval(NotAllowed):
    """The act is allowed, but only with a second person: it is asked for, not done."""

    def __init__(self, need: Need, sentence: str | None = None) -> None:
        super().__init__(sentence or f"{need.sentence} Nothing was done yet.")
        self.need = need


RULES: dict[str, Rule] = {}


def declare(*rules: Rule) -> None:
    """Put rules in force; called once, where a domain says what it guards."""
    RULES.update((each.kind, each) for each in rules)


def needed(
    connection: Connection,
    actor: Actor,
    kind: str,
    *,
    size: int = 1,
    amount: Decimal | None = None,
    currency: str | None = None,
    resource: Resource | None = None,
    why: str = "",
    whatever: bool = False,
) -> Need | None:
    """Whether this act of this actor needs a second person, or None when it may simply be done.

    `size` is how many records it changes, `amount` the money at stake; `resource` the table, where it is one. `whatever`
    asks whatever table it is.
    """
    rule = RULES[kind]
    if rule.on_money_only and not whatever and not (resource is not None and resource.of_money):
        return None
    if actor.kind == "system" or (rule.owner_alone and actor.may(EVERYTHING)):
        return None
    limit = _limit(connection, actor.tenant_id, rule)
    measured = Decimal(size) if amount is None else abs(amount)
    if limit is not None and measured <= limit:
        return None
    if rule.when_somebody_can and not deciders(connection, actor.tenant_id, rule.decides, but=actor.app_user_id):
        return None
    return Need(rule, why or f"{rule.act} needs a second person.", amount, currency, size)


def needed_to_move(approval: Approval | None, moving: Moving) -> Need | None:
    """The same of a move of one record."""
    if approval is None:
        return None
    why = approval.when(moving)
    if why is None:
        return None
    amount = moving.record[approval.amount] if approval.amount else None
    currency = moving.record.get("currency") if approval.amount else None
    return needed(moving.connection, moving.actor, approval.kind, amount=amount, currency=currency, why=why)


def _limit(connection: Connection, tenant_id: int, rule: Rule) -> Decimal | None:
    if rule.setting is None:
        return rule.above
    settings = connection.execute(_SETTINGS, {"tenant": tenant_id}).scalar()
    wish = settings.get(rule.setting) if isinstance(settings, Mapping) else None
    if wish is None or isinstance(wish, bool):
        return rule.above
    try:
        limit = Decimal(str(wish))
    except InvalidOperation:
        return rule.above
    return limit if limit.is_finite() and limit >= 0 else rule.above


_SETTINGS = text("SELECT settings FROM tenants WHERE id = :tenant")


def deciders(connection: Connection, tenant_id: int, permission: str, but: int | None = None) -> list[tuple[int, str]]:
    """(app_users.id, name) of everyone who may decide what names this permission and is not `but`."""
    people = _directory[0].everybody(connection, tenant_id)
    return [(each.app_user_id or 0, each.name) for each in people if each.app_user_id != but and each.may(permission)]


def among_them(people: Iterable[tuple[int, str]], most: int = 3) -> str:
    """Names as a sentence carries them: "Dana Whitfield, Marcus Brandt and 2 more"."""
    names = [name for _key, name in people]
    if len(names) <= 1:
        return names[0] if names else "nobody yet"
    if len(names) <= most:
        return f"{', '.join(names[:-1])} or {names[-1]}"
    return f"{', '.join(names[:most])} or {len(names) - most} more"


def person(connection: Connection, app_user_id: int | None) -> Actor | None:
    """Somebody with the rights they hold at this moment; None when they may not work here any more."""
    return _directory[0].person(connection, app_user_id) if app_user_id is not None else None


def everybody(connection: Connection, tenant_id: int) -> list[Actor]:
    """Everyone who can sign in to a company, with the rights they hold at this moment."""
    return list(_directory[0].everybody(connection, tenant_id))


class Directory(Protocol):
    """Who works here and what they may, which the engine itself does not know."""

    def everybody(self, connection: Connection, tenant_id: int) -> Iterable[Actor]:
        """Everyone who can sign in to a company, by name."""

    def person(self, connection: Connection, app_user_id: int) -> Actor | None:
        """One of them, or None."""


_directory: list[Directory] = []


def ask_of(directory: Directory) -> None:
    """Ask this directory who may decide; called once, by whoever keeps the people."""
    _directory[:] = [directory]
