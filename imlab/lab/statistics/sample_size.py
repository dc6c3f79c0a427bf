"""How many blocks will answer the question? Advice before a run, from the spread of the last A/A run.

A block's log ratio of nothing against nothing has a standard deviation, the spread. From it follow, for normal blocks
and Student's t, the power to find an effect (its 95 % interval excludes zero, on its side) and the power to show that
nothing is within the margin (the 90 % interval lies inside: two one-sided tests). The sample's own standard deviation
varies too: both powers are averages over its chi-square distribution, taken at 2,000 quantiles.

The spread of a few blocks is itself uncertain, so a cautious number goes with the likely one: from the bound that
the spread stays under four times in five (R. H. Browne, Statistics in Medicine 14, 1995).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from imlab.errors import UsageError
from imlab.lab.statistics.effect import MARGIN, Effect
from imlab.lab.statistics.intervals import FEWEST
from imlab.lab.statistics.student import t_quantile

Floats = NDArray[np.float64]

POWER, CAUTION, MOST = 0.8, 0.8, 2_000
_MIDDLES = (np.arange(2_000) + 0.5) / 2_000


@dataclass(frozen=True, slots=True)
class Advice:
    """Blocks for a margin, from an A/A run: to find an effect of its size, and to show that there is none.

    ``cautious`` is the greater of both at the upper bound of the spread; None where over 2,000 would be needed.
    """

    spread: float
    bound: float
    from_blocks: int
    margin: float
    power: float
    to_find: int | None
    to_exclude: int | None
    cautious: int | None

    def text(self) -> str:
        """For a terminal."""
        find, exclude, cautious = (
            f"over {MOST:,}" if n is None else f"{n:,}" for n in (self.to_find, self.to_exclude, self.cautious)
        )
        return (
            f"blocks spread by {self.spread:.2%} (A/A, n={self.from_blocks}); for {self.margin:.0%} with a power of "
            f"{self.power:.0%}: {find} blocks to find it, {exclude} to exclude it; to be safe {cautious}"
        )


def advice(last: Effect, margin: float = MARGIN, power: float = POWER) -> Advice:
    """Advice from the last A/A run, an effect of nothing over 6 blocks or more."""
    logs = np.log1p(np.array(last.blocks))
    if len(logs) < FEWEST or not 0.5 <= power < 1 or margin <= 0:
        raise UsageError(
            f"advice needs {FEWEST} A/A blocks, a power from 0.5 and a margin, not {len(logs)}, {power}, {margin}"
        )
    spread = float(logs.std(ddof=1))
    bound = spread * math.sqrt((len(logs) - 1) / special.chdtri(len(logs) - 1, CAUTION))
    find, exclude = _blocks(spread, margin, power)
    safe = _blocks(bound, margin, power)
    cautious = None if None in safe else max(n for n in safe if n is not None)
    return Advice(spread, bound, len(logs), margin, power, find, exclude, cautious)


def power_to_find(blocks: ArrayLike, spread: float, effect: float) -> Floats:
    """The chance that the 95 % interval excludes zero on the side of a relative effect; shape as ``blocks``."""
    return _each(blocks, lambda n: _found(n, spread, abs(math.log1p(effect))))


def power_to_exclude(blocks: ArrayLike, spread: float, margin: float = MARGIN, effect: float = 0.0) -> Floats:
    """The chance that the 90 % interval lies within the margin where the true relative effect is ``effect``."""
    return _each(blocks, lambda n: _excluded(n, spread, math.log1p(margin), math.log1p(effect)))


def _found(n: int, spread: float, effect: float) -> float:
    errors = _errors(n)
    return float(special.ndtr(effect * math.sqrt(n) / spread - t_quantile(0.975, n - 1) * errors).mean())


def _excluded(n: int, spread: float, width: float, effect: float) -> float:
    errors, unit = t_quantile(0.95, n - 1) * _errors(n), spread / math.sqrt(n)
    upper, lower = (width - effect) / unit - errors, (-width - effect) / unit + errors
    return float(np.maximum(0.0, special.ndtr(upper) - special.ndtr(lower)).mean())


def _errors(n: int) -> Floats:
    """The sample's standard deviation over the true one, at equally likely quantiles."""
    return np.asarray(np.sqrt(special.chdtri(n - 1, 1 - _MIDDLES) / (n - 1)))


def _blocks(spread: float, margin: float, power: float) -> tuple[int | None, int | None]:
    """The fewest blocks, from 6, that find an effect of the margin, and that exclude one when there is none."""
    width = math.log1p(margin)
    return (
        _fewest(lambda n: _found(n, spread, width) >= power),
        _fewest(lambda n: _excluded(n, spread, width, 0.0) >= power),
    )


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The least number of blocks that is enough, by halving: power rises with the blocks."""
    if not enough(MOST):
        return None
    return bisect.bisect_left(range(MOST), True, lo=FEWEST, key=enough)


def _each(blocks: ArrayLike, power: Callable[[int], float]) -> Floats:
    numbers = np.asarray(blocks, dtype=np.int64)
    if (numbers < 2).any():
        raise UsageError(f"a spread needs two blocks or more, not {numbers.min()}")
    return np.array([power(n) for n in numbers.ravel().tolist()]).reshape(numbers.shape)
