"""Workflows under way and done, sets of tasks in their order, and the errands the agents were sent on."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.agents import AGENTS
from app.demo.calls import COLUMNS as CALL_COLUMNS
from app.demo.calls import Asked, Rate, calls_of
from app.demo.processes import BINDINGS, ERRAND_FAULTS, ERRANDS, PROCESSES, QUESTIONS, TASK_SETS, Process, Step
from app.demo.world import Record, World
from app.domains.crm.centerpoint.copying import first_free

# How runs of a published workflow stand: most are through, some are where somebody has to do something.
STANDING = {
    "completed": 68, "waiting": 11, "running": 8, "failed": 3, "cancelled": 5, "suspended": 3, "timed_out": 1, "terminated": 1,
}  # fmt: skip
ENDED = ("completed", "failed", "cancelled", "terminated", "timed_out")
WHY_ENDED = ("Customer sold the building.", "Begun twice for the same call.", "Withdrawn by the customer.")
AGENT_BY_KEY = {agent.key: agent for agent in AGENTS}


@dataclass
class Plot:
    """The records of one telling, gathered so that they can name each other."""

    world: World
    dice: random.Random
    agents: dict[str, int]
    next: dict[str, int]
    subjects: dict[str, list[tuple[int, str]]]
    instances: list[Record] = field(default_factory=list)
    states: list[Record] = field(default_factory=list)
    tasks: list[Record] = field(default_factory=list)
    edges: list[Record] = field(default_factory=list)
    calls: list[Record] = field(default_factory=list)

    def id(self, table: str) -> int:
        self.next[table] += 1
        return self.next[table] - 1


def workflows(world: World, agent_ids: dict[str, int], prices: dict[str, Record]) -> None:
    """Definitions first, then their runs with every step, the tasks these ask for, sets of tasks, and agents' errands."""
    world.chapter("workflows", "Demonstration company: workflows, sets of tasks and errands of agents")
    tables = ["workflow_instances", "workflow_states", "user_tasks", "ai_tasks", "ai_calls"]
    about = {process.about for process in PROCESSES} | {"invoices", "app_users"}
    plot = Plot(
        world,
        world.dice("workflows"),
        agent_ids,
        first_free(world.connection, tables),
        {t: _some(world, t) for t in about},
    )
    definitions = _definitions(world)
    for process in PROCESSES:
        for number in range(process.runs):
            _instance(plot, process, definitions[process.key, process.version], number)
    plot.instances.sort(key=lambda each: each["id"])
    world.write("workflow_instances", plot.instances)
    world.write("workflow_states", plot.states)
    _bindings(world, definitions)
    sets = _task_sets(world)
    _from_sets(plot, sets)
    _after_errands(plot, _errands(plot, prices))
    last = len(world.rows("SELECT FROM user_tasks WHERE tenant_id = %s", world.tenant_id))
    for number, task in enumerate(plot.tasks, last + 1):
        task["number"] = f"T-{number:05d}"
    world.write("user_tasks", plot.tasks)
    world.numbered("user_task", "T-", 5, last + len(plot.tasks))
    world.write("task_dependencies", sorted(plot.edges, key=lambda edge: edge["created_at"]))


def _some(world: World, table: str) -> list[tuple[int, str]]:
    label = {"customers": "name", "properties": "name", "app_users": "display_name"}.get(table, "number")
    query = f"SELECT id, {label} FROM {table} WHERE tenant_id = %s AND {label} IS NOT NULL ORDER BY id DESC LIMIT 400"
    return [(row[0], row[1]) for row in world.rows(query, world.tenant_id)]


# -- workflows --------------------------------------------------------------------------------------------------------


def _definitions(world: World) -> dict[tuple[str, int], int]:
    records: list[Record] = []
    for process in PROCESSES:
        graph = _graph(process)
        published = world.at - timedelta(days=process.days) if process.status != "draft" else None
        written = json.dumps(graph, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        records.append({
            "key": process.key, "version_no": process.version, "name": process.name, "description": process.what,
            "subject_type": process.about, "graph": Jsonb(graph),
            "checksum": hashlib.sha256(written.encode()).hexdigest() if published else None, "status": process.status,
            "published_at": published, "published_by": world.staff["Dana Whitfield"] if published else None,
            "timeout_minutes": int(sum(step.hours for step in process.steps) * 180) or None,
            "created_by": world.staff["Dana Whitfield"], "created_at": world.at - timedelta(days=process.days + 6),
        })  # fmt: skip
    made = world.write("workflow_definitions", records)
    return {(each["key"], each["version_no"]): each["id"] for each in made}


def _graph(process: Process) -> dict[str, Any]:
    nodes = [
        {"key": step.key, "name": step.name, "kind": step.kind}
        | ({"who": step.who} if step.who else {})
        | ({"due": f"{step.hours:g} h"} if step.hours else {})
        for step in process.steps
    ]
    ways: list[dict[str, str]] = []
    for step, following in zip(process.steps, process.steps[1:], strict=False):
        ways += [{"from": step.key, "to": to, "when": when} for when, to in step.ways]
        ways.append({"from": step.key, "to": following.key} | ({"when": "otherwise"} if step.ways else {}))
    return {"nodes": nodes, "transitions": ways}


def _instance(plot: Plot, process: Process, definition: int, number: int) -> None:
    """One subject's way: every step entered and left in turn, up to where it stands today."""
    world, dice = plot.world, plot.dice
    known = plot.subjects[process.about]
    subject = known[number * 7 % len(known)] if known else None
    key = plot.id("workflow_instances")
    status = "completed" if process.status == "retired" else dice.choices(list(STANDING), list(STANDING.values()))[0]
    if number < 2 and process.status == "published":
        status = ("waiting", "running")[number]
    path = _path(process, dice)
    reached = len(path) if status == "completed" else dice.randrange(1, len(path) - 1)
    if status == "waiting":
        reached = next((n for n, step in enumerate(path) if step.kind in ("wait", "approval") and n >= 1), reached)
    spent = [_spent(step, dice) for step in path]
    ago = dice.uniform(1, process.days - 1)
    if process.status == "retired":
        ago += 75
    end = world.at - timedelta(days=ago) if status in ENDED else world.at - _standing(path[reached], number, dice)
    began = end - sum(spent[:reached], timedelta())
    moment, open_state = began, None
    visits: Counter[str] = Counter()
    for place, step in enumerate(path[: reached + 1 if status != "completed" else None]):
        visits[step.key] += 1
        left = moment + spent[place] if place < reached else None
        open_state = _state(
            plot,
            key,
            step,
            visits[step.key],
            moment,
            left,
            path[place + 1].key if left and place + 1 < len(path) else None,
        )
        moment = left or moment
    last = plot.states[-1]
    finished = None
    if status in ENDED:
        finished = last["exited_at"] or min(world.at, last["entered_at"] + timedelta(hours=dice.uniform(1, 9)))
        if status != "completed":
            become = {"failed": "failed", "timed_out": "timed_out"}.get(status, "cancelled")
            last.update(
                status=become, exited_at=finished, error="The service did not answer." if status == "failed" else None
            )
    elif status == "waiting" or last["node_kind"] in ("wait", "approval"):
        last["status"], status = "waiting", "waiting" if status != "suspended" else status
    if status in ("running", "waiting") and open_state is not None and last["node_kind"] in ("task", "approval"):
        _asked_for(plot, last, path[reached], subject, process)
    plot.instances.append({
        "id": key, "definition_id": definition, "status": status, "current_node": last["node_key"],
        "context": Jsonb({
            "priority": dice.choice(("normal", "high")), "opened_by": dice.choice(("telephone", "mail", "website")),
        }),
        "correlation_key": f"{process.about}/{subject[0]}/{number}" if subject else None,
        "started_by": world.staff["Renee Tollefson"] if number % 3 == 0 else None, "started_at": began,
        "finished_at": finished, "due_at": began + timedelta(hours=1.5 * sum(step.hours for step in process.steps)),
        "retry_count": 1 if status == "failed" else 0, "error": last["error"],
        "end_reason": dice.choice(WHY_ENDED) if status in ("cancelled", "terminated") else None,
        "subject_type": process.about if subject else None, "subject_id": subject[0] if subject else None,
        "created_at": began,
    })  # fmt: skip


def _path(process: Process, dice: random.Random) -> list[Step]:
    """The steps in order; at a fork, one time in four, another way is taken."""
    path: list[Step] = []
    place, turned = 0, False
    while place < len(process.steps):
        step = process.steps[place]
        path.append(step)
        place += 1
        if step.ways and not turned and dice.random() < 0.25:
            turned = True
            place = next(n for n, other in enumerate(process.steps) if other.key == step.ways[0][1])
    return path


def _spent(step: Step, dice: random.Random) -> timedelta:
    """How long it took: mostly within its hours, now and then beyond."""
    if step.kind in ("start", "decision", "end"):
        return timedelta(seconds=1)
    return timedelta(hours=step.hours * min(1.6, dice.lognormvariate(-1.2, 0.7)))


def _standing(step: Step, number: int, dice: random.Random) -> timedelta:
    """How long it has stood at a step by now: within its hours but for one in ten."""
    if number % 10 == 3:
        return timedelta(hours=step.hours + dice.uniform(1, 20))
    return timedelta(hours=(step.hours or 8) * dice.uniform(0.02, 0.6))


def _state(
    plot: Plot, instance: int, step: Step, visit: int, entered: datetime, left: datetime | None, to: str | None
) -> Record:
    world = plot.world
    state: Record = {
        "id": plot.id("workflow_states"), "instance_id": instance, "node_key": step.key, "node_kind": step.kind,
        "visit": visit, "attempt": visit, "status": "completed" if left else "active", "entered_at": entered,
        "exited_at": left, "due_at": entered + timedelta(hours=step.hours) if step.hours else None,
        "outcome": to or ("done" if left else None), "input": Jsonb({"from": "the step before"}),
        "output": Jsonb({"way": to}) if left and to else None, "error": None,
        "actor_id": world.staff[step.who] if step.kind in ("task", "approval") else None,
        "agent_id": plot.agents[step.who] if step.kind == "agent" else None,
        "wait_until": None if left or step.kind != "wait" or step.who else entered + timedelta(hours=step.hours),
        "wait_event": step.who if step.kind == "wait" and step.who and not left else None, "created_at": entered,
    }  # fmt: skip
    plot.states.append(state)
    return state


def _asked_for(plot: Plot, state: Record, step: Step, subject: tuple[int, str] | None, process: Process) -> None:
    """A step a person takes is a task on that person's list."""
    kind = "approval" if step.kind == "approval" else "todo"
    plot.tasks.append(
        _task(plot, f"{step.name}: {subject[1] if subject else process.name}", kind, step.who, state["entered_at"],
              state["due_at"], "todo", (process.about, subject[0]) if subject else None)
        | {"source": "workflow", "workflow_state_id": state["id"]}
    )  # fmt: skip


def _bindings(world: World, definitions: dict[tuple[str, int], int]) -> None:
    automations = dict(world.rows("SELECT key, id FROM automations WHERE tenant_id = %s", world.tenant_id))
    current = {process.key: process.version for process in PROCESSES if process.status == "published"}
    records: list[Record] = [
        {
            "definition_id": definitions[workflow, current[workflow]], "automation_id": automations[key], "hook": hook,
            "node_key": node, "condition": Jsonb({"only_if": "customer is active"}) if place % 4 == 0 else None,
            "position": place, "blocking": blocks, "enabled": place != 7, "created_at": world.at - timedelta(days=60 - 5 * place),
        }
        for place, (key, workflow, hook, node, blocks) in enumerate(BINDINGS)
    ]  # fmt: skip
    world.write("workflow_automations", records)


# -- sets of tasks ----------------------------------------------------------------------------------------------------


def _task(
    plot: Plot, title: str, kind: str, who: str, made: datetime, due: datetime | None, status: str,
    about: tuple[str, int] | None,
) -> Record:  # fmt: skip
    world, dice = plot.world, plot.dice
    begun = made + timedelta(hours=3) if status in ("done", "in_progress") else None
    ended = (
        max(begun + timedelta(hours=1), min(due or made, world.at) - timedelta(hours=dice.uniform(1, 9)))
        if begun and status == "done"
        else None
    )
    return {
        "id": plot.id("user_tasks"), "number": "", "title": title[:300], "kind": kind, "status": status,
        "priority": dice.choices(("normal", "high"), (4, 1))[0], "assignee_id": world.staff[who], "due_at": due,
        "started_at": begun, "completed_at": min(ended, world.at) if ended else None,
        "completed_by": world.staff[who] if ended else None, "source": "template", "template_id": None,
        "workflow_state_id": None, "estimate_minutes": None, "board_position": 0,
        "subject_type": about[0] if about else None, "subject_id": about[1] if about else None,
        "created_by": world.staff["Dana Whitfield"], "created_at": made,
    }  # fmt: skip


def _task_sets(world: World) -> dict[str, int]:
    records: list[Record] = [
        {
            "key": key, "name": name, "description": f"What is always done: {items[0][0].lower()}, and so on.",
            "applies_to": about, "trigger_event": event,
            "items": Jsonb([
                {"title": title, "kind": kind, "role": who, "due": f"+{days} days", "minutes": minutes}
                | ({"after": after} if after else {})
                for title, kind, who, days, minutes, after in items
            ]),
            "is_active": key != "winter-ready", "use_count": told, "created_by": world.staff["Dana Whitfield"],
            "created_at": world.at - timedelta(days=150 - 12 * place),
        }
        for place, (key, name, about, event, told, items) in enumerate(TASK_SETS)
    ]  # fmt: skip
    return {each["key"]: each["id"] for each in world.write("task_templates", records)}


def _from_sets(plot: Plot, sets: dict[str, int]) -> None:
    """Each set as often as it was used, done up to somewhere in its order, the rest waiting for what comes first."""
    world, dice = plot.world, plot.dice
    for key, _name, about, _event, told, items in TASK_SETS:
        for turn in range(told):
            subject, label = plot.subjects[about][turn * 5 % len(plot.subjects[about])]
            begun = world.at - timedelta(days=dice.uniform(1, 9) + 12 * turn)
            done = dice.randrange(1, len(items)) if turn < 2 else len(items)
            by_title: dict[str, Record] = {}
            for place, (title, kind, who, days, minutes, after) in enumerate(items):
                waits = after and by_title[after]["status"] != "done"
                status = "done" if place < done and not waits else "todo" if waits or place > done else "in_progress"
                due = begun + timedelta(days=days)
                task = _task(plot, f"{title}: {label}", kind, who, begun, due, status, (about, subject))
                task.update(template_id=sets[key], estimate_minutes=minutes)
                if after and task["completed_at"]:
                    first = by_title[after]["completed_at"]
                    task["started_at"] = max(task["started_at"], first)
                    task["completed_at"] = max(task["completed_at"], first + timedelta(minutes=minutes))
                    if task["completed_at"] > world.at:
                        task.update(status="in_progress", completed_at=None, completed_by=None)
                elif after and task["started_at"]:
                    task["started_at"] = max(task["started_at"], by_title[after]["completed_at"])
                plot.tasks.append(task)
                by_title[title] = task
                if after:
                    plot.edges.append(_edge(by_title[after]["id"], task["id"], begun))


def _edge(first: int, then: int, at: datetime, kind: str = "finish_to_start", lag: int = 0) -> Record:
    return {
        "predecessor_user_task_id": first, "predecessor_ai_task_id": None, "successor_user_task_id": then,
        "successor_ai_task_id": None, "kind": kind, "lag_minutes": lag, "created_at": at,
    }  # fmt: skip


# -- errands of agents ------------------------------------------------------------------------------------------------


def _errands(plot: Plot, prices: dict[str, Record]) -> list[Record]:
    """What agents were asked within a month: each with the calls it took, whose sum is its cost."""
    world, dice = plot.world, plot.dice
    rates = {model: Rate.of(price) for model, price in prices.items()}
    workers = [row[0] for row in world.rows("SELECT id FROM workers WHERE name LIKE 'demonstration%%' ORDER BY id")]
    states = ("succeeded",) * 20 + ("failed",) * 2 + ("cancelled", "timed_out")
    fresh = (
        "queued",
        "queued",
        "running",
        "waiting_approval",
        "waiting_approval",
        "waiting_input",
        "queued",
        "waiting_input",
    )
    records: list[Record] = []
    for place in range(130):
        agent, title, instruction, about, budget = ERRANDS[dice.randrange(len(ERRANDS))]
        subject, label = dice.choice(plot.subjects[about])
        status = fresh[place] if place < len(fresh) else dice.choice(states)
        at = world.at - (
            timedelta(minutes=9 * place + 3) if place < len(fresh) else timedelta(days=30 * dice.random() ** 1.4 + 0.05)
        )
        key, began = plot.id("ai_tasks"), None if status == "queued" else at + timedelta(seconds=dice.uniform(1, 40))
        spent, ended = Decimal(0), None
        if began is not None:
            asked = Asked(None, plot.agents[agent], AGENT_BY_KEY[agent].model, f"{dice.getrandbits(128):032x}", "errand",
                          json.dumps(title.format(label)), json.dumps(status))  # fmt: skip
            rows, total = calls_of(dice, asked, rates, began, status in ("failed", "timed_out"))
            spent = Decimal(total.micros) / 1_000_000
            for row in rows:
                call = {"id": plot.id("ai_calls"), **dict(zip(CALL_COLUMNS, row, strict=True)), "ai_task_id": key}
                plot.calls.append(call)
            ended = began + timedelta(milliseconds=total.latency_ms) if status in (*set(states),) else None
        kind, words = dice.choice(ERRAND_FAULTS) if status in ("failed", "timed_out") else (None, None)
        by_agent = place % 9 == 4
        records.append({
            "id": key, "agent_id": plot.agents[agent], "title": title.format(label)[:300], "instruction": instruction,
            "input": Jsonb({"record": label}),
            "output": Jsonb({"said": dice.choice(("Draft attached.", "Three points to look at.", "Nothing out of line."))})
            if status == "succeeded" else Jsonb({"question": dice.choice(QUESTIONS)}) if status == "waiting_input" else None,
            "status": status, "priority": dice.choice((0, 0, 0, 5)),
            "requested_by": None if by_agent else world.staff[dice.choice(("Samir Haddad", "Wes Lindqvist", "Grace Okafor"))],
            "requested_by_agent_id": plot.agents["inbox-triage"] if by_agent else None,
            "deadline_at": at + timedelta(hours=24) if place % 4 == 0 else None,
            "attempt": 0 if began is None else 3 if kind else 1,
            "max_attempts": 3, "worker_id": dice.choice(workers) if status == "running" else None,
            "heartbeat_at": world.at - timedelta(seconds=20) if status == "running" else ended, "started_at": began,
            "finished_at": ended, "progress_pct": 100 if status == "succeeded" else 60 if began and not ended else 0,
            "thread_id": f"errand-{key}",
            "checkpoint_id": f"step-{dice.randrange(2, 9)}" if status.startswith("waiting") else None,
            "budget": Decimal(str(budget)), "total_cost": spent, "error_type": kind, "error": words,
            "result_quality": dice.choices(("good", "acceptable", "bad", None), (50, 20, 6, 24))[0]
            if status == "succeeded" else None,
            "subject_type": about, "subject_id": subject, "created_at": at,
        })  # fmt: skip
    world.write("ai_tasks", records)
    world.write("ai_calls", plot.calls)
    _approvals(plot, records)
    return records


def _approvals(plot: Plot, errands: list[Record]) -> None:
    """An errand that waits for approval has asked for it."""
    world = plot.world
    waiting = [errand for errand in errands if errand["status"] == "waiting_approval"]
    records: list[Record] = []
    for errand in waiting:
        payload = {"task": errand["id"], "goes_on_from": errand["checkpoint_id"]}
        records.append({
            "kind": "ai_action", "title": errand["title"][:200], "payload": Jsonb(payload),
            "payload_hash": hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).digest(), "risk": "medium",
            "status": "pending", "requested_by_agent_id": errand["agent_id"], "approver_permission": "approvals.decide.ai",
            "expires_at": world.at + timedelta(days=2), "subject_type": "ai_tasks", "subject_id": errand["id"],
            "created_at": errand["started_at"] + timedelta(seconds=9),
        })  # fmt: skip
    made = world.write("approval_requests", records)
    for errand, approval in zip(waiting, made, strict=True):
        world.connection.execute(
            "UPDATE ai_tasks SET approval_request_id = %s WHERE id = %s", (approval["id"], errand["id"])
        )


def _after_errands(plot: Plot, errands: list[Record]) -> None:
    """What a person does with it once the agent is done waits for the agent."""
    for errand in errands:
        if errand["status"] in ("queued", "running", "waiting_approval", "waiting_input"):
            made, about = errand["created_at"], (errand["subject_type"], errand["subject_id"])
            task = _task(plot, f"Go through it: {errand['title']}", "follow_up", "Wes Lindqvist", made,
                         made + timedelta(days=2), "todo", about)  # fmt: skip
            plot.tasks.append(task | {"source": "ai"})
            edge = _edge(0, task["id"], made)
            plot.edges.append(edge | {"predecessor_user_task_id": None, "predecessor_ai_task_id": errand["id"]})
