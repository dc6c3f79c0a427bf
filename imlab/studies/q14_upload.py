"""Where do the time and the CPU of an upload go, ours and the peers'?"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from imlab.audio.speech.corpus import open_corpus
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.upload.cases import CASES

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.upload.reading"  # pandas and matplotlib: not for a trial's process


def attempt(trial: Trial) -> Iterator[Row]:
    """One server does one work; what it took, and what the server spent."""
    yield from CASES[trial.settings["case"]].run(trial)


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    names = ("uvicorn", "uvloop", "httptools", "starlette")
    return {name: version(name) for name in names} | {"kernel": platform.release(), "corpus": str(open_corpus())}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Every case: CPU per request, rate, how long a request took."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """What a note costs, step by step, beside the peers; long recordings; downloads."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Ours over each peer, within the blocks."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What it says of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module("imlab.studies.upload.evidence").evidence(run)
    return told


EXPERIMENT = Experiment(
    name="q14_upload",
    question=__doc__ or "",
    expectation=(
        "A note of 20 kB by PUT, its structure checked and itself made durable in groups, costs us no more CPU than "
        "the article's Go handler, which checks nothing and syncs nothing: 111 us. Half of ours is HTTP: uvicorn on "
        "uvloop. A form costs twice a PUT, in Go as here. Decoding costs more than all the rest together. Alone on the "
        "server, a note waits for the disk: nine tenths of its time are the sync. 100 MB in pieces of 1 MB cost at "
        "most twice nginx's CPU, a note of 20 kB out of memory at most 2.5 times nginx's. A connection for each "
        "request costs the client three times a kept one, with TLS eight times."
    ),
    attempt=attempt,
    answer=answer,
    factors={"case": tuple(CASES)},
    blocks={"smoke": 1, "quick": 6, "full": 12},
    seed=20_261_124,
    limit_s=120.0,
    cost_s={"smoke": 36.0, "quick": 45.0, "full": 55.0},
    # A server of several threads has one core and the disk: its own stalls and switches are no neighbour's.
    gates=Gates(cpu=1.0, io=1.0, switches=100_000.0),
    versions=versions,
)
