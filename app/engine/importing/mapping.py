"""Which column becomes which field: guessed by name and content, remembered by source, and carried out row by row."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.fields import CREATE, Date, Edit, Email, Field, Flag, Invalid, Moment, Phone, Reference, Secret, Tags
from app.engine.fields import Text as TextField
from app.engine.fields.number import Number
from app.engine.importing.matching import having, target_named
from app.engine.importing.runs import Given, Ref, Unread
from app.engine.importing.transformations import BY_KEY, Reading, is_phone_with_extension, plain, value
from app.engine.projection import Projection
from app.engine.resource import Resource

ID, SOURCE = "id", "source"
"""How a row finds a record though by no field: the console's own key, and the key it has where the file comes from."""
THEIR_KEY = "@source"
"""What a column with that key becomes; there may well be a field called source."""


@dataclass(frozen=True)
class Target:
    """Something a column can become."""

    key: str
    label: str
    field: Field | None = None
    finds: bool = False
    """Whether it can only find a record, since nobody writes it."""


def targets(view: Projection) -> list[Target]:
    """What this role may bring into a table, in the form's order; keys first."""
    resource = view.resource
    found = [Target(THEIR_KEY, "Key in the source", finds=True), Target(ID, "Key in this console (ID)", finds=True)]
    writable = {each.name for where in (CREATE, Edit.FORM) for each in view.writable(where)}
    for each in view.fields:
        if isinstance(each, Secret) or each.name in view.masked:
            continue
        if each.name in writable and each.name != ID:
            found.append(Target(each.name, each.title, each))
        elif each.name == resource.code:
            found.append(Target(each.name, f"{each.title}, to find it by", each, finds=True))
    return found


def keys(view: Projection, mapped: Iterable[str]) -> list[tuple[str, str]]:
    """(key, words) of what can tell which record a row is about, of the targets that are mapped."""
    found = []
    for each in targets(view):
        if each.key not in set(mapped) or each.key == SOURCE:
            continue
        if each.key == THEIR_KEY:
            found.append((SOURCE, each.label))
        elif each.finds or (isinstance(each.field, TextField) and not each.field.long):
            found.append((each.key, each.label.removesuffix(", to find it by")))
    return found


def ways(connection: Connection, actor: Actor, declared: Field) -> list[tuple[str, str]]:
    """(by, words) of how a column may say which record a reference points at."""
    target = target_named(declared)
    if target is None:
        return []
    found = []
    view = Projection(target, actor.permissions)
    for name in dict.fromkeys((target.code or "", target.title, *target.search)):
        if (
            name != SOURCE
            and target.has(name)
            and name in target.table.c
            and (target.open_title or name not in view.masked)
        ):
            each = target.field(name)
            if isinstance(each, TextField) and not each.long and (name in view.by_name or target.open_title):
                found.append((name, each.title.lower()))
    return [*found, (SOURCE, "key in the source"), (ID, "key in this console")]


# -- the mapping as it is kept -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """What becomes of one column: its field, what is done to the cell first, and for a reference how it is named there."""

    to: str = ""
    do: str = ""
    by: str = ""
    also: str = ""
    also_do: str = ""

    def json(self) -> dict[str, str]:
        return {name: word for name, word in vars(self).items() if word}


@dataclass(frozen=True)
class ColumnMapping:
    """Every column of a sheet with what becomes of it, and the words that mean nothing."""

    columns: Mapping[str, Column] = field(default_factory=dict)
    nothing: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> ColumnMapping:
        columns = {
            name: Column(**{key: str(word) for key, word in said.items() if key in Column.__dataclass_fields__})
            for name, said in dict(kept.get("columns") or {}).items()
        }
        return cls(columns, str(kept.get("nothing") or ""))

    def json(self) -> dict[str, Any]:
        return {"columns": {name: each.json() for name, each in self.columns.items()}, "nothing": self.nothing}

    @property
    def mapped(self) -> set[str]:
        return {name for each in self.columns.values() for name in (each.to, each.also) if name}

    @property
    def words_for_nothing(self) -> frozenset[str]:
        return frozenset(word.strip().lower() for word in self.nothing.split(",") if word.strip())


def remembered(connection: Connection, tenant_id: int, source: str, table: str) -> ColumnMapping | None:
    """How this source's columns were mapped to this table the last time."""
    asked = {"tenant": tenant_id, "source": source, "table": table}
    kept = connection.execute(_REMEMBERED, asked).scalar()
    return None if kept is None else ColumnMapping.read(kept)


def remember(connection: Connection, tenant_id: int, source: str, table: str, mapping: ColumnMapping) -> None:
    """Keep it for the next file of this source."""
    kept = json.dumps(mapping.json(), ensure_ascii=False)
    connection.execute(_REMEMBER, {"tenant": tenant_id, "source": source, "table": table, "mapping": kept})


_REMEMBERED = text(
    "SELECT mapping FROM import_mappings WHERE tenant_id = :tenant AND source = :source AND table_name = :table"
)
_REMEMBER = text("""
INSERT INTO import_mappings (tenant_id, source, table_name, mapping)
VALUES (:tenant, :source, :table, CAST(:mapping AS jsonb))
ON CONFLICT ON CONSTRAINT uq_import_mappings_tenant_id_source_table_name
DO UPDATE SET mapping = excluded.mapping, updated_at = clock_timestamp()
""")


# -- guessing ----------------------------------------------------------------------------------------------------------

_SAME = {
    "mail": "email", "tel": "phone", "telephone": "phone", "phone1": "phone", "cell": "mobile", "cellphone": "mobile",
    "zip": "postal", "zipcode": "postal", "postcode": "postal", "st": "region", "state": "region", "province": "region",
    "addr": "line1", "address": "line1", "street": "line1", "line": "line1", "town": "city", "note": "notes", "comment": "notes",
    "comments": "notes", "remarks": "notes", "web": "website", "url": "website", "homepage": "website", "no": "number",
    "num": "number", "nr": "number", "#": "number", "desc": "description", "details": "description", "qty": "quantity",
    "amt": "amount", "date": "date", "due": "due", "on": "date", "at": "date", "tags": "tags", "labels": "tags",
    "salesperson": "owner", "rep": "owner", "assigned": "owner", "assignee": "owner", "since": "created", "type": "kind",
    "terms": "terms", "org": "company", "organisation": "company", "organization": "company", "business": "company",
    "exempt": "exempt", "e164": "", "id": "number", "bill": "", "to": "", "the": "", "of": "", "1": "",
}  # fmt: skip
_NAMES = {"name", "company", "title", "subject", "full"}


def tokens(words: str) -> list[str]:
    parts = re.findall(r"[a-z]+|#|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", words.replace("E-mail", "email")).lower())
    return [same for part in parts if (same := _SAME.get(part, part))]


def guess(
    connection: Connection,
    view: Projection,
    actor: Actor,
    header: Sequence[str],
    facts: Sequence[Mapping[str, Any]],
    before: ColumnMapping | None = None,
) -> ColumnMapping:
    """What each column most likely is: as the source's last file had it, else by name and content, each field once."""
    known = {each.key: each for each in targets(view)}
    made: dict[str, Column] = {}
    for name in header:
        kept = before.columns.get(name) if before is not None else None
        if kept is not None and (not kept.to or kept.to in known):
            made[name] = kept
    taken = {each.to for each in made.values()}
    ours = is_ours(view.resource, header)
    scores = [
        (score, -place, name, target)
        for place, (name, fact) in enumerate(zip(header, facts, strict=False))
        if name not in made
        for target in known.values()
        if target.key not in taken and (score := likeness(view.resource, target, name, fact, place)) >= 50
    ]
    for _score, place, name, target in sorted(scores, key=lambda each: each[:2], reverse=True):
        if name in made or target.key in taken:
            continue
        taken.add(target.key)
        made[name] = _dressed(connection, view, actor, target, facts[-place], ours and name == target.key)
    columns = {name: made.get(name, Column()) for name in header}
    nothing = before.nothing if before is not None else ""
    return ColumnMapping(columns, nothing)


def is_ours(resource: Resource, header: Sequence[str]) -> bool:
    """Whether a file is one this console took out: it leads with our key, and most columns are called as our fields are."""
    called = {each.name for each in resource.fields}
    return ID in header and 2 * sum(name in called or name.endswith("_label") for name in header) > len(header)


def likeness(resource: Resource, target: Target, name: str, fact: Mapping[str, Any], place: int) -> int:
    """How likely a column is this, 0 to 100."""
    said, plainly = tokens(name), re.sub(r"[\W_]+", "", name.lower())
    if target.key == ID:
        return 100 if plainly == "id" and fact.get("number") == fact.get("cells") else 0
    if (name in resource.table.c or resource.has(name)) and name not in (target.key, "id", "external_id"):
        return 0  # a field of ours under its own name is that one and no other, be it that this role does not write it
    if target.key == THEIR_KEY:
        own = len(said) == 2 and said[1] == "number" and len(said[0]) >= 2 and resource.one.startswith(said[0])
        return (
            90
            if own or plainly in ("externalid", "centerpointid")
            else 60
            if place == 0 and said[-1:] == ["number"]
            else 0
        )
    declared = target.field
    assert declared is not None
    exact = {re.sub(r"[\W_]+", "", each.lower()) for each in (declared.name, declared.title)}
    score = 0
    if plainly in exact:
        score = 100
    elif plainly.endswith("label"):  # the title beside a key, which an export gives to be read
        return 0
    else:
        score = max((_overlap(said, tokens(words)) for words in (declared.name, declared.title)), default=0)
        if declared.name == resource.title and said and (set(said) <= _NAMES or said == [resource.one]):
            score = max(score, 80)
        if isinstance(declared, Reference) and said:
            stem = declared.name.removesuffix("_id")
            if (
                len(said[0]) >= 3
                and (stem.startswith(said[0]) or said[0].startswith(stem))
                and said[1:] in ([], ["number"])
            ):
                score = max(score, 85)
    return score + _fits(declared, fact) if score else 0


def _overlap(left: Sequence[str], right: Sequence[str]) -> int:
    both = set(left) & set(right)
    return round(80 * len(both) / len(set(left) | set(right))) if both else 0


def _fits(declared: Field, fact: Mapping[str, Any]) -> int:
    """Whether a column holds what the field could read: some points for it, or so many off that it is none."""
    cells = fact.get("cells") or 0
    if not cells:
        return 0
    for kind, shape in ((Email, "mail"), (Phone, "phone"), (Number, "number"), (Flag, "bool")):
        if isinstance(declared, kind):
            return 10 if fact.get(shape, 0) > cells / 2 else -10 if kind is Phone else -30
    if isinstance(declared, Date | Moment):
        return 10 if fact.get("date", 0) + fact.get("iso", 0) > cells / 3 else -30
    if fact.get("mail", 0) > cells / 2 and isinstance(declared, TextField):
        return -30
    return 0


def _dressed(
    connection: Connection, view: Projection, actor: Actor, target: Target, fact: Mapping[str, Any], ours: bool
) -> Column:
    """A guessed column with what is done to its cells; `ours` is one this console took out, with our own keys in it."""
    declared, samples = target.field, list(fact.get("samples") or ())
    if isinstance(declared, Reference):
        own = ours and fact.get("number") == fact.get("cells") and target_named(declared) is not None
        return Column(target.key, by=ID if own else _by(connection, actor, declared, samples))
    if isinstance(declared, Phone) and any(is_phone_with_extension(cell) for cell in samples):
        long = [each for each in view.writable(CREATE) if isinstance(each, TextField) and each.long]
        notes = next((each for each in long if "note" in each.name), long[0] if long else None)
        return Column(target.key, "base", also=notes.name if notes else "", also_do="extension" if notes else "")
    return Column(target.key)


def _by(connection: Connection, actor: Actor, declared: Reference, samples: Sequence[str]) -> str:
    """How a reference is named: the way that finds most of the first few."""
    target, best, most = target_named(declared), "", 0
    if target is None:
        return ""
    for by, _words in ways(connection, actor, declared):
        hits = 0 if by == SOURCE else len(having(connection, actor, target, by, samples))
        if hits > most:
            best, most = by, hits
    return best or SOURCE


# -- carried out -------------------------------------------------------------------------------------------------------


KEPT_CELLS = 5_000
"""Different short cells of one field whose reading is kept, so that memory stays the same however long the file is."""


@dataclass(frozen=True)
class Reader:
    """Rows of cells as rows of a run."""

    resource: Resource
    header: Sequence[str]
    mapping: ColumnMapping
    key: str
    blanks: str
    reading: Reading
    _read: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict), init=False, repr=False)
    """Field -> cell -> what it says: towns, terms and words for true come again and again."""

    @cached_property
    def steps(self) -> list[tuple[int, str, str, str]]:
        """(place, target, what is done first, how a reference is named) of all that is brought in."""
        found = []
        for place, name in enumerate(self.header):
            each = self.mapping.columns.get(name, Column())
            found += [(place, each.to, each.do, each.by)] if each.to else []
            found += [(place, each.also, each.also_do, "")] if each.also else []
        return found

    def rows(self, read: Iterable[tuple[int, list[str], str | None]]) -> Iterator[Given]:
        for number, cells, fault in read:
            raw = dict(zip(self.header, cells, strict=False))
            if len(cells) > len(self.header):
                raw["(beyond the heading)"] = " | ".join(cells[len(self.header) :])
            if fault is not None:
                yield Given(number, None, raw, refused=("", fault))
            else:
                yield self.row(number, cells, raw)

    def row(self, number: int, cells: Sequence[str], raw: Mapping[str, Any]) -> Given:
        """One row, every cell read by its field; what cannot be read is told with it."""
        words: dict[str, list[str]] = {}
        ways: dict[str, str] = {}
        found: dict[str, str] = {}
        for place, target, do, by in self.steps:
            cell = plain(cells[place], self.reading)
            if do and cell.strip():
                cell = BY_KEY[do].do(cell)
            finds = SOURCE if target == THEIR_KEY else "" if target == SOURCE else target
            if finds == self.key:
                found[finds] = cell.strip()
            if target in (ID, THEIR_KEY):
                found.setdefault(finds, cell.strip())
                continue
            words.setdefault(target, []).append(cell)
            ways[target] = by
        given: dict[str, Any] = {}
        for name, parts in words.items():
            declared = self.resource.field(name)
            if name == self.resource.code and not declared.edit:
                continue
            cell = _joined(declared, parts)
            if not cell.strip():
                if self.blanks == "clear":
                    given[name] = None
                continue
            given[name] = self._value(declared, cell, ways[name])
        key = found.get(self.key) or None
        if self.key not in (ID, SOURCE) and not key and found.get(SOURCE):
            key = found[SOURCE]
        return Given(number, key, raw, given)

    def _value(self, declared: Field, cell: str, by: str) -> Any:
        target = target_named(declared)
        if target is not None and by:
            return Ref(target.name, by, cell.strip()[:200])
        read = self._read[declared.name]
        if cell in read:
            return read[cell]
        try:
            said = value(declared, cell, self.reading)
        except Invalid as fault:
            said = Unread(cell[:50_000], str(fault))
        if len(read) < KEPT_CELLS and len(cell) < 100:
            read[cell] = said
        return said


def _joined(declared: Field, parts: Sequence[str]) -> str:
    """Several columns of one field: words one after another, of tags between commas, of long text on lines of their own."""
    if len(parts) == 1:
        return parts[0]
    between = ", " if isinstance(declared, Tags) else "\n" if isinstance(declared, TextField) and declared.long else " "
    return between.join(part.strip() for part in parts if part.strip())


def is_allowed(view: Projection, mapping: ColumnMapping) -> bool:
    """Whether this role may bring in all that is mapped."""
    return mapping.mapped <= {each.key for each in targets(view)}
