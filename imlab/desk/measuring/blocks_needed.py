"""How many blocks a comparison would need, given how its own blocks spread."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imlab.desk.measuring.comparing import Change
from imlab.lab.statistics.intervals import FEWEST
from imlab.lab.statistics.sample_size import MOST, POWER, power_to_exclude, power_to_find


@dataclass(frozen=True, slots=True)
class Needed:
    """Blocks to find a change of the margin, and to show that there is none; None where over 2,000 would be.

    ``spread`` is the standard deviation of a block's log ratio; NaN below two blocks, and then nothing is advised.
    """

    spread: float
    margin: float
    find: int | None
    exclude: int | None
    fewest: bool

    def text(self) -> str:
        """For a terminal."""
        if math.isnan(self.spread):
            return f"{FEWEST} blocks are the least for an interval"
        find, exclude = (f"over {MOST:,}" if n is None else f"{n:,}" for n in (self.find, self.exclude))
        least = f"; {FEWEST} are the least for an interval" if self.fewest else ""
        return (
            f"blocks spread by {self.spread:.2%}: at a power of {POWER:.0%}, {find} blocks find a change of "
            f"{self.margin:.0%} in one cell, {exclude} exclude it{least}"
        )

    def plain(self) -> dict[str, Any] | None:
        """As JSON values; None where nothing is advised."""
        told = {"spread": self.spread, "find": self.find, "exclude": self.exclude}
        return None if math.isnan(self.spread) else told


def needed(change: Change) -> Needed:
    """From the spread of this change's blocks, which a few of them tell roughly."""
    effect, fewest = change.found.effect, min(change.blocks) < FEWEST
    spread = change.spread
    if math.isnan(spread):
        return Needed(math.nan, effect.margin, None, None, fewest)
    if spread == 0:
        return Needed(0.0, effect.margin, FEWEST, FEWEST, fewest)
    find = _fewest(lambda n: float(power_to_find(np.array([n]), spread, effect.margin)[0]))
    exclude = _fewest(lambda n: float(power_to_exclude(np.array([n]), spread, effect.margin)[0]))
    return Needed(spread, effect.margin, find, exclude, fewest)


def _fewest(power: Callable[[int], float]) -> int | None:
    """The least number of blocks with that power, by halving: it rises with the blocks."""
    if power(MOST) < POWER:
        return None
    return bisect.bisect_left(range(MOST), True, lo=FEWEST, key=lambda n: power(n) >= POWER)
