"""The decision itself in words and figures: subject, options weighed, state, neighbours, and how the agent did before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, text

from app.core import formats
from app.engine.access import Actor
from app.engine.fields import Choice, Reference
from app.engine.projection import projection
from app.engine.reading import Shown
from app.engine.references import labels
from app.engine.registry import REGISTRY
from app.screens.decision.plain import Line, lines

# Both neighbours by the index (tenant_id, decided_at); within the queue, by its partial one.
_BESIDE = """
    SELECT (SELECT id FROM ai_decision_logs WHERE tenant_id = :tenant {queue} AND (decided_at, id) > (:at, :key)
            ORDER BY decided_at, id LIMIT 1) AS newer,
           (SELECT id FROM ai_decision_logs WHERE tenant_id = :tenant {queue} AND (decided_at, id) < (:at, :key)
            ORDER BY decided_at DESC, id DESC LIMIT 1) AS older
"""
_ALL = text(_BESIDE.format(queue=""))
_QUEUE = text(_BESIDE.format(queue="AND reviewed_at IS NULL AND risk <> 'low'"))
# Bounded at the agent's last thousand decisions, so that a rare kind does not walk a log of millions.
_BEFORE = text("""
    SELECT id, review_verdict FROM (
        SELECT id, kind, review_verdict, decided_at FROM ai_decision_logs
        WHERE agent_id = :agent AND tenant_id = :tenant AND (decided_at, id) < (:at, :key)
        ORDER BY decided_at DESC, id DESC LIMIT 1000
    ) AS last
    WHERE kind = :kind AND review_verdict IN ('agree', 'disagree') ORDER BY decided_at DESC, id DESC LIMIT 14
""")
_NEURONS = text("SELECT key, label FROM ai_neurons WHERE tenant_id = :tenant AND key = ANY (:keys)")
MOST_COLUMNS = 4
ROADS = ("pathway_id", "consensus_decision_id", "approval_request_id", "ai_task_id")


@dataclass(frozen=True)
class Options:
    """What was weighed, as a table: the option, then the measures it was weighed by."""

    measures: list[str]
    rows: list[tuple[str, list[str], bool]]
    """(option, its measures, whether it was chosen)"""


@dataclass(frozen=True)
class Before:
    """The last judged decisions of this agent and kind, oldest first: "" agreed, "x" not."""

    agreed: int
    judged: int
    marks: list[str]
    sentence: str
    href: str


@dataclass(frozen=True)
class Case:
    number: str
    waiting: bool
    """Above low risk and not judged yet: it stands in the queue."""
    queue_href: str
    newer: str | None
    older: str | None
    state: tuple[str, str, str]
    """(word, tone, glyph)"""
    risk: tuple[str, str, str]
    verdict: tuple[str, str, str] | None
    outcome: tuple[str, str, str]
    subject: tuple[str, str | None] | None
    """(words, address or None where this actor does not read it)"""
    options: Options
    names: list[str]
    inputs: list[Line] | None
    action: list[Line] | None
    before: Before | None
    roads: list[tuple[str, str, str]]
    """(kind, title, address) of what the decision came through: a pathway, the board, an approval, a task"""
    network: list[tuple[str, str]]
    """What each neuron said, loudest first: (its name, its value)"""


def case(connection: Connection, actor: Actor, shown: Shown) -> Case:
    value = shown.values
    waiting = value["reviewed_at"] is None and value["risk"] != "low"
    at = {"tenant": actor.tenant_id, "at": value["decided_at"], "key": shown.key}
    beside = connection.execute(_QUEUE if waiting else _ALL, at).one()
    path = shown.resource.path
    options = weighed(value["options"], value["chosen"])
    return Case(
        number=f"D-{shown.key}",
        waiting=waiting,
        queue_href=f"{path}?{urlencode({'scope': 'To review'})}",
        newer=f"{path}/{beside.newer}" if beside.newer else None,
        older=f"{path}/{beside.older}" if beside.older else None,
        state=_look(shown, "status"),
        risk=_look(shown, "risk"),
        verdict=_look(shown, "review_verdict") if value["review_verdict"] else None,
        outcome=_look(shown, "outcome"),
        subject=_subject(connection, actor, value),
        options=options,
        names=[name for name, _, chosen in options.rows if not chosen],
        inputs=None if "inputs" in shown.projection.masked else lines(value["inputs"]),
        action=lines(value["action_taken"]) if value["action_taken"] else None,
        before=_before(connection, shown, at),
        roads=[_road(shown, name) for name in ROADS if name in shown.labels],
        network=_network(connection, actor, value.get("activations")),
    )


def _road(shown: Shown, name: str) -> tuple[str, str, str]:
    field = shown.resource.field(name)
    assert isinstance(field, Reference)
    return field.title, shown.labels[name], f"{REGISTRY[field.to].path}/{shown.values[name]}"


def _network(connection: Connection, actor: Actor, values: Any) -> list[tuple[str, str]]:
    """The values by the neurons' names; only numbers are values, whatever else may stand there."""
    if not isinstance(values, Mapping) or not actor.may("neural.read"):
        return []
    said = {key: value for key, value in values.items() if isinstance(value, int | float)}
    if not said:
        return []
    found = connection.execute(_NEURONS, {"tenant": actor.tenant_id, "keys": list(said)})
    names: dict[str, str] = {row.key: row.label for row in found}
    loudest = sorted(said, key=lambda key: -said[key])
    return [(names.get(key, key), f"{said[key]:.6f}") for key in loudest]


def _look(shown: Shown, name: str) -> tuple[str, str, str]:
    field = shown.resource.field(name)
    assert isinstance(field, Choice)
    return field.words(shown.values[name]), *field.tone(shown.values[name])


def _subject(connection: Connection, actor: Actor, value: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """What it was about, by its title where the actor reads that table and by its kind alone where not."""
    kind, key = value.get("subject_type"), value.get("subject_id")
    if kind is None or key is None:
        return None
    target = REGISTRY.get(kind)
    if target is None or not projection(target, actor).reads:
        return f"a {target.one if target else kind.replace('_', ' ')}", None
    title = labels(connection, target, actor, [key]).get(key)
    return (title, f"{target.path}/{key}") if title else (f"{target.one} {key}", None)


def weighed(options: Any, chosen: str | None) -> Options:
    """Options as agents write them down: bare words, or objects whose first text names the option."""
    if not isinstance(options, Sequence) or isinstance(options, str):
        return Options([], [])
    rows: list[tuple[str, dict[str, Any]]] = []
    for each in options[:50]:
        if isinstance(each, Mapping):
            key = next((name for name in ("option", "label", "name", "title") if name in each), next(iter(each), ""))
            rows.append((str(each.get(key, "")), {name: each[name] for name in each if name != key}))
        else:
            rows.append((str(each), {}))
    measures = list(dict.fromkeys(name for _, rest in rows for name in rest))[:MOST_COLUMNS]
    return Options(
        [name[:1].upper() + name[1:].replace("_", " ") for name in measures],
        [(name, [_short(rest.get(measure)) for measure in measures], name == chosen) for name, rest in rows],
    )


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)[:120]


def _before(connection: Connection, shown: Shown, at: Mapping[str, Any]) -> Before | None:
    value = shown.values
    rows = connection.execute(_BEFORE, {**at, "agent": value["agent_id"], "kind": value["kind"]}).all()
    if not rows:
        return None
    agreed = sum(row.review_verdict == "agree" for row in rows)
    asked = {"agent_id": value["agent_id"], "kind": value["kind"], "review_verdict.in": "agree,disagree"}
    return Before(
        agreed,
        len(rows),
        ["" if row.review_verdict == "agree" else "x" for row in reversed(rows)],
        f"{formats.count(agreed)} accepted, {formats.count(len(rows) - agreed)} rejected",
        f"{shown.resource.path}?{urlencode(asked, safe=',')}",
    )
