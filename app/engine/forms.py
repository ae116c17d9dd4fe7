"""Forms from declarations: WTForms carries the values and errors, the field types read and show them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from wtforms import Field as FormField
from wtforms import Form, HiddenField, StringField
from wtforms.validators import ValidationError

from app.core.clock import zone_of
from app.engine.fields import Choice, Field, Flag, Invalid, Moment, Tags
from app.engine.resource import Resource


class TypedField(FormField):
    """One declared field in a form: keeps what was typed, also when it cannot be read, and the sentence that says why."""

    def __init__(
        self, label: str = "", *, declared: Field, needed: bool, settled: bool = False, zone: str = "UTC", **kwargs: Any
    ) -> None:
        super().__init__(label, **kwargs)
        self.declared = declared
        self.needed = needed
        self.settled = settled
        """Whether it has some value at all times, so that there is no "none" to choose."""
        self.zone = zone
        self.typed = ""
        self.given = True
        """False when a form came without this field: one opened before the field was added must not empty it."""
        self.chosen_label = ""
        """The title of the record a reference points at, for its picker."""

    def process_data(self, value: Any) -> None:
        self.data = value
        self.typed = self._show(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed. A blank means empty; an absent box means it was not ticked."""
        self.typed = str(valuelist[0]) if valuelist else ""
        self.given = bool(valuelist) or isinstance(self.declared, Flag)
        if isinstance(self.declared, Flag):
            self.data = self.declared.parse(self.typed)
            return
        if not self.typed.strip():
            self.data = [] if isinstance(self.declared, Tags) else None
            return
        try:
            value = self.declared.parse(self.typed)
        except Invalid as fault:
            self.data = None
            raise ValueError(str(fault)) from None
        self.data = self._local(value) if isinstance(value, datetime) else value

    def post_validate(self, form: Form, validation_stopped: bool) -> None:
        if self.needed and self.given and not self.errors and self.data in (None, "", []):
            raise ValidationError(f"{self.declared.title} cannot stay empty.")

    def _show(self, value: Any) -> str:
        if isinstance(self.declared, Moment) and isinstance(value, datetime):
            return value.astimezone(zone_of(self.zone)).strftime("%Y-%m-%dT%H:%M")
        return self.declared.typed(value)

    def _local(self, value: datetime) -> datetime:
        """A form's moment has no zone of its own: it was typed by someone looking at a clock on their wall."""
        return value.replace(tzinfo=zone_of(self.zone)).astimezone(UTC) if "+" not in self.typed[10:] else value


class RecordForm(Form):
    """Base of every generated form; `version` is the row version the person looked at."""

    version = HiddenField()
    was = HiddenField()
    """What the fields held when the form was opened, for a table of which nobody else keeps that; see `opened_with`."""
    reason = StringField()

    def edits(self) -> dict[str, Any]:
        """The values given, by field name."""
        return {name: each.data for name, each in self._fields.items() if isinstance(each, TypedField) and each.given}

    @property
    def typed_fields(self) -> list[TypedField]:
        return [each for each in self._fields.values() if isinstance(each, TypedField)]

    @property
    def seen(self) -> int | None:
        """The version the form was opened with; None when it is missing or not a number."""
        text = str(self.version.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def keep_opening(self, values: Mapping[str, Any]) -> None:
        """Send along what the fields hold now, so that only what is touched will count as an edit."""
        self.was.data = json.dumps(
            {name: _mark(each.declared.typed(values.get(name))) for name, each in self._typed().items()},
            ensure_ascii=False,
        )

    def leave_untouched(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """Take fields that came back as they were sent out of the edits, whether their value could be typed anew or not.

        Returns the former values of those that others changed meanwhile, by comparison with the record as it is `now`.
        """
        try:
            was = json.loads(self.was.data or "null")
        except ValueError:
            was = None
        if not isinstance(was, dict):
            return {}
        others: dict[str, Any] = {}
        for name, each in self._typed().items():
            if not isinstance(was.get(name), str):
                continue
            if each.given and _untouched(each, was[name]):
                each.given, each.process_errors, each.errors = False, [], []
            if _mark(each.declared.typed(now.get(name))) != was[name]:
                others[name] = None if was[name] == "" or was[name].startswith(_DIGEST) else was[name]
        return others

    def _typed(self) -> dict[str, TypedField]:
        return {name: each for name, each in self._fields.items() if isinstance(each, TypedField)}

    def put_errors(self, errors: Mapping[str, str]) -> list[str]:
        """Set sentences beside their fields; those that belong to no field of this form are returned."""
        rest = []
        for name, sentence in errors.items():
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, sentence]
            else:
                rest.append(sentence)
        return rest

    @property
    def first_error(self) -> str | None:
        """The id of the first field with an error, which gets the focus."""
        return next((each.id for each in self._fields.values() if each.errors), None)


_DIGEST, _LONG = "sha256:", 300


def _mark(typed: str) -> str:
    """A value as a form carries it along to be compared later: itself, or where it is long its digest."""
    text = typed.replace("\r\n", "\n")
    return text if len(text) <= _LONG else _DIGEST + hashlib.sha256(text.encode()).hexdigest()


def _untouched(each: TypedField, was: str) -> bool:
    if isinstance(each.declared, Flag):
        return bool(each.data) == (was == "true")
    return _mark(each.typed) == was


def form_class(resource: Resource, fields: Iterable[Field], zone: str, needed: Iterable[str] = ()) -> type[RecordForm]:
    """The form over these fields; `needed` adds fields that may not stay blank here."""
    return _form_class(resource, tuple(each.name for each in fields), zone, frozenset(needed))


@lru_cache(maxsize=2048)
def _form_class(resource: Resource, names: tuple[str, ...], zone: str, needed: frozenset[str]) -> type[RecordForm]:
    made: dict[str, Any] = {}
    for name in names:
        declared = resource.field(name)
        made[name] = TypedField(
            declared.title,
            declared=declared,
            needed=name in needed or is_required(resource.table, declared),
            settled=isinstance(declared, Choice) and _always(resource.table, declared),
            zone=zone,
        )
    return type("MadeForm", (RecordForm,), made)


def _always(table: Table, declared: Field) -> bool:
    column = table.c.get(declared.name)
    return column is not None and not column.nullable


def is_required(table: Table, declared: Field) -> bool:
    """Demanded by the declaration, or by the database: NOT NULL and nothing to fall back on."""
    if declared.required:
        return True
    column = table.c.get(declared.name)
    if column is None or isinstance(declared, Flag | Tags):
        return False
    return not column.nullable and column.server_default is None and column.computed is None
