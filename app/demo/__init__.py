"""The demonstration company: the real CenterPoint export, and around it staff, visits, tasks, estimates and AI decisions.

The same seed and the same moment give the same rows. `normal` is what a newcomer should see; `hostile` is what a browser,
a spreadsheet and an SQL statement should survive. Beyond what a company has, any number of customers and decisions can
be added for measuring.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from app.config import ConfigError
from app.core import clock
from app.demo import (
    agents,
    agreements,
    asking,
    audiences,
    automation,
    board,
    branches,
    bulk,
    commerce,
    company,
    decisions,
    desk,
    estimates,
    experiments,
    field,
    files,
    findings,
    governance,
    leads,
    learning,
    legacy,
    memory,
    messages,
    neural,
    office,
    pricebook,
    roofs,
    takeouts,
    traffic,
    watch,
    workflows,
)
from app.demo.hostile import Spoiler
from app.demo.world import ZONE, Record, World
from app.domains.crm.centerpoint.arrival import TABLES, bring_in
from app.domains.crm.centerpoint.export import FOLDER
from app.domains.crm.centerpoint.intake import Intake

DECISIONS = 40_000
# Up to here decisions are told one by one, with their calls; beyond, they are made in bulk inside the server.
TOLD = 100_000

Profile = Literal["normal", "hostile"]


def load(
    owner_url: str,
    schema: str = "console",
    customers: int | None = None,
    decisions: int | None = None,
    seed: int = 1,
    profile: str = "normal",
    as_of: date | datetime | None = None,
    calls: bool = True,
    export: Path = FOLDER,
) -> int:
    """Fill the database behind `owner_url` (the tables' owner) in one transaction; returns the company's id.

    `customers` and `decisions` are totals to reach; without them, the export's customers and 40,000 decisions. A company
    that has its customers already only grows, and never turns hostile (ConfigError). `calls=False` leaves the decisions
    made in bulk without calls. `export` is the folder of the CenterPoint export the company begins with.
    """
    if profile not in ("normal", "hostile"):
        raise ValueError(f"There is no profile {profile!r}; there are normal and hostile.")
    with _connection(owner_url, schema) as connection:
        tenant_id = company.tenant(connection)
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (str(tenant_id),))
        spoiler = Spoiler(connection) if profile == "hostile" else None
        world = World(connection, tenant_id, _moment(as_of), seed, spoiler)
        if _count(world, "customers") and spoiler:
            raise ConfigError(
                "The hostile profile needs a database without customers; name an empty DATA_DIR or database."
            )
        if _count(world, "customers") == 0:
            _found(world, DECISIONS if decisions is None else min(decisions, TOLD), export)
        _grow(world, customers, decisions, calls)
        world.finish()
    return tenant_id


def _found(world: World, told: int, export: Path) -> None:
    """Everything a company of this size has, in the order in which one thing refers to another."""
    company.staff(world)
    said: list[Record] = []
    bring_in(world.connection, world.tenant_id, world.at, ZONE, export, rewrite=partial(_prepared, world, said))
    world.analyze(*TABLES)
    products = pricebook.products(world)
    estimates.estimates(world, products)
    said += leads.behind_estimates(world)
    field.visits(world)
    desk.tasks(world)
    desk.activities(world)
    leads.conversations(world, said)
    audiences.audiences(world)
    commerce.orders(world)
    agreements.agreements(world)
    roofs.sections(world)
    files.files(world)
    test_ids = experiments.experiments(world)
    agent_ids, prices = agents.agents(world), agents.prices(world)
    network = neural.network(world, agent_ids)
    decisions.decisions(world, agent_ids, prices, told, network=network)
    neural.tally(world)
    board.sessions(world, agent_ids, prices)
    findings.findings(world, agent_ids)
    learning.cycles(world, agent_ids, network)
    memory.memories(world, agent_ids, prices)
    experiments.events(world, test_ids)
    audiences.campaigns(world)
    through, texts = messages.services(world), messages.templates(world)
    messages.outbox(world, through, texts)
    automation.automation(world, agent_ids)
    workflows.workflows(world, agent_ids, prices)
    watch.health(world)
    watch.errors(world)
    watch.figures(world)
    experiments.performance(world)
    traffic.received(world, through)
    traffic.webhooks(world)
    governance.obligations(world)
    governance.approvals(world)
    branches.told_apart(world)
    branches.kept_ours(world)
    office.keys(world)
    office.did(world)
    office.notices(world)
    takeouts.copies(world)
    asking.questions(world)
    legacy.leave_behind(world)
    if world.spoiler:
        name = world.spoiler.text(3)
        world.connection.execute("UPDATE tenants SET name = %s WHERE id = %s", (name, world.tenant_id))


def _grow(world: World, customers: int | None, wanted: int | None, calls: bool) -> None:
    """Add scenery until the totals asked for are reached."""
    if not world.staff:
        company.recall(world)
    if customers and (missing := customers - _count(world, "customers")) > 0:
        bulk.customers(world, missing)
    if wanted and (missing := wanted - _count(world, "ai_decision_logs")) > 0:
        known = world.rows("SELECT key, id FROM ai_agents WHERE tenant_id = %s", world.tenant_id)
        bulk.decisions(world, dict(known), missing, calls)


def _count(world: World, table: str) -> int:
    return int(world.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", world.tenant_id)[0][0])


def _prepared(world: World, said: list[Record], intake: Intake) -> None:
    """Before the export is written: customers get account managers, leads owners; hostile texts take their places."""
    managers = company.account_managers(world)
    for place, customer in enumerate(intake.tables["customers"]):
        customer["account_manager_id"] = managers[place % len(managers)]
    said += leads.work_up(world, intake.tables["leads"])
    if world.spoiler:
        for table, records in intake.tables.items():
            world.spoiler.spoil(table, records)


def _moment(as_of: date | datetime | None) -> datetime:
    """The moment the story is told from: now to the minute, a given moment, or noon of a given day in the company's zone."""
    if as_of is None:
        return clock.now().replace(second=0, microsecond=0)
    if isinstance(as_of, datetime):
        return as_of.astimezone(UTC)
    return datetime.combine(as_of, time(12), ZoneInfo(ZONE)).astimezone(UTC)


def _connection(owner_url: str, schema: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(
        owner_url.replace("postgresql+psycopg://", "postgresql://"), application_name="console demo"
    )
    connection.execute(sql.SQL("SET LOCAL search_path TO {}, public").format(sql.Identifier(schema)))
    return connection
