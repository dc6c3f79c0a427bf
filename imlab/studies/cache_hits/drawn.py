"""The figures of the question what moves the cache hits."""

from __future__ import annotations

import pandas as pd

from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.plots.heat import heat
from imlab.lab.plots.levels import levels
from imlab.lab.plots.waterfall import waterfall
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import Interval
from imlab.studies.cache_hits.cells import RATE, WORKLOADS
from imlab.studies.cache_hits.reading import (
    FLIGHT,
    NOTHING,
    PERCENT,
    RATIOS,
    by_cell,
    by_rate,
    cells,
    parted,
    points,
    shared,
)
from imlab.studies.cache_hits.tried import REPLAYED

LINES = {  # cells over rates -> in words
    NOTHING: "small cache",
    FLIGHT: "small cache, single flight",
    "second level": "second level",
    "second level, single flight": "second level, single flight",
    "second level, filled at upload": "second level, filled at upload",
}


def figures(run: Run) -> dict[str, Plot]:
    """Each ratio from old to new, hits by cell, other workloads, other rates."""
    rows, stamp = run.rows(), imprint(run)
    drawn: dict[str, Plot] = {}
    for measure, (_, words, unit, scale) in RATIOS.items():
        if found := shared(rows, measure):
            title = f"What moves it: {words} at {RATE:g} requests/s"
            drawn[measure] = waterfall(found.waterfall(), title, words, unit, scale, stamp)
    if hits := by_cell(cells(rows, "hits")):
        title, axis = "Hits by what is new in the caching", "fetches that hit, at either level (%)"
        drawn["hits"] = levels(hits, title, axis, PERCENT, "%", ours=NOTHING, imprint=stamp)
    simulated = Imprint(f"replayed in virtual time, not measured; {stamp.caption}", stamp.watermark)
    drawn["workloads"] = _workloads(rows, simulated)
    drawn["rates"] = _rates(rows, simulated)
    return drawn


def _workloads(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """Which part earns what, by what is asked."""
    found: dict[tuple[str, str], Interval] = {}
    for workload in WORKLOADS:
        if (values := points(rows, REPLAYED, workload)) is not None:
            found |= {(workload, part): added for part, added in parted(values, "Shapley").items()}
    return heat(found, "What is asked decides what earns the hits", rows="what is asked", columns="part of the caching",
                quantity="Shapley share of the hit ratio", unit="points", imprint=stamp)  # fmt: skip


def _rates(rows: pd.DataFrame, stamp: Imprint) -> Plot:
    """How often the origin is read, by how fast it is asked."""
    found = by_rate(rows)
    lines = {
        words: [Point(rate, one.map(lambda share: share * PERCENT)) for rate, one in found[cell].items()]
        for cell, words in LINES.items()
        if cell in found
    }
    return curves(
        [Panel("reads of the origin per fetch (%)", lines)],
        title="The faster it is asked, the more read what is being read",
        subtitle="a read takes 150 ms on average; what is new is wanted by many",
        axis="requests per second",
        imprint=stamp,
    )
