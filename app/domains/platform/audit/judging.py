"""From what is declared and what is there to a line of the report: built, reachable, used, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from app.core.formats import MONTHS
from app.domains.platform.audit.features import Feature, Use
from app.domains.platform.audit.known import Known
from app.domains.platform.audit.pages import Page
from app.domains.platform.audit.report import FeatureLine, Line
from app.domains.platform.audit.using import MOST, Changes, Counted
from app.engine.registry import REGISTRY

ALONE = frozenset({"owner", "worker"})
"""Roles that say nothing of who reaches a thing: one may do everything, and nobody signs in as the other."""
NAMED = 4
"""Of a list of names that a sentence bears."""


def judge(
    feature: Feature,
    known: Known,
    count: Callable[[Use], Counted | None],
    ledger: Mapping[str, Changes] | None,
) -> FeatureLine:
    """The line of one feature or category."""
    found = [part for part in feature.parts if known.has(part)]
    missing = tuple(part.words for part in feature.parts if part not in found)
    tables = [name for name in feature.tables if name in known.tables]
    gone = [name for name in feature.tables if name not in known.tables]
    built = "none" if not found else "some" if missing or gone else "all"
    pages = _pages(feature, known)
    open_to = {role.key for each in pages for role in known.who_opens(each)} - ALONE
    used_by, used = _use(feature, count, ledger)
    return FeatureLine(
        key=feature.key,
        name=feature.name,
        about=feature.about,
        number=feature.number,
        built=built,
        found=len(found),
        of=len(feature.parts),
        missing=missing + tuple(f"table {name}" for name in gone),
        reachable=bool(open_to),
        used=used,
        built_by=tuple(_built(feature, known, tables, found)),
        reached_by=tuple(_reach(pages, open_to, known)),
        used_by=used_by,
    )


def _built(feature: Feature, known: Known, tables: list[str], found: list) -> list[Line]:  # type: ignore[type-arg]
    lines = []
    if feature.tables:
        entries = [known.tables[name] for name in tables]
        rows = sum(each.facts.rows_estimate or 0 for each in entries)
        bare = [each.facts.name for each in entries if each.verdict == "empty"]
        holds = f"; without a row: {_listed(bare)}" if bare else ", each with rows" if entries else ""
        names = ",".join(quote(each.qualified) for each in entries)
        lines.append(
            Line(
                f"{len(tables)} of {_counted(len(feature.tables), 'table')} there, about {rows:,} rows{holds}.",
                f"/explorer?qualified.in={names}" if names else "",
                "explorer.read",
            )
        )
    if found:
        lines.append(Line(f"Found: {'; '.join(each.words for each in found)}."))
    elif feature.tables and tables:
        lines.append(Line("Tables alone: no code was found that does anything with them beyond showing them."))
    return lines


def _pages(feature: Feature, known: Known) -> list[Page]:
    patterns = [name for part in feature.parts if part.kind == "page" and part.opens for name in part.names]
    lists = [REGISTRY[name].path for name in feature.tables if name in REGISTRY]
    found = [each for pattern in (*lists, *feature.pages, *patterns) for each in known.pages_at(pattern)]
    return [each for each in dict.fromkeys(found) if "GET" in each.methods]


def _reach(pages: list[Page], open_to: set[str], known: Known) -> list[Line]:
    if not pages:
        return [Line("No page leads to it.")]
    roles = [role for role in known.roles if role.key in open_to]
    people: frozenset[int] = frozenset().union(*(role.people for role in roles))
    who = f"{_listed([role.name for role in roles])} may open" if roles else "Only the owner may open"
    held = f"; {_counted(len(people), 'colleague holds', 'colleagues hold')} such a role" if roles else ""
    lines = [Line(f"{who} {_counted(len(pages), 'page')} of it{held}.", "/roles/matrix", "roles.read")]
    placed = [each.place.replace(", ", " › ", 1) for each in pages if each.place]
    if placed:
        lines.append(Line(f"In the navigation: {_listed(placed)}."))
    else:
        lines.append(Line(f"Not in the navigation; at {_listed([each.address for each in pages])}."))
    shut = [each.address for each in pages if each.permission is None]
    if shut:
        lines.append(Line(f"Shut to everybody for want of a permission: {_listed(shut)}."))
    return lines


def _use(
    feature: Feature, count: Callable[[Use], Counted | None], ledger: Mapping[str, Changes] | None
) -> tuple[tuple[Line, ...], bool]:
    lines, used = [], False
    for use in feature.uses:
        counted = count(use)
        if counted is None:
            lines.append(Line(f"{use.words.capitalize()}: not counted, the table {use.table} is not there."))
            continue
        used = used or bool(counted.rows)
        lines.append(Line(_sentence(use, counted), _rows(use), REGISTRY[use.table].permission("read")))
    if ledger is None:
        lines.append(Line("The ledger could not be counted in time."))
    else:
        here = [ledger[name] for name in feature.tables if name in ledger] or (
            list(ledger.values()) if feature.key == "audit_log" else []
        )
        entries, people = sum(each.entries for each in here), frozenset().union(*(each.people for each in here))
        used = used or bool(entries)
        if entries:
            newest = max(each.newest for each in here)
            by = f" by {_counted(len(people), 'person', 'people')}" if people else ", none by a person"
            lines.append(
                Line(
                    f"{_counted(entries, 'change')} in the ledger{by}, the last {_day(newest)}.",
                    "/change-sets",
                    "audit.read",
                )
            )
        elif not feature.uses:
            lines.append(Line("No change in the ledger."))
    return tuple(lines), used


def _sentence(use: Use, counted: Counted) -> str:
    words = use.words.capitalize()
    if counted.rows is None:
        return f"{words}: not counted, it took too long."
    if not counted.rows:
        return f"{words}: none in the last 30 days."
    how_many = f"more than {MOST:,}" if counted.is_capped else f"{counted.rows:,}"
    return f"{words}: {how_many} in the last 30 days, the newest {_day(counted.newest)}."


def _rows(use: Use) -> str:
    """The list of just those rows, where its fields can be filtered so; else the list."""
    resource = REGISTRY[use.table]
    terms = []
    if resource.has(use.at) and resource.field(use.at).filter:
        terms.append(f"{use.at}.gte=-30d")
    for name, value in use.where.items():
        if resource.has(name) and resource.field(name).filter and not isinstance(value, tuple):
            terms.append(f"{name}={quote(str(value))}")
    return resource.path + ("?" + "&".join(terms) if terms else "")


def _day(at: object) -> str:
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}" if at is not None else "undated"  # type: ignore[attr-defined]


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(names: list[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
