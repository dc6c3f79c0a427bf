"""What really moves the cache hits from 63 to 91 %?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.cache_hits.cells import PARTS
from imlab.studies.cache_hits.tried import ASKED, measured, replayed
from imlab.studies.q16_who_earned_it import versions

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.cache_hits.reading"  # pandas and matplotlib: not for a trial's process


def attempt(trial: Trial) -> Iterator[Row]:
    """One way to cache: a service that caches so is asked by the clock; what else might be asked is replayed."""
    for workload in ASKED[trial.scale]:
        yield measured(trial, workload)
    yield from replayed(trial)


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Hits, reads and times shared out among the four parts."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Waterfalls of reads and of the mean, hits by cell, other workloads, other rates."""
    drawn: dict[str, Plot] = import_module("imlab.studies.cache_hits.drawn").figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """All cells beside their replay, single flight, the workloads."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.cache_hits.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q17_cache_hits",
    question=__doc__ or "",
    expectation=(
        "(Written after one block of a pilot.) Not the second level as such: a limit in the process that is as large "
        "finds the same notes, so either of the two moves the hits by some 20 points, both together by no more, and "
        "they share it half and half. What is left comes from filling at upload, which saves each sent note its first "
        "miss: with 19 fetches a send one fetch in nineteen, and a little more, because what is new is wanted by "
        "several before the first read ends; with 3 fetches a send it moves more than limit and level together, and "
        "under a Zipf law, which never asks for what is new, nothing. Single flight makes no hit: it saves the second "
        "and third read of what is new, under a twentieth of the fetches at this rate, hardly any at 100/s, and none "
        "where uploads fill. The mean follows the reads; the p99 is a read in every cell, and the p50 a hit."
    ),
    attempt=attempt,
    answer=answer,
    factors=PARTS,
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_261_117,
    limit_s=60.0,
    cost_s={"smoke": 45.0, "quick": 52.0, "full": 260.0},
    gates=Gates(cpu=1.0, io=1.0, switches=100_000.0),  # as in q16
    versions=versions,
)
