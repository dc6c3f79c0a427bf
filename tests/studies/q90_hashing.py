"""Does hashing ten times the bytes take longer?"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Trial
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.ecdf import ecdf
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.effect import paired

HASHES = 200
OPEN = Gates(1.0, 1.0, 1.0, 1.0, 1e9)  # a test's machine may be as busy as it likes
SHUT = Gates(1.0, 1.0, 1.0, 1.0, -1.0)  # no machine is that quiet, and nothing else is judged


def attempt(trial: Trial) -> Iterator[Mapping[str, Any]]:
    """Two hundred timed hashes. A file named by IMLAB_TEST_TRIALS counts trials; one named by IMLAB_TEST_REFUSE
    makes them all invalid.
    """
    if counter := os.environ.get("IMLAB_TEST_TRIALS"):
        with Path(counter).open("a") as file:
            file.write(f"{trial.name}\n")
    if os.environ.get("IMLAB_TEST_REFUSE"):
        raise InvalidRun("the generator was late")
    body = trial.rng().bytes(int(trial.settings["kilobytes"]) * 1000)
    for _ in range(HASHES):
        begin = time.perf_counter()
        hashlib.sha256(body).digest()
        yield {"hash_s": time.perf_counter() - begin}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Median time per hash."""
    table = rows.groupby("kilobytes", sort=False)["hash_s"].median() * 1e6
    return table.rename("median_us").reset_index()


def figures(run: Run) -> dict[str, Plot]:
    """The distributions, then the medians."""
    groups = trusted(run.rows()).groupby("kilobytes", sort=False)["hash_s"]
    medians = {f"{name} kB": {"hash": float(median)} for name, median in groups.median().items()}
    return {
        "distribution": ecdf(
            {f"{name} kB": values for name, values in groups},
            EXPERIMENT.question,
            "time of one hash",
            "us",
            1e6,
            imprint(run),
        ),
        "medians": stage_bars(
            medians, "One hash, by size of body", "medians over all hashes", "us", 1e6, imprint=imprint(run)
        ),
    }


def conclusion(run: Run) -> str:
    """By how much more."""
    blocks = by_block(trusted(run.rows()), "hash_s", "kilobytes")
    return f"Hashing 100 kB rather than 10 kB changes the time by {paired(blocks[10], blocks[100]).text()}."


EXPERIMENT = Experiment(
    name="q90_hashing",
    question=__doc__ or "",
    expectation="About ten times longer: sha256 reads every byte.",
    attempt=attempt,
    factors={"kilobytes": (10, 100)},
    answer=answer,
    blocks={"smoke": 1, "quick": 1, "full": 2},
    cost_s=2.0,
    limit_s=30.0,
    gates=SHUT if os.environ.get("IMLAB_TEST_GATES") == "shut" else OPEN,
    versions=lambda: {"hashlib": "sha256 of OpenSSL"},
)
