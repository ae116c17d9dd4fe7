"""The shared views a company begins with: for each desk the list its people look at daily, with the columns they need."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from app.domains.platform.saved_views import SavedView


@dataclass(frozen=True)
class Start:
    """One view; what it asks is written as the address of its list."""

    screen: str
    name: str
    filters: tuple[tuple[str, str], ...] = ()
    columns: str = ""
    sort: str = ""
    roles: tuple[str, ...] = ()
    """Whose list opens with it."""


# The screens, their columns and their readers are those of the company's list of daily screens. What a ready-made list
# shows already has its tab and is not repeated here.
STARTING = (
    Start("crm/customers", "Who owes", (), "name,number,status,open_balance,last_job_at,payment_terms_days,account_manager_id,"
          "bill_city", "-open_balance", ("billing",)),
    Start("crm/leads", "Pipeline", (("scope", "Open"),), "title,company_name,grade,estimated_value,probability_pct,owner_id,"
          "next_action_at,stage_entered_at", "next_action_at", ("sales",)),
    Start("crm/estimates", "Out with customers", (("status.in", "sent,viewed"),), "title,number,revision_no,customer_id,"
          "property_id,total,margin_pct,status,days_out,view_count,valid_until", "valid_until"),
    Start("crm/estimates", "AI drafts to review", (("status", "internal_review"), ("ai_decision_id.null", "false")),
          "title,number,customer_id,total,margin_pct,roof_area_sqft,estimator_id,ai_decision_id,status"),
    Start("crm/jobs", "Work at a glance", (), "title,number,customer_id,property_id,work_type,priority,status,days_in_stage,"
          "due_by,lead_tech_id,value,margin", "", ("operations_manager",)),
    Start("crm/jobs", "On hold, by reason", (("status", "on_hold"),), "title,number,customer_id,hold_reason,hold_until,"
          "days_in_stage,lead_tech_id,value", "hold_reason"),
    Start("crm/job_visits", "Coming week", (("scope", "Next 7 days"),), "name,job_id,starts_at,ends_at,status,crew_lead_id,crew,"
          "needs_return", "starts_at", ("dispatcher",)),
    Start("crm/invoices", "Ageing", (("scope", "Open"),), "number,customer_id,issue_date,due_date,days_past_due,total,balance,"
          "last_reminder_at,promise_to_pay_on,dispute_status", "due_date", ("billing",)),
    Start("crm/invoices", "Sent, with reminders", (("scope", "Open"), ("sent_at.null", "false")), "number,customer_id,job_id,"
          "due_date,days_past_due,balance,sent_at,viewed_at,dunning_level,last_reminder_at", "-last_reminder_at"),
    Start("ai/ai_decision_logs", "Review queue", (("scope", "To review"),), "decided_at,agent_id,question,kind,chosen,confidence,"
          "risk,status,total_cost,latency_ms,review_verdict,outcome", "", ("ai_operator",)),
    Start("ai/ai_agents", "Budgets", (), "name,status,autonomy,model,daily_budget,max_calls_per_min,consecutive_failures,"
          "last_run_at,owner_id"),
    Start("analytics/error_groups", "Triage", (("scope", "Unresolved"),), "title,culprit,level,event_count,user_count,"
          "first_seen_at,last_seen_at,last_release,assignee_id", "", ("admin",)),
    Start("auth/users", "Dormant 90 days", (("status", "active"), ("last_login_at.lt", "-90d")), "email,status,last_login_at,"
          "mfa_enabled,created_at", "last_login_at"),
    Start("platform/data_quality_findings", "By rule", (("scope", "Open"),), "rule_key,problem,severity,subject_id,suggested_fix,"
          "first_seen_at,last_seen_at", "rule_key"),
    Start("platform/compliance_items", "Controls and evidence", (), "code,title,category,status,owner_id,due_on,last_reviewed_at,"
          "evidence_document_id", "due_on", ("auditor",)),
    Start("files/media_assets", "Before and after", (("phase.in", "before,after"),), "name,phase,job_id,property_id,taken_at,"
          "caption,is_cover", "-taken_at"),
)  # fmt: skip


def write_defaults(connection: Connection, tenant_id: int) -> None:
    """Give a company the shared views it lacks, once; inside an open change set. Those it has stay as people made them."""
    rows = SavedView.__table__
    for place, each in enumerate(STARTING):
        connection.execute(
            insert(rows)  # type: ignore[arg-type]
            .values(
                tenant_id=tenant_id,
                screen=each.screen,
                name=each.name,
                filters=[list(pair) for pair in each.filters],
                columns=[part for part in each.columns.split(",") if part],
                sort=[part for part in each.sort.split(",") if part],
                role_keys=list(each.roles),
                position=place,
            )
            .on_conflict_do_nothing()
        )
