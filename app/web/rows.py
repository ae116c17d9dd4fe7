"""Rows of a list as HTML: each column's markup is decided once, then all rows run through one flat loop.

A list of 50 rows and 10 columns has 500 cells. An include per cell costs more than the query, so the cell templates
of the shown columns are written out into one row template, which is compiled once and kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as filled
from functools import lru_cache
from typing import Any

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from app.core.clock import now, today
from app.engine.access import Actor
from app.engine.fields import Choice, Field, Reference, SubjectLink
from app.engine.listing import Page
from app.engine.references import shows_label
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web import markup
from app.web.formats import asset

_TD = re.compile(r"\{# td: ?([\w -]*) ?#\}\n?")


@dataclass(frozen=True)
class Column:
    """What a cell template may ask of its column, as `f`."""

    field: Field
    looks: dict[Any, Any] = filled(default_factory=dict)
    base: str | None = None
    """Where a referred record is opened, when this role may open it."""
    person: bool = False
    subjects: dict[str, tuple[str, str]] = filled(default_factory=dict)


def column(each: Field, permissions: frozenset[str]) -> Column:
    """The static side of one column for one bundle of permissions."""
    looks = markup.looks(each, asset("icons.svg")) if isinstance(each, Choice) else {}
    base, person, subjects = None, False, {}
    if isinstance(each, Reference):
        person = each.as_ == "person"
        base = _address(each.to, permissions)
    if isinstance(each, SubjectLink):
        subjects = {one.name: (one.path, one.one) for one in REGISTRY if shows_label(one.name, permissions)}
    return Column(each, looks, base, person, subjects)


def _address(name: str, permissions: frozenset[str]) -> str | None:
    from app.engine.access import holds

    target = REGISTRY.get(name)
    return target.path if target is not None and holds(permissions, target.permission("read")) else None


def render(page: Page, actor: Actor, panel: bool = False) -> Markup:
    """The <tr>s of a page. `panel` is a related list on a record, whose rows are plainer."""
    query, layout = page.query, page.layout
    template, columns = _row_template(
        current_app.jinja_env,
        query.resource,
        tuple(each.name for each in query.columns),
        actor.permissions,
        panel,
        tuple(
            layout.labels.get(each.name, layout.index["subject_type"] if isinstance(each, SubjectLink) else -1)
            for each in query.columns
        ),
        layout.key,
        layout.title,
    )
    return markup.trusted(
        template,
        rows=page.rows,
        columns=columns,
        now=now(),
        zone=actor.timezone,
        today=today(actor.timezone),
        base=query.resource.path,
        moment_cell=markup.moment,
        person_cell=markup.person,
    )


@lru_cache(maxsize=2048)
def _row_template(
    env: Any,
    resource: Resource,
    names: tuple[str, ...],
    permissions: frozenset[str],
    panel: bool,
    labels: tuple[int, ...],
    key: int,
    title: int,
) -> tuple[Template, list[Column]]:
    from app.engine.projection import _projection

    view = _projection(resource, permissions)
    columns, cells, heads = [], [], []
    for index, name in enumerate(names):
        each = view.by_name[name]
        columns.append(column(each, permissions))
        css, body = _cell_source(env, each.type)
        value = f"{{%- set v = row[{index}] -%}}"
        if labels[index] >= 0:
            value += f"{{%- set l = row[{labels[index]}] -%}}"
        elif "l" in body and isinstance(each, Reference | SubjectLink):
            value += "{%- set l = none -%}"
        heads.append(f"{{%- set f{index} = columns[{index}] -%}}")
        body = re.sub(r"\bf\.", f"f{index}.", body)
        if name == resource.title:
            words = "l" if isinstance(each, Reference) else "v"
            cells.append(
                f'{value}<td data-field="{name}" class="{"" if panel else "stick "}name {css}"><a href="{{{{ base }}}}/{{{{ row[{key}] }}}}">'
                f'{{% if {words} is none or {words} == "" %}}#{{{{ row[{key}] }}}}{{% else %}}{{{{ {words} }}}}{{% endif %}}</a></td>'
            )
        else:
            width = f" {each.width}" if each.width else ""
            cells.append(f'{value}<td data-field="{name}" class="{css}{width}">{body}</td>')
    if resource.title not in names:
        cells.insert(
            0,
            f'<td class="name"><a class="rowlink" href="{{{{ base }}}}/{{{{ row[{key}] }}}}">{{{{ row[{title}] if row[{title}] is not none else "#" ~ row[{key}] }}}}</a></td>',
        )
    source = (
        "".join(heads)
        + f'{{%- for row in rows %}}<tr data-key="{{{{ row[{key}] }}}}">'
        + "".join(cells)
        + "</tr>\n{% endfor -%}"
    )
    return env.from_string(source), columns


@lru_cache(maxsize=256)
def _cell_source(env: Any, kind: str) -> tuple[str, str]:
    """(classes of the <td>, template of its content) of a field type; a resource's own override is looked up by its screens."""
    source, _name, _fresh = env.loader.get_source(env, f"fields/{kind}/cell.html")
    found = _TD.match(source)
    return (found[1].strip() if found else ""), _TD.sub("", source).strip()
