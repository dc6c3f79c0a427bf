"""Does a delay put into one stage predict what its removal earned?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.causal_delays.cases import CASES, COSTS
from imlab.studies.causal_delays.tried import asked, priced
from imlab.studies.q16_who_earned_it import versions

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.causal_delays.reading"  # pandas and matplotlib: not for a trial's process


def attempt(trial: Trial) -> Iterator[Row]:
    """One architecture with one of its stages held up, asked by the clock; or what the stages cost, without a load."""
    case = trial.settings["case"]
    yield from priced(trial) if case == COSTS else asked(trial, CASES[case])


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """How much longer a response takes for each millisecond of each stage."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Responses over delays, sensitivities, predictions beside what was measured."""
    drawn: dict[str, Plot] = import_module("imlab.studies.causal_delays.drawn").figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The predictions, and the costs that they rest on."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q19_causal_delays",
    question=__doc__ or "",
    expectation=(
        "(Written after one block of a pilot.) As with Coz (C. Curtsinger and E. Berger, SOSP 2015), who slow down all "
        "else to learn what a faster stage would earn, here a stage is slowed down to learn what it is worth. Where a "
        "stage only waits, a millisecond of it costs a millisecond for each time that a request passes it: once for a "
        "client's connection, a third for what a miss does. Processor time costs more than itself, because others "
        "wait for the core, and in threads several times more, because they hand the interpreter to each other. So "
        "the cache's gain is predicted within a few points of the mean, for it removes waiting that is known; those "
        "of connections and framing only in their order, for they are processor time, small, and their slope is no "
        "straight line; and asynchrony not at all: it is no stage, but how all stages wait. A median is a hit, and "
        "delays of misses leave it alone."
    ),
    attempt=attempt,
    answer=answer,
    factors={"case": (*CASES, COSTS)},
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_261_119,
    limit_s=60.0,
    cost_s={"smoke": 50.0, "quick": 62.0, "full": 220.0},
    gates=Gates(cpu=1.0, io=1.0, switches=100_000.0),  # as in q16
    versions=versions,
)
