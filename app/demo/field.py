"""The field: who is on which roof today, what was done there these last weeks, and what comes next."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.demo.company import of_kind
from app.demo.world import Record, World

CREWS = ("Leo Ortega", "Sofia Duran", "Thanh Nguyen", "Aaron Pratt", "Jude Okoye")
SERVICE = ("Aaron Pratt", "Jude Okoye")
HISTORY_DAYS = 150
EVENING = 20.0

FOUND = ("Open seam at the parapet, 6 ft", "Split boot at RTU 3", "Ponding at drain 4", "Loose termination bar",
         "Puncture near the hatch", "Clogged scupper", "Blister, 2 by 3 ft", "Flashing pulled at the curb")  # fmt: skip
DID = ("Welded a patch over the seam", "Replaced the boot", "Cleared the drain and set a strainer",
       "Re-fastened and sealed the bar", "Patched and tested", "Cleared the scupper", "Cut and patched the blister",
       "Re-flashed the curb")  # fmt: skip


class Diary:
    """Every crew lead's day, filled from seven in the morning, so that nobody is on two roofs at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._busy: dict[tuple[int, date], float] = defaultdict(lambda: 7.0)

    def book(self, lead: int, day: date, hours: float) -> tuple[datetime, datetime] | None:
        """The next free stretch of that day, half an hour of driving included; None when the day is full."""
        start = self._busy[lead, day]
        if start + hours > EVENING:
            return None
        self._busy[lead, day] = start + hours + 0.5
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.world.zone)
        begins = midnight.replace(hour=int(start), minute=int(start % 1 * 60))
        return begins, begins + timedelta(hours=hours)

    def freest(self, leads: list[int], day: date) -> int:
        """Who has the most of that day left; the earlier name when two have the same."""
        return min(leads, key=lambda lead: self._busy[lead, day])


def visits(world: World) -> None:
    """Visits of the open jobs (today for five crews, and the coming two weeks) and of the work done lately."""
    world.chapter("visits", "Demonstration company: visits, crews and hours")
    dice = world.dice("visits")
    diary = Diary(world)
    leads = [world.staff[name] for name in CREWS]
    techs = of_kind(world, "field_tech")
    open_jobs = world.rows(
        "SELECT id, status, work_type, contract_value, requested_at FROM jobs WHERE tenant_id = %s"
        " AND status IN ('in_progress', 'scheduled') AND external_source IS NOT NULL ORDER BY status, id",
        world.tenant_id,
    )
    today = world.local().date()
    records: list[Record] = []
    for place, (job, status, work, _value, requested) in enumerate(open_jobs):
        lead = leads[place % len(leads)]
        number = 1
        if status == "in_progress":
            before = max(requested.date(), today - timedelta(days=1 + place % 6))
            if before < today and (slot := diary.book(lead, before, 5.5)):
                records.append(_done(dice, job, number, lead, techs, *slot, returns=True))
                number += 1
        # The first ten open jobs are on the roofs today, the others follow over the next two working weeks.
        day = today if place < 10 else _working_day(today, 1 + place % 9)
        while not (slot := diary.book(lead, day, 2.5 if work in ("leak", "inspection") else 4.0)):
            day = _working_day(day, 1)
        records.append(_coming(world, dice, job, number, lead, techs, *slot, started=status == "in_progress"))
    records += _history(world, dice, diary, leads, techs, today)
    world.write("job_visits", records)
    world.analyze("job_visits")
    _carry_to_jobs(world)


def _working_day(today: date, ahead: int) -> date:
    day = today
    while ahead:
        day += timedelta(days=1)
        ahead -= day.weekday() < 5
    return day


def _history(
    world: World, dice: random.Random, diary: Diary, leads: list[int], techs: list[int], today: date
) -> list[Record]:
    finished = world.rows(
        "SELECT id, completed_at, work_type, contract_value FROM jobs WHERE tenant_id = %s"
        " AND status IN ('completed', 'authorized', 'invoiced', 'closed') AND external_source IS NOT NULL"
        " AND completed_at BETWEEN %s AND %s ORDER BY completed_at, id",
        world.tenant_id, world.at - timedelta(days=HISTORY_DAYS), world.at,
    )  # fmt: skip
    records = []
    for job, completed, _work, value in finished:
        day = completed.astimezone(world.zone).date()
        if day >= today:
            continue
        lead = diary.freest(leads, day)
        number = 1
        if value > 9000 and (slot := diary.book(lead, day - timedelta(days=1), 3.0)):
            records.append(_done(dice, job, number, lead, techs, *slot, returns=True))
            number += 1
        # A day too full for one more visit stays as it is: the old CRM kept no visits at all.
        if slot := diary.book(lead, day, 2.0 if value < 2000 else 3.0):
            records.append(_done(dice, job, number, lead, techs, *slot, returns=dice.random() < 0.06))
    return records


def _visit(dice: random.Random, job: int, number: int, lead: int, techs: list[int], begins: datetime,
           ends: datetime) -> Record:  # fmt: skip
    return {
        "job_id": job, "visit_no": number, "status": "scheduled", "starts_at": begins, "ends_at": ends,
        "crew_lead_id": lead, "crew_ids": sorted(dice.sample(techs, dice.randrange(1, 4))), "arrived_at": None,
        "departed_at": None, "labor_hours": Decimal(0), "travel_hours": Decimal(0), "material_cost": Decimal(0),
        "findings": None, "work_performed": None, "needs_return": False, "signature_name": None,
        "created_at": begins - timedelta(days=3),
    }  # fmt: skip


def _done(dice: random.Random, job: int, number: int, lead: int, techs: list[int], begins: datetime, ends: datetime,
          *, returns: bool) -> Record:  # fmt: skip
    visit = _visit(dice, job, number, lead, techs, begins, ends)
    late = timedelta(minutes=dice.choices((dice.uniform(-10, 14), dice.uniform(16, 70)), (88, 12))[0])
    arrived = begins + late
    departed = max(ends + timedelta(minutes=dice.uniform(-20, 25)), arrived + timedelta(minutes=20))
    people = 1 + len(visit["crew_ids"])
    hours = Decimal(round((departed - arrived).total_seconds() / 3600 * people, 2)).quantize(Decimal("0.01"))
    kind = dice.randrange(len(FOUND))
    return visit | {
        "status": "done", "arrived_at": arrived, "departed_at": departed, "labor_hours": hours,
        "travel_hours": Decimal("0.50") * people, "material_cost": Decimal(dice.randrange(1800, 64000)) / 100,
        "findings": FOUND[kind], "work_performed": DID[kind], "needs_return": returns,
        "signature_name": None if returns else dice.choice(("Site manager", "Front desk", "Facilities")),
    }  # fmt: skip


def _coming(world: World, dice: random.Random, job: int, number: int, lead: int, techs: list[int], begins: datetime,
            ends: datetime, *, started: bool) -> Record:  # fmt: skip
    """A visit of today or later: over, under way or still ahead by the company's clock."""
    visit = _visit(dice, job, number, lead, techs, begins, ends)
    if ends < world.at and started:
        return _done(dice, job, number, lead, techs, begins, ends - timedelta(minutes=30), returns=True)
    if begins <= world.at and started:
        return visit | {"status": "working", "arrived_at": min(begins + timedelta(minutes=6), world.at)}
    if begins.date() == world.local().date():
        return visit | {"status": "dispatched"}
    return visit


def _carry_to_jobs(world: World) -> None:
    """What a job knows of its visits: its lead, its window, when work began, and what the hours cost."""
    world.connection.execute(
        """
        UPDATE jobs SET lead_tech_id = seen.lead,
            scheduled_start = seen.starts, scheduled_end = seen.ends,
            started_at = CASE WHEN jobs.status IN ('new', 'approved', 'scheduled') THEN NULL ELSE seen.arrived END,
            act_labor_hours = seen.hours, act_labor_cost = round(seen.hours * 42, 2), act_material_cost = seen.material,
            percent_complete = CASE WHEN jobs.status = 'in_progress' THEN 40 ELSE jobs.percent_complete END
        FROM (SELECT job_id, (array_agg(crew_lead_id ORDER BY visit_no DESC))[1] AS lead, min(starts_at) AS starts,
                     max(ends_at) AS ends, min(arrived_at) AS arrived, sum(labor_hours) AS hours,
                     sum(material_cost) AS material
              FROM job_visits WHERE tenant_id = %s GROUP BY job_id) AS seen
        WHERE jobs.id = seen.job_id
        """,
        (world.tenant_id,),
    )
