"""How memory is used and kept: recalls and what came of them, verdicts, the agents' own blocks, runs and small values."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from app.demo.agents import AGENTS
from app.demo.knowledge import AT_IT, POLICIES
from app.demo.talking import Talking, partners
from app.demo.world import Record, pick_weighted

if TYPE_CHECKING:
    from app.demo.memory import Mind

SAID = {
    "helpful": ("Saved me a call.", "Exactly what the crew needed.", None, None),
    "irrelevant": ("True, but not what I asked.", None),
    "outdated": ("This changed in summer.", "Not so any more."),
    "wrong": ("It is the other building.", "Nobody ever said that."),
    "harmful": ("This must not be told to customers.",),
}
VERDICTS = {"helpful": 60, "irrelevant": 22, "outdated": 8, "wrong": 8, "harmful": 2}
STRATEGIES = {"hybrid": 52, "vector": 24, "keyword": 14, "graph": 6, "key": 4}
TARGETS = (
    ("vector_index", "push", 360, 40), ("embedding", "push", 720, 18), ("redis_cache", "push", 1440, 60),
    ("external_memory", "pull", 1440, 12), ("warehouse", "push", 4320, 90),
)  # fmt: skip
FAULTS = ("The target did not answer within 30 s.", "The target refused the key; it has been renewed since.")


def recalls(mind: Mind, talking: Talking) -> None:
    """Each look into memory that a call records, of decisions and of conversations, in the order of time."""
    count = mind.world.rows("SELECT count(*) FROM ai_decision_logs WHERE tenant_id = %s", mind.world.tenant_id)[0][0]
    step = max(1, count // 2000)  # so that they reach back over the three months, however many decisions there are
    looked: list[tuple[Any, ...]] = [
        (
            call["id"],
            call["started_at"],
            call["agent_id"],
            call["latency_ms"],
            question,
            call["conversation_id"],
            *[None] * 4,
        )
        for call, question, _at in talking.recalls
    ]
    looked += mind.world.rows(
        "SELECT c.id, c.started_at, c.agent_id, c.latency_ms, d.question, NULL::bigint, d.id, d.subject_type, d.subject_id,"
        " coalesce(j.customer_id, i.customer_id, e.customer_id)"
        " FROM (SELECT id, started_at, agent_id, latency_ms, decision_id FROM ai_calls WHERE tenant_id = %s"
        " AND operation = 'retrieval' AND decision_id %% %s = 0 ORDER BY started_at DESC, id DESC LIMIT 900) AS c"
        " JOIN ai_decision_logs d ON d.id = c.decision_id"
        " LEFT JOIN jobs j ON d.subject_type = 'jobs' AND j.id = d.subject_id"
        " LEFT JOIN invoices i ON d.subject_type = 'invoices' AND i.id = d.subject_id"
        " LEFT JOIN estimates e ON d.subject_type = 'estimates' AND e.id = d.subject_id",
        mind.world.tenant_id, step,
    )  # fmt: skip
    about: dict[tuple[str, int], list[Record]] = {}
    of_agent: dict[int, list[Record]] = {}
    for memory in mind.memories:
        if memory["subject_id"]:
            about.setdefault((memory["subject_type"], memory["subject_id"]), []).append(memory)
        else:
            of_agent.setdefault(memory["agent_id"], []).append(memory)
    sites = {
        customer: subject["property"]
        for _names, who, subject in partners(mind.world)
        if (customer := who["customer_id"])
    }
    customers = {each.record["id"]: each.record["customer_id"] for each in talking.held}
    leads = {each.record["id"]: each.record["lead_id"] for each in talking.held}
    used_by: dict[int, list[int]] = {}
    for row in sorted(looked, key=lambda row: (row[1], row[0])):
        call, at, agent, latency, question, conversation, decision, table, key, customer = row
        customer = customer or customers.get(conversation) or (key if table == "customers" else None)
        near = [(table, key), ("leads", leads.get(conversation)), ("customers", customer), sites.get(customer)]
        known = [memory for subject in dict.fromkeys(near) if subject in about for memory in about[subject]]
        found = _found(mind, known, of_agent.get(agent, []), at)
        score = (
            round(mind.dice.uniform(0.34, 0.93), 6)
            if mind.dice.random() < 0.86
            else round(mind.dice.uniform(0.05, 0.19), 6)
        )
        used = found[: mind.dice.choice((1, 1, 2))] if found and score >= 0.2 and mind.dice.random() < 0.62 else []
        mind.recalls.append({
            "id": mind.id("memory_recalls"), "agent_id": agent, "call_id": call, "conversation_id": conversation,
            "query": question, "strategy": pick_weighted(mind.dice, STRATEGIES), "requested_k": 5,
            "returned_ids": [each["id"] for each in found], "used_ids": [each["id"] for each in used],
            "top_score": score if found else None, "latency_ms": latency, "cache_hit": latency < 30, "created_at": at,
        })  # fmt: skip
        for memory in found:
            memory["recall_count"] += 1
            memory["last_recalled_at"] = at
            memory["useful_count"] += memory in used
        if decision and used:
            used_by[decision] = [each["id"] for each in used]
    with mind.world.connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ai_decision_logs AS d SET memory_ids = u.ids::bigint[] FROM"
            " (SELECT (value ->> 'd')::bigint AS id, ARRAY(SELECT jsonb_array_elements_text(value -> 'm')) AS ids"
            " FROM jsonb_array_elements(%s)) AS u WHERE d.id = u.id",
            (Jsonb([{"d": decision, "m": ids} for decision, ids in used_by.items()]),),
        )


def _found(mind: Mind, near: list[Record], known: list[Record], at: Any) -> list[Record]:
    """Up to five that stood at that moment: what is about the record first, then what this agent learned."""
    dice, found = mind.dice, []
    if dice.random() < 0.06:
        return []
    pool = [*near, *dice.sample(known, min(dice.choice((1, 2, 3, 4)), len(known)))]
    for memory in pool:
        stood = memory["created_at"] < at < mind.until.get(memory["id"], mind.world.at)
        if stood and memory["state"] != "deleted" and memory not in found:
            found.append(memory)
    return found[:5]


def _judged(mind: Mind, memory: Record, verdict: str, at: Any, **more: Any) -> None:
    mind.feedback.append({
        "id": mind.id("ai_memory_feedback"), "memory_id": memory["id"], "recall_id": None, "app_user_id": None, "agent_id": None,
        "verdict": verdict, "comment": mind.dice.choice(SAID[verdict]), "correction": None, "applied_at": None,
        "applied_change": None, "created_at": at, **more,
    })  # fmt: skip


def outdated(mind: Mind, old: Record, new: Record, at: Any) -> None:
    """The verdict by which an old memory was replaced."""
    _judged(
        mind, old, "outdated", at - timedelta(minutes=25), app_user_id=mind.world.staff["Samir Haddad"],
        correction=new["content"], applied_at=at, applied_change=Jsonb({"replaced_by": new["id"]}),
    )  # fmt: skip


def feedback(mind: Mind) -> None:
    """What people and agents thought of what was recalled; what is from the last days waits to be looked at."""
    dice, world = mind.dice, mind.world
    by_id = {memory["id"]: memory for memory in mind.memories}
    staff = [
        world.staff[name]
        for name in ("Samir Haddad", "Luis Cordova", "Grace Okafor", "Wes Lindqvist", "Renee Tollefson")
    ]
    for recall in mind.recalls:
        if not recall["returned_ids"] or dice.random() > 0.17:
            continue
        verdict = pick_weighted(dice, VERDICTS)
        memory = by_id[(recall["used_ids"] or recall["returned_ids"])[0]]
        at = recall["created_at"] + timedelta(minutes=dice.uniform(1, 90))
        if at > world.at:
            continue
        later = at + timedelta(hours=dice.uniform(1, 30))
        done = verdict in ("helpful", "irrelevant") and later < world.at - timedelta(days=1) and dice.random() < 0.9
        change = (
            {"confidence": str(memory["confidence"])} if verdict == "helpful" else {"strength": str(memory["strength"])}
        )
        person = dice.random() < 0.55
        _judged(
            mind, memory, verdict, at, recall_id=recall["id"], app_user_id=dice.choice(staff) if person else None,
            agent_id=None if person else recall["agent_id"], applied_at=later if done else None,
            applied_change=Jsonb(change) if done else None,
            correction=f"Not any more: {memory['content']}" if verdict == "outdated" and memory["state"] == "active" else None,
        )  # fmt: skip


def blocks(mind: Mind) -> None:
    """Who each agent is, what it keeps to, who is who, what it is at; and a memory it is never without."""
    world, dice, records = mind.world, mind.dice, []
    room = 12_000 if world.spoiler else 4_000
    pinned = {
        memory["agent_id"]: memory for memory in mind.memories if memory["pinned"] and memory["state"] == "active"
    }
    for agent in AGENTS:
        key = mind.agent_ids[agent.key]
        made = world.at - timedelta(days=dice.uniform(60, 300))
        wanted = [
            ("persona", f"I am {agent.name}. {agent.description}", True, "user", None, None),
            ("policies", POLICIES[agent.key], True, "user", POLICIES[agent.key].split(". ")[0] + ".", None),
            ("people", f"{agent.owner} answers for me. Luis Cordova and Renee Tollefson dispatch, Grace Okafor bills.", False,
             "user", None, None),
            ("scratchpad", AT_IT[agent.key], False, "agent" if AT_IT[agent.key] else "system",
             "Nothing to do." if AT_IT[agent.key] else None, None),
        ]  # fmt: skip
        if key in pinned:
            memory = pinned[key]
            wanted.append(("never_forget", memory["content"], True, "user", None, memory["id"]))
        for place, (block, value, closed, by, before, memory_id) in enumerate(wanted):
            records.append({
                "agent_id": key, "block": block, "value": value, "char_limit": room // 2 if block == "scratchpad" else room,
                "read_only": closed, "position": place,
                "revision": 1 + (dice.randrange(2, 60) if by == "agent" else bool(before)),
                "previous_value": before, "changed_by_kind": by, "ai_memory_id": memory_id, "created_at": made,
                "updated_at": made if by == "user" and not before else world.at - timedelta(hours=dice.uniform(1, 70)),
            })  # fmt: skip
    world.write("agent_memories", records)


def runs(mind: Mind) -> None:
    """A month of runs to every target: most went well, some in part or not at all; one is under way and one waits."""
    world, dice, records = mind.world, mind.dice, []
    for target, direction, every, size in TARGETS:
        cursor = 10_000
        for number in range(43_200 // every, -1, -1):
            at = world.at - timedelta(minutes=every * number + 11)
            chance = dice.random()
            status = "failed" if chance < 0.04 and number else "partial" if chance < 0.09 and number else "succeeded"
            scanned = 0 if status == "failed" else size + dice.randrange(size)
            wrong = dice.randrange(1, 4) if status == "partial" else 0
            gone = dice.randrange(3) if scanned else 0
            moved, took = scanned - wrong - gone - dice.randrange(4) if scanned else 0, dice.uniform(3, 90)
            records.append({
                "target": target, "direction": direction, "status": status, "cursor_from": str(cursor),
                "cursor_to": str(cursor + scanned) if scanned else None, "scanned": scanned, "upserted": moved, "deleted": gone,
                "failed": wrong, "lag_seconds": int(took) + dice.randrange(30) if status == "succeeded" else None,
                "failures": Jsonb([{"memory": f"Memory {100 + dice.randrange(90)}", "why": "Too long for the model"}] * wrong),
                "started_at": at + timedelta(seconds=2), "finished_at": at + timedelta(seconds=2 + took),
                "error": dice.choice(FAULTS) if status == "failed" else None, "created_at": at,
            })  # fmt: skip
            cursor += scanned
    for status, target, minutes in (("running", "warehouse", 1), ("queued", "external_memory", 0)):
        at = world.at - timedelta(minutes=minutes)
        records.append({
            **dict.fromkeys(records[0]), "target": target, "direction": "push" if target == "warehouse" else "pull",
            "status": status, "scanned": 18 if status == "running" else 0, "upserted": 11 if status == "running" else 0,
            "deleted": 0, "failed": 0, "failures": Jsonb([]), "started_at": at if status == "running" else None, "created_at": at,
        })  # fmt: skip
    world.write("memory_sync", sorted(records, key=lambda each: each["created_at"]))


def context(mind: Mind, talking: Talking) -> None:
    """Where agents and workflows stopped, what was agreed, and what holds until when."""
    world, dice = mind.world, mind.dice
    values: list[tuple[str, int | None, str, Any, float | None]] = [
        ("tenant", None, "season.storm", {"active": False, "watch_since": "2026-09-01"}, None),
        ("tenant", None, "crane.gust_limit_mph", 28, None),
        ("tenant", None, "pricing.schools_off_season", {"until": "2027-03-31", "per_sqft": 2.35}, 120),
        ("tenant", None, "export.accounting_complete_at", "02:30", None),
        ("tenant", None, "holidays.no_reminders", ["2026-11-26", "2026-12-24", "2026-12-25"], 40),
    ]
    for agent in AGENTS[:7]:
        key = mind.agent_ids[agent.key]
        values.append(
            (
                "agent",
                key,
                "cursor.last_seen",
                {"table": agent.kinds[0].subject if agent.kinds else "", "at": 4711},
                None,
            )
        )
        values.append(("agent", key, "budget.warned_today", dice.random() < 0.3, 1))
    for held in talking.held[::7]:
        record = held.record
        values.append(("conversation", record["id"], "language", "English", None))
        if record["customer_id"]:
            values.append(
                ("customer", record["customer_id"], "contact.promised_call", {"by": "Owen Prescott", "in_days": 3}, 3)
            )
    for job, number in world.rows(
        "SELECT id, number FROM jobs WHERE tenant_id = %s AND status IN ('scheduled', 'in_progress') ORDER BY id LIMIT 16",
        world.tenant_id,
    ):
        values.append(("job", job, "weather.checked", {"job": number, "gust_mph": 12 + dice.randrange(20)}, 2))
    for name in ("Luis Cordova", "Grace Okafor", "Wes Lindqvist", "Samir Haddad"):
        values.append(("user", world.staff[name], "assistant.short_answers", True, None))
    records: list[Record] = []
    seen: set[tuple[str, int | None, str]] = set()
    for scope, of, name, value, days in values:
        if (scope, of, name) in seen:
            continue
        seen.add((scope, of, name))
        at, reads = world.at - timedelta(hours=dice.uniform(1, 400)), dice.randrange(60)
        person = scope in ("tenant", "user")
        records.append({
            "scope": scope, "scope_id": of, "key": name, "value": Jsonb(value),
            "expires_at": at + timedelta(days=days) if days else None,
            "last_read_at": at + (world.at - at) * dice.random() if reads else None, "read_count": reads,
            "written_by": world.staff["Samir Haddad"] if person else None,
            "written_by_agent_id": None if person else (of if scope == "agent" else mind.agent_ids["dispatch-scheduler"]),
            "created_at": at, "updated_at": at,
        })  # fmt: skip
    world.write("persistent_context", records)
