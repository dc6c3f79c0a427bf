"""Who made it faster? The change from all old to all new, shared among the factors of a full 2^k factorial.

Everything is done on ln of the values, where the effects of changes that do not meddle with each other add, block by
block, and intervals are over blocks. Of each factor three things are told:

    Shapley    its mean step over all orders of switching (shapley.py); these sum to the whole, exactly
    first in   its step from the old side: all that it would have done alone
    last in    its step onto the new side: all that would be lost without it

First-in and last-in do not sum to the whole; how far they lie apart is what interactions do. A share is a part of
the whole on ln. It may be zero, negative or above one. All that a fraction of the factorial tells is in contrasts.py:
shares need every cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.lab.attribution.contrasts import Contrast, contrasts_of_logs, log_table
from imlab.lab.attribution.shapley import first_in, joining, last_in, shapley
from imlab.lab.plan.factorial import Factors, Full
from imlab.lab.plan.fraction import Fraction
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.lab.statistics.ratio import UNSEEN, ratio_interval

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MOST = 6  # factors: 64 cells a block; more are a fraction's business
BY_SHAPLEY = "each step is the factor's mean over all orders"
IN_ORDER = "each step is measured with those above it switched already"


@dataclass(frozen=True, slots=True)
class Step:
    """What was multiplied: ``ratio`` is new over old, and ``share`` its part of the whole on ln."""

    ratio: Interval
    share: Interval

    def changed(self) -> str:
        """``-35.1 % [-37.0, -33.2]``."""
        return change_text(self.ratio)

    def shared(self) -> str:
        """``41 % of the change [38, 44]``; without an interval, why."""
        if self.share.method == UNSEEN:
            return UNSEEN
        share, low, high = (value * 100 for value in (self.share.estimate, self.share.low, self.share.high))
        bounds = f"[{low:.0f}, {high:.0f}]" if self.share.given else f"({self.share.method})"
        return f"{share:.0f} % of the change {bounds}"

    def text(self) -> str:
        """Both, with a comma between."""
        return f"{self.changed()}, {self.shared()}"


@dataclass(frozen=True, slots=True)
class Part:
    """One factor's part of the change."""

    shapley: Step
    first: Step
    last: Step


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From old to new in steps whose product is the whole. ``old`` and ``new`` are geometric means over blocks."""

    old: float
    new: float
    steps: Mapping[str, Step]
    whole: Interval  # new over old
    how: str


@dataclass(frozen=True, eq=False)
class Attribution:
    """A whole 2^k table on ln: ``logs`` is (blocks, cells), in the order of the full factorial, old first."""

    factors: Factors
    logs: Floats

    @property
    def whole(self) -> Interval:
        """All new over all old."""
        return _ratio(self._change)

    @property
    def parts(self) -> Mapping[str, Part]:
        """What each factor did, by name."""
        ways = [self._steps(way(self.logs)) for way in (shapley, first_in, last_in)]
        return {name: Part(*three) for name, three in zip(self.factors, zip(*ways, strict=True), strict=True)}

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Main effects and all interactions."""
        return contrasts_of_logs(self.logs, self.factors)

    def waterfall(self, order: Sequence[str] = ()) -> Waterfall:
        """The Shapley values as factors of the whole; with an order, what was measured on that one way."""
        if order and sorted(order) != sorted(self.factors):
            raise UsageError(f"an order names each factor once ({', '.join(self.factors)}), not {', '.join(order)}")
        names = list(order or self.factors)
        places = tuple(list(self.factors).index(name) for name in names)
        steps = self._steps(joining(self.logs, places) if order else shapley(self.logs))
        old, new = np.exp(self.logs[:, [0, -1]].mean(axis=0)).tolist()
        how = IN_ORDER if order else BY_SHAPLEY
        return Waterfall(old, new, dict(zip(names, steps, strict=True)), self.whole, how)

    def rows(self) -> list[dict[str, str | float]]:
        """A flat row per factor, for a table: changes and shares in percent."""
        return [{"factor": name, **_flat(part)} for name, part in self.parts.items()]

    @property
    def _change(self) -> Floats:
        """ln(new / old) of each block."""
        return self.logs[:, -1] - self.logs[:, 0]

    def _steps(self, steps: Floats) -> list[Step]:
        """With intervals; (blocks, k) of ln ratios."""
        return [Step(_ratio(one), ratio_interval(one, self._change)) for one in steps.T]


def attribute(table: pd.DataFrame, factors: Factors, design: Full | Fraction | None = None) -> Attribution:
    """Share the change in a table of positive values, block by cell; see ``log_table`` for its form."""
    if isinstance(design, Fraction):
        raise UsageError(
            "shares need every cell of the factorial: a fraction confuses the steps of one factor with "
            "interactions of others; what it can tell are its contrasts(table, factors, design)"
        )
    if not 1 <= len(factors) <= MOST:
        raise UsageError(f"a change is shared among 1 to {MOST} factors, not {len(factors)}")
    return Attribution(factors, log_table(table, factors))


def change_text(ratio: Interval) -> str:
    """A ratio as a change: ``-35.1 % [-37.0, -33.2]``; ``-35.1 % (n=5: no interval)``; what to doubt in it follows."""
    change, low, high = ((value - 1) * 100 for value in (ratio.estimate, ratio.low, ratio.high))
    bounds = f"[{low:+.1f}, {high:+.1f}]" if ratio.given else f"({ratio.method})"
    return f"{change:+.1f} % {bounds}" + (f" ({ratio.note})" if ratio.note else "")


def _ratio(logs: Floats) -> Interval:
    return mean_interval(logs).map(math.exp)


def _flat(part: Part) -> dict[str, str | float]:
    """Percent, with the unit in the name."""
    ways = {"shapley": part.shapley, "first_in": part.first, "last_in": part.last}
    told: dict[str, str | float] = {}
    for way, step in ways.items():
        for what, found in (("change", step.ratio.map(lambda ratio: ratio - 1)), ("share", step.share)):
            told |= {f"{way}_{what}_percent": found.estimate * 100, f"{way}_{what}_low_percent": found.low * 100,
                     f"{way}_{what}_high_percent": found.high * 100}  # fmt: skip
    return told
