"""Does this laboratory, on this machine, find what is known to be there?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from imlab.errors import InvalidRun
from imlab.lab.known.client import connect
from imlab.lab.known.server import start
from imlab.lab.known.systems import System, truth
from imlab.lab.load.openloop import Load, offer
from imlab.lab.load.schedule import Poisson, Times, Uniform
from imlab.lab.load.validity import Validity
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.known_answers.cases import CASES, EXPECTED, Ladder

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.known_answers.reading"  # pandas and matplotlib: not for a trial's process

WARM_UP_S = 0.2
WINDOW_S = {"smoke": 1.0, "quick": 1.0, "full": 5.0}  # with the warm-up
ON_A_RUNG = {"smoke": 200, "quick": 1_200, "full": 5_000}  # requests at each rate of the ladder: 1,000 allow a p99
CONNECTIONS = 4  # whose answers share the generator's core


def attempt(trial: Trial) -> Iterator[Row]:
    """A fresh server with a known truth, asked by the open loop."""
    case = trial.settings["case"]
    with start(case.system, trial.seed, trial.cores) as server:
        if isinstance(case, Ladder):
            yield from _climb(trial, case, server.port)
        else:
            arrivals = Poisson(case.rate, WINDOW_S[trial.scale]).draw(trial.rng())
            yield from _compared(trial, case.system, asyncio.run(_asked(server.port, arrivals)))


async def _asked(port: int, arrivals: Times) -> Load:
    async with connect(port, CONNECTIONS) as ask:
        return await offer(arrivals, ask, receivers=CONNECTIONS)


def _compared(trial: Trial, system: System, load: Load) -> Iterator[Row]:
    """Each request beside what it had to be, given when it was really sent; microseconds."""
    reasons = Validity().reasons(load, WARM_UP_S)
    if reasons and trial.scale != "smoke":
        raise InvalidRun("; ".join(reasons))
    known = truth(system, load.sent, trial.seed) - load.intended
    for index, at in enumerate(load.intended):
        yield {
            "warm_up": bool(at < WARM_UP_S),
            "at_s": round(at, 4),
            "latency_us": _us(load.latency[index]),
            "truth_us": _us(known[index]),
            "lag_us": _us(load.lag[index]),
        }


def _climb(trial: Trial, ladder: Ladder, port: int) -> Iterator[Row]:
    """How late the generator itself is, rate by rate; a rate that it could not offer says so."""
    for rate in ladder.rates:
        load = asyncio.run(_asked(port, Uniform(rate, ON_A_RUNG[trial.scale] / rate).draw(trial.rng())))
        yield {
            "warm_up": False,
            "rate": rate,
            "lag_p50_us": _us(np.quantile(load.lag, 0.5)),
            "lag_p99_us": _us(np.quantile(load.lag, 0.99)),
            "busy": round(load.busy, 3),
            "limit": "; ".join(Validity().reasons(load)),
        }


def _us(seconds: float) -> int | None:
    """Whole microseconds; nothing for a request that failed."""
    return None if np.isnan(seconds) else round(seconds * 1e6)


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Each thing that is known, what was found, and whether that is right."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """The controls, the queues and the pauses beside their truth, and the generator's own lateness."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> Mapping[str, pd.DataFrame]:
    """The canaries around the blocks, the noise floor and what follows from it, and the ladder."""
    told: Mapping[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """How many of the known answers were found, and the generator's lateness."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q00_can_you_trust_this_machine",
    question=__doc__ or "",
    expectation=EXPECTED,
    attempt=attempt,
    answer=answer,
    factors={"case": CASES},
    blocks={"smoke": 1, "quick": 7, "full": 12},  # quick: one may be rejected, and six are left for an interval
    seed=20_260_400,
    warm_up_s=WARM_UP_S,
    margin=0.01,
    limit_s=60.0,
    cost_s={"smoke": 13.0, "quick": 12.5, "full": 42.0},
    gates=Gates(cpu=0.35),  # a trial of a second and a half is mostly its own start, and that is not a neighbour
)
