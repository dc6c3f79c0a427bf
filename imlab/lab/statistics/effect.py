"""Did it change anything? A paired effect over blocks, and a verdict against a margin stated before the run.

    equivalent     the 90 % interval lies within the margin (two one-sided tests at 5 %)
    faster/slower  else the 95 % interval excludes zero
    inconclusive   else, and always without an interval

The effect of a block is ln(new / old): doubling and halving are equally far from nothing, and effects of several
changes add. Only at the end is the mean turned into a relative change, exp(mean) - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from imlab.errors import UsageError
from imlab.lab.statistics.intervals import Interval, beside, mean_interval

Verdict = Literal["equivalent", "faster", "slower", "inconclusive"]
Better = Literal["lower", "higher"]

MARGIN = 0.03


@dataclass(frozen=True, slots=True)
class Effect:
    """A relative change, new against old: -0.2 is a fifth less. ``blocks`` holds every block's own.

    ``change`` is the 95 % interval, ``narrow`` the 90 % one that equivalence is judged by, ``beside`` the
    bootstrap-t. ``better`` says which way is good: lower for times, higher for rates.
    """

    change: Interval
    narrow: Interval
    beside: Interval
    blocks: tuple[float, ...]
    margin: float
    better: Better

    @property
    def verdict(self) -> Verdict:
        """One of four."""
        within = math.log1p(self.margin)
        if self.narrow.given and -within < math.log1p(self.narrow.low) <= math.log1p(self.narrow.high) < within:
            return "equivalent"
        if not self.seen:
            return "inconclusive"
        return "faster" if (self.change.estimate < 0) == (self.better == "lower") else "slower"

    @property
    def seen(self) -> bool:
        """Whether the 95 % interval excludes zero; over many A/A runs this is the false-positive rate."""
        return self.change.given and (self.change.low > 0 or self.change.high < 0)

    def text(self) -> str:
        """``-21.3 % [-24.0, -18.5]: faster``."""
        change, low, high = (value * 100 for value in (self.change.estimate, self.change.low, self.change.high))
        interval = f"[{low:+.1f}, {high:+.1f}]" if self.change.given else f"({self.change.method})"
        noted = f" ({self.change.note})" if self.change.note else ""
        return f"{change:+.1f} % {interval}{noted}: {self.verdict}"


def paired(old: ArrayLike, new: ArrayLike, margin: float = MARGIN, better: Better = "lower") -> Effect:
    """The effect of new against old: one positive value per block each, in the same order of blocks."""
    before, after = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1 or len(before) == 0:
        raise UsageError(f"a paired effect needs as many old as new blocks, not {before.shape} and {after.shape}")
    if not (np.isfinite(before) & np.isfinite(after) & (before > 0) & (after > 0)).all():
        raise UsageError("a paired effect needs positive values: its blocks are log ratios")
    if margin <= 0:
        raise UsageError(f"the margin is positive, not {margin}")
    logs = np.log(after / before)
    return Effect(
        change=mean_interval(logs).map(math.expm1),
        narrow=mean_interval(logs, level=0.90).map(math.expm1),
        beside=beside(logs).map(math.expm1),
        blocks=tuple(np.expm1(logs).tolist()),
        margin=margin,
        better=better,
    )
