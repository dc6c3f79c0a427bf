"""Is the new architecture 80 % faster than the old, and does it carry 79 % more?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.eighty_percent.tried import capacities, loads, users
from imlab.studies.q16_who_earned_it import versions

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.eighty_percent.reading"  # pandas and matplotlib: not for a trial's process

PARTS: Mapping[str, Callable[[Trial], Iterator[Row]]] = {
    "equal load": loads,
    "capacity": capacities,
    "the published loop": users,
}


def attempt(trial: Trial) -> Iterator[Row]:
    """Both sides, one after the other in an order of this trial's own, each service a fresh process."""
    yield from PARTS[trial.settings["part"]](trial)


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Both sides at each load and in the published loop."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """The fall at each load, the load curves, the published loop."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Capacities, hit ratios, the audit."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.eighty_percent.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q15_eighty_percent",
    question=__doc__ or "",
    expectation=(
        "Not at equal load. With objects 100 to 200 ms away the mean is misses: 37 % of them against 9 % make it fall "
        "by some 70 % at low load, whatever else is new, and by more where the old side's threads run out; only a load "
        "that is chosen to be there falls by 80 %. The closed loop of 182 users is such a load: 32 threads cannot hold "
        "it, so its mean falls by about 80 % and its rate rises by as much as Little's law says. Capacity is another "
        "matter: near objects leave only CPU, and the new side carries two to three times as much."
    ),
    attempt=attempt,
    answer=answer,
    factors={"part": tuple(PARTS)},
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_261_115,
    limit_s=400.0,
    cost_s={"smoke": 30.0, "quick": 190.0, "full": 640.0},
    gates=Gates(cpu=1.0, io=1.0, switches=100_000.0),  # as in q14: a server of many threads stalls by itself
    versions=versions,
)
