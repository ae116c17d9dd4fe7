"""Merging: what hangs on the others moves, sums stay even, what was shown is what is done, and all of it can be undone."""

from __future__ import annotations

import random
import secrets
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from app.core.db import db
from app.engine import ledger, undo_later
from app.engine.access import Actor
from app.engine.apply import apply, transaction
from app.engine.merging import doing
from app.engine.merging.doing import Merged
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.undo import may_undo, plan_undo
from tests.domains.conftest import House, house

__all__ = ["house"]

MOVED = (
    "contacts", "properties", "jobs", "invoices", "payments", "crm_activities", "user_tasks", "ai_memories", "documents",
    "conversations", "customers",
)  # fmt: skip
STAMPS = frozenset({"version", "updated_at", "updated_by"})


@pytest.fixture
def dana(house: House) -> Actor:
    return house.staff("Dana", "operations_manager")


def invoice(house: House, customer: int, total: int, status: str = "open") -> int:
    """An invoice that went out, or a draft."""
    sent = {"finalized_at": "2026-05-01T00:00Z", "issue_date": "2026-05-01", "due_date": "2026-05-31"}
    return house.given(
        "invoices", customer_id=customer, status=status, subtotal=total, total=total,
        number=f"INV-{secrets.token_hex(5)}", **(sent if status != "draft" else {}),
    )  # fmt: skip


def rows_of(house: House) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row of the company in the tables a merge reaches, without what only counts and stamps."""
    found = {}
    for name in MOVED:
        table = REGISTRY[name].table
        for row in house.connection.execute(select(table).where(table.c.tenant_id == house.tenant_id)).mappings():
            found[name, row["id"]] = {key: value for key, value in row.items() if key not in STAMPS}
    return found


def merged(house: House, who: Actor, kept: int, *others: int, choices: dict[str, str] | None = None) -> Merged:
    """Look at it, then do what was shown."""
    shown = doing.rehearse(REGISTRY["customers"], kept, others, choices or {}, who)
    return doing.apply_merge(REGISTRY["customers"], kept, others, choices or {}, who, shown.digest, "the same company")


def undone(house: House, who: Actor, done: Merged) -> list[str]:
    """Take it back as the page of the change does; what had to be left alone comes back."""
    found = ledger.change_set(house.connection, who, done.change_set or 0)
    assert found is not None
    assert may_undo(found, set(ledger.tables(house.connection, found.id)), who, house.connection) is None
    planned = plan_undo(house.connection, found, who)
    apply(planned.plan, who, undoes_id=found.id)
    return [f"{each.table}.{each.field}" for each in planned.left]


def test_two_customers_become_one(house: House, dana: Actor) -> None:
    """Each had a primary contact, the other had the newer phone, the Stripe account and a finalised invoice."""
    prairie = house.given("customers", name="Prairie Gate", status="active", notes="Gate code 4411", tags=["roof"])
    twin = house.given(
        "customers", name="Prairie Gate LLC", legal_name="Prairie Gate Self-Storage LLC", status="credit_hold",
        phone_e164="+17205550118", notes="Call first", tags=["storage"], stripe_customer_id=secrets.token_hex(8),
        lifetime_revenue=900, open_balance=300,
    )  # fmt: skip
    branch = house.given("customers", name="Prairie Gate North", parent_id=twin)
    ruth = house.given("contacts", full_name="Ruth", customer_id=prairie, is_primary=True)
    sam = house.given("contacts", full_name="Sam", customer_id=twin, is_primary=True)
    bill = invoice(house, twin, 300)
    job = house.given("jobs", title="Leak", customer_id=twin, status="new", contract_value=1200)
    note = house.given("user_tasks", title="Call them", subject_type="customers", subject_id=twin)
    stays = house.given("user_tasks", title="Another kind of 7", subject_type="contacts", subject_id=twin)
    before = rows_of(house)
    stripe = house.row("customers", twin)["stripe_customer_id"]

    shown = doing.rehearse(REGISTRY["customers"], prairie, [twin], {}, dana)
    assert rows_of(house) == before
    told = {each.place.key: (each.moved, each.gave_way) for each in shown.moved}
    assert told["contacts.customer_id"] == (1, 1)
    assert told["invoices.customer_id"] == (1, 0)
    assert told["customers.parent_id"] == (1, 0)
    done = merged(house, dana, prairie, twin, choices={"name": str(twin)})

    kept, gone = house.row("customers", prairie), house.row("customers", twin)
    assert (gone["status"], gone["merged_into_id"], gone["open_balance"]) == ("merged", prairie, 0)
    assert (kept["name"], kept["legal_name"]) == ("Prairie Gate LLC", "Prairie Gate Self-Storage LLC")
    assert (kept["status"], kept["phone_e164"], kept["stripe_customer_id"]) == ("credit_hold", "+17205550118", stripe)
    assert kept["notes"] == "Gate code 4411\n\nCall first"
    assert kept["tags"] == ["roof", "storage"]
    assert (kept["open_balance"], kept["lifetime_revenue"]) == (300, 900)
    for table, key in (("contacts", sam), ("invoices", bill), ("jobs", job)):
        assert house.row(table, key)["customer_id"] == prairie
    assert house.row("customers", branch)["parent_id"] == prairie
    assert (house.row("contacts", ruth)["is_primary"], house.row("contacts", sam)["is_primary"]) == (True, False)
    assert house.row("user_tasks", note)["subject_id"] == prairie
    assert house.row("user_tasks", stays)["subject_id"] == twin
    # Every row that moved is in the ledger, under the one set.
    assert {"contacts", "invoices", "jobs", "user_tasks", "customers"} <= set(
        ledger.tables(house.connection, done.change_set or 0)
    )

    assert undone(house, dana, done) == []
    assert rows_of(house) == before


def test_a_finalised_invoice_moves_by_a_merge_alone(house: House, dana: Actor) -> None:
    one, other = (house.given("customers", name=name, status="active") for name in ("A", "B"))
    bill = invoice(house, one, 50)
    with pytest.raises(Exception, match="finalised"), transaction() as connection:
        connection.execute(text("UPDATE invoices SET customer_id = :to WHERE id = :id"), {"to": other, "id": bill})
    merged(house, dana, other, one)
    assert house.row("invoices", bill)["customer_id"] == other


def test_what_changed_in_between_is_looked_at_again(house: House, dana: Actor) -> None:
    """Sam adds an invoice while Dana looks at the merge; hers is refused, and nothing has moved."""
    one, other = (house.given("customers", name=name, status="active") for name in ("A", "B"))
    shown = doing.rehearse(REGISTRY["customers"], one, [other], {}, dana)
    late = invoice(house, other, 10)
    with pytest.raises(Stale, match="changed since"):
        doing.apply_merge(REGISTRY["customers"], one, [other], {}, dana, shown.digest)
    assert house.row("invoices", late)["customer_id"] == other
    assert house.row("customers", other)["status"] == "active"


def test_whom_it_cannot_be_done_to(house: House, dana: Actor) -> None:
    one, other, euro = (house.given("customers", name=name, status="active") for name in "ABC")
    house.change("customers", euro, currency="EUR")
    with pytest.raises(NotAllowed, match="currencies"):
        doing.rehearse(REGISTRY["customers"], one, [euro], {}, dana)
    merged(house, dana, one, other)
    with pytest.raises(NotAllowed, match="already"):
        doing.rehearse(REGISTRY["customers"], one, [other], {}, dana)
    with pytest.raises(NotAllowed, match="does not merge"):
        doing.rehearse(REGISTRY["customers"], one, [euro], {}, house.staff("Vic", "viewer"))
    with pytest.raises(Rejected, match="choose one"):
        doing.rehearse(REGISTRY["customers"], one, [house.given("customers", name="D")], {"name": "77"}, dana)


def test_earlier_merges_lead_on(house: House, dana: Actor) -> None:
    """B went into A; when A goes into C, B leads to C, and back when that is undone."""
    a, b, c = (house.given("customers", name=name, status="active") for name in "ABC")
    merged(house, dana, a, b)
    done = merged(house, dana, c, a)
    assert doing.where_to(house.connection, REGISTRY["customers"], b) == c
    assert undone(house, dana, done) == []
    assert doing.where_to(house.connection, REGISTRY["customers"], b) == a


def test_what_changed_since_is_named_by_the_undo(house: House, dana: Actor) -> None:
    kept, gone = (
        house.given("customers", name="A", status="active"),
        house.given("customers", name="B", status="active"),
    )
    job = house.given("jobs", title="Leak", customer_id=gone, status="new")
    third = house.given("customers", name="C", status="active")
    done = merged(house, dana, kept, gone, choices={"name": str(gone)})
    house.change("jobs", job, customer_id=third)
    house.change("customers", kept, name="Renamed since")
    assert sorted(undone(house, dana, done)) == ["customers.name", "jobs.customer_id"]
    assert house.row("jobs", job)["customer_id"] == third
    assert house.row("customers", gone)["status"] == "active"


def test_the_same_memory_twice_stays_with_the_merged_one(house: House, dana: Actor) -> None:
    """The kept customer has such a memory already and there may be one only; the other stays where it was, and is named."""
    kept, gone = (house.given("customers", name=name, status="active") for name in "AB")
    known: dict[str, Any] = {
        "content": "Wants invoices by mail", "kind": "fact", "scope": "customer", "subject_type": "customers",
    }  # fmt: skip
    house.given("ai_memories", subject_id=kept, **known)
    second = house.given("ai_memories", subject_id=gone, **known)
    done = merged(house, dana, kept, gone)
    told = next(each for each in done.moved if each.place.table == "ai_memories")
    assert (told.moved, told.stayed, told.why) == (0, 1, "the kept one has the same already")
    assert house.row("ai_memories", second)["subject_id"] == gone


@pytest.mark.parametrize("turn", range(3))
def test_whatever_hangs_on_them_nothing_is_lost_and_all_of_it_comes_back(house: House, dana: Actor, turn: int) -> None:
    """Random customers with random children: the sums stay, no child is left behind, and the undo restores every row."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    everyone = [
        house.given(
            "customers", name=f"N{number}", status=chance.choice(["active", "prospect", "credit_hold"]),
            notes=chance.choice([None, "x", "y"]), email=chance.choice([None, "a@b.example"]),
        )
        for number in range(chance.randint(2, 4))
    ]  # fmt: skip
    kept, others = everyone[0], everyone[1:]
    for customer in everyone:
        for _ in range(chance.randint(0, 4)):
            invoice(house, customer, chance.randint(1, 900), chance.choice(["open", "draft"]))
            house.given("jobs", title="Job", customer_id=customer, status="new", contract_value=chance.randint(0, 99))
        for _ in range(chance.randint(0, 2)):
            house.given(
                "payments",
                customer_id=customer,
                amount=chance.randint(1, 500),
                method="check",
                received_on="2026-05-01",
            )
            house.given(
                "crm_activities", kind="note", subject="Called", occurred_at="2026-01-01T00:00Z", customer_id=customer
            )
            house.given("user_tasks", title="Call", subject_type="customers", subject_id=customer)
        if chance.random() < 0.7:
            house.given("contacts", full_name="Pat", customer_id=customer, is_primary=True)
    with db.engine.connect() as connection:
        sums = {
            each: total(connection, house, each)
            for each in ("invoices.total", "payments.amount", "jobs.contract_value")
        }
    before = rows_of(house)
    done = merged(house, dana, kept, *others)
    with db.engine.connect() as connection:
        for name, amount in sums.items():
            assert total(connection, house, name, kept) == amount
    for (table, _key), row in rows_of(house).items():
        assert row.get("customer_id") not in others, table
    assert undone(house, dana, done) == []
    # What the follow-up of each invoice keeps is computed from what is there, as it was not when the story began.
    owed = {"open_balance"}
    after = rows_of(house)
    assert {p: {k: v for k, v in r.items() if k not in owed} for p, r in after.items()} == {
        p: {k: v for k, v in r.items() if k not in owed} for p, r in before.items()
    }


def total(connection: Any, house: House, name: str, customer: int | None = None) -> Decimal:
    table, _, column = name.partition(".")
    whose = "AND coalesce(CAST(:customer AS bigint), customer_id) = customer_id"
    sql = f"SELECT coalesce(sum({column}), 0) FROM {table} WHERE tenant_id = :tenant {whose}"
    return Decimal(connection.execute(text(sql), {"tenant": house.tenant_id, "customer": customer}).scalar_one())


def test_thousands_of_children_come_back_in_batches(house: House, dana: Actor) -> None:
    kept, gone = (house.given("customers", name=name, status="active") for name in "AB")
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO contacts (tenant_id, customer_id, full_name) SELECT :tenant, :gone, 'P' || n"
                " FROM generate_series(1, 2500) n"
            ),
            {"tenant": house.tenant_id, "gone": gone},
        )
    bills = [invoice(house, gone, 10) for _ in range(3)]
    done = merged(house, dana, kept, gone)
    assert done.moves == 2503
    with transaction() as connection:
        number = undo_later.ask(connection, [(done.change_set or 0, 2600)], dana, "not the same", None)
        run = undo_later.take_up(connection, number)
    assert run is not None
    undo_later.go_on(db.engine, run, dana)
    count = text("SELECT count(*) FROM contacts WHERE customer_id = :id")
    assert house.connection.execute(count, {"id": gone}).scalar_one() == 2500
    assert {house.row("invoices", key)["customer_id"] for key in bills} == {gone}
    assert house.row("customers", gone)["status"] == "active"
    assert house.row("customers", kept)["open_balance"] == 0
