"""The pages there are, told to the audit: every address with its permission, and the lists of all tables by name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask

from app.domains.platform.audit.pages import Page
from app.engine.registry import REGISTRY
from app.web import navigation
from app.web.security import OF_RESOURCE, permission_of

_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def surface(app: Flask) -> tuple[Page, ...]:
    """Every page of an application: its rules, and for each declared table the list that stands behind the general rule."""
    placed = {each.href: f"{each.group}, {each.label}".removeprefix(", ") for each in navigation.screens()}
    return (*_lists(), *_rules(app, placed))


def _lists() -> Iterator[Page]:
    for resource in REGISTRY:
        place = f"{resource.nav[0]}, {resource.plural}".removeprefix(", ") if resource.nav else None
        own = resource.permission("own") if resource.own else None
        yield Page(resource.path, ("GET",), resource.permission("read"), own, place)


def _rules(app: Flask, placed: dict[str, str]) -> Iterator[Page]:
    lists = {resource.path for resource in REGISTRY}
    for rule in app.url_map.iter_rules():
        permission = permission_of(app, rule.endpoint)
        if rule.rule in lists or rule.endpoint == "static":
            continue
        if permission is not None and permission.startswith(OF_RESOURCE):
            permission = _of_resource(permission, rule.defaults)
        address = _CONVERTER.sub(r"<\1>", rule.rule)
        methods = tuple(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        yield Page(address, methods, permission, None, placed.get(rule.rule))


def _of_resource(permission: str, defaults: object) -> str:
    """A rule for one table asks that table's permission; the general rule keeps its own, which differs by table."""
    named = REGISTRY.get(str(defaults.get("table"))) if isinstance(defaults, dict) else None
    return named.permission(permission.removeprefix(OF_RESOURCE)) if named else permission
