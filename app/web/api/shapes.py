"""Records and lists as JSON: what a projection shows, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from app.engine import listing
from app.engine.fields import Field, SubjectLink
from app.engine.json_values import plain, to_json
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.engine.resource import Resource
from app.web.api.blueprint import ROOT

STAMPS = ("archived_at", "created_at", "updated_at")


def place(resource: Resource, key: Any) -> str:
    """The address of a record."""
    return f"{ROOT}/{resource.domain}/{resource.name}/{key}"


def stamps(resource: Resource) -> tuple[str, ...]:
    """Moments every reader of a record is told, declared as a field or not."""
    return tuple(name for name in STAMPS if name in resource.table.c)


def record(shown: Shown) -> dict[str, Any]:
    """One record: key, version and address, then its fields."""
    resource = shown.resource
    found: dict[str, Any] = {"id": shown.key, "version": shown.version, "href": place(resource, shown.key)}
    found |= {name: plain(shown.values.get(name)) for name in stamps(resource)}
    about = shown.values.get("subject_type")
    for each in shown.projection.fields:
        value = shown.values.get(each.name)
        masked = each.name in shown.projection.masked
        found[each.name] = value if masked else to_json(each, value, shown.labels.get(each.name), about)
    return found


def rows(page: listing.Page) -> list[dict[str, Any]]:
    """The rows of a list, with everything decided once per column."""
    resource, layout, view = page.query.resource, page.layout, page.query.projection
    columns = [(each.name, _cell(each, layout, view)) for each in page.query.columns]
    found = []
    for row in page.rows:
        key = row[layout.key]
        one = {"id": key, "href": place(resource, key)}
        for name, cell in columns:
            one[name] = cell(row)
        found.append(one)
    return found


def _cell(each: Field, layout: listing.Layout, view: Projection) -> Callable[[tuple[Any, ...]], Any]:
    at, label = layout.index[each.name], layout.labels.get(each.name)
    if each.name in view.masked:
        return lambda row: row[at]
    if isinstance(each, SubjectLink):
        about = layout.index["subject_type"]
        return lambda row: to_json(each, row[at], about=row[about])
    if label is not None:
        return lambda row: to_json(each, row[at], row[label])
    return lambda row: to_json(each, row[at])


def written(body: Any) -> bytes:
    """JSON as it is sent; the same every time, so that a digest tells whether anything changed."""
    return json.dumps(body, ensure_ascii=False, default=str).encode()


def tag(version: int, body: bytes) -> str:
    """The ETag of a record: its version for If-Match, and a digest because labels and rights change without it."""
    return f"{version}-{hashlib.sha256(body).hexdigest()[:16]}"
