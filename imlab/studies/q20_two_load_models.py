"""What do a closed and an open loop say about the same server?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from imlab.errors import InvalidRun
from imlab.lab.load.openloop import Load
from imlab.lab.load.validity import Validity
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.two_load_models.scenes import NEW, OLD, STALL
from imlab.studies.two_load_models.windows import CLOSED, OPEN, Window, offered

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.two_load_models.reading"  # pandas and matplotlib: not for a trial's process

STALL_S = {"smoke": 1.5, "quick": 2.6, "full": 8.0}  # quick: a p95 in every window, full: a p99
TABLE_S = {"smoke": 1.0, "quick": 1.4, "full": 6.0}


def attempt(trial: Trial) -> Iterator[Row]:
    """One window; of the stall every request is kept, of the table's rows the rate and the mean."""
    scene, stalls = trial.settings["scene"], trial.settings["scene"] == STALL
    window = Window((STALL_S if stalls else TABLE_S)[trial.scale], scene.warm_up_s)
    load = offered(scene, trial.settings["loop"], window, trial.rng(), trial.cores)
    if (reasons := Validity().reasons(load, window.warm_up_s)) and trial.scale != "smoke":
        raise InvalidRun("; ".join(reasons))
    judged = {"rate_per_s": window.rate(load), "mean_s": window.mean_s(load), "busy": load.busy}
    yield {"what": "window", "window_s": window.seconds} | judged
    if stalls:
        yield from _requests(load)


def _requests(load: Load) -> Iterator[Row]:
    """To a microsecond; a request that failed has no latency."""
    for intended, latency, lag in zip(load.intended.round(6), load.latency.round(6), load.lag.round(6), strict=True):
        yield {"what": "request", "intended_s": intended, "latency_s": latency, "lag_s": lag}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """What each loop saw of the stall, percentile by percentile, beside what algebra expects."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """The stall as it went, its percentiles, and the table re-enacted."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The table re-enacted, what algebra says of it, and the loads."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q20_two_load_models",
    question=__doc__ or "",
    expectation=(
        "Of one stall of 1 s, 200 requests/s by the clock show all of it: two hundred requests wait, and the last "
        "percentiles are near 1 s. Four users at the same rate show four slow requests, and their p95 is that of a "
        "server that never stalled. The published table needs no capacity: in a closed loop of 182 users the rate goes "
        "from 480 to 860 requests/s by itself, +79 %, when the response goes from 210 to 42 ms; in an open loop at "
        "480 requests/s the response falls as much, and the rate does not change."
    ),
    attempt=attempt,
    answer=answer,
    factors={"scene": (STALL, OLD, NEW), "loop": (OPEN, CLOSED)},
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_260_120,
    limit_s=60.0,
    cost_s={"smoke": 11.5, "quick": 14.5, "full": 43.0},
    gates=Gates(cpu=0.35),  # a trial of two seconds is in good part its own start, and that is not a neighbour
)
