"""The tables of one domain and the references among them, as the map and its table show them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.engine import catalogue
from app.engine.catalogue import Ref


@dataclass(frozen=True)
class Node:
    """A table on the map."""

    qualified: str
    label: str
    """Without the schema where it is the console's own, or the whole domain stands in one."""
    verdict: str
    rows: int | None
    kind: str


@dataclass(frozen=True)
class Outline:
    """What there is to draw. References that lead out of the domain are counted, not drawn."""

    tables: tuple[Node, ...]
    refs: tuple[Ref, ...]
    """Within the domain, in the order of their tables."""
    reads: tuple[tuple[str, str], ...]
    """(view, what it reads), within the domain."""
    outward: tuple[tuple[str, int], ...]
    """(table elsewhere, how many references of this domain lead to it), most first."""


def outline(connection: Connection, domain: str) -> Outline:
    """The domain as last surveyed, its references as the catalogue has them now."""
    entries = connection.execute(_ENTRIES, {"domain": domain}).all()
    if not entries:
        return Outline((), (), (), ())
    facts = catalogue.tables(connection, [(each.schema_name, each.table_name) for each in entries])
    here, ours = {each.qualified for each in facts}, {each.qualified for each in facts if each.is_ours}
    one_schema = len({each.schema for each in facts}) == 1
    nodes = tuple(
        Node(
            each.qualified,
            each.table_name if one_schema or each.qualified in ours else each.qualified,
            each.verdict,
            each.rows_estimate,
            each.kind,
        )
        for each in entries
        if each.qualified in here
    )
    refs = [ref for each in facts for ref in each.refs_out]
    outward = Counter(ref.target for ref in refs if ref.target not in here)
    return Outline(
        nodes,
        tuple(ref for ref in refs if ref.target in here),
        tuple((each.qualified, name) for each in facts for name in each.reads_from if name in here),
        tuple(outward.most_common(12)),
    )


_ENTRIES = text("""
SELECT qualified, schema_name, table_name, verdict, rows_estimate, kind FROM atlas_entries
WHERE domain = :domain AND kind <> 'partition' ORDER BY qualified LIMIT 1000
""")
