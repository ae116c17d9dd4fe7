"""The company and its people. Sign-ins are made elsewhere and find their person here by e-mail."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection

from app.demo.world import ZONE, Record, World

NAME = "BrainOps Roofing"
SLUG = "brainops-roofing"
DOMAIN = "brainops.example"
SETTINGS = {
    "margin_floor_pct": 22,
    "daily_ai_budget": 40,
    "dunning_days": [7, 14, 30],
    "letterhead": {
        "address": ["4100 Steele Yard Way", "Denver, CO 80205"],
        "email": f"ar@{DOMAIN}",
        "pay": f"ACH or check to {NAME}, reference {{number}}.",
        "note": "Lien rights are reserved until this invoice is paid in full; a waiver follows your payment.",
    },
}

# Name, title, kind of employee, loaded cost per hour, skills. The first is the owner; managers stand before their people.
STAFF: tuple[tuple[str, str, str, int, tuple[str, ...]], ...] = (
    ("Marcus Brandt", "Owner", "office", 95, ()),
    ("Dana Whitfield", "Operations manager", "office", 68, ()),
    ("Priya Raman", "Systems administrator", "office", 62, ()),
    ("Luis Cordova", "Dispatcher", "office", 44, ()),
    ("Renee Tollefson", "Dispatcher", "office", 42, ()),
    ("Grace Okafor", "Billing lead", "office", 48, ()),
    ("Helen Vance", "Billing clerk", "office", 38, ()),
    ("Samir Haddad", "AI operator", "office", 58, ()),
    ("Ingrid Solheim", "Auditor", "office", 60, ()),
    ("Carl Benning", "Board observer", "office", 0, ()),
    ("Tara McAllister", "Sales manager", "sales", 64, ()),
    ("Owen Prescott", "Account manager", "sales", 52, ()),
    ("Bianca Reyes", "Account manager", "sales", 52, ()),
    ("Jonah Feldman", "Account manager", "sales", 50, ()),
    ("Wes Lindqvist", "Senior estimator", "estimator", 58, ("tpo", "epdm", "metal")),
    ("Noor Aziz", "Estimator", "estimator", 52, ("tpo", "coating")),
    ("Caleb Thornton", "Estimator", "estimator", 50, ("mod bit", "spf")),
    ("Miriam Castellano", "Project manager", "project_manager", 62, ()),
    ("Dale Iverson", "Project manager", "project_manager", 60, ()),
    ("Leo Ortega", "Crew lead, crew 1", "crew_lead", 46, ("tpo", "epdm", "crane")),
    ("Sofia Duran", "Crew lead, crew 2", "crew_lead", 46, ("epdm", "pvc")),
    ("Thanh Nguyen", "Crew lead, crew 3", "crew_lead", 46, ("metal", "standing seam")),
    ("Aaron Pratt", "Service lead, service 1", "crew_lead", 44, ("leak", "drains")),
    ("Jude Okoye", "Service lead, service 2", "crew_lead", 44, ("leak", "inspection")),
    ("Mateo Silva", "Service lead, snow", "crew_lead", 42, ("snow", "leak")),
    ("Pete Kowalski", "Roofer", "field_tech", 36, ("tpo", "epdm")),
    ("Andre Baptiste", "Roofer", "field_tech", 36, ("tpo",)),
    ("Hector Salinas", "Roofer", "field_tech", 35, ("tpo", "mod bit")),
    ("Walt Gruber", "Roofer", "field_tech", 37, ("metal",)),
    ("Kenji Mori", "Roofer", "field_tech", 35, ("pvc",)),
    ("Rosa Delgado", "Roofer", "field_tech", 35, ("epdm",)),
    ("Sean Gallagher", "Roofer", "field_tech", 34, ("spf",)),
    ("Tobias Kern", "Service technician", "field_tech", 38, ("leak", "drains")),
    ("Lena Petrova", "Service technician", "field_tech", 38, ("inspection", "drone")),
    ("Curtis Bell", "Service technician", "field_tech", 37, ("leak",)),
    ("Yusuf Demir", "Service technician", "field_tech", 37, ("leak", "coating")),
    ("Abel Fuentes", "Apprentice", "field_tech", 26, ()),
    ("Nils Hagen", "Apprentice", "field_tech", 26, ()),
    ("Front Range Sheet Metal", "Subcontractor", "subcontractor", 70, ("metal",)),
    ("Console worker", "Background work", "service_account", 0, ()),
    ("Gloria Pennington", "Estimator, left in May", "estimator", 50, ("tpo",)),
)
COLORS = ("#2f6fde", "#c2571a", "#2b8a5f", "#8a4fd0", "#b03a5b", "#5b6b7c")

# Who stands for each system role in the demonstration; the sign-ins of the first start are theirs.
ROLE_HOLDERS = {
    "owner": "Marcus Brandt",
    "admin": "Priya Raman",
    "operations_manager": "Dana Whitfield",
    "dispatcher": "Luis Cordova",
    "sales": "Owen Prescott",
    "billing": "Grace Okafor",
    "ai_operator": "Samir Haddad",
    "auditor": "Ingrid Solheim",
    "viewer": "Carl Benning",
    "worker": "Console worker",
}


def email_of(name: str) -> str:
    """The address a member of staff is reached and recognised by."""
    return f"{name.lower().replace(' ', '.')}@{DOMAIN}"


ROLE_EMAILS = {role: email_of(name) for role, name in ROLE_HOLDERS.items()}


def tenant(connection: Connection[Any]) -> int:
    """The company's id; a database without any company gets this one, and an unnamed first one becomes it."""
    found = connection.execute("SELECT id, slug FROM tenants ORDER BY id LIMIT 1").fetchone()
    if found is None or found[1] == "company":
        connection.execute(
            "SELECT open_change_set('system', NULL, 'system', 'demo.company', %s, NULL, NULL, NULL, %s)",
            ("Demonstration company: founded", found and found[0]),
        )
    if found is None:
        row = connection.execute(
            "INSERT INTO tenants (slug, name, timezone, currency, locale, settings) VALUES (%s, %s, %s, 'USD', 'en-US',"
            " %s) RETURNING id",
            (SLUG, NAME, ZONE, json.dumps(SETTINGS)),
        ).fetchone()
        assert row is not None
        return int(row[0])
    if found[1] == "company":
        connection.execute(
            "UPDATE tenants SET slug = %s, name = %s, timezone = %s, settings = settings || %s::jsonb WHERE id = %s",
            (SLUG, NAME, ZONE, json.dumps(SETTINGS), found[0]),
        )
    return int(found[0])


def staff(world: World) -> None:
    """Forty people with titles, managers and the cost of their hour."""
    world.chapter("staff", "Demonstration company: the people who work here")
    dice = world.dice("staff")
    first = world.at.replace(hour=15, minute=0, second=0, microsecond=0)
    records: list[Record] = []
    for place, (name, title, kind, cost, skills) in enumerate(STAFF):
        gone = "left" in title
        records.append({
            "display_name": name,
            "email": None if kind == "subcontractor" else email_of(name),
            "phone_e164": f"+1720555{2000 + place:04d}",
            "job_title": title.partition(", left")[0],
            "employee_kind": kind,
            "status": "deactivated" if gone else "active",
            "deactivated_at": world.local(-190) if gone else None,
            "labor_cost_hour": cost,
            "skills": list(skills),
            "color": COLORS[place % len(COLORS)] if kind == "crew_lead" else None,
            "last_seen_at": None if gone else world.at.replace(second=dice.randrange(60)),
            "created_at": first.replace(year=first.year - 2, month=1 + place % 12, day=1 + place % 28),
        })  # fmt: skip
    known = {row[0] for row in world.rows("SELECT email FROM app_users WHERE tenant_id = %s", world.tenant_id)}
    world.write("app_users", [record for record in records if record["email"] not in known or not record["email"]])
    recall(world)
    _managers(world)


def recall(world: World) -> None:
    """Learn again who is who from the rows, by e-mail or, for those without one, by telephone."""
    names = {email_of(name): name for name, *_ in STAFF}
    names_by_phone = {f"+1720555{2000 + place:04d}": name for place, (name, *_) in enumerate(STAFF)}
    for number, email, phone in world.rows(
        "SELECT id, email, phone_e164 FROM app_users WHERE tenant_id = %s ORDER BY id", world.tenant_id
    ):
        if name := names.get(email) or names_by_phone.get(phone):
            world.staff[name] = number


def _managers(world: World) -> None:
    boss = {
        "office": "Dana Whitfield", "sales": "Tara McAllister", "estimator": "Tara McAllister",
        "project_manager": "Dana Whitfield", "crew_lead": "Miriam Castellano", "field_tech": "Leo Ortega",
        "subcontractor": "Dale Iverson", "service_account": "Priya Raman",
    }  # fmt: skip
    for kind, name in boss.items():
        world.connection.execute(
            "UPDATE app_users SET manager_id = CASE WHEN id = %(boss)s THEN %(owner)s ELSE %(boss)s END"
            " WHERE tenant_id = %(tenant)s AND employee_kind = %(kind)s AND id <> %(owner)s",
            {"boss": world.staff[name], "owner": world.staff["Marcus Brandt"], "tenant": world.tenant_id, "kind": kind},
        )


def of_kind(world: World, *kinds: str) -> list[int]:
    """Ids of the people of these kinds who still work here, in the order of `STAFF`."""
    return [world.staff[name] for name, title, kind, *_ in STAFF if kind in kinds and "left" not in title]


def account_managers(world: World) -> list[int]:
    """Those who share the customers among them."""
    return [world.staff[name] for name, title, *_ in STAFF if title == "Account manager"]
