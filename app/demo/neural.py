"""The decision network: what it looks at, what it makes of that, what it can come to, and the routes decisions took.

Weights are where kept learning cycles left them (see `learned`), so that every cycle's before and after can be followed
from the weight a synapse began with to the one it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.agents import AGENTS
from app.demo.world import Record, World
from app.domains.ai.network import Neuron, Synapse, propagate
from app.domains.crm.centerpoint.copying import first_free

# Key, name, and how its value is read.
INPUTS: tuple[tuple[str, str, str, str, float], ...] = (
    ("days_late", "Days late", "invoices", "days_past_due", 90),
    ("balance_size", "Size of the balance", "invoices", "balance", 20_000),
    ("reminders_opened", "Reminders opened", "message_outbox", "opened_count", 3),
    ("pays_after_reminder", "Pays after a reminder", "invoices", "paid_after_reminder", 1),
    ("asked_for_time", "Asked for time", "crm_activities", "asked_for_time", 1),
    ("wind_gust", "Gusts forecast", "forecast", "gust_mph", 45),
    ("crane_booked", "Crane is booked", "job_visits", "needs_crane", 1),
    ("crew_free", "Crew free next day", "job_visits", "free_hours_next_day", 8),
    ("roof_area", "Roof area", "roof_sections", "area_sqft", 60_000),
    ("similar_won", "Similar roofs won", "estimates", "similar_won", 6),
    ("easy_access", "Easy access", "properties", "easy_access", 1),
    ("hours_match", "Hours match the report", "invoices", "hours_match", 1),
    ("materials_match", "Materials match", "invoices", "materials_match", 1),
    ("over_limit", "Over the limit agreed", "jobs", "over_nte", 1),
    ("recent_job", "Job in the last 90 days", "jobs", "recent", 1),
    ("jobs_in_two_years", "Jobs in two years", "jobs", "count_24m", 6),
    ("paid_on_time", "Paid on time", "invoices", "on_time_share", 1),
    ("photo_blur", "Photos are blurred", "media_assets", "blur", 1),
)  # fmt: skip

# Key, name, kind, activation, bias, and what it hears with which weight.
HIDDEN: tuple[tuple[str, str, str, str, float, dict[str, float]], ...] = (
    ("payment_risk", "Payment risk", "feature", "sigmoid", -1.2,
     {"days_late": 2.4, "balance_size": 0.9, "reminders_opened": -0.5, "paid_on_time": -1.6}),
    ("goodwill", "Goodwill", "feature", "sigmoid", -0.6,
     {"reminders_opened": 1.1, "pays_after_reminder": 1.8, "asked_for_time": 0.6, "paid_on_time": 1.3}),
    ("hardship", "Cannot pay at once", "feature", "sigmoid", -1.5,
     {"asked_for_time": 2.2, "balance_size": 1.6, "days_late": 0.7}),
    ("wind_danger", "Wind danger", "rule", "sigmoid", -2.1, {"wind_gust": 3.6, "crane_booked": 1.4}),
    ("slack", "Room to move", "feature", "sigmoid", -0.9, {"crew_free": 2.6, "crane_booked": -1.1}),
    ("price_confidence", "Price is known", "feature", "sigmoid", -0.7,
     {"similar_won": 2.3, "easy_access": 0.8, "roof_area": -0.6}),
    ("hard_roof", "Hard roof", "feature", "sigmoid", -0.4, {"roof_area": 1.9, "easy_access": -1.7}),
    ("paper_agrees", "Papers agree", "aggregate", "sigmoid", -1.0,
     {"hours_match": 1.7, "materials_match": 1.6, "over_limit": -1.9}),
    ("paper_trouble", "Papers contradict", "aggregate", "sigmoid", -0.2,
     {"hours_match": -1.4, "materials_match": -1.3, "over_limit": 2.6}),
    ("loyalty", "Loyalty", "feature", "tanh", -0.3, {"jobs_in_two_years": 1.5, "paid_on_time": 0.7, "recent_job": 0.6}),
    ("absence", "Absence", "feature", "sigmoid", 0.4, {"recent_job": -2.4, "jobs_in_two_years": -0.8}),
    ("photo_doubt", "Doubtful photos", "rule", "step", 0.0, {"photo_blur": 1.0}),
)  # fmt: skip

# Kind of decision -> what it can come to, in the order of the agent's options, with what each hears.
OUTCOMES: dict[str, tuple[dict[str, float], ...]] = {
    "ar.reminder": (
        {"goodwill": 2.4, "payment_risk": 0.5, "hardship": -1.2}, {"payment_risk": 2.3, "goodwill": -0.9},
        {"goodwill": 1.1, "payment_risk": -2.0}, {"hardship": 2.6, "payment_risk": 0.4},
    ),
    "ar.payment_plan": (
        {"hardship": 2.2, "goodwill": 0.9}, {"hardship": -2.3, "goodwill": 0.6}, {"hardship": 1.2, "goodwill": 1.5},
    ),
    "dispatch.move_visit": (
        {"wind_danger": 2.5, "slack": 1.3}, {"wind_danger": -2.6, "slack": 0.3}, {"wind_danger": 1.9, "slack": -1.8},
    ),
    "estimate.price": (
        {"price_confidence": 2.2, "hard_roof": -0.7}, {"hard_roof": 2.4, "price_confidence": -0.4},
        {"price_confidence": 1.4, "hard_roof": -1.9},
    ),
    "invoice.check": (
        {"paper_agrees": 2.7, "paper_trouble": -1.4}, {"paper_trouble": 1.5, "paper_agrees": -0.3},
        {"paper_trouble": 2.2, "paper_agrees": -1.6},
    ),
    "customer.segment": (
        {"loyalty": 1.6, "absence": -0.8}, {"absence": 2.3, "loyalty": 0.4}, {"loyalty": 2.4, "absence": -1.6},
        {"loyalty": -1.9, "absence": -0.7},
    ),
}  # fmt: skip

# Cycles that moved weights: number, days ago, synapses with their steps, and whether the change stood in the end.
STEPS: tuple[tuple[str, int, tuple[tuple[str, str, float], ...], bool], ...] = (
    ("LC-0003", 96, (("days_late", "payment_risk", 0.15), ("paid_on_time", "payment_risk", -0.1)), True),
    ("LC-0006", 71, (("wind_gust", "wind_danger", 0.25), ("crane_booked", "wind_danger", 0.1)), True),
    ("LC-0008", 58, (("similar_won", "price_confidence", 0.3), ("roof_area", "hard_roof", 0.2)), False),
    ("LC-0011", 40, (("pays_after_reminder", "goodwill", 0.2), ("goodwill", "ar.reminder/0", 0.15)), True),
    ("LC-0014", 20, (("over_limit", "paper_trouble", 0.2), ("paper_trouble", "invoice.check/2", 0.15)), True),
    ("LC-0016", 6, (("asked_for_time", "hardship", 0.2), ("hardship", "ar.payment_plan/0", 0.1)), True),
)
MUTED, RETIRED = "photo_doubt", "holiday_week"
SAMPLES, KEPT = 160, 12
ROUTED_DAYS = 7


@dataclass
class Network:
    """What later parts need to know: ids by key, the weights as they are, and the routes by kind and choice."""

    neurons: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    synapses: dict[tuple[str, str], Record] = field(default_factory=dict)
    pathways: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    since: datetime | None = None

    def of(self, kind: str, chosen: str, number: int, at: datetime) -> tuple[int | None, str | None]:
        """The pathway a decision took, and for the latest what each neuron said, as JSON."""
        routes = self.pathways.get((kind, chosen))
        if not routes:
            return None, None
        runs = self.runs.get((kind, chosen)) if self.since and at >= self.since else None
        return routes[0 if number % 5 else -1], runs[number % len(runs)] if runs else None


def network(world: World, agent_ids: dict[str, int]) -> Network:
    """Neurons, synapses and pathways, as the learning so far has left them."""
    world.chapter("network", "Demonstration company: the decision network")
    made = Network(since=world.at - timedelta(days=ROUTED_DAYS))
    _neurons(world, agent_ids, made)
    _synapses(world, made)
    _pathways(world, made)
    _runs(world, made)
    return made


def _options(kind: str) -> tuple[str, tuple[str, ...]]:
    """The agent's key and what it may choose, for a kind of decision."""
    return next((agent.key, each.options) for agent in AGENTS for each in agent.kinds if each.key == kind)


def _neurons(world: World, agent_ids: dict[str, int], made: Network) -> None:
    born = world.at - timedelta(days=210)
    records: list[Record] = []

    def add(
        key: str,
        label: str,
        layer: str,
        kind: str,
        activation: str,
        bias: float,
        agent: str | None,
        y: int,
        **more: Any,
    ) -> None:
        records.append({
            "key": key, "label": label, "layer": layer, "kind": kind, "activation": activation, "bias": bias,
            "threshold": 0.5, "expression": None, "agent_id": agent_ids[agent] if agent else None, "status": "active",
            "pos_x": {"input": 0, "hidden": 320, "output": 640}[layer], "pos_y": 56 * y, "created_at": born, **more,
        })  # fmt: skip

    for y, (key, label, table, column, scale) in enumerate(INPUTS):
        reads = Jsonb({"table": table, "field": column, "divide_by": scale})
        add(key, label, "input", "signal", "linear", 0, None, y, expression=reads)
    add(RETIRED, "Week of a holiday", "input", "signal", "linear", 0, None, len(INPUTS),
        expression=Jsonb({"calendar": "holidays"}), status="retired")  # fmt: skip
    for y, (key, label, kind, activation, bias, _hears) in enumerate(HIDDEN):
        add(key, label, "hidden", kind, activation, bias, None, y, status="muted" if key == MUTED else "active")
    y = 0
    for kind, choices in OUTCOMES.items():
        agent, options = _options(kind)
        for place, _hears in enumerate(choices):
            add(f"{kind}/{place}", options[place], "output", "outcome", "sigmoid", -0.8, agent, y)
            y += 1
    for record in world.write("ai_neurons", [dict(each) for each in records]):
        made.neurons[record["key"]] = record["id"]
    made.labels = {record["key"]: record["label"] for record in records}


def edges() -> Iterator[tuple[str, str, float]]:
    """Every synapse with the weight it began with."""
    for key, _label, _kind, _activation, _bias, hears in HIDDEN:
        yield from ((source, key, weight) for source, weight in hears.items())
    for kind, choices in OUTCOMES.items():
        for place, hears in enumerate(choices):
            yield from ((source, f"{kind}/{place}", weight) for source, weight in hears.items())


def _synapses(world: World, made: Network) -> None:
    number = first_free(world.connection, ["ai_synapses"])["ai_synapses"]
    born = world.at - timedelta(days=210)
    records: dict[tuple[str, str], Record] = {}
    for source, target, weight in edges():
        records[source, target] = {
            "id": number + len(records), "from_neuron_id": made.neurons[source], "to_neuron_id": made.neurons[target],
            "weight": weight, "initial_weight": weight, "enabled": target != MUTED, "last_delta": None, "created_at": born,
        }  # fmt: skip
    for _cycle, _ago, steps, stands in STEPS:
        for source, target, step in steps:
            synapse = records[source, target]
            synapse["weight"] = round(synapse["weight"] + (step if stands else 0), 6)
            synapse["last_delta"] = step if stands else -step
    made.synapses = dict(zip(records, world.write("ai_synapses", list(records.values())), strict=True))


def learned(made: Network) -> dict[str, list[dict[str, Any]]]:
    """What each cycle of `STEPS` changed, with the weights as they were at the time."""
    weights = {(source, target): weight for source, target, weight in edges()}
    told: dict[str, list[dict[str, Any]]] = {}
    for cycle, _ago, steps, stands in STEPS:
        told[cycle] = []
        for source, target, step in steps:
            before = weights[source, target]
            after = round(before + step, 6)
            what = f"{made.labels[source]} → {made.labels[target]}"
            told[cycle].append(
                {"what": what, "id": made.synapses[source, target]["id"], "before": before, "after": after}
            )
            if stands:
                weights[source, target] = after
    return told


def _pathways(world: World, made: Network) -> None:
    """For every outcome the strongest way there, and the second strongest, which some decisions take."""
    records: list[Record] = []
    routes: list[tuple[str, str]] = []
    for kind, choices in OUTCOMES.items():
        _agent, options = _options(kind)
        for place, hears in enumerate(choices):
            ahead = sorted((source for source in hears if hears[source] > 0), key=lambda source: -hears[source])
            for rank, middle in enumerate(ahead[:2]):
                entry = _loudest(middle)
                steps = [entry, middle, f"{kind}/{place}"]
                records.append({
                    "key": f"{kind}/{place}/{middle}",
                    "name": f"{made.labels[entry]} → {options[place]}",
                    "decision_kind": kind,
                    "entry_neuron_id": made.neurons[entry],
                    "outcome_neuron_id": made.neurons[steps[-1]],
                    "neuron_ids": [made.neurons[step] for step in steps],
                    "synapse_ids": [made.synapses[pair]["id"] for pair in pairwise(steps)],
                    "status": "learning",
                    "created_at": world.at - timedelta(days=200 - 3 * len(records) - 20 * rank),
                })  # fmt: skip
                routes.append((kind, options[place]))
    for route, record in zip(routes, world.write("ai_neural_pathways", records), strict=True):
        made.pathways.setdefault(route, []).append(record["id"])


def _loudest(key: str) -> str:
    """The input a hidden neuron listens to most."""
    hears = next(each[5] for each in HIDDEN if each[0] == key)
    return max(hears, key=lambda source: hears[source])


def _runs(world: World, made: Network) -> None:
    """Activations by kind and choice, from inputs for which the network itself comes to that choice, or nearest to it."""
    dice = world.dice("activations")
    hidden = {key: Neuron(key, "hidden", activation, bias, muted=key == MUTED)
              for key, _label, _kind, activation, bias, _hears in HIDDEN}  # fmt: skip
    weights = {pair: float(record["weight"]) for pair, record in made.synapses.items()}
    for kind, choices in OUTCOMES.items():
        outcomes = [f"{kind}/{place}" for place in range(len(choices))]
        middle = {source for hears in choices for source in hears}
        entries = sorted({source for source, target in weights if target in middle})
        neurons = [*(Neuron(key, "input", "linear") for key in entries), *(hidden[key] for key in sorted(middle)),
                   *(Neuron(key, "output", "sigmoid", -0.8) for key in outcomes)]  # fmt: skip
        synapses = [
            Synapse(*pair, weight) for pair, weight in weights.items() if pair[1] in middle or pair[1] in outcomes
        ]
        tried = [
            propagate(neurons, synapses, {key: round(dice.random(), 3) for key in entries}) for _ in range(SAMPLES)
        ]
        _agent, options = _options(kind)
        for place, outcome in enumerate(outcomes):
            fitting = sorted(tried, key=partial(_behind, outcome, outcomes))
            made.runs[kind, options[place]] = [json.dumps(values) for values in fitting[:KEPT]]


def _behind(outcome: str, outcomes: list[str], values: dict[str, float]) -> float:
    """How far this outcome lies behind the best of the others; below zero it is ahead."""
    return max(values[key] for key in outcomes if key != outcome) - values[outcome]


def tally(world: World) -> None:
    """How often each route, synapse and neuron was used and how that turned out, counted from the decisions themselves."""
    world.chapter("network.use", "Demonstration company: what the decision network has done so far")
    run = world.connection.execute
    values = {"tenant": world.tenant_id}
    run(
        """
        WITH taken AS (
            SELECT pathway_id, count(*) AS times, count(*) FILTER (WHERE outcome = 'good') AS well,
                   count(*) FILTER (WHERE outcome = 'bad') AS badly, max(decided_at) AS last
            FROM ai_decision_logs WHERE tenant_id = %(tenant)s AND pathway_id IS NOT NULL GROUP BY 1
        ), judged AS (
            SELECT *, round((well + 3) / (well + badly + 6)::numeric, 4) AS strength FROM taken
        )
        UPDATE ai_neural_pathways p
        SET traversals = times, successes = well, failures = badly, last_traversed_at = last, strength = judged.strength,
            status = CASE WHEN well + badly >= 30 AND judged.strength >= 0.6 THEN 'established' ELSE 'learning' END
        FROM judged WHERE p.id = judged.pathway_id
        """,
        values,
    )
    # What hardly anybody took is given up: the two routes with the fewest decisions.
    run(
        """
        UPDATE ai_neural_pathways SET status = 'deprecated', strength = 0.3 WHERE id IN (
            SELECT id FROM ai_neural_pathways WHERE tenant_id = %(tenant)s ORDER BY traversals, id LIMIT 2)
        """,
        values,
    )
    run(
        """
        UPDATE ai_synapses s SET use_count = used.times, last_used_at = used.last FROM (
            SELECT unnest(synapse_ids) AS id, sum(traversals) AS times, max(last_traversed_at) AS last
            FROM ai_neural_pathways WHERE tenant_id = %(tenant)s AND traversals > 0 GROUP BY 1
        ) AS used WHERE s.id = used.id
        """,
        values,
    )
    run(
        """
        WITH latest AS (
            SELECT DISTINCT ON (key) key, value FROM (
                SELECT decided_at, id, activations FROM ai_decision_logs
                WHERE tenant_id = %(tenant)s AND activations IS NOT NULL ORDER BY decided_at DESC, id DESC LIMIT 400
            ) AS runs, jsonb_each(activations) WHERE jsonb_typeof(value) = 'number'
            ORDER BY key, decided_at DESC, id DESC
        )
        UPDATE ai_neurons n
        SET fire_count = used.times, last_fired_at = used.last,
            last_activation = (SELECT value::numeric FROM latest WHERE latest.key = n.key)
        FROM (
            SELECT unnest(neuron_ids) AS id, sum(traversals) AS times, max(last_traversed_at) AS last
            FROM ai_neural_pathways WHERE tenant_id = %(tenant)s AND traversals > 0 GROUP BY 1
        ) AS used WHERE n.id = used.id
        """,
        values,
    )
