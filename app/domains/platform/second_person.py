"""What two people do in this company: which acts are asked for and decided by somebody else, and above what limit.

The one place of these rules. Limits with a name stand in a company's settings and are edited there; the others are the
data dictionary's (section 13). A move names its rule where it is declared.
"""

from __future__ import annotations

from decimal import Decimal

from app.engine.approval_rules import Rule, declare

BULK_MONEY_ROWS = 25
"""Records of money tables that one person may change at once."""

declare(
    Rule(
        "write_off", "approvals.decide.billing", "Writing off money", risk="high", setting="write_off_limit",
        above=Decimal(0),
    ),
    Rule("refund", "approvals.decide.billing", "Paying money back", risk="high", setting="refund_limit", above=Decimal(0)),
    Rule("credit_hold", "approvals.decide.billing", "Work for a customer on credit hold"),
    Rule("estimate_margin", "approvals.decide.ops", "Sending an estimate below the margin floor"),
    Rule(
        "bulk_fix", "approvals.decide.billing", "Changing this many money records at once", risk="high",
        setting="bulk_money_rows", above=Decimal(BULK_MONEY_ROWS), on_money_only=True,
    ),
    Rule("agent_activation", "approvals.decide.ai", "Letting an agent act alone", risk="high"),
    Rule("rule_activation", "approvals.decide.ai", "Letting a rule act alone", risk="high"),
    Rule(
        "role_grant", "approvals.decide.roles", "Giving somebody more than reading", risk="high", owner_alone=True,
        when_somebody_can=True,
    ),
)  # fmt: skip
