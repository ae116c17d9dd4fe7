"""By what two records of one kind may be the same: which of their columns tell, how they are compared, what they weigh.

Values are compared as people mean them: names without capitals, accents, "&" and legal forms, telephone numbers by their
digits, streets with the usual short forms. What two records share adds up; what they both have and differ in counts against.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

RULES = 1
"""Raised when records are to be read and weighed anew."""
THRESHOLD = 0.7
"""From here on two records are put before a person."""

LEGAL = frozenset(
    ("inc", "incorporated", "llc", "llp", "lp", "ltd", "limited", "corp", "corporation", "co", "company", "plc", "pc",
     "the", "and")
)  # fmt: skip
PUBLIC = frozenset(
    ("gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "aol.com",
     "icloud.com", "me.com", "mac.com", "comcast.net", "proton.me", "protonmail.com", "gmx.com", "mail.com")
)  # fmt: skip
"""Where everybody has mail: sharing it says nothing."""
SHORT = {
    "street": "st", "road": "rd", "avenue": "ave", "av": "ave", "boulevard": "blvd", "drive": "dr", "lane": "ln",
    "court": "ct", "place": "pl", "square": "sq", "highway": "hwy", "parkway": "pkwy", "terrace": "ter", "circle": "cir",
    "trail": "trl", "suite": "ste", "apartment": "apt", "unit": "ste", "floor": "fl", "building": "bldg", "north": "n",
    "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip


@dataclass(frozen=True)
class Likeness:
    """Declared on a resource: the columns that tell one of its records from another, by what they hold."""

    name: tuple[str, ...]
    """The first that is filled is the name."""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    street: str = ""
    postal: str = ""
    city: str = ""
    beside: str = ""
    """A reference both must share to be alike at all, as two contacts belong to one customer."""

    @property
    def columns(self) -> tuple[str, ...]:
        single = (each for each in (self.street, self.postal, self.city, self.beside) if each)
        return tuple(dict.fromkeys((*self.name, *self.phones, *self.emails, *single)))


@dataclass(frozen=True)
class Traits:
    """What of a record is compared, as it is compared; empty where it has nothing to say."""

    name: str = ""
    phones: str = ""
    """Digits, of several separated by a space."""
    emails: str = ""
    street: str = ""
    postal: str = ""
    city: str = ""
    beside: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing of it could be like anything."""
        return not (self.name or self.phones or self.emails or self.street)


TRAITS = tuple(each.name for each in fields(Traits))

_WORD = re.compile(r"[^\W_]+")
_NO_DIGIT = re.compile(r"\D")
_VOWEL = re.compile("[aeiouy]")


def traits(like: Likeness, row: Mapping[str, Any]) -> Traits:
    """A record's values as they are compared."""
    name = next((said for column in like.name if (said := plain_name(row[column]))), "")
    return Traits(
        name[:200],
        " ".join(sorted({said for column in like.phones if (said := digits(row[column]))})),
        " ".join(sorted({said for column in like.emails if (said := mail(row[column]))}))[:300],
        plain_street(row[like.street])[:200] if like.street else "",
        "".join(_words(row[like.postal]))[:5] if like.postal else "",
        " ".join(_words(row[like.city]))[:80] if like.city else "",
        str(row[like.beside] or "") if like.beside else "",
    )


def plain_name(value: Any) -> str:
    """A name by its words, without capitals, accents, signs and legal forms; of nothing else but those, as it is."""
    words = _words(value)
    return " ".join([each for each in words if each not in LEGAL] or words)


def plain_street(value: Any) -> str:
    """A street with its short forms, the house number first as it stands."""
    return " ".join(SHORT.get(each, each) for each in _words(value))


def digits(value: Any) -> str:
    """A telephone number by its last ten digits, which is the whole of it within North America; "" for fewer than seven."""
    found = _NO_DIGIT.sub("", str(value or ""))[-10:]
    return found if len(found) >= 7 else ""


def mail(value: Any) -> str:
    """An address of mail in small letters; "" for what is none."""
    found = str(value or "").strip().lower()
    return found if 0 < found.find("@") < len(found) - 1 and " " not in found else ""


def _words(value: Any) -> list[str]:
    plain = str(value or "").lower().replace("'", "")
    if not plain.isascii():
        spread = unicodedata.normalize("NFKD", plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))
        plain = "".join(each for each in spread if not unicodedata.combining(each))
    return _WORD.findall(plain)


def keys(has: Traits) -> set[int]:
    """What brings two records together to be weighed: they share one of these, or are never compared.

    Each stands for one whole trait, so that a typing error in the name is found by the telephone number, and a new
    telephone number by the name and the place.
    """
    return {_hashed(each) for each in _spoken(has)}


def _spoken(has: Traits) -> Iterator[str]:
    for phone in has.phones.split():
        yield f"p{phone}"
    for address in has.emails.split():
        yield f"m{address}"
        domain = address.partition("@")[2]
        if domain not in PUBLIC:
            yield f"d{domain}"
    if has.street:
        yield f"s{has.street}|{has.postal or has.city}"
    if has.name:
        sorted_ = "".join(sorted(has.name.split()))
        yield f"n{has.beside}|{sorted_}"
        if has.beside or has.city:
            # The consonants of the longest words: what most typing errors leave as it is.
            longest = sorted(has.name.split(), key=lambda each: (-len(each), each))[:2]
            yield f"c{has.beside or has.city}|{'|'.join(sorted(_VOWEL.sub('', each) for each in longest))}"


def _hashed(spoken: str) -> int:
    return int.from_bytes(hashlib.blake2b(spoken.encode(), digest_size=8).digest(), "big", signed=True)


def basis(has: Traits) -> bytes:
    """A digest of all that is compared: the same as long as nothing has changed on which a decision could rest."""
    told = "\x1f".join(getattr(has, name) for name in TRAITS)
    return hashlib.blake2b(told.encode(), digest_size=8).digest()


@dataclass(frozen=True)
class Weighed:
    """How alike two records are, 0 to 1, and what speaks for it, strongest first."""

    score: float
    why: tuple[str, ...]
    exact: bool
    """Whether name, street and a way to reach them are the very same."""


def weigh(one: Traits, other: Traits, similarity: float) -> Weighed:
    """Weigh two records; `similarity` is that of their names by trigrams, 0 to 1.

    Evidence for it is taken together as independent (1 - product of what each leaves open); what speaks against it
    takes its share off the whole.
    """
    for_it: list[tuple[float, str]] = []
    against = 1.0
    reached = False
    if _share(one.phones, other.phones):
        for_it.append((0.6, "same phone"))
        reached = True
    elif one.phones and other.phones:
        against *= 0.8
    if _share(one.emails, other.emails):
        for_it.append((0.6, "same e-mail"))
        reached = True
    elif _share(_domains(one.emails), _domains(other.emails)):
        for_it.append((0.25, "same e-mail domain"))
    near = bool(one.postal and one.postal == other.postal) or bool(one.city and one.city == other.city)
    apart = not near and bool((one.postal and other.postal) or (one.city and other.city))
    housed = bool(one.street) and one.street == other.street and not apart
    if housed:
        for_it.append((0.6 if near else 0.4, "same street"))
    elif one.street and other.street:
        against *= 0.6
    elif near:
        for_it.append((0.1, "same place"))
    if apart:
        against *= 0.8
    if one.beside or other.beside:
        if one.beside != other.beside:
            return Weighed(0.0, (), False)
        for_it.append((0.3, ""))
    same_name = bool(one.name) and sorted(one.name.split()) == sorted(other.name.split())
    if same_name:
        for_it.append((0.6, "same name"))
    elif similarity >= 0.8:
        for_it.append((0.55, "almost the same name"))
    elif similarity >= 0.5:
        for_it.append((0.4, "similar name"))
    elif similarity >= 0.3:
        for_it.append((0.15, "somewhat similar name"))
    else:
        against *= 0.45
    left_open = 1.0
    for weight, _word in for_it:
        left_open *= 1 - weight
    score = round((1 - left_open) * against, 3)
    why = tuple(word for _weight, word in sorted(for_it, key=lambda each: (-each[0], _ORDER.get(each[1], 9))) if word)
    return Weighed(score, why, same_name and housed and near and reached)


_ORDER = {"same phone": 0, "same e-mail": 1, "same street": 2, "same name": 3}


def _share(one: str, other: str) -> bool:
    return bool(one and other) and not set(one.split()).isdisjoint(other.split())


@lru_cache(maxsize=4096)
def _domains(emails: str) -> str:
    return " ".join(domain for each in emails.split() if (domain := each.partition("@")[2]) not in PUBLIC)


def said(why: tuple[str, ...] | list[str]) -> str:
    """What speaks for it, as the page says it."""
    return ", ".join(why)
