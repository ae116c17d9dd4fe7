"""What a program sends: JSON that is read strictly, and the conditions under which it wants it done."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from flask import request

from app.engine.fields import Field, Invalid
from app.engine.forms import is_required
from app.engine.idempotency import LONGEST_KEY
from app.engine.json_values import from_json
from app.engine.refusals import Rejected
from app.engine.resource import Resource
from app.web.problems import Problem, field_errors

JSON_TYPES = ("application/json", "application/merge-patch+json")
_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})(?:-[0-9a-f]{16})?"?')
_KEY = re.compile(rf"[A-Za-z0-9_.:-]{{1,{LONGEST_KEY}}}")


def read(*, optional: bool = False) -> dict[str, Any]:
    """The object in the body. Raises Problem 415 for another kind of content, 400 for what is no JSON object."""
    raw = request.get_data()
    if not raw.strip() and optional:
        return {}
    if request.mimetype not in JSON_TYPES:
        raise Problem(415, "Send JSON, with Content-Type: application/json.")
    try:
        body = json.loads(raw.decode(), parse_constant=_no_number)
        json.dumps(body, ensure_ascii=False).encode()  # half a character could be read, but not kept
    except (ValueError, RecursionError):
        raise Problem(400, "The body is no JSON, or holds text that is none.") from None
    if not isinstance(body, dict):
        raise Problem(400, "The body must be a JSON object: fields with their values.")
    return body


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def edits(
    resource: Resource,
    body: Mapping[str, Any],
    known: Mapping[str, Field],
    allowed: Iterable[Field],
    needed: Iterable[str] = (),
) -> dict[str, Any]:
    """Typed values of the fields in a body. A name the caller does not know of is 400; a field it may not write and a
    value that cannot be taken are Rejected, each with its sentence."""
    names, demanded = {each.name: each for each in allowed}, frozenset(needed)
    unknown = [name for name in body if name not in known]
    if unknown:
        errors = dict.fromkeys(unknown, "There is no such field.")
        raise Problem(400, f"There is no field “{unknown[0][:60]}” here.", errors=field_errors(errors))
    wanted: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, value in body.items():
        if name not in names:
            faults[name] = f"{known[name].title} cannot be changed here."
            continue
        try:
            wanted[name] = from_json(resource, names[name], value, name in demanded)
        except Invalid as fault:
            faults[name] = str(fault)
    missing = demanded - body.keys()
    faults |= {name: f"{resource.field(name).title} cannot stay empty." for name in sorted(missing)}
    if faults:
        raise Rejected(faults)
    return wanted


def needed_to_create(resource: Resource, fields: Iterable[Field]) -> tuple[str, ...]:
    """Fields a new record must come with: those the table demands and the declaration gives no value for."""
    return tuple(
        each.name for each in fields if is_required(resource.table, each) and resource.defaults.get(each.name) is None
    )


def reason(body: dict[str, Any]) -> str | None:
    """The reason for the history, taken out of the body."""
    found = body.pop("reason", None)
    if found is None:
        return None
    if not isinstance(found, str) or len(found) > 1_000 or "\x00" in found:
        raise Rejected({"reason": "Say why in at most 1,000 ordinary characters."})
    return found.strip() or None


def check_version(version: int, *, demanded: bool) -> None:
    """If-Match against the record as it stands: 428 where it is demanded and missing, 412 where the record moved on."""
    given = request.headers.get("If-Match")
    if given is None:
        if demanded:
            raise Problem(428, "Send If-Match with the ETag you read, so that nobody's change is overwritten unseen.")
        return
    if given.strip() == "*":
        return
    versions = [_VERSION.fullmatch(each.strip()) for each in given.split(",")]
    if not all(versions):
        raise Problem(400, 'If-Match takes the ETag of the record as it was read, or its version like "7".')
    if version not in {int(each[1]) for each in versions if each}:
        raise Problem(412, f"Someone changed this since you read it; it is at version {version} now.", version=version)


def idempotency_key() -> str | None:
    """The word by which a repeated request is recognised."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise Problem(400, f"An Idempotency-Key has 1 to {LONGEST_KEY} of A-Z, a-z, 0-9 and _ . : - in it.")
    return given


def fingerprint() -> bytes:
    """What makes two requests the same one."""
    parts = (request.method.encode(), request.path.encode(), request.get_data())
    return hashlib.sha256(b"\x00".join(parts)).digest()
