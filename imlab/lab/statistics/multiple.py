"""Several effects at once: verdicts that are all true together 19 times in 20.

Ten changes that do nothing show one "effect" in 40 % of experiments. Holm's step-down (Scandinavian Journal of
Statistics 6, 1979) orders the p values and multiplies the k-th smallest of m by m - k + 1, never letting one fall below
the one before; it holds however the effects hang together. Two families are corrected apart, as a verdict asks two
questions: is it within the margin (the greater of two one-sided tests), and is it not zero?
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError
from imlab.lab.statistics.effect import Effect, Verdict
from imlab.lab.statistics.intervals import FEWEST, MANY, RESAMPLES, resampled
from imlab.lab.statistics.student import within

Floats = NDArray[np.float64]

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An effect among several; the p values are adjusted, NaN where the effect has no interval."""

    effect: Effect
    among: int
    p_zero: float
    p_margin: float

    @property
    def verdict(self) -> Verdict:
        """One of four, with all the others in mind."""
        if self.p_margin <= LEVEL:
            return "equivalent"
        if not self.p_zero <= LEVEL:
            return "inconclusive"
        return "faster" if (self.effect.change.estimate < 0) == (self.effect.better == "lower") else "slower"

    def text(self) -> str:
        """``-3.1 % [-5.9, -0.2]: faster alone, inconclusive among 6 (Holm)``."""
        alone, here = self.effect.verdict, self.verdict
        return self.effect.text() + (f" alone, {here}" if here != alone else "") + f" among {self.among} (Holm)"


def adjusted(effects: Mapping[str, Effect]) -> dict[str, Adjusted]:
    """Every effect with its verdict among all of them."""
    zero = holm([p_zero(effect) for effect in effects.values()])
    margin = holm([p_margin(effect) for effect in effects.values()])
    told = zip(effects.items(), zero.tolist(), margin.tolist(), strict=True)
    return {name: Adjusted(effect, len(effects), p, q) for (name, effect), p, q in told}


def holm(ps: ArrayLike) -> Floats:
    """Adjusted p values in the order given, shape (..., m); NaN stays and counts as a test that found nothing."""
    given = np.asarray(ps, dtype=np.float64)
    if given.ndim == 0 or not (np.isnan(given) | ((given >= 0) & (given <= 1))).all():
        raise UsageError(f"p values lie between 0 and 1, not {given.tolist()}")
    order = np.argsort(given, axis=-1)  # NaN last
    rising = np.take_along_axis(given, order, axis=-1) * np.arange(given.shape[-1], 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(rising, axis=-1))
    found = np.empty_like(given)
    np.put_along_axis(found, order, stepped, axis=-1)
    return np.where(np.isnan(given), np.nan, found)


def p_zero(effect: Effect) -> float:
    """Two-sided p of no effect, by the method of the interval: at most 5 % where the 95 % one excludes zero."""
    below, above = _sides(effect, 0.0)
    return float(np.minimum(1.0, 2 * min(below, above)))  # NaN stays


def p_margin(effect: Effect) -> float:
    """p of an effect as large as the margin or larger, on either side (two one-sided tests)."""
    width = math.log1p(effect.margin)
    return max(_sides(effect, width)[1], _sides(effect, -width)[0])


def _sides(effect: Effect, at: float) -> tuple[float, float]:
    """One-sided p values against a mean log ratio ``at``: that it is not above, and that it is not below."""
    logs = np.log1p(np.array(effect.blocks))
    n = len(logs)
    if n < FEWEST:
        return math.nan, math.nan
    if n >= MANY:
        means = resampled(logs)
        return _widened(float(np.mean(means <= at)), n), _widened(float(np.mean(means >= at)), n)
    error = float(logs.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return float(logs.mean() <= at), float(logs.mean() >= at)
    t = (float(logs.mean()) - at) / error
    return _above(t, n - 1), _above(-t, n - 1)


def _widened(share: float, n: int) -> float:
    """A share of the resamples as a p value, by the tails of intervals.percentile; never quite 0 or 1."""
    seen = min(max(share, 1 / (RESAMPLES + 1)), RESAMPLES / (RESAMPLES + 1))
    return _above(-NormalDist().inv_cdf(seen) * math.sqrt((n - 1) / n), n - 1)


def _above(t: float, freedom: int) -> float:
    """The share of Student's distribution above t."""
    tail = max(0.0, 1 - within(abs(t), freedom)) / 2
    return tail if t > 0 else 1 - tail
