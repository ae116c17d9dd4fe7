"""What somebody has decided about customers: that those of one name in two cities are branches, and that a telephone number
of ours is newer than the one CenterPoint came with."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

_SAME_NAME = """
SELECT one.id, other.id FROM customers one JOIN customers other ON other.tenant_id = one.tenant_id
    AND other.name_norm = one.name_norm AND other.id > one.id
WHERE one.tenant_id = %s AND one.bill_city <> other.bill_city AND one.phone_e164 <> other.phone_e164
ORDER BY one.id, other.id LIMIT 3
"""


def told_apart(world: World) -> None:
    """The answers stand as they would after the queue of duplicates was worked, whatever it asks by then."""
    pairs = world.rows(_SAME_NAME, world.tenant_id)
    at, by = world.local(-6, 10, 25), world.staff["Dana Whitfield"]
    answers: list[Record] = [
        {
            "table_name": "customers",
            "left_id": left,
            "right_id": right,
            "basis": "",
            "reason": "Branches in two cities, each with an account of its own.",
            "decided_by": by,
            "created_at": at,
            "updated_at": at,
        }
        for left, right in pairs
    ]
    if answers:
        world.chapter("apart", "Customers of one name that are branches")
        world.write("not_duplicates", answers)


_WITH_PHONE = """
SELECT id, phone_e164 FROM customers WHERE tenant_id = %s AND phone_e164 IS NOT NULL AND status = 'active' ORDER BY id LIMIT 2
"""


def kept_ours(world: World) -> None:
    """Questions of an earlier export, answered: both sides had changed the number, and ours stayed."""
    at, by = world.local(-9, 9, 40), world.staff["Dana Whitfield"]
    decided: list[Record] = [
        {
            "source": "centerpoint",
            "table_name": "customers",
            "record_id": key,
            "column": "phone_e164",
            "said_before": Jsonb(f"{ours[:-4]}0100"),
            "theirs": Jsonb(f"{ours[:-4]}0199"),
            "ours": Jsonb(ours),
            "state": "ours",
            "decided_by": by,
            "decided_at": at,
            "created_at": world.local(-10, 2, 30),
        }
        for key, ours in world.rows(_WITH_PHONE, world.tenant_id)
    ]
    if decided:
        world.write("source_conflicts", decided)
