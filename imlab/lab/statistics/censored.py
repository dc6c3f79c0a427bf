"""Intervals over blocks some of which are only bounds: a capacity that is "at least" or "below" what a search gives.

Where every block is exact: the geometric mean and its interval, as for other quantities (intervals.py, effect.py).
Where a block is a bound there is no mean, for what lies beyond a bound is not known; but there is a median. A block is
then all that it may be, from its low to its high: [x, infinity) for "at least x", [0, x] for "below x". Let x_(k) be
the k-th smallest of what the n blocks truly are, low_(k) the k-th smallest of their lows. As no low exceeds its x,

    k of the lows or more are <= x_(k), therefore low_(k) <= x_(k), and in the same way x_(k) <= high_(k).

The interval [x_(k), x_(n+1-k)] holds the median of any distribution (order statistics), and [low_(k), high_(n+1-k)]
holds that interval: it covers no less, whatever cut the blocks short, were it the rate itself. An end may be infinite,
or 0: then the other is a one-sided bound, at 97.5 % where two ends have 95 %. (Student's interval has no such proof:
raising one value may lower its low end.) A ratio of two systems, paired by block, is bounded by those of its parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError
from imlab.lab.statistics.effect import MARGIN, Verdict
from imlab.lab.statistics.intervals import Interval, mean_interval, median_interval

Floats = NDArray[np.float64]

Bound = Literal["exact", "at least", "below"]


@dataclass(frozen=True, slots=True)
class Sustained:
    """Rates over blocks, requests/s. The estimate is NaN where it is not known; an end may be 0 or infinite.

    ``lows`` and ``highs`` hold what each block may be.
    """

    rate: Interval
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def censored(self) -> int:
        """How many blocks are only bounds."""
        return sum(low != high for low, high in zip(self.lows, self.highs, strict=True))

    def text(self) -> str:
        """``412 [398, 430]/s``; ``>= 5,200/s``; ``< 50/s``; below 6 blocks each of them; with how many are bounds."""
        noted = f" ({self.censored} of {self.rate.n} blocks are bounds)" if self.censored else ""
        if not self.rate.given:
            return f"{', '.join(map(_block, self.lows, self.highs))} ({self.rate.method})"
        low, high = self.rate.low, self.rate.high
        if low == 0 or math.isinf(high):
            return (_block(low, high) if low > 0 or math.isfinite(high) else "no number: bounds on both sides") + noted
        middle = "" if math.isnan(self.rate.estimate) else f"{self.rate.estimate:,.4g} "
        return f"{middle}[{low:,.4g}, {high:,.4g}]/s{noted}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The relative change of a rate, new against old, paired by block: 0.2 is a fifth more, and more is better.

    ``change`` is the 95 % interval, ``narrow`` the 90 % one that equivalence is judged by; an end may be -1 or
    infinite. ``censored`` blocks have a bound on one side or on both.
    """

    change: Interval
    narrow: Interval
    margin: float
    censored: int

    @property
    def verdict(self) -> Verdict:
        """One of four, as in effect.py; a bound gives one only from its own side."""
        within = math.log1p(self.margin)
        if self.narrow.given and math.expm1(-within) < self.narrow.low <= self.narrow.high < self.margin:
            return "equivalent"
        if self.change.given and self.change.low > 0:
            return "faster"
        return "slower" if self.change.given and self.change.high < 0 else "inconclusive"

    def text(self) -> str:
        """``+21.3 % [+18.5, +24.0]: faster``; ``>= +18.5 %: faster``; ``<= -5.0 %: slower``."""
        low, high = self.change.low * 100, self.change.high * 100
        middle = "" if math.isnan(self.change.estimate) else f"{self.change.estimate * 100:+.1f} % "
        noted = f" ({self.censored} of {self.change.n} blocks are bounds)" if self.censored else ""
        if not self.change.given:
            return f"{middle}({self.change.method}){noted}: {self.verdict}"
        if low > -100 and math.isfinite(high):
            return f"{middle}[{low:+.1f}, {high:+.1f}]{' %' if not middle else ''}{noted}: {self.verdict}"
        if low == -100 and math.isinf(high):
            return f"no number{noted}: {self.verdict}"
        return f"{f'>= {low:+.1f}' if low > -100 else f'<= {high:+.1f}'} %{noted}: {self.verdict}"


def sustained(rates: ArrayLike, bounds: Sequence[Bound]) -> Sustained:
    """Over blocks: one rate each, in requests/s, and what it is."""
    lows, highs = _logs(rates, bounds)
    rate = _interval(lows, highs, 0.95).map(math.exp)
    return Sustained(rate, tuple(np.exp(lows).tolist()), tuple(np.exp(highs).tolist()))


def compared(
    old: ArrayLike, old_bounds: Sequence[Bound], new: ArrayLike, new_bounds: Sequence[Bound], margin: float = MARGIN
) -> Comparison:
    """New against old, in the same order of blocks."""
    before, after = _logs(old, old_bounds), _logs(new, new_bounds)
    if len(before[0]) != len(after[0]):
        raise UsageError(f"as many old as new blocks are compared, not {len(before[0])} and {len(after[0])}")
    if margin <= 0:
        raise UsageError(f"the margin is positive, not {margin}")
    lows, highs = after[0] - before[1], after[1] - before[0]
    change, narrow = (_interval(lows, highs, level).map(math.expm1) for level in (0.95, 0.90))
    return Comparison(change, narrow, margin, int((lows != highs).sum()))


def _logs(rates: ArrayLike, bounds: Sequence[Bound]) -> tuple[Floats, Floats]:
    """What each block may be, from its low to its high, as logarithms."""
    seen = np.asarray(rates, dtype=np.float64)
    if seen.shape != (len(bounds),) or not len(bounds) or not (np.isfinite(seen) & (seen >= 0)).all():
        raise UsageError(f"a rate and what it is for each block, not {seen.tolist()} and {list(bounds)}")
    if unknown := set(bounds) - {"exact", "at least", "below"}:
        raise UsageError(f"a rate is exact, at least or below, not {', '.join(sorted(unknown))}")
    kinds = np.array(bounds)
    if (seen[kinds != "at least"] == 0).any():
        raise UsageError("only a bound from below may be 0: nothing is known of that block")
    with np.errstate(divide="ignore"):
        logs = np.log(seen)
    return np.where(kinds == "below", -np.inf, logs), np.where(kinds == "at least", np.inf, logs)


def _interval(lows: Floats, highs: Floats, level: float) -> Interval:
    """Of the mean where each block is exact, else of the median."""
    if (lows == highs).all():
        return mean_interval(lows, level)
    ranks = median_interval(np.arange(1, len(lows) + 1), level)
    least, most = float(np.median(lows)), float(np.median(highs))
    estimate = least if least == most else math.nan
    if not ranks.given:
        return Interval(estimate, math.nan, math.nan, len(lows), ranks.method, level)
    low, high = np.sort(lows)[int(ranks.low) - 1], np.sort(highs)[int(ranks.high) - 1]
    return Interval(estimate, float(low), float(high), len(lows), "order statistics of bounds", level)


def _block(low: float, high: float) -> str:
    """``412/s``, ``>= 412/s``, ``< 412/s``, or ``[398, 430]/s``."""
    if math.isinf(high):
        return f">= {low:,.4g}/s"
    return f"< {high:,.4g}/s" if low == 0 else f"{high:,.4g}/s"
