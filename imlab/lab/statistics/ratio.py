"""How large a part of the whole? The ratio of two means over the same blocks, with its interval.

A share is a mean over a mean, and the mean of per-block shares is not it: one block in which the whole hardly moved
would outvote all others. Fieller (Some problems in interval estimation, J. Royal Statistical Society B 16, 1954)
turns the question round: a share s is credible when the blocks of ``part - s * whole`` may have mean zero, by
Student's t. That is exact for normal blocks, and it has an end only if the whole itself differs from zero; otherwise
there is no interval, and the reason says so. From 30 blocks on the ratio is resampled, as other means are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError
from imlab.lab.statistics.intervals import FEWEST, MANY, Interval, doubt, mean_interval, resampled, widened
from imlab.lab.statistics.student import t_quantile

Floats = NDArray[np.float64]

UNSEEN = "no share: the whole is not seen to change"


def ratio_interval(part: ArrayLike, whole: ArrayLike, level: float = 0.95) -> Interval:
    """mean(part) / mean(whole), block by block paired; by the method for their number, if the whole is not zero."""
    parts, wholes = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    if parts.shape != wholes.shape:
        raise UsageError(f"a share needs part and whole of the same blocks, not {parts.shape} and {wholes.shape}")
    seen = mean_interval(wholes, level)
    estimate = mean_interval(parts).estimate / seen.estimate if seen.estimate else math.nan
    if seen.n < FEWEST:
        return Interval(estimate, math.nan, math.nan, seen.n, seen.method, level)
    if not (seen.low > 0 or seen.high < 0):
        return Interval(estimate, math.nan, math.nan, seen.n, UNSEEN, level)
    note = doubt(parts - estimate * wholes)
    if seen.n < MANY:
        low, high = (float(end) for end in fieller(parts, wholes, level)[1:])
        return Interval(estimate, low, high, seen.n, "Student t (Fieller)", level, note)
    return Interval(estimate, *_cut(parts, wholes, level), seen.n, seen.method, level, note)


def fieller(part: Floats, whole: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Ratio, low, high; shape (..., n) twice -> three of shape (...); NaN where the whole may be zero.

    With share = ratio + d and rest = part - ratio * whole, whose mean is zero, the ends are the roots of
    ``(mean(whole)^2 - q var(whole)) d^2 + 2 q cov(rest, whole) d - q var(rest) = 0``, where q = t^2 / n.
    """
    n = whole.shape[-1]
    q = t_quantile((1 + level) / 2, n - 1) ** 2 / n
    mean = whole.mean(axis=-1)
    ratio = part.mean(axis=-1) / np.where(mean == 0, np.nan, mean)
    rest, off = part - ratio[..., None] * whole, whole - mean[..., None]
    square = mean**2 - q * _mixed(off, off)
    linear = q * _mixed(rest, off)
    root = np.sqrt(np.maximum(linear**2 + square * q * _mixed(rest, rest), 0.0))
    seen = np.where(square > 0, square, np.nan)
    return ratio, ratio + (-linear - root) / seen, ratio + (-linear + root) / seen


def _mixed(one: Floats, other: Floats) -> Floats:
    """Covariance of blocks whose means are zero."""
    found: Floats = (one * other).sum(axis=-1) / (one.shape[-1] - 1)
    return found


def _cut(part: Floats, whole: Floats, level: float) -> tuple[float, float]:
    """The ratio of each resample, drawn in pairs; tails as those of a mean (intervals.py), for a whole of 1 is one."""
    low, high = np.quantile(resampled(part) / resampled(whole), widened(level, len(whole)))
    return float(low), float(high)
