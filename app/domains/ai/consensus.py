"""What a board's votes come to: quorum, shares and outcome, worked out from the votes alone so that anyone can check them.

Quorum: the weight of those who took part (abstaining is taking part) over the weight of all who were asked. Share: the
weight given to a choice over the weight given to any. A motion is reached when quorum is met and the best choice's share
exceeds the threshold; unanimous needs all, a supermajority two thirds, and weighted counts each vote times its confidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

TWO_THIRDS = Decimal("66.6666")
ALL = Decimal("99.9999")


@dataclass(frozen=True)
class Ballot:
    """One vote of the round that counts."""

    stance: str
    choice: str | None = None
    weight: Decimal = Decimal(1)
    confidence: Decimal | None = None


@dataclass(frozen=True)
class Count:
    """The result; `tally` is weight by choice in the order the options were put, percentages are 0 to 100."""

    tally: dict[str, float]
    quorum_pct: Decimal
    leader: str | None
    share_pct: Decimal
    quorate: bool
    agreed: bool

    @property
    def in_words(self) -> str:
        """Why it came out as it did."""
        if not self.quorate:
            return f"Only {self.quorum_pct:.0f} % of the board's weight has voted."
        if self.leader is None:
            return "No choice is ahead of the others."
        return f"“{self.leader}” has {self.share_pct:.0f} % of the weight that voted."


def count(
    ballots: Iterable[Ballot], options: Sequence[str], method: str, threshold_pct: Decimal, quorum_pct: Decimal
) -> Count:
    """Count one round. Two choices level at the top lead nowhere."""
    given = list(ballots)
    asked = sum((each.weight for each in given), Decimal())
    present = sum((each.weight for each in given if each.stance != "pending"), Decimal())
    weights = dict.fromkeys(options, Decimal())
    for each in given:
        if each.stance == "vote" and each.choice is not None:
            sure = (
                (each.confidence if each.confidence is not None else Decimal(1)) if method == "weighted" else Decimal(1)
            )
            weights[each.choice] = weights.get(each.choice, Decimal()) + each.weight * sure
    voted, best = sum(weights.values(), Decimal()), max(weights.values(), default=Decimal())
    leaders = [choice for choice, weight in weights.items() if weight == best and weight > 0]
    leader = leaders[0] if len(leaders) == 1 else None
    share = 100 * best / voted if leader and voted else Decimal()
    here = 100 * present / asked if asked else Decimal()
    needed = {"unanimous": ALL, "supermajority": max(threshold_pct, TWO_THIRDS)}.get(method, threshold_pct)
    quorate = bool(asked) and here >= quorum_pct
    return Count(
        tally={choice: _plain(round(weight, 3)) for choice, weight in weights.items()},
        quorum_pct=round(here, 4),
        leader=leader,
        share_pct=round(share, 4),
        quorate=quorate,
        agreed=quorate and leader is not None and share > needed and method != "human",
    )


def _plain(weight: Decimal) -> float:
    """Three votes are 3, not 3.0, where people read the tally."""
    return int(weight) if weight == int(weight) else float(weight)
