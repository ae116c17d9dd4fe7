"""Formats and hashed static addresses for templates: every page writes money, times and names the same way."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, current_app

from app.core import charts, clock, formats
from app.web.joined import joined

FILTERS = {
    "money": formats.money,
    "cost": formats.cost,
    "count_of": formats.count,
    "percent": formats.percent,
    "quantity": formats.quantity,
    "relative": lambda moment, now=None, zone="UTC": formats.relative(moment, now or clock.now(), zone),
    "planned": formats.planned,
    "absolute": formats.absolute,
    "clock": formats.clock,
    "date": formats.date,
    "day": formats.day,
    "iso": formats.iso,
    "duration_ms": formats.duration_ms,
    "size": formats.size,
    "phone": formats.phone,
    "masked_phone": formats.masked_phone,
    "masked_email": formats.masked_email,
    "masked_tail": formats.masked_tail,
    "initials": formats.initials,
}

FOREVER = "public, max-age=31536000, immutable"


def install(app: Flask) -> None:
    """Give the app's templates the filters and globals, and its static files addresses that may be cached for ever."""
    folder = Path(app.static_folder or "static")
    version = static_hash(folder)
    prefix = f"{app.static_url_path}/{version}/"
    urls = app.extensions["static_urls"] = StaticUrls(prefix)
    urls.update({source: prefix + made for source, made in joined(folder).items()})
    app.jinja_env.filters.update(FILTERS)
    # A shell asks for some fifty addresses, so templates get the dictionary's own look-up and not a function around it.
    app.jinja_env.globals.update(
        asset=urls.__getitem__,
        spark=charts.spark,
        bars=charts.bars,
        stack=charts.stack,
        whole_percent=charts.whole_percent,
    )
    app.view_functions["static"] = _serve_hashed(app, version)


def static_hash(folder: Path) -> str:
    """One name for the present state of all static files, so that a module and what it imports change together."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(file.read_bytes())
    return "v" + digest.hexdigest()[:12]


class StaticUrls(dict[str, str]):
    """Address by path, each written once, as css/base.css at /static/v3f2a91c04d7e/css/base.css."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def __missing__(self, path: str) -> str:
        url = self[path] = self.prefix + path
        return url


def asset(path: str) -> str:
    """The address of a static file of the application at work; what the file imports by relative name follows it."""
    return str(current_app.extensions["static_urls"][path])


def _serve_hashed(app: Flask, version: str) -> Callable[[str], Response]:
    def static(filename: str) -> Response:
        """A static file; under the present hash it never changes, under no hash or an old one it is asked for again."""
        head, _, rest = filename.partition("/")
        hashed = len(head) == 13 and head[0] == "v" and bool(rest)
        response = app.send_static_file(rest if hashed else filename)
        if head == version and not app.debug:
            response.headers["Cache-Control"] = FOREVER
        return response

    return static
