"""How the decision network comes to its values, as plain arithmetic: from the inputs forward, each neuron once.

A neuron adds its bias to what it hears (each value times the weight of its synapse) and bends the sum by its activation.
Every value is rounded to six decimals where it arises, so that a decision's stored values can be worked out again from its
inputs to the last digit. A muted neuron says 0, whatever it hears.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, tanh


@dataclass(frozen=True)
class Neuron:
    """What the arithmetic needs to know of a neuron; `key` is its short name."""

    key: str
    layer: str
    activation: str = "sigmoid"
    bias: float = 0.0
    threshold: float = 0.5
    muted: bool = False


@dataclass(frozen=True)
class Synapse:
    """`target` hears `source` times `weight`."""

    source: str
    target: str
    weight: float


def bent(activation: str, total: float, threshold: float) -> float:
    """The sum as the neuron passes it on; a step neuron says 1 from its threshold on."""
    match activation:
        case "linear":
            return total
        case "relu":
            return max(total, 0.0)
        case "tanh":
            return tanh(total)
        case "step":
            return 1.0 if total >= threshold else 0.0
        case _:
            return 1.0 / (1.0 + exp(-total))


def propagate(neurons: Iterable[Neuron], synapses: Iterable[Synapse], inputs: Mapping[str, float]) -> dict[str, float]:
    """The value of every neuron, for these values of the input neurons; an input nobody gave is 0.

    Raises ValueError for a network that runs in a circle, which has no values.
    """
    waiting = {each.key: each for each in neurons}
    heard: dict[str, list[Synapse]] = {key: [] for key in waiting}
    for each in synapses:
        if each.source in waiting and each.target in waiting:
            heard[each.target].append(each)
    values: dict[str, float] = {}
    while waiting:
        ready = [key for key in waiting if all(each.source in values for each in heard[key])]
        if not ready:
            raise ValueError(f"The network runs in a circle through {', '.join(sorted(waiting))}.")
        for key in ready:
            values[key] = _value(waiting.pop(key), heard[key], values, inputs)
    return values


def _value(neuron: Neuron, heard: list[Synapse], values: Mapping[str, float], inputs: Mapping[str, float]) -> float:
    if neuron.muted:
        return 0.0
    if neuron.layer == "input":
        return round(inputs.get(neuron.key, 0.0), 6)
    total = neuron.bias + sum(values[each.source] * each.weight for each in heard)
    return round(bent(neuron.activation, total, neuron.threshold), 6)
