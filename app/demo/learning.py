"""What the agents wanted to change about themselves: nineteen cycles, from a wording to a weight, and what became of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.neural import STEPS, Network, learned
from app.demo.world import World

# Number, what it changes, agent, title, hypothesis, measure, before, hoped for, after, cases, p, state, days ago, conclusion.
Figure = float | None
Cycle = tuple[str, str, str, str, str, str, Figure, Figure, Figure, int | None, Figure, str, int, str | None]
CYCLES: tuple[Cycle, ...] = (
    ("LC-0001", "prompt", "inbox-triage", "Say the building before the matter",
     "Naming the building first leaves fewer to guess.",
     "message.rerouted_share", 0.142, 0.1, 0.088, 610, 0.004, "kept", 128, "Fewer are sent on; it stays."),
    ("LC-0002", "model", "invoice-auditor", "The smaller model for the auditor",
     "It reads invoices as well, at a tenth of the cost.",
     "invoice.check.agreement", 0.968, 0.96, 0.971, 402, 0.61, "kept", 110, "No worse, and cheaper by nine parts in ten."),
    ("LC-0003", "synapse_weights", "ar-follow-up", "Lateness counts for more", "Late payers were given too much time.",
     "ar.reminder.agreement", 0.79, 0.82, 0.834, 388, 0.02, "kept", 96, "People agree more often; kept."),
    ("LC-0004", "template", "ar-follow-up", "A friendlier second reminder",
     "Thanking for the last payment makes the next quicker.",
     "ar.days_to_pay", 31.5, 28, 31.9, 140, 0.78, "rolled_back", 88, "Nobody paid sooner."),
    ("LC-0005", "rule", "dispatch-scheduler", "Never two crews on small roofs", "They wait for each other.",
     "job.overrun_share", 0.21, 0.17, None, None, None, "rejected", 79, "The rule would forbid what the schools ask for."),
    ("LC-0006", "synapse_weights", "dispatch-scheduler", "Trust the wind forecast more", "Crews were sent out too often.",
     "dispatch.stopped_lifts", 0.19, 0.1, 0.07, 86, 0.011, "kept", 71, "Seven stopped lifts became two; kept."),
    ("LC-0007", "threshold", "inspection-reader", "Doubt photos sooner",
     "A blurred set read is worse than one asked for again.",
     "inspection.classify.agreement", 0.83, 0.87, 0.828, 204, 0.91, "rolled_back", 64, "More questions, no better answers."),
    ("LC-0008", "synapse_weights", "estimate-drafter", "Similar roofs weigh more",
     "Book price is right where roofs are alike.",
     "estimate.price.agreement", 0.81, 0.84, 0.772, 152, 0.19, "rolled_back", 58,
     "It followed the number of roofs, not the likeness."),
    ("LC-0009", "prompt", "estimate-drafter", "Ask for the core cut", "Scope is guessed where nobody has looked inside.",
     "estimate.scope.agreement", 0.76, 0.82, 0.841, 97, 0.03, "kept", 52,
     "Fewer tear-offs are proposed where a recover does."),
    ("LC-0010", "prompt", "ar-follow-up", "Mention the instalments earlier", "Whoever cannot pay says so too late.",
     "ar.payment_plan.kept", 0.61, 0.7, None, None, None, "failed", 46,
     "The letter template changed half way; the figures mean nothing."),
    ("LC-0011", "synapse_weights", "ar-follow-up", "Remember who pays after a reminder", "Goodwill was worth too little.",
     "ar.reminder.agreement", 0.834, 0.85, 0.862, 411, 0.04, "kept", 40, "A third fewer calls for the same money; kept."),
    ("LC-0012", "model", "inspection-reader", "A newer model for photos", "It tells shadows from seams.",
     "inspection.classify.agreement", 0.83, 0.88, None, None, None, "rejected", 33,
     "Four times the price for a week's gain."),
    ("LC-0013", "rule", "invoice-auditor", "Ask before holding", "A question costs less than a held invoice.",
     "invoice.hold.hours", 41, 24, 27, 63, 0.06, "evaluating", 27, None),
    ("LC-0014", "synapse_weights", "invoice-auditor", "The limit agreed weighs more", "Above it customers ask.",
     "invoice.questioned_share", 0.091, 0.06, 0.058, 377, 0.03, "evaluating", 20, None),
    ("LC-0015", "prompt", "dispatch-scheduler", "Say which crew is nearest first",
     "The nearest crew is taken in most cases.",
     "dispatch.assign_crew.agreement", 0.86, 0.89, None, None, None, "running", 12, None),
    ("LC-0016", "synapse_weights", "ar-follow-up", "Asking for time is a sign", "Whoever asks early pays in the end.",
     "ar.payment_plan.kept", 0.61, 0.7, None, None, None, "running", 6, None),
    ("LC-0017", "threshold", "inspection-reader", "Fire on fewer blurred photos", "Half of them can be read after all.",
     "inspection.second_visits", 0.12, 0.09, None, None, None, "approved", 3, None),
    ("LC-0018", "prompt", "estimate-drafter", "Write the rationale as one sentence", "Estimators read one, not four.",
     "estimate.price.agreement", 0.81, 0.83, None, None, None, "proposed", 2, None),
    ("LC-0019", "template", "ar-follow-up", "Put the amount into the subject", "Mails with a figure are opened sooner.",
     "reminder.opened_in_a_day", 0.47, 0.55, None, None, None, "proposed", 1, None),
)  # fmt: skip
TESTED = {"LC-0001": "prompt-building-first", "LC-0015": "prompt-nearest-crew", "LC-0004": "reminder-thanks"}


def cycles(world: World, agent_ids: dict[str, int], network: Network) -> None:
    """The learning so far, in the order it was proposed; what is in force stands where the cycle says it does."""
    world.chapter("learning", "Demonstration company: what the agents learned")
    moved, tests = (
        learned(network),
        dict(world.rows("SELECT key, id FROM ab_tests WHERE tenant_id = %s", world.tenant_id)),
    )
    assert moved.keys() == {cycle for cycle, *_ in STEPS}
    prompts = dict(world.rows("SELECT id, system_prompt FROM ai_agents WHERE tenant_id = %s", world.tenant_id))
    records = []
    for (
        number,
        kind,
        agent,
        title,
        hypothesis,
        measure,
        before,
        hoped,
        after,
        cases,
        p,
        status,
        ago,
        conclusion,
    ) in CYCLES:
        proposed = world.at - timedelta(days=ago + 2)
        started = world.at - timedelta(days=ago) if status not in ("proposed", "approved", "rejected") else None
        ended = status in ("kept", "rolled_back", "rejected", "failed")
        records.append({
            "number": number, "title": title, "target_kind": kind, "agent_id": agent_ids[agent], "hypothesis": hypothesis,
            "changes": Jsonb(moved.get(number) or _change(kind, agent_ids[agent], network, status, prompts)),
            "metric_key": measure, "baseline_value": before, "target_value": hoped, "result_value": after,
            "sample_size": cases, "p_value": p, "ab_test_id": tests.get(TESTED.get(number)), "status": status,
            "started_at": started, "evaluate_at": started + timedelta(days=14) if started else None,
            "completed_at": (started or proposed) + timedelta(days=15 if started else 1) if ended else None,
            "conclusion": conclusion, "created_by": world.staff["Samir Haddad"], "created_at": proposed,
        })  # fmt: skip
    world.write("ai_improvement_cycles", records)
    world.numbered("cycle", "LC-", 4, len(records))


def _change(kind: str, agent: int, network: Network, status: str, prompts: dict[int, str]) -> list[dict[str, Any]]:
    """What is in force is `after` for a change that stands, and `before` for one that is undone or only wanted."""
    stands = status in ("kept", "running", "evaluating")

    def told(what: str, key: int, now: Any, other: Any) -> list[dict[str, Any]]:
        before, after = (other, now) if stands else (now, other)
        return [{"what": what, "id": key, "before": before, "after": after}]

    if kind == "prompt":
        now = prompts[agent] or ""
        return told("Instructions", agent, now, f"{now} Answer in one sentence.")
    if kind == "model":
        return told("Model", agent, "gpt-5-mini" if stands else "gpt-5", "gpt-5" if stands else "gpt-5.5")
    if kind == "threshold":
        wanted = 0.6 if status == "approved" else 0.4
        return told("Doubtful photos: threshold", network.neurons["photo_doubt"], 0.5, wanted)
    return [{"what": "As the hypothesis says", "before": "as it was", "after": "as proposed"}]
