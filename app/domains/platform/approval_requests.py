"""Approvals: the second pair of eyes before money is given away, a rule goes live or an agent acts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, and_, func, or_
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.platform.approving import decided as follow_up
from app.engine.access import Actor
from app.engine.approvals import digest
from app.engine.fields import NEVER, Choice, Code, Json, Moment, Money, Reference, Secret, SubjectLink, Text
from app.engine.records import Record, Standard, Subject, choice, code, json_, moment, money, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


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
        "credit_hold",
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


PENDING = ApprovalRequest.status == "pending"
# Who decides what: the permission a request names, in the words of the screen.
DECIDERS = {
    "approvals.decide.ops": "operations",
    "approvals.decide.billing": "billing",
    "approvals.decide.ai": "whoever answers for the agents",
    "approvals.decide.roles": "whoever gives out roles",
}


def mine_to_decide(actor: Actor) -> ColumnElement[bool]:
    """What waits for this person: within their permissions, and asked by somebody else."""
    held = [each for each in DECIDERS if actor.may(each)]
    return and_(
        PENDING,
        or_(ApprovalRequest.expires_at.is_(None), ApprovalRequest.expires_at > func.now()),
        ApprovalRequest.approver_permission.in_(held),
        ApprovalRequest.requested_by.is_distinct_from(actor.app_user_id),
    )


def asked_by_me(actor: Actor) -> ColumnElement[bool]:
    return ApprovalRequest.requested_by == actor.app_user_id


def decided_by_me(actor: Actor) -> ColumnElement[bool]:
    return ApprovalRequest.decided_by == actor.app_user_id


def a_second_person(moving: Moving) -> str | None:
    """Four eyes are two people: not the one who asked, and one trusted with this kind of thing."""
    request, actor = moving.record, moving.actor
    if request["requested_by"] is not None and request["requested_by"] == actor.app_user_id:
        return "You asked for this yourself; somebody else decides it."
    if not actor.may(request["approver_permission"]):
        who = DECIDERS.get(request["approver_permission"], request["approver_permission"])
        return f"This is for {who} to decide."
    return None


def as_it_was_asked(moving: Moving) -> str | None:
    """What is approved is what was asked for, to the letter."""
    if digest(moving.record["payload"]) == moving.record["payload_hash"]:
        return None
    return "What stands here is not what was asked for: the request was altered. Reject it and have it asked anew."


def still_in_time(moving: Moving) -> str | None:
    until = moving.record["expires_at"]
    if until is not None and until <= moving.at:
        return "The time to decide this has passed; it has to be asked for again."
    return None


def its_time_is_up(moving: Moving) -> str | None:
    until = moving.record["expires_at"]
    return None if until is not None and until <= moving.at else "It can still be decided."


def whose_it_is(moving: Moving) -> str | None:
    request, actor = moving.record, moving.actor
    if actor.may("approvals.cancel") or request["requested_by"] == actor.app_user_id:
        return None
    return "Only whoever asked for this withdraws it."


def decided(moving: Moving) -> Mapping[str, Any]:
    return {"decided_by": moving.actor.app_user_id, "decided_at": moving.at}


def carried_out(moving: Moving) -> Mapping[str, Any]:
    return {"executed_at": moving.at, "error": None}


_DECIDE: dict[str, Any] = {
    "may": "approvals.decide.ops",
    "also": ("approvals.decide.billing", "approvals.decide.ai", "approvals.decide.roles"),
    "asks": ("decision_note",),
    "guards": (a_second_person, still_in_time),
    "effects": (decided,),
}

approval_requests = Resource(
    ApprovalRequest,
    title="title",
    label="Approvals",
    singular="approval",
    icon="check",
    nav=("", 50),
    about="What needs a second person before it happens: who asks, for how much, what exactly will be done, until when.",
    area="approvals",
    own="requested_by",
    read_only="What was asked for stays as it was asked; it is approved, rejected or withdrawn with the buttons here.",
    search=("title",),
    sort="-created_at",
    opens="Waiting",
    follow=(follow_up,),
    screen="approvals.show",
    scopes={
        "Mine to decide": mine_to_decide,
        "Waiting": PENDING,
        "Decided": ApprovalRequest.status != "pending",
        "Running out today": and_(PENDING, ApprovalRequest.expires_at < func.now() + func.make_interval(0, 0, 0, 1)),
        "Asked by me": asked_by_me,
        "Decided by me": decided_by_me,
        "Asked by agents": ApprovalRequest.requested_by_agent_id.is_not(None),
        "Failed": ApprovalRequest.status == "failed",
    },
    facts=("kind", "amount", "risk", "subject_id", "requested_by", "expires_at", "decided_by", "decided_at"),
    lifecycle=Lifecycle(
        "status",
        initial="pending",
        stages=("pending", "approved", "executed"),
        frozen=dict.fromkeys(("rejected", "expired", "cancelled", "executed"), ("*",)),
        why_frozen="This request is closed; ask again with a new one.",
        transitions=(
            Transition(
                "approve", "Approve", ("pending",), "approved", done="approved",
                **_DECIDE | {"guards": (a_second_person, still_in_time, as_it_was_asked)},
            ),
            Transition(
                "reject", "Reject", ("pending",), "rejected", requires=("decision_note",), danger=True, done="rejected",
                **_DECIDE,
            ),
            Transition(
                "withdraw", "Withdraw request", ("pending", "approved"), "cancelled", "approvals.cancel",
                also=("approvals.own",), reason=True, guards=(whose_it_is,), danger=True, done="withdrawn",
            ),
            Transition(
                "expire", "Let it lapse", ("pending",), "expired", "approvals.execute", guards=(its_time_is_up,),
                by_system=True, done="lapsed",
            ),
            Transition(
                "execute", "Carry out", ("approved", "failed"), "executed", "approvals.execute", effects=(carried_out,),
                by_system=True, done="carried out",
            ),
            Transition(
                "fail", "Note a failure", ("approved",), "failed", "approvals.execute", asks=("error",),
                requires=("error",), by_system=True, done="marked as failed",
            ),
        ),
    ),
    sentences={
        "ck_approval_requests_four_eyes": ("decided_by", "Somebody other than who asked decides."),
        "ck_approval_requests_one_asks": ("requested_by", "Either a person or an agent asks."),
        "ck_approval_requests_decided": ("decided_at", "A decision has its moment."),
    },
    fields=(
        Text("title", label="What is asked", edit=NEVER, width="l"),
        Choice(
            "kind", edit=NEVER, filter=True,
            labels={"estimate_margin": "Low margin", "ai_action": "Act of an agent", "bulk_fix": "Many fixes at once"},
        ),
        Money("amount", edit=NEVER, filter=True),
        Choice(
            "risk", edit=NEVER, filter=True, width="s",
            tones={"low": "mute dot", "medium": "warn dot", "high": "danger warn"},
        ),
        Choice(
            "status", edit=NEVER, filter=True, labels={"cancelled": "Withdrawn", "executed": "Carried out"},
            tones={
                "pending": "info open", "approved": "accent prog", "rejected": "danger off", "expired": "mute pause",
                "cancelled": "mute off", "executed": "ok done", "failed": "danger fail",
            },
        ),
        Reference("requested_by", label="Asked by", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("requested_by_agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Moment("created_at", label="Asked", edit=NEVER, filter=True),
        Moment("expires_at", label="Decide by", planned=True, due=True, edit=NEVER, filter=True),
        SubjectLink("subject_id", label="About", list=False, group="Request"),
        Text(
            "what_happens", label="What will be done", long=True, edit=NEVER, list=False, sort=False, group="Request",
            expr=lambda: pairs(ApprovalRequest.__table__.c.payload.op("-")("call")),
        ),
        Choice(
            "approver_permission", label="Is for", edit=NEVER, list=False, filter=True, group="Request",
            values=tuple(DECIDERS),
            labels={
                "approvals.decide.ops": "Operations", "approvals.decide.billing": "Billing",
                "approvals.decide.ai": "AI operator", "approvals.decide.roles": "Roles",
            },
        ),
        Code("currency", edit=NEVER, list=False, filter=True, group="Request"),
        Json("payload", label="As data", edit=NEVER, group="Request", help="Exactly what is carried out once approved."),
        Secret(
            "payload_hash", label="Fingerprint of it", group="Request",
            help="So that nothing else can be carried out than what was approved.",
        ),
        Reference(
            "decided_by", label="Decided by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Decision",
        ),
        Moment("decided_at", label="Decided", edit=NEVER, list=False, filter=True, group="Decision"),
        Text("decision_note", label="Note", long=True, edit=NEVER, list=False, group="Decision"),
        Moment("executed_at", label="Carried out", edit=NEVER, list=False, filter=True, group="Decision"),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False, group="Decision"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Decision"),
    ),
)  # fmt: skip
