"""Did it change anything, where nothing pairs the blocks? Welch's interval of the difference of two means of logs.

Two runs whose plans differ share no arrivals and no payloads: a block of one has no partner in the other. Then the
spread of both counts, each by its own size (B. L. Welch, Biometrika 34, 1947), and the interval is wider than that of
paired blocks. Welch's t stands at any number of blocks, for from 30 on it is the normal's; under 6 on either side
there is no interval. Arrays end in the axis of blocks, so that coverage is tested over thousands of experiments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from imlab.errors import UsageError
from imlab.lab.statistics.effect import MARGIN, Better, Effect
from imlab.lab.statistics.intervals import FEWEST, RESAMPLES, SEED, Interval, doubt

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of two means, its standard error, and the degrees of freedom (Satterthwaite's)."""

    mean: Floats
    error: Floats
    freedom: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """Mean, low, high."""
        half = special.stdtrit(self.freedom, (1 + level) / 2) * self.error
        return self.mean, self.mean - half, self.mean + half

    def sides(self, at: float) -> tuple[float, float]:
        """One-sided p values against a gap of ``at``: that it is not above, and that it is not below."""
        if float(self.error) == 0:
            return float(self.mean <= at), float(self.mean >= at)
        t = (float(self.mean) - at) / float(self.error)
        return float(special.stdtr(self.freedom, -t)), float(special.stdtr(self.freedom, t))


def gap(old: Floats, new: Floats) -> Gap:
    """New less old; shapes (..., n) and (..., m) -> three of shape (...)."""
    own = [side.var(axis=-1, ddof=1) / side.shape[-1] for side in (old, new)]
    total = own[0] + own[1]
    tiny = np.finfo(np.float64).tiny
    weights = sum(
        (part / np.maximum(total, tiny)) ** 2 / (side.shape[-1] - 1) for part, side in zip(own, (old, new), strict=True)
    )
    freedom = np.where(total > tiny, 1 / np.maximum(weights, tiny), 1.0)  # all alike: the error is zero anyway
    return Gap(np.asarray(new.mean(axis=-1) - old.mean(axis=-1)), np.asarray(np.sqrt(total)), np.asarray(freedom))


def unpaired(old: ArrayLike, new: ArrayLike, margin: float = MARGIN, better: Better = "lower") -> Effect:
    """The effect of new against old: one positive value per block each, blocks that have nothing to do with each other.

    Its ``blocks`` are the new ones, each against the geometric mean of the old.
    """
    before, after = _logs(old), _logs(new)
    if margin <= 0:
        raise UsageError(f"the margin is positive, not {margin}")
    return Effect(
        change=_interval(before, after, 0.95).map(math.expm1),
        narrow=_interval(before, after, 0.90).map(math.expm1),
        beside=_beside(before, after).map(math.expm1),
        blocks=tuple(np.expm1(after - before.mean()).tolist()),
        margin=margin,
        better=better,
    )


def p_values(old: ArrayLike, new: ArrayLike, margin: float = MARGIN) -> tuple[float, float]:
    """Two p values, NaN without an interval: two-sided of no effect, and of one as large as the margin or larger."""
    before, after = _logs(old), _logs(new)
    if min(len(before), len(after)) < FEWEST:
        return math.nan, math.nan
    found, width = gap(before, after), math.log1p(margin)
    return min(1.0, 2 * min(found.sides(0.0))), max(found.sides(width)[1], found.sides(-width)[0])


def _interval(before: Floats, after: Floats, level: float) -> Interval:
    sizes = f"{len(before)} and {len(after)} blocks"
    fewest, estimate = min(len(before), len(after)), float(after.mean() - before.mean())
    if fewest < FEWEST:
        return Interval(estimate, math.nan, math.nan, fewest, f"{sizes}: no interval", level)
    _, low, high = (float(end) for end in gap(before, after).interval(level))
    return Interval(estimate, low, high, fewest, f"Welch t, {sizes}", level, doubt(before) or doubt(after))


def _beside(before: Floats, after: Floats, level: float = 0.95) -> Interval:
    """The bootstrap-t interval: each side resampled by itself; one without any spread is infinitely far out."""
    fewest, estimate = min(len(before), len(after)), float(after.mean() - before.mean())
    if fewest < FEWEST:
        return _interval(before, after, level)
    rng = np.random.default_rng((SEED, len(before), len(after)))
    drawn = gap(*(side[rng.integers(0, len(side), (RESAMPLES, len(side)))] for side in (before, after)))
    off = drawn.mean - estimate
    ts = np.divide(off, drawn.error, out=np.copysign(np.inf, off), where=drawn.error > 0)
    ts[(drawn.error == 0) & (off == 0)] = 0.0
    low, high = np.quantile(ts, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    error = float(gap(before, after).error)
    ends = (estimate - high * error, estimate - low * error) if error > 0 else (estimate, estimate)
    return Interval(estimate, float(ends[0]), float(ends[1]), fewest, f"bootstrap-t, {RESAMPLES:,}", level)


def _logs(values: ArrayLike) -> Floats:
    """Logs of one positive value per block."""
    blocks = np.asarray(values, dtype=np.float64)
    if blocks.ndim != 1 or len(blocks) == 0 or not (np.isfinite(blocks) & (blocks > 0)).all():
        raise UsageError(f"an effect needs one positive value per block, not {blocks.tolist()[:8]}")
    return np.asarray(np.log(blocks))
