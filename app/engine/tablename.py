"""The names of tables in addresses: any name PostgreSQL takes, written so that it comes back as it was.

A name may hold blanks, dots, quotes, slashes and every script there is. Letters, digits, `_` and `-` stand as they are;
each other byte of its UTF-8 as `~` and two digits, which no proxy, router or browser touches. The same goes for keys.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_OTHER = re.compile(rb"[^A-Za-z0-9_-]")
_WRITTEN = re.compile(rb"~([0-9a-f]{2})")
EMPTY = "~"


def escape(name: str) -> str:
    """A name or one part of a key as it stands in an address."""
    if _PLAIN(name):
        return name
    if name == "":
        return EMPTY
    return _OTHER.sub(lambda found: b"~%02x" % found[0][0], name.encode()).decode()


def unescape(written: str) -> str:
    """The name again. What a person typed by hand, with blanks or umlauts as they are, is taken as it stands.

    Raises ValueError for what no name is written as.
    """
    if written == EMPTY:
        return ""
    name = _WRITTEN.sub(lambda found: bytes([int(found[1], 16)]), written.encode()).decode()
    if "\x00" in name:
        raise ValueError("A name holds no null.")
    return name


def address(schema: str, table: str) -> str:
    """`schema.table` for an address: public.orders, Odd~20Names.with~2edots."""
    return f"{escape(schema)}.{escape(table)}"


def path(schema: str, table: str) -> str:
    """Where the explorer shows a table."""
    return f"/explorer/{address(schema, table)}"


def parts(written: str) -> tuple[str, str]:
    """(schema, table) of an address. Raises ValueError."""
    schema, _, table = written.partition(".")
    return unescape(schema), unescape(table)


def named_address(qualified: str) -> str:
    """The address of a table by its `schema.table` in plain writing; the first dot is taken for the one between them."""
    schema, _, table = qualified.partition(".")
    return address(schema, table)
