"""The API's own description (OpenAPI 3.1), made of the declarations as the one who asks may see them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from flask import Response, request

from app.engine.access import holds
from app.engine.actions import Action
from app.engine.fields import Edit
from app.engine.json_values import Schema, schema_of_answer, schema_of_value
from app.engine.projection import Projection, seen_with
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.states import Transition
from app.web.api import asking
from app.web.api.blueprint import ROOT, blueprint
from app.web.api.bodies import needed_to_create
from app.web.api.fixed import ABOUT, COMMON, PARAMETERS, RESPONSES, TOKENS, error, ref
from app.web.api.records import _CHANGE, RESTORE, found_move, of_list, of_record
from app.web.api.shapes import stamps
from app.web.security import signed_in
from app.web.session import current_actor


@blueprint.get("/openapi.json")
@signed_in
def describe() -> Response:
    """The description; it changes with the caller's rights and with a new version of the console, hence the ETag."""
    body = written(current_actor().permissions)
    response = Response(body, content_type="application/json")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response


@lru_cache(maxsize=64)
def written(permissions: frozenset[str]) -> bytes:
    """The description as it is sent."""
    return json.dumps(document(permissions), ensure_ascii=False, separators=(",", ":")).encode()


def document(permissions: frozenset[str]) -> dict[str, Any]:
    """The whole description for one bundle of permissions."""
    paths: dict[str, Any] = dict(TOKENS)
    schemas: dict[str, Any] = dict(COMMON)
    tags = []
    for domain in sorted(REGISTRY.domains.values(), key=lambda each: each.order):
        mine = [each for each in REGISTRY if each.domain == domain.name]
        views = [view for view in (seen_with(each, permissions) for each in mine) if view.reads or view.creates]
        if views:
            tags.append({"name": domain.name, "description": domain.label})
        for view in sorted(views, key=lambda each: each.resource.name):
            schemas |= _schemas(view)
            paths |= _paths(view)
    return {
        "openapi": "3.1.0",
        "info": {"title": "BrainOps Console", "version": "1", "description": ABOUT},
        "servers": [{"url": ROOT}],
        "security": [{"bearer": []}],
        "tags": [{"name": "tokens", "description": "Signing in without a browser"}, *tags],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or an access token."}
            },
            "schemas": _shared(schemas),
            "responses": RESPONSES,
            "parameters": PARAMETERS,
        },
    }


def _shared(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same with what filters have in common said once: thousands of them take one of a few hundred kinds of value."""
    named: dict[str, str] = {}
    found = dict(schemas)
    for name, schema in schemas.items():
        if not name.endswith(".filters"):
            continue
        properties = {}
        for filter_name, value in schema["properties"].items():
            written = json.dumps(value, sort_keys=True)
            if len(written) < 80:
                properties[filter_name] = value
                continue
            shared = named.setdefault(written, f"Filter{len(named) + 1}")
            found[shared] = value
            properties[filter_name] = ref(shared)
        found[name] = schema | {"properties": properties}
    return found


# -- schemas ---------------------------------------------------------------------------------------------------------


def _schemas(view: Projection) -> dict[str, Any]:
    resource, name = view.resource, view.resource.name
    shown = {each.name: schema_of_answer(each, each.name in view.masked) for each in view.fields}
    head = {"id": {"type": "integer"}, "version": {"type": "integer"}, "href": {"type": "string"}}
    stamped = {stamp: {"type": ["string", "null"], "format": "date-time"} for stamp in stamps(resource)}
    found: dict[str, Any] = {
        name: {
            "type": "object",
            "description": resource.about or resource.one,
            "properties": stamped | shown | head,
            "required": [*head, *shown],
        },
        f"{name}.row": {
            "type": "object",
            "properties": shown | {"id": head["id"], "href": head["href"]},
            "required": ["id", "href"],
        },
        f"{name}.filters": asking.filters(view),
    }
    if view.creates:
        fields = view.writable(Edit.CREATE)
        needed = needed_to_create(resource, fields)
        found[f"{name}.new"] = _body(resource, {each.name: schema_of_value(resource, each) for each in fields}, needed)
    if "PATCH" in of_record(resource, view):
        fields = view.writable(_CHANGE)
        found[f"{name}.change"] = _body(resource, {each.name: schema_of_value(resource, each) for each in fields})
    return found


def _body(resource: Resource, properties: dict[str, Any], needed: tuple[str, ...] = ()) -> Schema:
    words = {
        "type": ["string", "null"],
        "maxLength": 1_000,
        "pattern": "^[^\\x00]*$",
        "description": "For the history.",
    }
    return {
        "type": "object",
        "properties": ({} if resource.has("reason") else {"reason": words}) | properties,
        "required": list(needed),
        "additionalProperties": False,
    }


# -- paths -----------------------------------------------------------------------------------------------------------


def _paths(view: Projection) -> dict[str, Any]:
    resource = view.resource
    place = f"/{resource.domain}/{resource.name}"
    found: dict[str, Any] = {place: _list(view)}
    if not view.reads:
        return found
    found[f"{place}/{{key}}"] = _record(view)
    moves: list[Transition | Action] = [
        *(resource.lifecycle.transitions if resource.lifecycle else ()),
        *resource.actions,
    ]
    for move in moves:
        allowed = (move.may, *move.also) if isinstance(move, Transition) else (move.may,)
        if found_move(resource, move.key) is move and any(holds(view.permissions, each) for each in allowed):
            found[f"{place}/{{key}}/actions/{move.key}"] = {
                "parameters": [ref("Key", "parameters")],
                "post": _move(view, move),
            }
    back = f"{place}/{{key}}/actions/{RESTORE}"
    if resource.archivable and resource.read_only is None and view.may("delete") and back not in found:
        restore = _operation(view, RESTORE, f"Restore {resource.one}", _one(view))
        restore["requestBody"] = _content(_body(resource, {}), required=False)
        found[back] = {"parameters": [ref("Key", "parameters")], "post": restore}
    return found


def _list(view: Projection) -> dict[str, Any]:
    resource, name = view.resource, view.resource.name
    found: dict[str, Any] = {}
    ways = of_list(resource, view)
    if "GET" in ways:
        page = {
            "type": "object",
            "properties": {
                "data": {"type": "array", "items": ref(f"{name}.row")},
                "next": {"type": ["string", "null"]},
                "previous": {"type": ["string", "null"]},
                "count": {"oneOf": [ref("Count"), {"type": "null"}]},
            },
            "required": ["data", "next", "previous", "count"],
        }
        answers = {"200": {"description": resource.plural, **_content(page)}}
        found["get"] = _operation(view, "list", f"List {resource.plural.lower()}", answers) | {
            "parameters": asking.parameters(view)
        }
    if "POST" in ways:
        made = ref(name) if view.reads else {"type": "object", "required": ["id", "href"]}
        answers = {
            "201": {"description": "Created", **_content(made), "headers": {"Location": {"schema": {"type": "string"}}}}
        }
        if view.reads:
            answers["201"]["links"] = _links(view)
        found["post"] = _operation(view, "create", f"Create {resource.one}", answers) | {
            "parameters": [ref("IdempotencyKey", "parameters")],
            "requestBody": _content(ref(f"{name}.new"), required=True),
        }
    return found


def _record(view: Projection) -> dict[str, Any]:
    resource, name = view.resource, view.resource.name
    found: dict[str, Any] = {
        "parameters": [ref("Key", "parameters")],
        "get": _operation(view, "show", f"Show {resource.one}", _one(view, links=True)),
    }
    archived = {"name": "archived", "in": "query", "schema": {"type": "string", "enum": ["1"]}}
    found["get"]["responses"] |= {"304": {"description": "Not changed since If-None-Match."}}
    if resource.archivable:
        found["get"]["parameters"] = [archived]
    ways = of_record(resource, view)
    if "PATCH" in ways:
        answers = _one(view)
        match = ref("IfMatchRequired" if resource.row_version else "IfMatch", "parameters")
        found["patch"] = _operation(view, "change", f"Change {resource.one}", answers) | {
            "parameters": [match],
            "requestBody": _content(ref(f"{name}.change"), required=True),
        }
    if "DELETE" in ways:
        word = "Archive" if resource.archivable else "Delete"
        answers = {"204": {"description": f"{word}d."}}
        found["delete"] = _operation(view, "delete", f"{word} {resource.one}", answers) | {
            "parameters": [ref("IfMatch", "parameters")]
        }
    return found


def _move(view: Projection, move: Transition | Action) -> dict[str, Any]:
    resource = view.resource
    asked = {name: schema_of_value(resource, resource.field(name), needed=name in move.requires) for name in move.asks}
    body = _body(resource, asked, move.requires)
    if move.reason and "reason" not in asked:
        body["properties"]["reason"] = {
            "type": "string",
            "maxLength": 1_000,
            "pattern": "^[^\\x00]*[^\\s\\x00][^\\x00]*$",
        }
        body["required"] = [*body["required"], "reason"]
    return _operation(view, move.key, move.label, _one(view)) | {
        "parameters": [ref("IdempotencyKey", "parameters"), ref("IfMatch", "parameters")],
        "requestBody": _content(body, required=bool(body["required"])),
    }


def _one(view: Projection, links: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"description": view.resource.one, **_content(ref(view.resource.name))}
    found["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return {"200": found | ({"links": _links(view)} if links else {})}


def _links(view: Projection) -> dict[str, Any]:
    """Where to go from a record in hand."""
    name, key = view.resource.name, {"key": "$response.body#/id"}
    ways = of_record(view.resource, view)
    found: dict[str, Any] = {"show": {"operationId": f"{name}.show", "parameters": key}}
    if "PATCH" in ways:
        found["change"] = {"operationId": f"{name}.change", "parameters": key | {"If-Match": "$response.header.ETag"}}
    if "DELETE" in ways:
        found["delete"] = {"operationId": f"{name}.delete", "parameters": key}
    return found


def _operation(view: Projection, word: str, summary: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": f"{view.resource.name}.{word}",
        "summary": summary,
        "tags": [view.resource.domain],
        "responses": answers | error("4XX", "5XX"),
    }


def _content(schema: Schema, required: bool | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"content": {"application/json": {"schema": schema}}}
    return found if required is None else found | {"required": required}
