"""Passwords: how they are kept, which ones are too easy to guess, and the ones we hand out.

Length is asked for, composition is not (OWASP ASVS 5.0, 6.2): a rule such as "one digit, one capital" makes
people write the same predictable word with the same predictable ending.
"""

import os
import re
import secrets
import threading
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 15
LONGEST = 256
OWN_CHARACTERS = 8
"""How much has to be left once everything an attacker tries first has been taken out."""

WAIT_FOR_A_TURN = 5.0

# One hash takes 64 MiB and four lanes for an eighth of a second. More of them at once than processors only makes every
# sign-in slower, and a flood of sign-ins would take the memory of the whole machine.
_turns = threading.BoundedSemaphore(max(1, min(4, os.cpu_count() or 1)))
_hasher = PasswordHasher()


class Busy(Exception):
    """Too many sign-ins are being checked at this moment; trying again shortly is the right answer."""


class _Turn:
    def __enter__(self) -> None:
        if not _turns.acquire(timeout=WAIT_FOR_A_TURN):
            raise Busy("Many people are signing in at this moment. Try again in a few seconds.")

    def __exit__(self, *_: object) -> None:
        _turns.release()


def hash_password(password: str) -> str:
    """The Argon2id string to keep in `users.password_hash`."""
    with _Turn():
        return _hasher.hash(password)


_nobody: str | None = None


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the kept one. Takes as long for a person who does not exist as for one who does,
    so that the time of the answer tells nobody which addresses have a sign-in."""
    global _nobody
    if kept is None and _nobody is None:
        _nobody = hash_password(secrets.token_hex(16))
    with _Turn():
        try:
            return _hasher.verify(kept or _nobody or "", password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with weaker settings than today's; sign-in then renews it."""
    return _hasher.check_needs_rehash(kept)


def hand_out() -> str:
    """A password to tell a person once, easy to read aloud: 100 bits, no letters that look alike."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


# What the published lists of leaked passwords are made of, once repeats, endings and letter swaps are taken away.
_FIRST_GUESSES = [
    "password",
    "passwort",
    "passw0rd",
    "passphrase",
    "passcode",
    "secret",
    "letmein",
    "letme",
    "welcome",
    "login",
    "signin",
    "logon",
    "admin",
    "administrator",
    "root",
    "superuser",
    "user",
    "username",
    "guest",
    "test",
    "testing",
    "tester",
    "default",
    "changeme",
    "change",
    "please",
    "master",
    "access",
    "hello",
    "hallo",
    "sunshine",
    "princess",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "iloveyou",
    "love",
    "lovely",
    "trustno",
    "trust",
    "shadow",
    "superman",
    "batman",
    "pokemon",
    "starwars",
    "michael",
    "jordan",
    "jennifer",
    "jessica",
    "ashley",
    "daniel",
    "charlie",
    "thomas",
    "george",
    "william",
    "robert",
    "matthew",
    "anthony",
    "michelle",
    "summer",
    "winter",
    "spring",
    "autumn",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "morning",
    "company",
    "office",
    "work",
    "internet",
    "computer",
    "server",
    "database",
    "whatever",
    "freedom",
    "flower",
    "cheese",
    "chocolate",
    "cookie",
    "banana",
    "orange",
    "purple",
    "yellow",
    "silver",
    "golden",
    "diamond",
    "secure",
    "security",
    "private",
    "thisis",
    "mypassword",
    "correcthorsebatterystaple",
    "correct",
    "horse",
    "battery",
    "staple",
    "tobeornottobe",
    "nothing",
    "something",
    "everything",
    "roofing",
    "roof",
    "roofer",
    "brainops",
    "brain",
    "console",
    "centerpoint",
    "customer",
    "invoice",
    "dispatch",
    "operations",
    "ops",
]
_WALKS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890", "0987654321", "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujm",
    "zyxwvutsrqponmlkjihgfedcba", "poiuytrewq", "lkjhgfdsa",
)  # fmt: skip
_LOOKALIKES = str.maketrans("@4831!05$7", "aabeiiosst")
_GUESSES = sorted({*_FIRST_GUESSES, *(word.translate(_LOOKALIKES) for word in _FIRST_GUESSES)}, key=len, reverse=True)


def weakness(password: str, about: Iterable[str] = ()) -> str | None:
    """One sentence on why the password will not do, or None. `about` holds words that belong to the person or the
    company: name, e-mail, company name."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Three or four unrelated words are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    mine = {part for text in about for part in re.split(r"[^a-z0-9]+", text.casefold()) if len(part) > 2}
    if len(_without(password.casefold(), set())) < OWN_CHARACTERS:
        return "This is among the first things an attacker tries. Use three or four unrelated words."
    if len(_without(password.casefold(), mine)) < OWN_CHARACTERS:
        return "This is mostly your name, your address or the company's. Use words that have nothing to do with you."
    return None


def _without(password: str, mine: set[str]) -> str:
    """What is left of a password once the guessable is gone: known words, the person's own, runs along the keyboard or
    the alphabet, repeats, years and punctuation."""
    left = _without_walks(password)
    for text in (left, left.translate(_LOOKALIKES)):
        for word in (*sorted(mine, key=len, reverse=True), *_GUESSES):
            text = text.replace(word, " ")
        left = min(left, text, key=lambda candidate: len(candidate.replace(" ", "")))
    left = re.sub(r"(19|20)\d\d|[\W_]", "", left)
    return re.sub(r"(.{1,6}?)\1+", r"\1", left)


def _without_walks(text: str) -> str:
    for walk in _WALKS:
        for length in range(len(walk), 3, -1):
            for start in range(len(walk) - length + 1):
                text = text.replace(walk[start : start + length], " ")
    return text
