"""The ten roles are made of permissions that exist, and every permission the code asks for can be given to a role."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from app import roles
from app.engine.access import holds

CODE = Path(__file__).resolve().parents[2] / "app"
ASKED = re.compile(r"""(?:\bmay=|\bmay\(|needs\(|also=\()\s*["']([a-z_.]+\.[a-z_]+)["']""")


def bundle(key: str) -> frozenset[str]:
    return frozenset(next(role.permissions for role in roles.ROLES if role.key == key))


@pytest.mark.parametrize("role", roles.ROLES, ids=lambda role: role.key)
def test_a_role_is_made_of_permissions_that_exist(role: roles.Role) -> None:
    for pattern in role.permissions:
        assert any(holds(frozenset({pattern}), permission) for permission in roles.PERMISSIONS), pattern


def test_whatever_the_code_asks_for_can_be_given_to_a_role() -> None:
    asked = {(found, path.name) for path in CODE.rglob("*.py") for found in ASKED.findall(path.read_text())}
    assert {each for each in asked if each[0] not in roles.PERMISSIONS} == set()
    assert len(asked) > 30


@pytest.mark.parametrize(
    ("key", "may", "may_not"),
    [
        ("owner", ("invoices.void", "roles.write", "customers.reveal"), ()),
        ("admin", ("users.write", "audit.read", "health.ack"), ("invoices.read", "customers.read")),
        ("operations_manager", ("jobs.authorize", "visits.cancel", "tasks.work"), ("invoices.void", "roles.read")),
        (
            "dispatcher",
            ("jobs.schedule", "visits.dispatch", "tasks.own"),
            ("jobs.write", "leads.read", "invoices.read"),
        ),
        (
            "sales",
            ("leads.win", "estimates.send", "customers.write", "jobs.approve"),
            ("estimate_reviews.decide", "customers.delete"),
        ),
        (
            "billing",
            ("invoices.void", "customers.credit", "jobs.read"),
            ("customers.write", "leads.read", "jobs.schedule"),
        ),
        ("ai_operator", ("ai.decisions.review", "agents.pause"), ("invoices.read", "tasks.work")),
        ("auditor", ("payments.read", "audit.verify", "export.read"), ("customers.reveal", "tasks.own", "views.own")),
        ("viewer", ("invoices.read", "tasks.read"), ("export.read", "audit.read", "users.read", "customers.reveal")),
        ("worker", ("jobs.complete", "payments.allocate"), ("roles.write", "users.write", "customers.delete")),
    ],
)
def test_what_a_role_may_and_may_not(key: str, may: tuple[str, ...], may_not: tuple[str, ...]) -> None:
    assert [each for each in may if not holds(bundle(key), each)] == []
    assert [each for each in may_not if holds(bundle(key), each)] == []


def test_seeding_again_leaves_what_people_have_edited(owner_connection: Connection) -> None:
    tenant = owner_connection.scalar(text("INSERT INTO tenants (slug, name) VALUES ('seed', 'Seed') RETURNING id"))
    ids = roles.seed_roles(owner_connection, tenant)
    owner_connection.execute(text("UPDATE roles SET permissions = '{home.read}' WHERE id = :id"), {"id": ids["viewer"]})
    assert roles.seed_roles(owner_connection, tenant) == ids
    kept = owner_connection.execute(
        text("SELECT permissions, is_system FROM roles WHERE id = :id"), {"id": ids["viewer"]}
    )
    assert tuple(kept.one()) == (["home.read"], True)
