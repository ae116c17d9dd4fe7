"""Where the API's addresses hang: no cookie opens them, so no page of another site can press them on anyone's behalf."""

from __future__ import annotations

from flask import Blueprint

from app.web.security import csrf

ROOT = "/api/v1"

blueprint = Blueprint("api", __name__, url_prefix=ROOT)
csrf.exempt(blueprint)
