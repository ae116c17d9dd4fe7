"""Records that were merged into another: where their old addresses lead, and what is said there."""

from __future__ import annotations

from flask import request

from app.core.db import reading
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.merging import doing
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.engine.references import labels
from app.engine.refusals import NotFound
from app.engine.resource import Resource
from app.web.addresses import link


def away(shown: Shown) -> str | None:
    """Where a merged record leads, unless it is asked for itself."""
    into = shown.resource.merged_into
    if not into or not shown.values.get(into) or "merged" in request.args:
        return None
    to = doing.where_to(reading(), shown.resource, shown.key)
    return None if to is None else link(f"{shown.resource.path}/{to}", [("was", str(shown.key))])


def came_from(resource: Resource, view: Projection, actor: Actor, key: int) -> Shown | None:
    """The merged record whose address led here; None where none did."""
    was = request.args.get("was", "")
    if not resource.merged_into or not (was.isascii() and was.isdigit() and len(was) < 19):
        return None
    if doing.where_to(reading(), resource, int(was)) != key:
        return None
    try:
        return records.read(reading(), view, int(was), actor)
    except NotFound:
        return None


def kept_one(shown: Shown, actor: Actor) -> tuple[int, str] | None:
    """The key and title of the record this one was merged into, at the end of however many merges; None for any other."""
    resource = shown.resource
    if not resource.merged_into or not shown.values.get(resource.merged_into):
        return None
    to = doing.where_to(reading(), resource, shown.key)
    return None if to is None else (to, labels(reading(), resource, actor, [to]).get(to) or f"{resource.one} {to}")


def offered(shown: Shown, actor: Actor) -> bool:
    """Whether this record may be merged by who looks at it."""
    resource = shown.resource
    return doing.may(resource, actor) and not shown.archived and not shown.values.get(resource.merged_into)
