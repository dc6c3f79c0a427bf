"""Student's t quantile, in numpy alone.

Why not scipy: a trial's process imports its study, the study imports the intervals, and a load generator must
start in a tenth of a second and stay small. For whole degrees of freedom the distribution function is a finite
sum (Abramowitz and Stegun 26.7.3 and 26.7.4); bisection inverts it. tests/test_intervals.py holds it to scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache

from imlab.errors import UsageError


@lru_cache(maxsize=256)
def t_quantile(p: float, freedom: int) -> float:
    """The t below which a share ``p`` (0..1) of Student's distribution lies."""
    if freedom < 1 or not 0.0 < p < 1.0:
        raise UsageError(f"no Student quantile for p={p}, {freedom} degrees of freedom")
    if p < 0.5:
        return -t_quantile(1 - p, freedom)
    low, high = 0.0, 1.0
    while within(high, freedom) < 2 * p - 1:
        high *= 2
    for _ in range(80):  # halving: past the last bit of a double
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < 2 * p - 1 else (low, middle)
    return (low + high) / 2


def within(t: float, freedom: int) -> float:
    """The share of Student's distribution between -t and t."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(2 + odd, freedom - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    return (2 / math.pi) * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
