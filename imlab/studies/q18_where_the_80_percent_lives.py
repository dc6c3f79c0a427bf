"""Where does the published 80 % live: in which loads, costs and machines, and in how large a part of them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.where_it_lives.moved import moved
from imlab.studies.where_it_lives.scaled import scaled
from imlab.studies.where_it_lives.searched import checked, searched
from imlab.studies.where_it_lives.table import table

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.where_it_lives.reading"  # pandas and matplotlib: not for a trial's process

PARTS: Mapping[str, Callable[[Trial], Iterator[Row]]] = {
    "the table": table,
    "the region": searched,
    "the formula": checked,
    "what moves it": moved,
    "120 nodes": scaled,
}


def attempt(trial: Trial) -> Iterator[Row]:
    """One part of the answer, in virtual time: nothing is measured, and the machine's mood is no part of it."""
    yield from PARTS[trial.settings["part"]](trial)


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """How large the region is, in the box and in the table's own loop."""
    told: pd.DataFrame = import_module(READING).regions(rows)
    return told


def figures(run: Run) -> dict[str, Plot]:
    """The table, the region, what decides, what moves the percentage, the fleet."""
    drawn: dict[str, Plot] = import_module("imlab.studies.where_it_lives.drawn").figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The mixtures, the region, the box and its sources, the formula's error, the loads, the fleet, the costs."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.where_it_lives.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q18_where_the_80_percent_lives",
    question=__doc__ or "",
    expectation=(
        "The four published numbers come out of the cache alone: 182 users who pause 170 ms hold 32 threads all the "
        "time while 37 % of their fetches wait 150 ms, and fewer misses set the threads free; the event loop then adds "
        "nothing. At a low load the fall is that of the misses, near 66 %, whatever the architecture; where threads "
        "run out it is above 90 %; so 80 % is a place that one passes on the way, and within three points of it lies "
        "less than a tenth of the box. What decides is whether threads run out: users, threads, think time, and not "
        "cores. In an open loop the fall hangs on the load, in the closed one on the users. 120 nodes carry 80,000 "
        "messages/s where each has a database to itself, and where they share one it is the database that decides."
    ),
    attempt=attempt,
    answer=answer,
    factors={"part": tuple(PARTS)},
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_260_118,
    limit_s=240.0,
    cost_s={"smoke": 6.0, "quick": 14.0, "full": 60.0},
    gates=Gates(steal=1.0, cpu=1.0, memory=1.0, switches=1e9),  # virtual time: no neighbour reaches it
)
