"""What simulated fleets say of the published claim C16: do 20 to 120 nodes carry 80,000 messages/s?

The claim does not say what is behind the nodes, and that decides. So the evidence is as wide as two answers: each node
with a database to itself, and all with one that is stated. Its interval is the hull of both, and no confidence in
either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from imlab.lab.claims.claim import Evidence
from imlab.lab.record.reading import Run, by_block
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.where_it_lives.reading import told
from imlab.studies.where_it_lives.scaled import FEW, MANY, NOTED, PEAK, called

HULL = "hull of two databases"


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; none from a run without its fleets."""
    rates = by_block(told(run.rows(), "nodes"), "rate_per_s", ["database", "nodes"])
    return {"C16": [_hull("whole", rates, _whole), _hull("scale", rates, _scale)]}


def _whole(of: pd.DataFrame) -> pd.Series:
    """All nodes against the published peak, in percent, per block."""
    return (of[MANY] / PEAK - 1) * 100


def _scale(of: pd.DataFrame) -> pd.Series:
    """The rate of one of many nodes against that of one of few, in percent, per block."""
    return ((of[MANY] / MANY) / (of[FEW] / FEW) - 1) * 100


def _hull(endpoint: str, rates: pd.DataFrame, quantity: Callable[[pd.DataFrame], pd.Series]) -> Evidence:
    """From the least that either database allows to the most; the estimate is that of the nodes alone."""
    parts = [pd.DataFrame(rates.xs(called(database), axis="columns", level="database")) for database in (None, NOTED)]
    values = [quantity(part).to_numpy(float) for part in parts]
    effect, narrow = (_joined([mean_interval(one, level=level) for one in values]) for level in (0.95, 0.90))
    return Evidence(endpoint, effect, narrow)


def _joined(parts: Sequence[Interval]) -> Interval:
    """NaN where one has no interval."""
    low, high = (
        sum(one.low for one in parts) * 0 + end for end in (min(p.low for p in parts), max(p.high for p in parts))
    )
    return Interval(parts[0].estimate, low, high, parts[0].n, HULL, parts[0].level)
