"""The one reviewed place that builds markup in Python: cells that stand in a list hundreds of times.

Everything that came from data passes `escape`; the rest is written here or comes from declarations.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jinja2 import Template
from markupsafe import Markup, escape

from app.core import formats
from app.engine.fields import Choice


def looks(field: Choice, icons: str) -> dict[Any, Markup]:
    """Each value of a choice as it stands in a cell: glyph and word, or the word alone where no tone is declared."""
    made: dict[Any, Markup] = {}
    for value in field.values:
        word = escape(field.words(value))
        if not field.tones:
            made[value] = word
            continue
        tone, glyph = field.tone(value)
        made[value] = Markup(
            f'<span class="status {escape(tone)}"><svg class="g" viewBox="0 0 12 12" aria-hidden="true">'
            f'<use href="{escape(icons)}#g-{escape(glyph)}"/></svg>{word}</span>'
        )
    return made


def trusted(template: Template, **context: Any) -> Markup:
    """What a template of ours rendered, in which every value was escaped on its way in."""
    return Markup(template.render(**context))


def moment(value: datetime | None, now: datetime, zone: str, planned: bool = False) -> Markup | str:
    """A point in time as people say it, with the exact one on hover."""
    if value is None:
        return ""
    words = formats.planned(value, now, zone) if planned else formats.relative(value, now, zone)
    return Markup(
        f'<time datetime="{formats.iso(value)}" title="{escape(formats.absolute(value, zone))}">{escape(words)}</time>'
    )


def person(name: str | None) -> Markup | str:
    """A colleague: round initials and the name."""
    if not name:
        return ""
    safe = escape(name)
    return Markup(
        f'<span class="owner"><span class="avatar" aria-hidden="true">{escape(formats.initials(name))}</span>'
        f"<span>{safe}</span></span>"
    )
