"""What a column's name and type let one suppose: that it names a record, holds a secret, or says something of a person.

A guess hides too much rather than too little: whoever manages the explorer looks once and says what a column really holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.engine.reflect.describe import Column

OPEN, PERSONAL, SECRET = "open", "personal", "secret"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SECRETS = _of(
    "password passwd pwd passphrase passcode pass secret secrets token hash salt otp totp mfa ssn sin iban cvv cvc"
    " pin credential credentials apikey passwort kennwort signature cookie"
)
_SECRET_PAIRS = (
    ("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("encryption", "key"), ("license", "key"),
    ("private",), ("tax", "id"), ("tax", "number"), ("vat", "number"), ("social", "security"), ("card", "number"),
    ("credit", "card"), ("card",), ("account", "number"), ("routing", "number"), ("bank", "account"), ("passport",),
)  # fmt: skip
_PERSONAL = _of(
    "email emails mail phone phones telephone tel mobile cell fax surname firstname lastname fullname birth"
    " birthday birthdate dob birthplace address addr street zip postcode postal ip lat lng lon latitude longitude"
    " salary wage nationality religion gender username nickname e164 vorname nachname geburtsdatum telefon strasse"
    " adresse"
)
_PERSONAL_PAIRS = (
    ("first", "name"), ("last", "name"), ("full", "name"), ("middle", "name"), ("maiden", "name"), ("display", "name"),
    ("user", "name"),
    ("contact", "name"), ("person", "name"), ("family", "name"), ("given", "name"), ("employee", "name"), ("patient", "name"),
    ("e", "mail"), ("zip", "code"), ("remote", "addr"), ("user", "agent"),
)  # fmt: skip
_PEOPLE = _of(
    "user users person persons people employee employees contact contacts customer customers member members staff"
    " patient patients student students lead leads candidate candidates applicant applicants guest guests subscriber"
    " subscribers driver drivers technician technicians worker workers tenant_users app_users"
)
_OF_PEOPLE = _of("name names note notes comment comments remarks photo avatar picture")
_MOMENTS = _of("date timestamp timestamptz time timetz interval")
_NUMBERS = _of("int2 int4 int8 numeric float4 float8 money")

_TITLES = ("name", "title", "label", "subject", "number", "email", "code")
_TEXTS = _of("text varchar bpchar citext name")


def words(name: str) -> tuple[str, ...]:
    """first_name, firstName and FirstName are the same two words."""
    return tuple(found.lower() for found in _WORD.findall(name))


def supposed(table: str, column: Column) -> str | None:
    """The class its name suggests, or None where nothing does."""
    if column.base == "bool" or column.labels:
        return None
    said = words(column.name)
    if _is_secret(said, column):
        return SECRET
    return PERSONAL if _is_personal(said, table, column) else None


def _is_secret(said: tuple[str, ...], column: Column) -> bool:
    if column.base in _MOMENTS:
        return False
    if column.base in _NUMBERS or column.base == "uuid":  # the number of tokens used, the id of a card
        telling = said[-1:] if said[-1:] and said[-1] in ("ssn", "otp", "pin", "iban", "cvv", "cvc") else ()
        return bool(telling) or _holds(said, (("card", "number"), ("tax", "number"), ("account", "number")))
    return any(word in _SECRETS for word in said) or _holds(said, _SECRET_PAIRS)


def _is_personal(said: tuple[str, ...], table: str, column: Column) -> bool:
    if column.base in ("inet", "cidr"):
        return True
    if column.base in _MOMENTS:
        return any(word in ("birth", "birthday", "birthdate", "dob", "geburtsdatum") for word in said)
    if said and said[-1] in ("id", "count", "at", "by", "type", "status", "kind"):
        return False
    if any(word in _PERSONAL for word in said) or _holds(said, _PERSONAL_PAIRS):
        return True
    return bool(_PEOPLE & set(words(table))) and any(word in _OF_PEOPLE for word in said)


def _holds(said: tuple[str, ...], pairs: Iterable[tuple[str, ...]]) -> bool:
    return any(said[start : start + len(pair)] == pair for pair in pairs for start in range(len(said)))


def title(columns: list[Column], hidden: frozenset[str], keys: tuple[str, ...]) -> str | None:
    """The column that most likely names a record to a person, among those everybody may see."""
    seen = [each for each in columns if each.name not in hidden and not each.is_array]
    for wanted in _TITLES:
        for each in seen:
            if each.name.lower() == wanted and (each.base in _TEXTS or each.base in _NUMBERS):
                return each.name
    texts = [each for each in seen if each.base in _TEXTS and each.base_kind != "e" and not each.labels]
    for each in texts:
        if words(each.name)[-1:] and words(each.name)[-1] in ("name", "title", "label"):
            return each.name
    for each in texts:
        if each.name not in keys:
            return each.name
    return next((each.name for each in seen if each.name in keys), None)
