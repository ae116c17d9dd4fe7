"""Two people for one decision, obligations that come round again, problems that are mended or left, keys and notices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.core.clock import now, today
from app.domains.auth.user_api_keys import Networks
from app.domains.platform.compliance_items import in_months
from app.engine import health
from app.engine.approvals import digest
from app.engine.fields import Invalid
from app.engine.refusals import NotAllowed, NotFound, Rejected

ZONE = "America/Denver"


@pytest.fixture
def office(house: Any) -> Any:
    """The people who ask, and those who decide what for."""
    for name, role in (("Marcus", "owner"), ("Priya", "admin"), ("Dana", "operations_manager"), ("Grace", "billing"),
                       ("Samir", "ai_operator"), ("Luis", "dispatcher"), ("Ingrid", "auditor")):  # fmt: skip
        house.staff(name, role)
    house.customer = house.given("customers", name="Bluestem Cold Storage", status="active")
    return house


def asked(office: Any, by: str, **values: Any) -> int:
    return office.given(
        "approval_requests",
        **{
            "kind": "refund", "title": "Pay $40.00 back", "payload": {"do": "refund"}, "payload_hash": digest({"do": "refund"}),
            "approver_permission": "approvals.decide.billing", "subject_type": "customers", "subject_id": office.customer,
            "requested_by": office.people[by].app_user_id, "expires_at": now() + timedelta(days=2), **values,
        },
    )  # fmt: skip


# -- approvals ---------------------------------------------------------------------------------------------------


def test_nobody_decides_what_they_asked_for(office: Any) -> None:
    key = asked(office, "Grace")
    with pytest.raises(NotAllowed, match="You asked for this yourself"):
        office.move("Grace", "approval_requests", key, "approve")
    approved = office.move("Marcus", "approval_requests", key, "approve", decision_note="Only this once")
    assert (approved["status"], approved["decided_by"]) == ("approved", office.people["Marcus"].app_user_id)
    with pytest.raises(NotAllowed, match="only pending can be moved"):
        office.move("Marcus", "approval_requests", key, "reject", decision_note="No")


def test_each_kind_is_decided_by_whom_it_is_for(office: Any) -> None:
    key = asked(office, "Luis", approver_permission="approvals.decide.ai")
    with pytest.raises(NotAllowed, match="whoever answers for the agents"):
        office.move("Dana", "approval_requests", key, "approve")
    with pytest.raises(NotAllowed, match=r"needs approvals\.decide\.ops"):
        office.move("Ingrid", "approval_requests", key, "approve")
    with pytest.raises(Rejected, match="Note cannot stay empty"):
        office.move("Samir", "approval_requests", key, "reject")
    assert office.move("Samir", "approval_requests", key, "reject", decision_note="Too early")["status"] == "rejected"


def test_the_time_to_decide_runs_out_and_only_the_asker_withdraws(office: Any) -> None:
    late = asked(office, "Luis", expires_at=now() - timedelta(minutes=1))
    with pytest.raises(NotAllowed, match="time to decide this has passed"):
        office.move("Grace", "approval_requests", late, "approve")
    key = asked(office, "Luis")
    with pytest.raises(NotAllowed, match="This is for billing to decide"):
        office.move("Priya", "approval_requests", key, "approve")
    with pytest.raises(NotAllowed, match="Only whoever asked for this withdraws it"):
        office.move("Grace", "approval_requests", key, "withdraw", reason="Not needed")
    assert office.move("Luis", "approval_requests", key, "withdraw", reason="Paid meanwhile")["status"] == "cancelled"
    with pytest.raises(NotAllowed, match="by itself"):
        office.move(
            "Marcus", "approval_requests", asked(office, "Luis", status="approved", decided_at=now()), "execute"
        )


def test_what_is_mine_to_decide_is_within_my_trust_and_not_my_own(office: Any) -> None:
    billing, ai = asked(office, "Luis"), asked(office, "Luis", approver_permission="approvals.decide.ai")
    own = asked(office, "Grace")
    assert office.scope("Grace", "approval_requests", "Mine to decide") == {billing}
    assert office.scope("Samir", "approval_requests", "Mine to decide") == {ai}
    assert office.scope("Marcus", "approval_requests", "Mine to decide") == {billing, ai, own}
    assert office.scope("Grace", "approval_requests", "Asked by me") == {own}
    assert "Do: refund" in office.shown("approval_requests", own, "what_happens")


# -- obligations -------------------------------------------------------------------------------------------------


def test_an_obligation_is_met_by_evidence_and_comes_round_again(office: Any) -> None:
    key = office.create("Dana", "compliance_items", code="INS-GL", title="General liability", category="insurance",
                        review_every_months=12)  # fmt: skip
    with pytest.raises(Rejected, match="Evidence cannot stay empty"):
        office.move("Dana", "compliance_items", key, "confirm")
    proof = office.given("documents", number="D-1", title="Certificate", kind="insurance_certificate")
    met = office.move("Dana", "compliance_items", key, "confirm", evidence_document_id=proof)
    assert (met["status"], met["due_on"]) == ("compliant", in_months(today(ZONE), 12))
    assert key not in office.scope("Dana", "compliance_items", "Missing evidence")
    with pytest.raises(Rejected, match="Another obligation already has this code"):
        office.create("Dana", "compliance_items", code="INS-GL", title="Again", category="insurance")


def test_months_end_where_the_month_ends() -> None:
    assert in_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert in_months(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert in_months(date(2024, 2, 29), 12) == date(2025, 2, 28)


def test_a_waiver_needs_a_reason_and_can_be_taken_back(office: Any) -> None:
    key = office.create("Dana", "compliance_items", code="LIC-FTC", title="Fort Collins licence", category="licence")
    with pytest.raises(Rejected, match="cannot stay empty"):
        office.move("Dana", "compliance_items", key, "waive")
    waived = office.move("Dana", "compliance_items", key, "waive", waiver_reason="We left Fort Collins")
    assert waived["status"] == "waived"
    with pytest.raises(NotAllowed, match="role does not"):
        office.move("Luis", "compliance_items", key, "reinstate")
    again = office.move("Dana", "compliance_items", key, "reinstate")
    assert (again["status"], again["waiver_reason"]) == ("in_progress", None)


# -- data problems -----------------------------------------------------------------------------------------------


def test_a_problem_is_mended_by_somebody_or_left_for_a_reason(office: Any) -> None:
    key = office.given("data_quality_findings", rule_key="DQ-05", subject_type="customers", subject_id=office.customer,
                       details={"contacts": 0})  # fmt: skip
    assert office.shown("data_quality_findings", key, "problem") == "Customer nobody can reach"
    assert office.shown("data_quality_findings", key, "found") == "Contacts: 0"
    with pytest.raises(Rejected, match="cannot stay empty"):
        office.move("Dana", "data_quality_findings", key, "ignore")
    with pytest.raises(NotAllowed, match="lies ahead"):
        office.move("Dana", "data_quality_findings", key, "ignore", ignore_reason="Closed", ignored_until=now())
    office.move("Dana", "data_quality_findings", key, "ignore", ignore_reason="Closed for the winter")
    fixed = office.move("Grace", "data_quality_findings", key, "fix")
    assert (fixed["status"], fixed["fixed_by"]) == ("fixed", office.people["Grace"].app_user_id)
    back = office.move("Grace", "data_quality_findings", key, "reopen")
    assert (back["status"], back["fixed_at"], back["ignore_reason"]) == ("open", None, None)


# -- keys and notices --------------------------------------------------------------------------------------------


def test_a_revoked_key_stays_revoked_and_people_keep_their_own(office: Any) -> None:
    me = office.people["Grace"].app_user_id
    key = office.given("user_api_keys", app_user_id=me, name="Export", prefix="bk_abc12", key_hash=b"k" * 32)
    other = office.given("user_api_keys", app_user_id=office.people["Dana"].app_user_id, name="Sheet", prefix="bk_abc13",
                         key_hash=b"l" * 32)  # fmt: skip
    office.edit("Grace", "user_api_keys", key, allowed_ips=["203.0.113.0/24"])
    with pytest.raises(NotFound, match="no such API key"):
        office.edit("Grace", "user_api_keys", other, name="Mine now")
    revoked = office.move("Grace", "user_api_keys", key, "revoke", reason="Laptop stolen")
    assert (revoked["status"], revoked["revoked_by"]) == ("revoked", me)
    with pytest.raises(Rejected, match="make a new one"):
        office.edit("Priya", "user_api_keys", key, name="Again")
    with pytest.raises(Invalid, match="no address or range"):
        Networks("allowed_ips").parse("203.0.113.0/24, office")


def test_a_notice_put_off_comes_back_unread(office: Any) -> None:
    me = office.people["Luis"].app_user_id
    key = office.given("user_notifications", app_user_id=me, kind="task.overdue", title="Your task is overdue")
    assert office.scope("Luis", "user_notifications", "Unread") == {key}
    office.move("Luis", "user_notifications", key, "read")
    with pytest.raises(NotAllowed, match="read already"):
        office.move("Luis", "user_notifications", key, "read")
    with pytest.raises(Rejected, match="lies ahead"):
        office.move("Luis", "user_notifications", key, "snooze", snoozed_until=now() - timedelta(hours=1))
    later = office.move("Luis", "user_notifications", key, "snooze", snoozed_until=now() + timedelta(hours=1))
    assert later["read_at"] is None
    assert office.scope("Luis", "user_notifications", "For me") == set()
    with pytest.raises(NotFound, match="no such notice"):
        office.move("Grace", "user_notifications", key, "dismiss")
    assert office.move("Luis", "user_notifications", key, "dismiss")["dismissed_at"]


# -- what health says about it -----------------------------------------------------------------------------------


def test_health_counts_what_waits_for_people(office: Any) -> None:
    waiting = asked(office, "Luis", created_at=now() - timedelta(hours=5), expires_at=now() + timedelta(hours=1))
    office.given(
        "data_quality_findings", rule_key="DQ-03", severity="critical", subject_type="jobs", subject_id=waiting
    )
    found = {
        each.check.key: (each.status, each.measured.value)
        for each in health.run_checks(["approvals.age", "data.critical_findings"])
        if each.tenant_id == office.tenant_id
    }
    assert found["approvals.age"][0] == "warn"
    assert found["data.critical_findings"] == ("warn", 1)
