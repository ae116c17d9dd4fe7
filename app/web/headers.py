"""What every answer tells the browser not to do, and where the browser complains when a page tries."""

from __future__ import annotations

import json
import logging

from flask import Blueprint, Flask, Response, request

from app.web.security import csrf, open_to_all
from app.web.session import request_id

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; object-src 'none'; frame-ancestors 'none'; report-to csp"
)
_UNUSED_POWERS = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation", "gyroscope",
    "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock",
    "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
ALWAYS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("Reporting-Endpoints", 'csp="/csp-reports"'),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", ", ".join(f"{power}=()" for power in _UNUSED_POWERS)),
)
ONE_YEAR = "max-age=31536000; includeSubDomains"
LONGEST_REPORT = 64 * 1024

blueprint = Blueprint("reports", __name__)
log = logging.getLogger("console.csp")


def add_headers(response: Response) -> Response:
    """The one function every answer leaves through."""
    response.headers.extend(ALWAYS)
    response.headers["X-Request-ID"] = request_id()
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = ONE_YEAR
    if request.endpoint != "static":
        # A page, an export or an error may show what the next person at this desk must not find by pressing Back.
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/csp-reports")
@csrf.exempt
@open_to_all
def csp_reports() -> tuple[str, int]:
    """A browser's complaint that a page tried something the policy forbids: either an attack or our own mistake."""
    if (request.content_length or 0) > LONGEST_REPORT:
        return "", 413
    try:
        reports = json.loads(request.get_data(cache=False) or b"[]")
    except ValueError:
        return "", 400
    for report in (reports if isinstance(reports, list) else [reports])[:20]:
        body = report.get("body") or report.get("csp-report") if isinstance(report, dict) else None
        if isinstance(body, dict):
            log.warning(
                "csp.violation", extra={"report": {str(k)[:60]: str(v)[:300] for k, v in list(body.items())[:20]}}
            )
    return "", 204


def install(app: Flask) -> None:
    """Put the headers on every answer of `app`."""
    app.after_request(add_headers)
