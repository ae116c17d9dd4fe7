"""The operator API: what its OpenAPI file declares, by module, against what answers when asked without credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from app.domains.platform.audit.report import Api, Module, Operation
from app.engine import outbound
from app.engine.outbound import NotCalled, Place

LONGEST = 4 * 1024 * 1024
"""Bytes of an OpenAPI file."""
MOST_OPERATIONS = 3_000
MOST_CALLS = 150
CALL_S, FILE_S, BUDGET_S = 3.0, 10.0, 45.0
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


def by_address(address: str, *, private: bool) -> Api:
    """Fetch the file an API keeps beside itself, and ask every operation that can be asked without knowing anything."""
    try:
        at = outbound.place(address, private=private)
        answer = outbound.get(at, f"{at.path}/openapi.json", seconds=FILE_S, most=LONGEST)
        if answer.status != 200:
            raise NotCalled(f"{at.name}{at.path}/openapi.json answers {answer.status} instead of an OpenAPI file.")
        declared = replace(by_file(answer.body, address), source="address")
    except NotCalled as refused:
        return Api("address", address, fault=str(refused))
    return _probed(declared, at, _base(answer.body, at))


def by_file(raw: bytes, name: str) -> Api:
    """What a file declares; nothing is called. Raises NotCalled where it is no OpenAPI 3 file in JSON."""
    document = _document(raw)
    info = document.get("info")
    info = info if isinstance(info, dict) else {}
    modules: dict[str, list[Operation]] = {}
    for group, operation in _operations(document):
        modules.setdefault(group, []).append(operation)
    return Api(
        "file",
        name[:200],
        str(info.get("title", ""))[:200],
        str(info.get("version", ""))[:40],
        modules=tuple(Module(group, tuple(modules[group])) for group in sorted(modules)),
    )


def kept(raw: Any) -> Api:
    """What a file declared, out of the settings it was kept in."""
    modules = tuple(
        Module(str(name), tuple(Operation(str(method), str(path)) for method, path in operations))
        for name, operations in raw["modules"].items()
    )
    return Api("file", str(raw["name"]), str(raw["title"]), str(raw["version"]), modules=modules)


def to_keep(api: Api) -> dict[str, Any]:
    """A file cut to what a report needs of it."""
    modules = {each.name: [[one.method, one.path] for one in each.operations] for each in api.modules}
    return {"name": api.name, "title": api.title, "version": api.version, "modules": modules}


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > LONGEST:
        raise NotCalled(f"This file is longer than {LONGEST // 1024 // 1024} MB.")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise NotCalled("This is no JSON. The audit reads an OpenAPI 3 file in JSON.") from None
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3"):
        raise NotCalled("This is JSON, but no OpenAPI 3 file: it does not say “openapi”: “3…”.")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise NotCalled("This OpenAPI file declares no paths.")
    return document


def _operations(document: Mapping[str, Any]) -> Iterable[tuple[str, Operation]]:
    left = MOST_OPERATIONS
    for path, item in document["paths"].items():
        if not isinstance(item, dict):
            continue
        for method in METHODS:
            declared = item.get(method)
            if not isinstance(declared, dict):
                continue
            if not left:
                raise NotCalled(f"This file declares more than {MOST_OPERATIONS:,} operations.")
            left -= 1
            tags = declared.get("tags")
            tag = next((each for each in tags if isinstance(each, str) and each), "") if isinstance(tags, list) else ""
            demands = _demands(document, item, declared) or "{" in path
            note = "needs something to be given" if demands else ""
            yield (tag or _beginning(path))[:100], Operation(method.upper(), str(path)[:300], "", note)


def _demands(document: Mapping[str, Any], item: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
    """Whether an operation cannot be asked without knowing a value for it."""
    given = [each for one in (item, declared) if isinstance(one.get("parameters"), list) for each in one["parameters"]]
    return any(_resolved(document, each).get("required") is True for each in given)


def _resolved(document: Mapping[str, Any], parameter: Any) -> Mapping[str, Any]:
    """A parameter, or the one it points at; what cannot be found counts as demanded, so that it is not asked blindly."""
    pointer = parameter.get("$ref") if isinstance(parameter, dict) else None
    if pointer is None:
        return parameter if isinstance(parameter, dict) else {}
    found: Any = document
    for step in str(pointer).removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {"required": True}


def _beginning(path: str) -> str:
    """The module of a path without a tag: its first step that is not `api` or a version."""
    steps = [each for each in path.split("/") if each and not each.startswith("{")]
    own = [each for each in steps if each != "api" and not (each[:1] == "v" and each[1:].isdigit())]
    return (own or steps or ["/"])[0]


def _base(raw: bytes, at: Place) -> str:
    """What stands before its paths: a server named by path alone, else where the file lay. Other servers are not called."""
    servers = json.loads(raw).get("servers")
    first = servers[0].get("url") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else None
    if isinstance(first, str) and first.startswith("/") and not first.startswith("//"):
        return first.rstrip("/")
    return at.path


def _probed(api: Api, at: Place, base: str) -> Api:
    """The same with what each operation answered: GET only, one after the other, as long as number and time allow."""
    began, calls, left_out = time.monotonic(), 0, 0
    modules = []
    for module in api.modules:
        operations = []
        for each in module.operations:
            if each.method == "GET" and not each.note:
                if calls < MOST_CALLS and time.monotonic() - began < BUDGET_S:
                    calls += 1
                    operations.append(_asked(each, at, base))
                    continue
                left_out += 1
            operations.append(each)
        modules.append(Module(module.name, tuple(operations)))
    return replace(api, modules=tuple(modules), left_out=left_out)


def _asked(operation: Operation, at: Place, base: str) -> Operation:
    try:
        status = outbound.get(at, quote(f"{base}{operation.path}", safe="/%:@!$&'()*+,;=-._~"), seconds=CALL_S).status
    except NotCalled as refused:
        return replace(operation, answer="silent", note=str(refused))
    if status in (401, 403):
        return replace(operation, answer="asks", note=f"{status}: it wants to know who asks")
    if status in (404, 405, 410, 501):
        return replace(operation, answer="no", note=f"{status}: declared, yet not there")
    if status >= 500:
        return replace(operation, answer="fails", note=f"{status}: it fails")
    return replace(operation, answer="yes", note=str(status))
