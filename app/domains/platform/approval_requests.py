"""Approvals: four-eyes gate before a risky act runs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Json, Moment, Money, Reference, Secret, SubjectLink, Text
from app.engine.records import Record, Standard, Subject, choice, code, json_, moment, money, ref, text_
from app.engine.resource import Resource


class ApprovalRequest(Record, Standard, Subject):
    __tablename__ = "approval_requests"
    kind: Mapped[str] = choice(
        "refund",
        "write_off",
        "credit_note",
        "estimate_margin",
        "ai_action",
        "rule_activation",
        "agent_activation",
        "bulk_fix",
        "data_export",
        "board_decision",
        "spend",
        "role_grant",
    )
    title: Mapped[str] = text_()
    payload: Mapped[Any] = json_()
    payload_hash: Mapped[bytes] = mapped_column(LargeBinary)
    amount: Mapped[Decimal | None] = money()
    currency: Mapped[str | None] = code(3)
    risk: Mapped[str] = choice("low", "medium", "high", default="medium")
    status: Mapped[str] = choice(
        "pending", "approved", "rejected", "expired", "cancelled", "executed", "failed", default="pending"
    )
    requested_by: Mapped[int | None] = ref("app_users", "N")
    requested_by_agent_id: Mapped[int | None] = ref("ai_agents", "R")
    approver_permission: Mapped[str] = text_()
    decided_by: Mapped[int | None] = ref("app_users", "N")
    decided_at: Mapped[datetime | None] = moment()
    decision_note: Mapped[str | None] = text_()
    expires_at: Mapped[datetime | None] = moment()
    executed_at: Mapped[datetime | None] = moment()
    error: Mapped[str | None] = text_()


approval_requests = Resource(
    ApprovalRequest,
    title="title",
    label="Approvals",
    icon="gear",
    nav=("", 50),
    about="Four-eyes gate before a risky act runs.",
    area="approvals",
    search=("title",),
    sort="-created_at",
    fields=(
        Choice("kind", filter=True),
        Text("title", filter=True),
        Json("payload"),
        Secret("payload_hash"),
        Money("amount", filter=True),
        Code("currency", list=False, filter=True),
        Choice("risk", filter=True),
        Choice("status", filter=True),
        Reference("requested_by", to="app_users", as_="person", filter=True),
        Reference("requested_by_agent_id", to="ai_agents", as_="agent", filter=True),
        Text("approver_permission", filter=True),
        Reference("decided_by", to="app_users", as_="person", filter=True),
        Moment("decided_at", filter=True),
        Text("decision_note", long=True, list=False),
        Moment("expires_at", filter=True),
        Moment("executed_at", filter=True),
        Text("error", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
