"""One hill or several? Hartigan's dip test, a flag beside a distribution whose percentiles may lie in a valley.

The dip is the distance from the empirical distribution to the nearest one that is convex, then concave, that is,
has one hill (J. A. and P. M. Hartigan, Annals of Statistics 13, 1985). Its limit comes from the uniform distribution,
the hardest case: that is flagged one time in twenty, a normal or log-normal one hardly ever. A flag needs a valley:
two normal hills closer than two deviations have none. Give times as logarithms: their hills lie ratios apart.

Of many values 2,000 are drawn, for one server's requests resemble their neighbours, and with all of them every
ripple is a hill. The ticks of a coarse clock look like hills too: a sample that leans on one value is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError

Floats = NDArray[np.float64]

FEWEST, DRAWN, SEED = 20, 2_000, 19_850_301
SIZES = (20, 50, 100, 200, 500, 1_000, 2_000)
LIMITS = (0.470, 0.496, 0.511, 0.521, 0.531, 0.534, 0.543)  # sqrt(n) * dip, 95 % of 20,000 and more uniform samples


@dataclass(frozen=True, slots=True)
class Modes:
    """The dip of n values, and what the uniform distribution's stays under 19 times in 20."""

    dip: float
    limit: float
    n: int

    @property
    def several(self) -> bool:
        """Whether one hill is hard to believe."""
        return self.dip > self.limit

    def text(self) -> str:
        """For a caption."""
        told = "more than one hill" if self.several else "no sign of a second hill"
        return f"{told} (dip {self.dip:.3f}, limit {self.limit:.3f}, n={self.n:,})"


def modes(values: ArrayLike) -> Modes:
    """The flag for a sample, any shape, NaN left out; from 20 values."""
    seen = np.asarray(values, dtype=np.float64).ravel()
    seen = seen[~np.isnan(seen)]
    if len(seen) < FEWEST or not np.isfinite(seen).all():
        raise UsageError(f"hills are looked for in {FEWEST} finite values or more, not in {len(seen)}")
    if len(seen) > DRAWN:
        seen = np.random.default_rng(SEED).choice(seen, DRAWN, replace=False)
    n, most = len(seen), int(np.unique(seen, return_counts=True)[1].max())
    limit = float(np.interp(math.log(n), np.log(SIZES), LIMITS)) / math.sqrt(n)
    if most > limit * n:  # a step of that height is half the limit by itself
        raise UsageError(f"one value stands {most} times among {n}: a clock's ticks, not hills")
    return Modes(dip(seen), limit, n)


def dip(values: Floats) -> float:
    """Hartigan's dip, 1 / 2n to 1 / 4, shape (n,).

    The modal interval shrinks from everything: where the greatest convex minorant and the least concave majorant of
    what is left are furthest apart it ends; what was cut off must be convex, on the right concave, within the dip.
    """
    places, copies = np.unique(values, return_counts=True)
    upper = np.cumsum(copies).astype(np.float64)
    lower = upper - copies
    first, last, found = 0, len(places) - 1, 1.0
    while first < last:
        inside = slice(first, last + 1)
        x, low, high = places[inside], lower[inside], upper[inside]
        convex, concave = _hull(x, low), _hull(x, -high)
        under, over = np.interp(x, x[convex], low[convex]), np.interp(x, x[concave], high[concave])
        left, right, gap = _widest(over - under, convex, concave)
        if gap < found:
            break
        found = max(found, float((high - under)[: left + 1].max()), float((over - low)[right:].max()))
        if (left, right) == (0, last - first):
            break
        first, last = first + left, first + right
    return found / (2 * len(values))


def _widest(gaps: Floats, convex: NDArray[np.int64], concave: NDArray[np.int64]) -> tuple[int, int, float]:
    """The modal interval: from a corner of the minorant to one of the majorant, one of them where the gap is widest."""
    corner, other = int(convex[np.argmax(gaps[convex])]), int(concave[np.argmax(gaps[concave])])
    if gaps[other] > gaps[corner]:
        return int(convex[convex <= other][-1]), other, float(gaps[other])
    return corner, int(concave[concave >= corner][0]), float(gaps[corner])


def _hull(x: Floats, y: Floats) -> NDArray[np.int64]:
    """The corners of the greatest convex minorant of points sorted by x (Andrew's monotone chain)."""
    xs, ys = x.tolist(), y.tolist()
    kept: list[int] = []
    for k, (here, height) in enumerate(zip(xs, ys, strict=True)):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if (ys[b] - ys[a]) * (here - xs[a]) < (height - ys[a]) * (xs[b] - xs[a]):
                break
            kept.pop()
        kept.append(k)
    return np.array(kept)
