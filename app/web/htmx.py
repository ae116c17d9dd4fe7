"""The one place that speaks htmx: which kind of answer was asked for, and the headers that steer the swap.

htmx-flask 0.1.0 knows the request headers; the response headers of htmx 4 it writes under names that changed, so they
are written here.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, request
from htmx_flask import Htmx
from werkzeug.wrappers import Response as AnyResponse

htmx = Htmx()


def install(app: Flask) -> None:
    """Answers differ by these headers, so caches must keep them apart."""
    htmx.init_app(app)

    @app.after_request
    def vary(response: Response) -> Response:
        response.vary.update(("HX-Request", "HX-Request-Type"))
        return response


def wants_fragment() -> bool:
    """Whether only part of the page is to be swapped in; everything else gets a whole page."""
    return request.headers.get("HX-Request-Type") == "partial"


def asked_from() -> str:
    """The page a script asked from, as its address stands in the browser: path and query; "" where nobody said."""
    shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    return f"{shown.path}?{shown.query}" if shown.query else shown.path


def redirect_whole_page(address: str) -> AnyResponse:
    """Send the browser elsewhere even when a script asked for a part."""
    if request.headers.get("HX-Request") != "true":
        return redirect(address, 303)
    response = make_response("", 204)
    response.headers["HX-Redirect"] = address
    return response


SIGN_IN = "Sign-In"
"""Header of an answer that waits for its sender: `again` after a session has ended, or a form of another one."""


def sign_in_first(address: str) -> Response:
    """Ask the page to sign its person in again and to send the same once more; the page to go to where nobody listens."""
    response = make_response("", 401)
    response.headers[SIGN_IN] = "again"
    response.headers["HX-Redirect"] = address
    return response


def steer(
    response: Response,
    *,
    target: str | None = None,
    swap: str | None = None,
    push: str | None = None,
    trigger: dict[str, Any] | None = None,
) -> Response:
    """Point a swap somewhere other than where the request came from."""
    for name, value in (("HX-Retarget", target), ("HX-Reswap", swap), ("HX-Push-Url", push)):
        if value:
            response.headers[name] = value
    if trigger:
        response.headers["HX-Trigger"] = json.dumps(trigger)
    return response
