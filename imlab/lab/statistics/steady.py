"""Had the system settled? The second half of a window against the first, and the slope of its backlog, over blocks.

A warm-up is fixed before the run; whether it was long enough is asked of the data, never assumed. Requests follow each
other, so a test within one window finds drift in every queue: each block gives one pair of halves and one slope.
validity.growth judges a single window, and only by growth that no chance explains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imlab.errors import UsageError
from imlab.lab.statistics.effect import MARGIN, Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval

Floats = NDArray[np.float64]

State = Literal["steady", "drifting", "unproven"]


@dataclass(frozen=True, slots=True)
class Steady:
    """The relative change from the first half to the second, and the growth of the backlog per second, if asked."""

    drift: Effect
    backlog: Interval | None = None

    @property
    def state(self) -> State:
        """Drifting where the backlog grows or a drift is seen that is not surely within the margin."""
        if self.backlog is not None and self.backlog.given and self.backlog.low > 0:
            return "drifting"
        verdicts: dict[str, State] = {"equivalent": "steady", "inconclusive": "unproven"}
        return verdicts.get(self.drift.verdict, "drifting")

    def text(self) -> str:
        """For a table."""
        told = self.drift.text().rpartition(":")[0]
        grown = "" if self.backlog is None else f", backlog {self.backlog.text(unit='requests/s')}"
        return f"{self.state}: second half {told}{grown}"


def steady(first: ArrayLike, second: ArrayLike, slopes: ArrayLike | None = None, margin: float = MARGIN) -> Steady:
    """Halves of the same blocks, one positive number each; slopes of the backlog, requests per second, one each."""
    return Steady(paired(first, second, margin), None if slopes is None else mean_interval(slopes))


def halves(
    at: ArrayLike, values: ArrayLike, statistic: Callable[[Floats], float] = lambda part: float(np.median(part))
) -> tuple[float, float]:
    """One number for each half, by time, of one block's window after its warm-up; NaN (failed) is left out.

    at: moments in seconds; values: positive; both of shape (n,).
    """
    moments, seen = _series(at, values)
    early = moments < (moments.min() + moments.max()) / 2
    parts = seen[early & ~np.isnan(seen)], seen[~early & ~np.isnan(seen)]
    if min(len(part) for part in parts) == 0:
        raise UsageError(f"a half of the window is empty: {len(parts[0])} and {len(parts[1])} values")
    return statistic(parts[0]), statistic(parts[1])


def slope(at: ArrayLike, values: ArrayLike) -> float:
    """The least-squares slope of a series, in its unit per second; of in_flight(load), what the backlog gains."""
    moments, seen = _series(at, values)
    off = moments - moments.mean()
    return float(off @ (seen - seen.mean()) / (off @ off)) if np.ptp(moments) > 0 else math.nan


def _series(at: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    moments, seen = np.asarray(at, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if moments.shape != seen.shape or moments.ndim != 1 or len(moments) < 2:
        raise UsageError(f"a series needs a moment for each value, not {moments.shape} for {seen.shape}")
    return moments, seen
