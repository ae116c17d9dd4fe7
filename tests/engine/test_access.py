"""Permissions: how a bundle answers, and what a projection leaves of a table."""

from __future__ import annotations

import pytest

from app.engine.access import SYSTEM, Actor, expand, holds
from app.engine.fields import Edit
from app.engine.projection import projection
from app.engine.registry import discover
from app.roles import PERMISSIONS, ROLES

RESOURCES = list(discover())


@pytest.mark.parametrize(
    ("bundle", "permission", "answer"),
    [
        ("invoices.void", "invoices.void", True),
        ("invoices.void", "invoices.read", False),
        ("invoices.*", "invoices.void", True),
        ("invoices.*", "invoice.void", False),
        ("*.read", "invoices.read", True),
        ("*.read", "invoices.write", False),
        ("*.read", "ai.decisions.read", True),
        ("ai.decisions.*", "ai.decisions.review", True),
        ("ai.*", "ai.decisions.read", False),
        ("*.*", "anything.at_all", True),
        ("*", "invoices.read", False),
        ("", "invoices.read", False),
        ("invoices", "invoices.read", False),
        ("*.own", "tasks.read", False),
        ("invoices.read", "invoices.reading", False),
    ],
)
def test_a_bundle_answers_for_what_it_names_and_no_more(bundle: str, permission: str, answer: bool) -> None:
    assert holds(frozenset(bundle.split()), permission) is answer


def test_nobody_in_particular_may_do_nothing_and_the_console_everything() -> None:
    assert not any(Actor(1, None, None, "Nobody").may(each) for each in PERMISSIONS)
    assert all(SYSTEM(1).may(each) for each in PERMISSIONS)


def test_every_role_grants_only_permissions_there_are() -> None:
    for role in ROLES:
        for pattern in role.permissions:
            assert expand([pattern], PERMISSIONS), (role.key, pattern)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_a_table_asks_for_permissions_a_role_can_hold(resource: object) -> None:
    assert resource.permission("read") in PERMISSIONS  # type: ignore[attr-defined]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_who_cannot_change_a_table_writes_no_field_of_it_anywhere(resource: object) -> None:
    reader = projection(resource, Actor(1, 1, 1, "Aud", permissions=frozenset({"*.read"})))  # type: ignore[arg-type]
    assert reader.reads_all
    for where in (Edit.CREATE, Edit.FORM, Edit.INLINE, Edit.BULK):
        assert reader.writable(where) == ()
    assert {each.name for each in reader.fields if each.personal} == reader.masked
    assert not reader.masked & (reader.sortable | set(reader.searched) | {each.name for each in reader.filterable})


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_nobody_writes_what_the_console_keeps(resource: object) -> None:
    owner = projection(resource, Actor(1, 1, 1, "Olga", permissions=frozenset({"*.*"})))  # type: ignore[arg-type]
    kept = {"id", "tenant_id", "version", "created_at", "updated_at", "created_by", "updated_by", "archived_at"}
    lifecycle = {owner.resource.lifecycle.field} if owner.resource.lifecycle else set()
    for where in (Edit.FORM, Edit.INLINE, Edit.BULK):
        names = {each.name for each in owner.writable(where)}
        assert not names & kept
        assert not names & lifecycle, "a status moves along its life cycle"
    assert all(each.type != "secret" for each in owner.writable(Edit.FORM))


def test_own_records_are_edited_by_whoever_owns_them() -> None:
    tasks = next(each for each in RESOURCES if each.name == "user_tasks")
    dana = Actor(1, 7, 7, "Dana", permissions=frozenset({"tasks.own", "tasks.read"}))
    view = projection(tasks, dana)
    assert view.edits({"assignee_id": 7}, 7)
    assert not view.edits({"assignee_id": 8}, 7)
    assert not view.edits({"assignee_id": None}, None)
    assert projection(tasks, SYSTEM(1)).edits({"assignee_id": 8}, None)
