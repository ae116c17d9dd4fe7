"""The hostile profile: the texts that break pages, exports and queries, wherever a text can stand.

Which columns those are is asked of the database, so that a new table is hostile on the day it is made. Columns that
hold a word from a list, a key or a link to something else keep their meaning; without it a row would not be a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

FRAGMENTS = (
    "<script>alert('x')</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>Out of the table</h1>",
    "<!-- <b>unclosed",
    "&lt;already &amp;#39; escaped&gt; ]]>",
    "javascript:alert(document.cookie)",
    "{{ 7 * 7 }} {% include 'x' %} ${7*7} #{7*7}",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.invalid","click")',
    "+1 303 call after 5",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "'; DROP TABLE customers; --",
    "' OR '1'='1' UNION SELECT password_hash FROM users --",
    "%s %(name)s :name {0} $1 \\x27 \\N \\.",
    "../../../../etc/passwd",
    "ok\r\nSet-Cookie: console=stolen\r\n\r\n<html>",
    "".join(map(chr, [*range(1, 32), 127, *range(128, 160)])),
    "line one\nline two\r\nline three\u2028line four\u2029line five",
    "مرحبا: المالك يفضل العربية, then English, ثم العربية",
    "שלום עולם (123) \u202egnp.exe\u202c",
    "\u200b\u200c\u200d\ufeff invisible \u00ad soft",
    "Z̷̡͝a̴̛͠l̶̨͑g̵̈́͜o̷͙͗ t̸͎̾e̵̫̍x̷̯̀t",
    "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🧊 ice 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "ﷺ﷽ ＦＵＬＬ ｗｉｄｔｈ",
    "Café naïve résumé, cafe\u0301 nai\u0308ve",
    "null",
    "undefined NaN Infinity -0 1e309",
    " ",
    "   leading and trailing   ",
    "\"double\" 'single' `back` \\slash\\ ;,\t|",
    "true",
)
# Ten thousand characters: without a blank, with blanks, and right to left. Repetitive, so that an index row can hold them.
LONG = ("W" * 10_000, "very long text " * 667, "نص طويل جدا " * 834)
LONG_EVERY = 97

KEPT = frozenset({
    "external_source", "timezone", "locale", "subject_type", "date_format", "landing_screen", "trace_id", "span_id",
    "parent_span_id", "key", "color", "check_key", "dims_key",
})  # fmt: skip
KEPT_IN = frozenset({
    ("app_users", "email"), ("users", "email"), ("metrics", "name"), ("roles", "permissions"),
    ("number_sequences", "prefix"), ("data_exports", "table_name"), ("data_exports", "sha256"),
})  # fmt: skip
# A unique index holds the digest of these: from the second round on the same text gets a number.
DIGESTED = frozenset({("ai_memories", "content")})
OPEN_JSON = frozenset({
    "inputs", "input", "output", "context", "attributes", "action_taken", "params", "frames", "activations",
})  # fmt: skip

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
               AND (k.contype IN ('p', 'u', 'f') OR k.contype = 'c' AND cardinality(k.conkey) = 1))
       OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey)),
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)
               AND cardinality(k.conkey) > 1)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
  AND NOT a.attisdropped AND a.attgenerated = '' AND format_type(a.atttypid, NULL) IN ('text', 'text[]', 'jsonb')
"""


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    bound: bool  # a constraint over several columns reads it: it may change its text, not whether there is one


class Spoiler:
    """Rewrites the texts of rows about to be written; the same row of the same table always gets the same text."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._columns: dict[str, list[_Column]] = {}
        self._done: dict[str, int] = {}
        for table, name, kind, _required, fixed, bound in connection.execute(_COLUMNS):
            if fixed or name in KEPT or (table, name) in KEPT_IN or (kind == "jsonb" and name not in OPEN_JSON):
                continue
            self._columns.setdefault(table, []).append(_Column(name, kind, bound))

    def spoil(self, table: str, records: list[dict[str, Any]]) -> None:
        """Put a hostile text into every open column of every record, also those the record had left empty."""
        columns = self._columns.get(table, ())
        row = self._done.get(table, 0)
        for record in records:
            for place, column in enumerate(columns):
                if column.bound and record.get(column.name) is None:
                    continue
                text = fragment(row, place)
                if row >= len(FRAGMENTS) and (table, column.name) in DIGESTED:
                    text = f"{text} {row}"
                record[column.name] = _as(column.type, text)
            row += 1
        self._done[table] = row

    @property
    def columns(self) -> dict[str, list[str]]:
        """The open columns by table, as the database has them."""
        return {table: [column.name for column in columns] for table, columns in self._columns.items()}

    def text(self, number: int) -> str:
        """One of the short hostile texts."""
        return FRAGMENTS[number % len(FRAGMENTS)]


def fragment(row: int, place: int) -> str:
    """The hostile text for one cell."""
    if (row + 31 * place) % LONG_EVERY == LONG_EVERY - 1:
        return LONG[(row + place) % len(LONG)]
    return FRAGMENTS[(row + 7 * place) % len(FRAGMENTS)]


def _as(kind: str, text: str) -> Any:
    if kind == "text[]":
        return [text]
    return Jsonb({text[:200]: [text, {"nested": text}]}) if kind == "jsonb" else text
