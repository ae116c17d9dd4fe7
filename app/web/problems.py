"""What a program reads when something cannot be done: RFC 9457, with the sentence a person would have read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, request

from app.engine.approval_rules import NeedsApproval
from app.engine.idempotency import Reused, UnderWay
from app.engine.refusals import Refusal, Rejected, Stale, TooSlow
from app.web.session import request_id

ROOT = "/api/"
MIME = "application/problem+json"


class Problem(Exception):
    """An answer of the API that is none of the engine's refusals."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers, self.members = status, sentence, dict(headers or {}), members


def wanted() -> bool:
    """Whether a program is asking, who reads problems and not pages."""
    return request.path.startswith(ROOT)


def answer(status: int, sentence: str, **members: Any) -> Response:
    """The problem itself. `errors` lists fields with their sentences and where in the body they stand."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "instance": request.path,
        "request_id": request_id(),
        **members,
    }
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=MIME)


def of_problem(error: Problem) -> Response:
    """The answer to what the API itself refused."""
    response = answer(error.status, error.sentence, **error.members)
    response.headers.extend(error.headers)
    return response


def members_of(error: Refusal) -> dict[str, Any]:
    """What a refusal of the engine says beyond its sentence."""
    if isinstance(error, Rejected):
        return {"errors": field_errors(error.errors)}
    if isinstance(error, NeedsApproval):
        need = error.need
        return {
            "approval": {
                "kind": need.kind,
                "decided_by": need.rule.decides,
                "ask_at": request.path.removeprefix("/api/v1"),
            }
        }
    if isinstance(error, Stale) and error.version:
        return {"version": error.version}
    return {}


def status_of(error: Refusal) -> int | None:
    """Where the API answers otherwise than a page does."""
    if isinstance(error, Stale):
        return 412
    if isinstance(error, TooSlow):
        return 503
    if isinstance(error, NeedsApproval):
        return 409
    return {UnderWay: 409, Reused: 422}.get(type(error))


def field_errors(errors: Mapping[str, str]) -> list[dict[str, str]]:
    """Fields with their sentences; the record as a whole has no field."""
    return [
        {"field": name, "pointer": f"#/{name}", "detail": sentence} if name else {"pointer": "#", "detail": sentence}
        for name, sentence in errors.items()
    ]
