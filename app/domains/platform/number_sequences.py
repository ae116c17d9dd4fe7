"""Number sequences: the next customer, job or invoice number, counted without gaps under a lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.actions import Action
from app.engine.fields import NEVER, Choice, Code, Count, Moment
from app.engine.records import Record, Standard, bigint, choice, integer, text_
from app.engine.refusals import Rejected
from app.engine.resource import Resource
from app.engine.states import Moving


class NumberSequence(Record, Standard):
    __tablename__ = "number_sequences"
    kind: Mapped[str] = choice(
        "customer",
        "lead",
        "estimate",
        "job",
        "order",
        "invoice",
        "credit_note",
        "payment",
        "subscription",
        "user_task",
        "board_session",
        "cycle",
        "document",
    )
    prefix: Mapped[str] = text_(server_default="")
    padding: Mapped[int] = integer("5")
    next_value: Mapped[int] = bigint("1")


def continue_from(moving: Moving) -> Mapping[str, Any]:
    """A lower start would hand out numbers that stand on paper already, so only a higher one is taken."""
    wanted, now = moving.asked.get("next_value"), moving.record["next_value"]
    if wanted is None or wanted <= now:
        raise Rejected({"next_value": f"Enter more than {now:,}; a number is never given twice."})
    return {"next_value": wanted}


number_sequences = Resource(
    NumberSequence,
    title="kind",
    label="Number sequences",
    icon="table",
    nav=("System", 92),
    about="How customers, jobs and invoices get their numbers: prefix, width and the next number to be given.",
    area="tenant",
    sort="kind",
    create=False,
    fields=(
        Choice("kind", label="Numbers for", edit=NEVER, filter=True),
        Code("prefix", help="Written before the number, like INV-. Numbers already given keep theirs."),
        Count("padding", label="Digits", least=1, most=12, help="Shorter numbers are filled up with zeros."),
        Count("next_value", label="Next number", edit=NEVER, help="Taken under a lock, so that invoices have no gaps."),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
    actions=(
        Action(
            "continue_from",
            "Continue from a higher number",
            may="tenant.settings",
            intent=continue_from,
            asks=("next_value",),
            requires=("next_value",),
            reason=True,
            done="moved ahead",
        ),
    ),
)
