"""The agents: what each is for, how far it may act, what it may spend; and what the models cost per million tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from app.demo.world import Record, World


@dataclass(frozen=True)
class Kind:
    """One kind of decision: the question, what may be chosen (best first), why, and what the decision is about."""

    key: str
    share: int
    question: str
    options: tuple[str, ...]
    reasoning: str
    subject: str
    action: str
    risk: tuple[int, int, int] = (78, 17, 5)


@dataclass(frozen=True)
class Agent:
    """An agent as its owner set it up."""

    key: str
    name: str
    role: str
    kind: str
    model: str
    autonomy: str
    status: str
    owner: str
    budget: int
    description: str
    kinds: tuple[Kind, ...]


AGENTS: tuple[Agent, ...] = (
    Agent("dispatch-scheduler", "Dispatch Scheduler", "Dispatcher", "worker", "claude-sonnet-4-5", "approve", "active",
          "Luis Cordova", 12, "Keeps the crews' week free of conflicts and out of the wind.", (
        Kind("dispatch.move_visit", 11, "Move {label} out of the wind window on {day}?",
             ("Move by one day", "Keep the slot", "Move by three days"),
             "Gusts pass the crane limit after 2 pm; the crew is free the day after and the lift can follow without a fee.",
             "jobs", "visit.move", (40, 42, 18)),
        Kind("dispatch.assign_crew", 17, "Which crew takes {label}?", ("Crew 1", "Service 2", "Crew 3", "Service 1"),
             "Closest by road, holds the skill the job asks for, and has four hours open that day.", "jobs", "crew.assign"),
    )),
    Agent("ar-follow-up", "AR Follow-up", "Collections", "worker", "claude-haiku-4-5", "approve", "active",
          "Grace Okafor", 8, "Reminds politely, notices promises, asks a person before it gets unfriendly.", (
        Kind("ar.reminder", 16, "What should happen next with {label}?",
             ("Send the second reminder", "Call first", "Wait a week", "Offer a payment plan"),
             "Opened the first reminder twice and always paid within ten days of the second one.", "invoices", "reminder.send"),
        Kind("ar.payment_plan", 3, "Offer a payment plan for {label}?", ("Three instalments", "No plan", "Two instalments"),
             "Balance is above a month's usual billing and the customer asked for time.", "invoices", "plan.offer",
             (10, 55, 35)),
    )),
    Agent("estimate-drafter", "Estimate Drafter", "Estimator", "assistant", "claude-sonnet-4-5", "suggest", "active",
          "Wes Lindqvist", 15, "Drafts lines from roof sections, photos and similar past jobs.", (
        Kind("estimate.price", 9, "Which price level fits {label}?", ("Book price", "Book price plus 6 %", "Book price less 4 %"),
             "Three similar roofs of this size closed at book price; access is easy and the deck is dry.", "estimates",
             "estimate.draft", (35, 48, 17)),
        Kind("estimate.scope", 6, "What scope answers {label}?", ("Recover", "Repair", "Tear-off"),
             "Core cuts show one dry layer; code allows a recover and the owner asked for the shorter closure.", "estimates",
             "estimate.draft"),
    )),
    Agent("invoice-auditor", "Invoice Auditor", "Billing", "evaluator", "gpt-5-mini", "auto", "active",
          "Grace Okafor", 5, "Reads every invoice against its job before it goes out.", (
        Kind("invoice.check", 14, "Does {label} agree with its work order?", ("Agrees", "Ask billing", "Hold"),
             "Hours, materials and the not-to-exceed amount match the signed visit reports.", "invoices", "invoice.release"),
    )),
    Agent("inspection-reader", "Inspection Reader", "Inspector", "worker", "gpt-5", "suggest", "active",
          "Miriam Castellano", 10, "Sorts roof photos and names defects with their place.", (
        Kind("inspection.classify", 10, "What does the photo set of {label} show?",
             ("Open seam", "Ponding", "Puncture", "No defect"),
             "Shadow line and lifted edge on photos 3 and 7; the scan of spring shows the same run.", "jobs", "finding.record"),
    )),
    Agent("inbox-triage", "Inbox Triage", "Front desk", "worker", "claude-haiku-4-5", "auto", "active",
          "Renee Tollefson", 4, "Gives every message to the right desk within a minute.", (
        Kind("message.route", 9, "Who answers {label}?", ("Dispatch", "Billing", "Sales", "Nobody, it is spam"),
             "Mentions water coming in and a tenant who is waiting; that is a leak call.", "customers", "message.assign",
             (90, 9, 1)),
    )),
    Agent("customer-segmenter", "Customer Segmenter", "Sales", "evaluator", "gpt-5-mini", "auto", "paused",
          "Tara McAllister", 3, "Scores how recent, frequent and large a customer's work is.", (
        Kind("customer.segment", 4, "Which segment is {label} in?", ("Loyal", "At risk", "Champion", "New"),
             "Four jobs in two years, the last one five weeks ago, all paid on time.", "customers", "segment.set", (94, 5, 1)),
    )),
    Agent("storm-watch", "Storm Watch", "Outreach", "orchestrator", "claude-sonnet-4-5", "suggest", "draft",
          "Tara McAllister", 6, "Finds the roofs under a hail swath. Not let loose yet.", ()),
)  # fmt: skip

# Dollars per million tokens: input, output, cached input. The first two models became cheaper half a year ago.
PRICES: tuple[tuple[str, str, str, str, str | None], ...] = (
    ("anthropic", "claude-sonnet-4-5", "3.00", "15.00", "0.30"),
    ("anthropic", "claude-haiku-4-5", "1.00", "5.00", "0.10"),
    ("anthropic", "claude-opus-4-1", "15.00", "75.00", "1.50"),
    ("openai", "gpt-5", "1.25", "10.00", "0.125"),
    ("openai", "gpt-5-mini", "0.25", "2.00", "0.025"),
    ("openai", "text-embedding-3-small", "0.02", "0.00", None),
    ("cohere", "rerank-v3.5", "2.00", "0.00", None),
)
CHANGED = ("claude-sonnet-4-5", "claude-haiku-4-5")


def agents(world: World) -> dict[str, int]:
    """Write the agents; returns their ids by key."""
    world.chapter("agents", "Demonstration company: agents and what models cost")
    providers = {model: provider for provider, model, *_ in PRICES}
    records: list[Record] = [
        {
            "key": agent.key, "name": agent.name, "role": agent.role, "kind": agent.kind,
            "description": agent.description,
            "system_prompt": f"You are {agent.name} of a commercial roofing company. {agent.description}"
            " Say what you do not know. Choose only from what is offered.",
            "provider": providers[agent.model], "model": agent.model,
            "tools": ["records.read", "memory.recall", "forecast.hourly"] if agent.kinds else [],
            "autonomy": agent.autonomy, "status": agent.status,
            "pause_reason": "Scores drifted after the price change; being looked at." if agent.status == "paused" else None,
            "owner_id": world.staff[agent.owner], "daily_budget": Decimal(agent.budget),
            "last_run_at": world.at - timedelta(minutes=4 + 3 * place) if agent.kinds else None,
            "created_at": world.at - timedelta(days=400 - 20 * place),
        }
        for place, agent in enumerate(AGENTS)
    ]  # fmt: skip
    return {agent.key: record["id"] for agent, record in zip(AGENTS, world.write("ai_agents", records), strict=True)}


def prices(world: World) -> dict[str, Record]:
    """Write the price list, which all companies share; returns today's price by model."""
    today = world.local().date()
    change = today - timedelta(days=180)
    records: list[Record] = []
    known = {(row[0], row[1]) for row in world.rows("SELECT provider, model FROM ai_model_prices")}
    for provider, model, given, written, cached in PRICES:
        if (provider, model) in known:
            continue
        row = {"provider": provider, "model": model, "input_per_mtok": Decimal(given), "output_per_mtok": Decimal(written),
               "cached_input_per_mtok": Decimal(cached) if cached else None}  # fmt: skip
        if model in CHANGED:
            dearer = {key: value * 2 for key, value in row.items() if isinstance(value, Decimal)}
            records.append(row | dearer | {"valid_from": change - timedelta(days=240), "valid_to": change})
        records.append(row | {"valid_from": change, "valid_to": None})
    world.write("ai_model_prices", records)
    columns = ("id", "provider", "model", "input_per_mtok", "output_per_mtok", "cached_input_per_mtok")
    current = world.rows(
        f"SELECT {', '.join(columns)} FROM ai_model_prices WHERE valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)"
        " ORDER BY id",
        today, today,
    )  # fmt: skip
    return {row[2]: dict(zip(columns, row, strict=True)) for row in current}
