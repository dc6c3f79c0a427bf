"""What a block does: both sides, one after the other, in an order of the trial's own, each a fresh process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from imlab.lab.load.capacity import Capacity
from imlab.lab.load.objective import Objective
from imlab.lab.plan.design import Row, Trial
from imlab.stack.service.first_byte import FirstByte
from imlab.studies.architectures.stage import stage
from imlab.studies.architectures.windows import capacity, closed_window, open_window
from imlab.studies.architectures.workload import LONGER
from imlab.studies.eighty_percent.cases import (
    FAR,
    LOADS,
    LOOPS,
    NEAR,
    PAUSE_S,
    SCALES,
    SIDES,
    USERS,
    WARM_UP_S,
    WITH_FAR,
    search,
)


def loads(trial: Trial) -> Iterator[Row]:
    """The old side's capacity, objects far; then both sides at shares of it."""
    objective = SCALES[trial.scale].objective if trial.scale == "smoke" else WITH_FAR
    found = _sought(trial, "old", FAR, objective)
    yield from _told(found, "old", "far", objective)
    for load in LOADS:
        rate = found.rate * load / 100
        for side in _sides(trial, load):
            with stage(trial, SIDES[side], LONGER) as here:
                seen = open_window(here, rate, SCALES[trial.scale].seconds(rate), WARM_UP_S, trial.scale == "smoke")
            yield {"what": "open", "side": side, "load": load, "offered_per_s": rate, **seen.row()}


def capacities(trial: Trial) -> Iterator[Row]:
    """Both sides' capacity, objects near."""
    for side in _sides(trial, 0):
        objective = SCALES[trial.scale].objective
        yield from _told(_sought(trial, side, NEAR, objective), side, "near", objective)


def users(trial: Trial) -> Iterator[Row]:
    """The closed loop that fits the published table: its users, before the usual stage and before the article's."""
    scale = SCALES[trial.scale]
    for part, (name, loop) in enumerate(LOOPS.items(), start=1):
        for side in _sides(trial, part):
            with stage(trial, loop.sides[side], LONGER, loop.first_byte) as here:
                seen = closed_window(here, USERS, PAUSE_S, scale.loop_s, scale.loop_s / 3, trial.scale == "smoke")
            yield {"what": "closed", "loop": name, "side": side, **seen.row()}


def _sought(trial: Trial, side: str, first_byte: FirstByte, objective: Objective) -> Capacity:
    stages = partial(stage, trial, SIDES[side], LONGER, first_byte)
    return capacity(stages, search(trial.scale, objective), trial.seed)


def _told(found: Capacity, side: str, store: str, objective: Objective) -> Iterator[Row]:
    for row in found.rows():
        yield {**row, "side": side, "store": store, "objective_s": objective.seconds}


def _sides(trial: Trial, part: int) -> list[str]:
    """In this block's order."""
    rng = np.random.default_rng((trial.cell_seed, part))
    return [list(SIDES)[place] for place in rng.permutation(len(SIDES)).tolist()]
