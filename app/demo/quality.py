"""The problems of the demonstration company: what the rules really find in it, and a morning's work of two people on them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from app.core.clock import now
from app.core.db import db
from app.engine.apply import apply
from app.engine.approval_rules import person
from app.engine.gauges import keep_gauges
from app.engine.plan import Change, Plan, plan_move
from app.engine.quality import fixing, looking, queues
from app.engine.refusals import Refusal
from app.engine.registry import REGISTRY

WORKED = (("Dana Whitfield", "DQ-05", "contact", 6), ("Dana Whitfield", "DQ-23", "again", 3))
"""Who, rule, fix, how many: each through the one way any fix goes."""
LEFT_ALONE = (
    ("DQ-16", "Kept open on purpose until spring.", 60),
    ("DQ-16", "They build next year; we are in touch.", 90),
    ("DQ-27", "Known; the books of that year are closed.", None),
)
"""Rule, reason, days."""

OWN = {
    "title": "Active customer on credit without an e-mail",
    "about": "Their statements go by post and come back late.",
    "table_name": "customers",
    "conditions": "status=active&email.null=true&payment_terms_days.gte=45",
    "severity": "info",
}
"""A rule somebody made on the page."""


def look(tenant_id: int) -> None:
    """Run every rule, unless that was done before, and work a little. Needs an application context."""
    with db.engine.connect() as connection:
        if connection.execute(_LOOKED, {"tenant": tenant_id}).scalar():
            return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        people = {row.display_name: row.id for row in connection.execute(_PEOPLE, {"tenant": tenant_id})}
        dana = person(connection, people.get("Dana Whitfield"))
    if dana is not None:
        made = Change(REGISTRY["quality_rules"], "insert", None, {}, OWN | {"owner_id": dana.app_user_id})
        apply(Plan((made,), action="quality.rule.make"), dana, f"Rule: {OWN['title']}")
    rules = {each.key: each for each in looking.every(tenant_id)}
    for each in rules.values():
        looking.look(each, tenant_id, whole=True)
    keep_gauges()
    if dana is None:
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _name, key, fix, many in WORKED:
            for number in queues.ids(connection, dana, rules[key])[-many:]:
                found = fixing.find(connection, dana, number)
                try:
                    fixing.put_right(rules[key], rules[key].fix_of(fix), found, dana, None, {})
                except Refusal:
                    continue
        resource = REGISTRY["data_quality_findings"]
        move = resource.lifecycle.find("ignore") if resource.lifecycle else None
        for place, (key, reason, days) in enumerate(LEFT_ALONE):
            for number in queues.ids(connection, dana, rules[key])[place : place + 1]:
                until = now() + timedelta(days=days) if days else None
                asked = {"ignore_reason": reason, "ignored_until": until}
                if move is not None:
                    apply(plan_move(connection, resource, number, move, asked, dana, reason), dana, reason)


_LOOKED = text("SELECT EXISTS (SELECT FROM quality_looks WHERE tenant_id = :tenant)")
_PEOPLE = text("SELECT id, display_name FROM app_users WHERE tenant_id = :tenant")
