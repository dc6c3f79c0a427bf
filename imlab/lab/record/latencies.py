"""The latencies of a run as they may be told: by cell, by block, and as effects against the first cell.

A cell's percentile is taken in every block by itself, and the blocks are what intervals and effects rest on; where
one block cannot give it (too few requests above it, a late generator, failures), there is none at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.record.quantiles import LAG, quantile
from imlab.lab.record.reading import Run, trusted
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import Interval, mean_interval


@dataclass(frozen=True)
class Latencies:
    """``rows`` are to be trusted, one a request, with ``latency_s`` and perhaps ``lag_s``; ``factors`` name cells."""

    rows: pd.DataFrame
    factors: tuple[str, ...]
    margin: float

    @cached_property
    def cells(self) -> dict[str, pd.DataFrame]:
        """The rows of each cell under its name, in the order of the design."""
        return {_words(self._levels(some)) or "all requests": some for _, some in self.rows.groupby("cell")}

    def by_block(self, q: float) -> pd.DataFrame:
        """The percentile in seconds per block (row) and cell (column); blocks that lack a cell are left out whole."""
        found = {
            name: {block: self._at(name, of, q) for block, of in some.groupby("block")}
            for name, some in self.cells.items()
        }
        table = pd.DataFrame(found).dropna().sort_index()
        if table.empty:
            raise InvalidRun("no block has every cell")
        return table

    def typical(self, q: float) -> Interval:
        """What the percentile is in the first cell, in seconds: the geometric mean over blocks."""
        return mean_interval(np.log(self.by_block(q).iloc[:, 0])).map(math.exp)

    def effects(self, q: float) -> dict[str, Effect]:
        """Every other cell against the first, under the levels in which it differs from that."""
        table, (first, *others) = self.by_block(q), list(self.cells)
        old = self._levels(self.cells[first])
        found = {}
        for name in others:
            levels = self._levels(self.cells[name])
            differs = _words({factor: level for factor, level in levels.items() if level != old[factor]})
            found[differs] = paired(table[first], table[name], self.margin)
        return found

    @property
    def waited(self) -> float:
        """The share of requests that waited for a free lane."""
        return float((self.rows["lane_wait_s"] > LAG).mean()) if "lane_wait_s" in self.rows else 0.0

    def _levels(self, some: pd.DataFrame) -> dict[str, str]:
        """Factor -> level of one cell."""
        return {factor: str(some[factor].iloc[0]) for factor in self.factors}

    def _at(self, name: str, some: pd.DataFrame, q: float) -> float:
        """The percentile of one cell in one block, in seconds."""
        found = quantile(some["latency_s"], q, some.get("lag_s"))
        if found.value is None:
            raise InvalidRun(f"{name}, block {some['block'].iloc[0] + 1}: {found.withheld}")
        return found.value


def latencies(run: Run) -> Latencies:
    """Those of a run; InvalidRun where its rows have none."""
    rows = trusted(run.rows())
    if "latency_s" not in rows:
        raise InvalidRun("the rows have no latency_s to speak of, and the study has no conclusion(run) of its own")
    return Latencies(rows, tuple(run.manifest.factors), run.manifest.margin)


def _words(levels: Mapping[str, str]) -> str:
    """``bytes 300, server new``."""
    return ", ".join(f"{factor} {level}" for factor, level in levels.items())
