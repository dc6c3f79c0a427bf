"""How much longer a response takes for each millisecond that a stage takes longer: a line through each block's points.

The points of a block are its side as it is and the same with one stage held up; requests and payloads are the same, so
a line per block and an interval over blocks. A request may pass a stage less than once, or wait for others who do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imlab.errors import InvalidRun
from imlab.lab.record.reading import by_block, trusted
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.lab.statistics.ratio import ratio_interval
from imlab.studies.causal_delays.cases import CASES, DELAYS_S, Case
from imlab.studies.causal_delays.tried import ASKED, COST

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slope:
    """Of one stage of one side, one number a block. slopes: seconds of response for each second of the stage.

    passes: how often a request passes it.
    """

    side: str
    stage: str
    passes: Floats
    slopes: Floats

    @property
    def interval(self) -> Interval:
        """Over blocks."""
        return mean_interval(self.slopes)

    @property
    def each(self) -> Interval:
        """For each time that it is passed: above 1, others wait for whoever is held up."""
        return ratio_interval(self.slopes, self.passes)

    @property
    def passed(self) -> bool:
        """Whether any request does."""
        return bool((self.passes > 0).all())

    @property
    def found(self) -> bool:
        """Whether the delay is seen in the response."""
        found = self.interval
        return found.given and found.low > 0


class Measured:
    """The rows of a run by block; those blocks count in which every case ended well."""

    def __init__(self, rows: pd.DataFrame) -> None:
        sound = trusted(rows)
        if sound.empty or "what" not in sound:
            raise InvalidRun("nothing can be counted: every trial failed or was rejected")
        self._asked, costs = (sound[sound["what"] == what] for what in (ASKED, COST))
        if self._asked.empty or costs.empty:
            raise InvalidRun("a prediction needs windows and costs, and the run has not both")
        self._costs = by_block(costs, "cost_s", "of")
        self._tables: dict[str, pd.DataFrame] = {}
        whole = self._table("mean_s")
        if set(whole.columns) != set(CASES):
            raise InvalidRun(f"{len(CASES) - len(whole.columns)} cases ended well in no block")
        self._blocks = whole.index.intersection(self._costs.index)
        if self._blocks.empty:
            raise InvalidRun("no block has every case")

    def has(self, value: str) -> bool:
        """Whether every case has it in every block that counts."""
        found = self._table(value) if value in self._asked else pd.DataFrame()
        return set(found.columns) == set(CASES) and len(self._blocks.difference(found.index)) == 0

    def of(self, value: str, case: Case) -> Floats:
        """One number per block."""
        return np.asarray(self._table(value).loc[self._blocks, case.name], dtype=np.float64)

    def cost_s(self, of: str) -> Floats:
        """Seconds, one per block."""
        return np.asarray(self._costs.loc[self._blocks, of], dtype=np.float64)

    def slope(self, value: str, side: str, stage: str) -> Slope:
        """Its line in each block."""
        slowed = [case for case in CASES.values() if (case.side, case.stage) == (side, stage)]
        passes = np.array([self.of("passes", case) for case in slowed])
        delays = [np.where(often > 0, self.of("delay_s", case), case.delay_s)
                  for case, often in zip(slowed, passes, strict=True)]  # fmt: skip
        x = np.array([np.zeros(len(self._blocks)), *delays])
        y = np.array([self.of(value, case) for case in (Case(side), *slowed)])
        off = x - x.mean(axis=0)
        return Slope(side, stage, passes.mean(axis=0), (off * y).sum(axis=0) / (off * off).sum(axis=0))

    def slopes(self, value: str) -> list[Slope]:
        """All of them."""
        return [self.slope(value, side, stage) for side, stages in DELAYS_S.items() for stage in stages]

    def longer(self, value: str, case: Case) -> Interval:
        """By how many seconds a case is longer than its side as it is."""
        return mean_interval(self.of(value, case) - self.of(value, Case(case.side)))

    def _table(self, value: str) -> pd.DataFrame:
        """Block by case, made once."""
        if value not in self._tables:
            self._tables[value] = by_block(self._asked, value, "case")
        return self._tables[value]
