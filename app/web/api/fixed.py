"""What the API's description says of every table alike: problems, counts, references, and how to get a token."""

from __future__ import annotations

from typing import Any

ABOUT = """Every table of the console as JSON, by the same rights as on its pages.

Send an API key or an access token as `Authorization: Bearer …`; a cookie opens nothing here. Lists take the parameters of
their pages' addresses; follow `next` for more. Amounts and other decimals are strings, moments are in UTC, a reference is
`{key, label}`, a masked value reads `••••`. A change needs `If-Match` with the ETag that was read. What goes wrong is
answered as a problem (RFC 9457) with a sentence, and for invalid fields one for each."""


def ref(name: str, kind: str = "schemas") -> dict[str, str]:
    """A pointer into the components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def error(*statuses: str) -> dict[str, Any]:
    """These statuses answer with a problem."""
    return {status: ref("Problem", "responses") for status in statuses}


PRINTED = "^[^\\x00-\\x1f]*$"
KEY: dict[str, Any] = {
    "name": "key",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
}
_IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "pattern": '^"?[0-9]{1,9}"?$'},
    "description": "The ETag of the record as it was read, or its version.",
}
PARAMETERS: dict[str, Any] = {
    "Key": KEY,
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,200}$"},
        "description": "The same word with the same request has one effect and one answer for a day.",
    },
    "IfMatch": _IF_MATCH,
    "IfMatchRequired": _IF_MATCH | {"required": True},
}
_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "version": {"type": "integer", "description": "Of the record as it stands, where yours was older."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "pointer", "detail")},
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}
_KEYED = {"key": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}}
COMMON: dict[str, Any] = {
    "Problem": _PROBLEM,
    "Count": {
        "type": "object",
        "properties": {"number": {"type": "integer"}, "exact": {"type": "boolean"}},
        "required": ["number", "exact"],
    },
    "Reference": {
        "type": "object",
        "properties": _KEYED | {"label": {"type": ["string", "null"]}},
        "required": ["key"],
        "additionalProperties": False,
    },
    "Subject": {
        "type": "object",
        "properties": _KEYED | {"type": {"type": ["string", "null"]}},
        "required": ["key", "type"],
    },
    "Tokens": {
        "type": "object",
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"type": "string"},
            "expires_in": {"type": "integer"},
            "refresh_token": {"type": "string"},
        },
        "required": ["access_token", "token_type", "expires_in", "refresh_token"],
    },
}
RESPONSES: dict[str, Any] = {
    "Problem": {
        "description": "What cannot be done, and why.",
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
}


def _post(word: str, summary: str, asks: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": asks, "required": list(asks), "additionalProperties": False}
    return {
        "post": {
            "operationId": f"tokens.{word}",
            "summary": summary,
            "tags": ["tokens"],
            "security": [],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": answer | error("4XX", "5XX"),
        }
    }


_GIVEN = {"200": {"description": "Tokens", "content": {"application/json": {"schema": ref("Tokens")}}}}
_REFRESH = {"refresh_token": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": PRINTED}}
TOKENS: dict[str, Any] = {
    "/tokens": _post(
        "issue",
        "Sign in for an access token and a refresh token",
        {
            "email": {"type": "string", "minLength": 1, "maxLength": 320, "pattern": PRINTED},
            "password": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": PRINTED},
        },
        _GIVEN,
    ),
    "/tokens/refresh": _post("refresh", "Exchange a refresh token, once, for new tokens", _REFRESH, _GIVEN),
    "/tokens/revoke": _post(
        "revoke", "End a refresh token and its whole family", _REFRESH, {"204": {"description": "Ended."}}
    ),
}
