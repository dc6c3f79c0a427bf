"""How much of the way from the old architecture to the new did each change earn?"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from imlab.audio.speech.corpus import open_corpus
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.architectures.stage import stage
from imlab.studies.architectures.windows import closed_window, open_window
from imlab.studies.architectures.workload import USUAL
from imlab.studies.who_earned_it.cells import CHANGES, CLOSED, OPEN, PAUSE_S, RATE, USERS, architecture

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.who_earned_it.reading"  # pandas and matplotlib: not for a trial's process
OPEN_S = {"smoke": 0.5, "quick": 3.6, "full": 20.0}  # quick: 1,090 requests, enough for a p99 in every block
CLOSED_S = {"smoke": 0.5, "quick": 1.8, "full": 8.0}  # half of it until users and service have found each other
WARM_UP_S = {"smoke": 0.1, "quick": 0.2, "full": 2.0}  # the caches are warm when it begins: connections, code


def attempt(trial: Trial) -> Iterator[Row]:
    """One mixture: so many requests a second by the clock, and then the published loop's users."""
    built, scale = architecture(trial.settings), trial.scale
    with stage(trial, built, USUAL) as here:
        opened = open_window(here, RATE, OPEN_S[scale], WARM_UP_S[scale], scale == "smoke")
        yield {"loop": OPEN, **opened.row()}
        closed = closed_window(here, USERS, PAUSE_S, CLOSED_S[scale], CLOSED_S[scale] / 2, scale == "smoke")
        yield {"loop": CLOSED, **closed.row()}


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    names = ("waitress", "uvicorn", "uvloop", "httptools", "protobuf", "cachebox", "hiredis")
    return {name: version(name) for name in names} | {"kernel": platform.release(), "corpus": str(open_corpus())}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Every measure shared out among the four changes."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Waterfalls, by Shapley and in two orders."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """All cells, their treatments, interactions."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.who_earned_it.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q16_who_earned_it",
    question=__doc__ or "",
    expectation=(
        "At equal offered load, 60 % of what the old side carries, a median request is a hit on both sides, so the "
        "cache earns nothing of the p50 and nearly all of the mean and of the p99, in which misses stand. The p50 is "
        "CPU and waiting for it: connections, framing and asynchrony share it, with asynchrony (a compiled HTTP parser "
        "and no hand-over between threads) above a half. In the closed loop of 182 users threads run out, and there "
        "cache and asynchrony can each replace the other: their interaction is as large as they are."
    ),
    attempt=attempt,
    answer=answer,
    factors=CHANGES,
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_261_116,
    limit_s=90.0,
    cost_s={"smoke": 60.0, "quick": 115.0, "full": 520.0},
    gates=Gates(cpu=1.0, io=1.0, switches=100_000.0),  # as in q14: a server of many threads stalls by itself
    versions=versions,
)
