"""Whether one variant of an experiment really does better, by the textbook (KPIS.md section 2, "A/B verdict").

Shares: two-sided z test with the pooled share, 95 % interval of the difference with the unpooled one. Averages: Welch's
difference, its distribution taken as normal, which from thirty cases on changes no verdict. Sample ratio: chi-square of how
many saw each variant against how many should have; below 0.001 the split is broken and nothing else counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, lgamma, log, sqrt

Z95 = 1.959963985
LEAST_OF_EACH = 5
"""Conversions and non-conversions below which the normal distribution is no guide."""


@dataclass(frozen=True)
class Arm:
    """What is known of one variant: how many saw it and how many did it, or the sums of what they brought."""

    exposures: int
    conversions: int | None = None
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        if not self.exposures:
            return 0.0
        return (self.conversions if self.conversions is not None else self.total) / self.exposures

    @property
    def variance(self) -> float:
        """Of one case; a share's is p (1 - p)."""
        if self.conversions is not None:
            return self.mean * (1 - self.mean)
        if self.exposures < 2:
            return 0.0
        return max(0.0, (self.squares - self.exposures * self.mean**2) / (self.exposures - 1))

    @property
    def standard_error(self) -> float:
        return sqrt(self.variance / self.exposures) if self.exposures else 0.0

    def enough(self, least: int) -> bool:
        """Whether it bears a verdict: the planned sample, and some who did and some who did not."""
        if self.exposures < least:
            return False
        return self.conversions is None or (LEAST_OF_EACH <= self.conversions <= self.exposures - LEAST_OF_EACH)


@dataclass(frozen=True)
class Comparison:
    """A variant against the control. Uplift and its interval in per cent of the control, None where that is nothing."""

    uplift_pct: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    chance_to_beat: float | None


def compare(control: Arm, variant: Arm) -> Comparison:
    """The variant's difference from the control, with its interval and how likely chance alone would do as well."""
    spread = sqrt(control.standard_error**2 + variant.standard_error**2)
    if not spread or not control.exposures or not variant.exposures:
        return Comparison(None, None, None, None, None)
    pooled = _pooled(control, variant)
    difference = variant.mean - control.mean
    base = abs(control.mean)

    def share(value: float) -> float | None:
        return round(100 * value / base, 4) if base else None

    return Comparison(
        share(difference),
        share(difference - Z95 * spread),
        share(difference + Z95 * spread),
        round(erfc(abs(difference / pooled) / sqrt(2)), 8),
        round(1 - 0.5 * erfc(difference / spread / sqrt(2)), 4),
    )


def _pooled(control: Arm, variant: Arm) -> float:
    """The standard error if both were the same: that is what the test asks about."""
    if control.conversions is None or variant.conversions is None:
        return sqrt(control.standard_error**2 + variant.standard_error**2)
    seen = control.exposures + variant.exposures
    both = (control.conversions + variant.conversions) / seen
    return sqrt(both * (1 - both) * (1 / control.exposures + 1 / variant.exposures))


def sample_ratio(seen: Sequence[int], weights: Sequence[float]) -> float | None:
    """The probability of a split at least this uneven, had it been done as planned; None while nobody has seen anything."""
    whole, planned = sum(seen), sum(weights)
    if not whole or not planned:
        return None
    wanted = [whole * weight / planned for weight in weights]
    chi = sum((got - want) ** 2 / want for got, want in zip(seen, wanted, strict=True) if want)
    return round(_upper_gamma((len(seen) - 1) / 2, chi / 2), 8)


def _upper_gamma(shape: float, x: float) -> float:
    """Regularised upper incomplete gamma function: the tail of the chi-square distribution (series and continued
    fraction as in any numerical textbook)."""
    if x <= 0:
        return 1.0
    scale = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        step = shape
        while term > total * 1e-14:
            step += 1
            term *= x / step
            total += term
        return max(0.0, 1 - total * scale)
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    fraction = d
    for turn in range(1, 400):
        a = -turn * (turn - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        fraction *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return scale * fraction
