"""What the console makes of names alone: addresses that come back as they were, guesses that rather hide too much."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import tablename
from app.engine.reflect import guesses
from app.engine.reflect.columns import names
from app.engine.reflect.describe import Column
from app.engine.reflect.reflected import written

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=0, max_size=20)


def column(name: str, base: str = "text", **known: Any) -> Column:
    plain: dict[str, Any] = {
        "type": base, "spec": base, "base_kind": "b", "element": None, "element_kind": None, "category": "S", "ordered": True,
        "nullable": True, "identity": "", "generated": False, "default": None, "longest": None, "labels": (), "points": False,
        "readable": True, "updatable": True, "insertable": True, "blind": False, "comment": None,
    }  # fmt: skip
    return Column(name=name, base=base, **{**plain, **known})


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES)
def test_any_two_names_come_back_from_an_address(schema: str, table: str) -> None:
    address = tablename.address(schema, table)
    assert re.fullmatch(r"[A-Za-z0-9_~-]+\.[A-Za-z0-9_~-]+", address)
    assert tablename.parts(address) == (schema, table)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_key_comes_back_from_an_address(parts: list[str]) -> None:
    key = written(parts)
    assert re.fullmatch(r"[A-Za-z0-9_~,-]+", key) and key not in ("new", "history", "filters")
    assert [tablename.unescape(part) for part in key.split(",")] == parts


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, max_size=8, unique=True))
def test_every_column_has_a_name_of_its_own_in_addresses(columns: list[str]) -> None:
    found = names([column(each) for each in columns])
    assert len(set(found.values())) == len(columns)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in found.values())


@pytest.mark.parametrize(
    "name", ["data", "errors", "q", "sort", "after", "path", "version", "reason", "cols", "value", "validate"]
)
def test_a_column_called_like_a_word_of_ours_is_called_otherwise(name: str) -> None:
    assert names([column(name)])[name] == f"c_{name}"


@pytest.mark.parametrize(
    ("table", "name", "base", "held"),
    [
        ("users", "password_hash", "text", "secret"), ("x", "apiKey", "text", "secret"), ("x", "api_key", "bytea", "secret"),
        ("x", "private_key", "text", "secret"), ("x", "Salt", "text", "secret"), ("x", "iban", "varchar", "secret"),
        ("x", "card_number", "text", "secret"), ("x", "ssn", "int4", "secret"), ("x", "reset_token", "uuid", None),
        ("x", "otp", "int4", "secret"), ("x", "email", "text", "personal"), ("x", "E-Mail", "text", "personal"),
        ("x", "phone_e164", "text", "personal"), ("x", "firstName", "text", "personal"), ("x", "ip", "inet", "personal"),
        ("x", "seen_from", "inet", "personal"), ("x", "latitude", "float8", "personal"), ("x", "birth_date", "date", "personal"),
        ("employees", "name", "text", "personal"), ("people", "notes", "text", "personal"), ("products", "name", "text", None),
        ("x", "password_changed_at", "timestamptz", None), ("x", "is_secret", "bool", None), ("x", "email_count", "int4", None),
        ("x", "prompt_tokens", "int4", None), ("x", "card_id", "int8", None), ("x", "title", "text", None),
        ("x", "hashtag", "text", None), ("x", "passenger", "text", None), ("x", "street", "text", "personal"),
    ],
)  # fmt: skip
def test_what_a_name_suggests(table: str, name: str, base: str, held: str | None) -> None:
    assert guesses.supposed(table, column(name, base)) == held


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (("id", "code", "title"), "title"), (("id", "Name", "title"), "Name"), (("id", "job_name", "what"), "job_name"),
        (("id", "what", "why"), "what"), (("id",), "id"),
    ],
)  # fmt: skip
def test_what_names_a_row(columns: tuple[str, ...], named: str) -> None:
    found = guesses.title([column(name) for name in columns], frozenset(), ("id",))
    assert found == named
