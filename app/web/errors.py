"""What a person reads when something cannot be done: one sentence and a number to name, never the inside of the house.

The pages for 500 and 503 must come up without the database, so they go on as nobody and ask it nothing.
"""

from __future__ import annotations

import html
import logging

import psycopg
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app.engine import errors_log
from app.engine.passwords import Busy
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Refusal, Rejected, Stale
from app.web import problems
from app.web.htmx import SIGN_IN
from app.web.session import current_session, request_id

log = logging.getLogger("console.errors")

SENTENCES = {
    400: "The console does not understand this request. Nothing was changed.",
    401: "Sign in first.",
    403: "This is not yours to do. Nothing was changed.",
    404: "There is nothing at this address, or your role does not include it.",
    405: "This address does not answer that kind of request.",
    409: "Someone else changed this first. Nothing of yours was saved.",
    413: "That is more than the console takes in one piece. Nothing was changed.",
    415: "The console cannot read that kind of content.",
    422: "Some values cannot be taken. Nothing was changed.",
    429: "Too many tries. Wait a little.",
    500: "Something went wrong on our side. Nothing was changed.",
    503: "The database cannot be reached at this moment. Nothing was changed. Try again in a few seconds.",
}
REFUSED = {BadQuery: 400, NotFound: 404, NotAllowed: 403, Rejected: 422, Stale: 409}
SLOW, LOCKED = "57014", "55P03"
TEMPLATES = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})
TRY_AGAIN = 5
"""Seconds after which a browser or a proxy may ask again."""


def answer(code: int, sentence: str | None = None, *, retry_after: int | None = None) -> AnyResponse:
    """The error in the form the asker can read: page, fragment or JSON."""
    sentence = sentence or SENTENCES.get(code) or SENTENCES[500 if code >= 500 else 400]
    if code >= 500:
        current_session().forget()
    response = problems.answer(code, sentence) if problems.wanted() else _body(code, sentence)
    response.status_code = code
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _body(code: int, sentence: str) -> Response:
    if request.path.endswith(".json") or request.accept_mimetypes.best == "application/json":
        return jsonify(error=sentence, request_id=request_id())
    if request.headers.get("HX-Request-Type") == "partial":
        return make_response(
            f'<p class="banner danger" role="alert">{html.escape(sentence)} <small>Request {request_id()}</small></p>'
        )
    known = code if code in TEMPLATES else (500 if code >= 500 else 400)
    try:
        return make_response(
            render_template(
                f"errors/{known}.html", sentence=sentence, request_id=request_id(), code=code, actor=_actor(code)
            )
        )
    except (TemplateError, DBAPIError, PoolTimeout):
        log.exception("error_page.failed")
        return make_response(_PLAIN.format(code=code, sentence=html.escape(sentence), request_id=request_id()))


def _actor(code: int) -> object:
    return current_session().actor if code < 500 else None


_PLAIN = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{code}</title><main><h1>{sentence}</h1><p>Request {request_id}</p><p><a href="/">Home</a></p></main></html>"""


def on_http(error: HTTPException) -> AnyResponse:
    """An answer the program chose: 404, 400 and the like."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    code = error.code or 500
    ours = error.description if error.description != type(error).description else None
    response = answer(code, ours)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    return response


def on_stale_form(error: CSRFError) -> AnyResponse:
    """A form from another session, or from none."""
    log.warning("csrf.refused", extra={"why": error.description, "path": request.path[:200]})
    response = answer(
        400, "This form is out of date: you signed in again since it was opened. Reload the page and send it again."
    )
    response.headers[SIGN_IN] = "again"
    return response


def on_refusal(error: Refusal) -> AnyResponse:
    """The engine said no, in words meant for the person."""
    code = next((code for kind, code in REFUSED.items() if isinstance(error, kind)), 400)
    if problems.wanted():
        response = problems.answer(problems.status_of(error) or code, error.sentence, **problems.members_of(error))
        if response.status_code in (409, 503):
            response.headers["Retry-After"] = str(TRY_AGAIN)
        return response
    return answer(code, error.sentence)


def on_busy(error: Busy) -> AnyResponse:
    """More sign-ins at once than the machine can check."""
    return answer(503, str(error), retry_after=TRY_AGAIN)


def on_database(error: DBAPIError) -> AnyResponse:
    """The database is away, too slow, or refused what we sent; only the last is a fault of the program."""
    return _database(error, error.orig, error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None)


def on_driver(error: psycopg.Error) -> AnyResponse:
    """The same of a statement sent straight to the driver, as lists do."""
    cut_off = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and error.sqlstate is None
    return _database(error, error, cut_off)


def _database(error: Exception, cause: BaseException | None, is_away: bool) -> AnyResponse:
    state = getattr(cause, "sqlstate", None) or ""
    if state == SLOW:
        log.warning("database.too_slow", extra={"path": request.path[:200]})
        return answer(
            503, "The database took longer than it may for one page. Nothing was changed.", retry_after=TRY_AGAIN
        )
    if state == LOCKED:
        return answer(503, "Someone else is changing the same rows. Nothing was changed. Try again.", retry_after=1)
    # No state: the connection itself failed. 08: connection, 53: out of resources, 57P: being shut down or started.
    if is_away or state.startswith(("08", "53", "57P")):
        log.error("database.away", extra={"why": str(cause)[:300]})
        return answer(503, retry_after=TRY_AGAIN)
    return on_any(error)


def on_no_connection(error: PoolTimeout) -> AnyResponse:
    """Every connection is in use and none came free in time."""
    log.error("database.no_connection_free")
    return answer(503, retry_after=TRY_AGAIN)


def on_any(error: Exception) -> AnyResponse:
    """A fault of ours: the error list gets where and why, the person gets the number by which to find it there."""
    session = current_session()
    errors_log.capture(
        error,
        request_id=request_id(),
        method=request.method,
        path=request.path,
        status=500,
        ip=request.remote_addr,
        actor=session.actor if session.is_loaded else None,
    )
    log.debug("unhandled", exc_info=error)
    return answer(500)


def install(app: Flask) -> None:
    """Answer every failure of `app` here."""
    app.register_error_handler(HTTPException, on_http)  # type: ignore[type-var]
    app.register_error_handler(CSRFError, on_stale_form)  # type: ignore[type-var]
    app.register_error_handler(problems.Problem, problems.of_problem)  # type: ignore[type-var]
    app.register_error_handler(Refusal, on_refusal)  # type: ignore[type-var]
    app.register_error_handler(Busy, on_busy)  # type: ignore[type-var]
    app.register_error_handler(DBAPIError, on_database)  # type: ignore[type-var]
    app.register_error_handler(psycopg.Error, on_driver)  # type: ignore[type-var]
    app.register_error_handler(PoolTimeout, on_no_connection)  # type: ignore[type-var]
    app.register_error_handler(Exception, on_any)
