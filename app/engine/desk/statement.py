"""Reads one statement with PostgreSQL's own grammar, and says what in it is not for the SQL desk, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pgparse

from app.engine.desk.grammar import FUNCTIONS, NODES, PARTS, SPELT, TYPES
from app.engine.refusals import Refusal

LONGEST = 20_000
"""Characters of a statement."""
MOST_PARAMETERS = 20


class Objection(Refusal):
    """Why a statement is not run; `at` is the place in what was typed, counted in characters from 0, where there is one."""

    def __init__(self, sentence: str, at: int | None = None) -> None:
        super().__init__(sentence)
        self.at = at


@dataclass(frozen=True)
class Table:
    """One table as the desk shows it to somebody."""

    name: str
    columns: tuple[str, ...]
    masked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Statement:
    """A statement that may run."""

    sql: str
    """The statement alone, parameters numbered, every character where it was typed."""
    names: tuple[str, ...]
    """Parameters, `$1` first."""
    tables: tuple[str, ...]
    masked: tuple[str, ...]
    """`table.column` of the tables it reads, where this person does not see the values."""
    explains: bool
    shape: str
    """The statement on one line, with its values left out."""


def place_of(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1, as an editor counts them."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def read(text: str, shown: Mapping[str, Table]) -> Statement:
    """The one statement in `text` over the tables `shown`. Raises Objection for everything that may not run."""
    if len(text) > LONGEST:
        raise Objection(f"A statement has at most {LONGEST:,} characters.")
    if "\x00" in text:
        raise Objection("Remove the control characters.", text.index("\x00"))
    numbered, names = _number(text)
    tree = _parse(numbered)
    if not tree:
        raise Objection("Write a statement: SELECT, columns, FROM, a table.")
    if len(tree) > 1:
        second = _char(numbered, tree[1].get("stmt_location", 0))
        raise Objection("One statement at a time: take out what follows the first.", _first_word(numbered, second))
    begins, length = tree[0].get("stmt_location", 0), tree[0].get("stmt_len", 0)
    alone = numbered.encode()[begins : begins + length if length else None].decode()
    # What stands before the statement stays as room, so that places in errors are places in what was typed.
    alone = re.sub(r"\S", " ", numbered.encode()[:begins].decode()) + alone
    kind, body = _only(tree[0]["stmt"])
    explains = kind == "ExplainStmt"
    if explains:
        if "options" in body:
            raise Objection("EXPLAIN stands here without options: it shows the plan and does not run the statement.", 0)
        kind, body = _only(body["query"])
        alone = _without_explain(alone)
    if kind != "SelectStmt":
        raise Objection(
            f"Only SELECT, WITH … SELECT, VALUES and EXPLAIN of these run here, not {_spelt(kind)}.",
            _first_word(numbered, _char(numbered, begins)),
        )
    walk = _Walk(numbered, shown)
    try:
        walk.look(kind, body)
        walk.settle(body)
    except (KeyError, IndexError, TypeError, AttributeError) as unknown:
        # A shape of the tree nobody here foresaw is refused, never waved through.
        raise Objection("This is written in a way the desk does not know.") from unknown
    return Statement(
        alone, names, tuple(sorted(walk.tables)), tuple(sorted(walk.masked)), explains, _shape(numbered, names)
    )


def _without_explain(sql: str) -> str:
    """The statement behind EXPLAIN, each character still in its place."""
    at = 0
    while found := _TOKENS.match(sql, at):
        if found[0].lower() == "explain":
            return sql[:at] + " " * len("explain") + sql[found.end() :]
        at = _end_of_remark(sql, at) if found["block"] else found.end()
    raise Objection("This EXPLAIN cannot be read.")


def _parse(sql: str) -> list[dict[str, Any]]:
    try:
        return pgparse.parse(sql)  # type: ignore[no-any-return]
    except pgparse.PGQueryError as error:
        said = str(error.message).rstrip(".")
        raise Objection(f"This is no statement yet: {said}.", max((error.position or 1) - 1, 0)) from None
    except RecursionError:
        raise Objection("This statement is nested too deeply.") from None


def _shape(sql: str, names: tuple[str, ...]) -> str:
    try:
        plain = str(pgparse.normalize(sql))
    except pgparse.PGQueryError:
        plain = "a statement that cannot be read"
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", plain, flags=re.DOTALL)
    # Values get numbers after those of the parameters, which are called by their names.
    plain = re.sub(r"\$(\d+)", lambda n: f":{names[int(n[1]) - 1]}" if int(n[1]) <= len(names) else "?", plain)
    return " ".join(plain.split())[:2_000] or "nothing"


def shape_of(text: str) -> str:
    """The same for a statement that was refused: "" where it cannot be read, since what it holds is then unknown."""
    try:
        numbered, names = _number(text)
        _parse(numbered)
    except Objection:
        return "a statement that cannot be read"
    return _shape(numbered, names)


# -- parameters ------------------------------------------------------------------------------------------------------

_TOKENS = re.compile(
    r"""
    --[^\n]*
  | (?P<block>/\*)
  | [eE]'(?:[^'\\]|\\.|'')*'
  | '(?:[^']|'')*'
  | "(?:[^"]|"")*"
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][\w]*)?\$)
  | (?P<number>\$\d+)
  | ::
  | :=
  | (?P<name>:[a-zA-Z_][a-zA-Z0-9_]*)
  | [A-Za-z_\x80-\U0010ffff][\w$]*
  | .
    """,
    re.VERBOSE | re.DOTALL,
)


def parameters(text: str) -> tuple[str, ...]:
    """The names of `:name` in a text, in their order."""
    return _number(text)[1]


def _number(text: str) -> tuple[str, tuple[str, ...]]:
    """`:name` becomes `$1` of the same width, wherever it is no part of a text, a name or a remark."""
    names: list[str] = []
    made: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        assert found is not None, "the last alternative takes anything"
        piece, end = found[0], found.end()
        if found["block"]:
            end = _end_of_remark(text, at)
            piece = text[at:end]
        elif found["dollar"]:
            closing = text.find(found[0], end)
            end = len(text) if closing < 0 else closing + len(found[0])
            piece = text[at:end]
        elif found["number"]:
            raise Objection("Give a parameter a name and write it as :name.", at)
        elif found["name"]:
            name = found[0][1:].lower()
            if name not in names:
                names.append(name)
            if len(names) > MOST_PARAMETERS:
                raise Objection(f"A statement asks for at most {MOST_PARAMETERS} values.", at)
            number = f"${names.index(name) + 1}"
            if len(number) > len(piece):
                raise Objection(f"Give the parameter {piece} a longer name.", at)
            piece = number.ljust(len(piece))
        made.append(piece)
        at = end
    return "".join(made), tuple(names)


def _end_of_remark(text: str, at: int) -> int:
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(text)


# -- the tree --------------------------------------------------------------------------------------------------------


def _only(node: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return next(iter(node.items()))


def _spelt(kind: str) -> str:
    return SPELT.get(kind, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Stmt")).upper())


def _char(text: str, byte: int) -> int:
    return len(text.encode()[:byte].decode(errors="ignore"))


def _first_word(text: str, at: int) -> int:
    found = re.compile(r"[^\s;]").search(text, at)
    return found.start() if found else at


def _words(names: Iterable[Mapping[str, Any]]) -> list[str]:
    return [each["String"]["sval"] if "String" in each else "*" for each in names]


@dataclass
class _Walk:
    """One look at every node: what is not on the lists ends it; what must be known about masked columns is gathered."""

    text: str
    shown: Mapping[str, Table]
    tables: set[str] = field(default_factory=set)
    ctes: set[str] = field(default_factory=set)
    ranges: dict[str, str | None] = field(default_factory=dict)
    """What can stand before the dot of a column -> its table; None for what is derived or means two things."""
    selects: list[dict[str, Any]] = field(default_factory=list)
    columns: list[tuple[dict[str, Any], bool]] = field(default_factory=list)
    """Each mention of a column, and whether it is just put out by its SELECT."""
    joins: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    starred_arms: list[dict[str, Any]] = field(default_factory=list)
    masked: set[str] = field(default_factory=set)
    _named: list[tuple[str, int]] = field(default_factory=list)
    _here: int = 0

    def object(self, sentence: str, body: Mapping[str, Any] | None = None) -> Objection:
        byte = (body or {}).get("location", -1)
        return Objection(sentence, _char(self.text, byte if isinstance(byte, int) and byte >= 0 else self._here))

    def look(self, kind: str, body: dict[str, Any]) -> None:
        """Walk a tree of `kind`."""
        try:
            self._node(kind, body)
        except RecursionError:
            raise Objection("This statement is nested too deeply.") from None
        for name, at in self._named:
            if name not in self.ctes:
                self._table(name, at)

    def _node(self, kind: str, body: dict[str, Any]) -> None:
        location = body.get("location")
        if isinstance(location, int) and location >= 0:
            self._here = location
        if kind not in NODES:
            if kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"):
                raise self.object(f"{_spelt(kind)} changes data; the desk only reads.")
            raise self.object(f"{_spelt(kind)} is not for the desk.")
        check = getattr(self, f"_on_{kind}", None)
        if check is not None:
            check(body)
        self._parts(body)

    def _parts(self, body: Mapping[str, Any]) -> None:
        for name, value in body.items():
            if name[:1].isupper():
                self._node(name, value)
                continue
            if name == "intoClause":
                raise self.object("SELECT INTO makes a table; the desk only reads.")
            if name == "lockingClause":
                raise self.object("FOR UPDATE and FOR SHARE lock rows; the desk only reads.")
            if name not in PARTS:
                raise self.object(f"The desk does not take this ({name}).")
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, dict):
                    if name in ("larg", "rarg"):
                        self._node("SelectStmt", each)
                    elif name == "typeName":
                        self._node("TypeName", each)
                    elif name == "alias":
                        self._node("Alias", each)
                    elif name == "over":
                        self._node("WindowDef", each)
                    else:
                        self._parts(each)

    def _on_SelectStmt(self, body: dict[str, Any]) -> None:
        self.selects.append(body)
        for target in body.get("targetList", ()):
            value = target["ResTarget"].get("val", {})
            if "ColumnRef" in value:
                value["ColumnRef"]["put_out"] = True
        for arm in (body.get("larg"), body.get("rarg")):
            if arm:
                self.starred_arms.append(arm)
        if "distinctClause" in body:
            self.starred_arms.append(body)

    def _on_ColumnRef(self, body: dict[str, Any]) -> None:
        self.columns.append((body, body.pop("put_out", False)))
        if len(body["fields"]) > 2:
            raise self.object("Write a column as column or table.column.", body)

    def _on_RangeVar(self, body: dict[str, Any]) -> None:
        name, here = body["relname"], body.get("location", 0)
        if "schemaname" in body or "catalogname" in body:
            raise self.object(
                f"Write the table by its name alone, without “{body.get('schemaname')}.”: the desk shows the console's "
                "tables and no catalogue.",
                body,
            )
        self._named.append((name, here))
        alias = body.get("alias", {})
        self._range(alias.get("aliasname", name), name)
        if "colnames" in alias:
            self.renamed.append(body)

    def _on_RangeSubselect(self, body: dict[str, Any]) -> None:
        self._derived(body)

    def _on_JoinExpr(self, body: dict[str, Any]) -> None:
        self.joins.append(body)
        self._derived(body)

    def _on_RangeFunction(self, body: dict[str, Any]) -> None:
        self._range(body.get("alias", {}).get("aliasname", ""), None)
        for each in body.get("functions", ()):
            items = each["List"]["items"]
            if not items or ("FuncCall" not in items[0]):
                raise self.object("Only functions stand in FROM like this.", body)

    def _derived(self, body: dict[str, Any]) -> None:
        alias = body.get("alias", {})
        self._range(alias.get("aliasname", ""), None)
        if "colnames" in alias:
            self.renamed.append(body)

    def _on_CommonTableExpr(self, body: dict[str, Any]) -> None:
        name = body["ctename"]
        if name in self.shown:
            raise self.object(f"“{name}” is a table; call what WITH makes otherwise.", body)
        self.ctes.add(name)
        if "aliascolnames" in body:
            self.renamed.append(body)

    def _on_FuncCall(self, body: dict[str, Any]) -> None:
        name = _words(body["funcname"])
        if len(name) > 1 and name[0] != "pg_catalog":
            raise self.object(f"The function {'.'.join(name)} is not for the desk.", body)
        if name[-1] not in FUNCTIONS:
            raise self.object(f"The function {name[-1]} is not for the desk.", body)

    def _on_A_Expr(self, body: dict[str, Any]) -> None:
        name = _words(body.get("name", ()))
        if len(name) > 1 and name[0] != "pg_catalog":
            raise self.object(f"The operator {'.'.join(name)} is not for the desk.", body)

    def _on_SubLink(self, body: dict[str, Any]) -> None:
        inner = body.get("subselect", {}).get("SelectStmt")
        if inner is not None and body.get("subLinkType") != "EXISTS_SUBLINK":
            self.starred_arms.append(inner)

    def _on_TypeName(self, body: dict[str, Any]) -> None:
        name = _words(body.get("names", ()))
        if (len(name) > 1 and name[0] != "pg_catalog") or not name or name[-1] not in TYPES:
            raise self.object(f"The type {'.'.join(name)} is not for the desk.", body)

    def _range(self, alias: str, table: str | None) -> None:
        if alias:
            known = self.ranges.get(alias, table)
            self.ranges[alias] = table if known == table else None

    def _table(self, name: str, byte: int) -> None:
        found = self.shown.get(name)
        if found is None:
            raise Objection(
                f"There is no table “{name}” at the desk, or your role does not show it whole.", _char(self.text, byte)
            )
        self.tables.add(name)
        self.masked |= {f"{name}.{column}" for column in found.masked}

    # -- masked columns ----------------------------------------------------------------------------------------------

    def settle(self, top: dict[str, Any]) -> None:
        """A masked column may be put out, where it shows dots, and used for nothing else: its place in an order or a count
        would tell what it holds. The views keep it empty anyway; this says so instead of answering wrongly."""
        if not self.masked:
            return
        hidden = {each.rpartition(".")[2]: each for each in sorted(self.masked)}
        plain = set() if "distinctClause" in top else {id(body) for body in self._put_out(top)}
        for target in top.get("targetList", ()):
            value, alias = target["ResTarget"].get("val", {}), target["ResTarget"].get("name")
            if alias and "ColumnRef" in value:
                used = self._masked_column(value["ColumnRef"], hidden)
                if used:
                    hidden.setdefault(alias, used)
        starred = {id(body) for arm in self.starred_arms for body in self._stars(arm)}
        for body, put_out in self.columns:
            words = _words(body["fields"])
            if words[-1] == "*":
                if not put_out or id(body) in starred:
                    raise self.object(self._sentence(min(self.masked), "name the columns instead of *"), body)
                continue
            if len(words) == 1 and words[0] in self.ranges:
                raise self.object(
                    f"{words[0]} as a whole row holds masked columns ({', '.join(sorted(self.masked))}); name the columns.",
                    body,
                )
            used = self._masked_column(body, hidden)
            if used and id(body) not in plain:
                raise self.object(self._sentence(used), body)
        self._joins(hidden)
        for body in self.renamed:
            raise self.object("Columns cannot be renamed in a list where some are masked; use AS at each.", body)
        self._ordinals(hidden)

    def _put_out(self, select: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for target in select.get("targetList", ()):
            value = target["ResTarget"].get("val", {})
            if "ColumnRef" in value:
                yield value["ColumnRef"]

    def _stars(self, select: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return (body for body in self._put_out(select) if _words(body["fields"])[-1] == "*")

    def _masked_column(self, body: dict[str, Any], hidden: Mapping[str, str]) -> str | None:
        words = _words(body["fields"])
        if words[-1] not in hidden:
            return None
        table = self.ranges.get(words[0]) if len(words) == 2 else None
        if table in self.shown and table not in self.ctes:
            exactly = f"{table}.{words[-1]}"
            return exactly if exactly in self.masked else None
        return hidden[words[-1]]

    def _sentence(self, column: str, otherwise: str = "") -> str:
        said = (
            f"{column} is masked for your role: it can be a column of the result, but nothing can be worked out by it"
        )
        return f"{said}; {otherwise}." if otherwise else f"{said}."

    def _joins(self, hidden: Mapping[str, str]) -> None:
        for body in self.joins:
            if body.get("isNatural"):
                raise self.object("A NATURAL join goes by every column, also masked ones; say ON what.", body)
            for name in _words(body.get("usingClause", ())):
                if name in hidden:
                    raise self.object(self._sentence(hidden[name]), body)

    def _ordinals(self, hidden: Mapping[str, str]) -> None:
        """ORDER BY 2 means the second column put out."""
        for select in self.selects:
            targets = [each["ResTarget"].get("val", {}) for each in select.get("targetList", ())]
            nodes = [each.get("SortBy", {}).get("node", each) for each in select.get("sortClause", ())]
            for node in [*nodes, *select.get("groupClause", ())]:
                number = node.get("A_Const", {}).get("ival", {}).get("ival")
                if number is None:
                    continue
                for place, target in enumerate(targets[:number], 1):
                    if "ColumnRef" not in target:
                        continue
                    words = _words(target["ColumnRef"]["fields"])
                    used = self._masked_column(target["ColumnRef"], hidden) if place == number else None
                    if used or words[-1] == "*":
                        raise self.object(
                            self._sentence(used or min(self.masked), "sort and group by a column's name"),
                            node.get("A_Const"),
                        )
