"""What the changes really earned, first in and last in, as another study measured it: all sixteen mixtures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.errors import DoorError, InvalidRun
from imlab.lab.attribution.shapley import first_in, last_in
from imlab.lab.record.reading import Run, latest
from imlab.studies.causal_delays.predicted import FIRST, LAST
from imlab.studies.causal_delays.slopes import Floats
from imlab.studies.who_earned_it.cells import CHANGES
from imlab.studies.who_earned_it.reading import shared

STUDY = "q16_who_earned_it"
MEASURES = {"mean_s": "mean", "p50_s": "p50"}  # a column here -> what that study calls it


@dataclass(frozen=True, eq=False)
class Earned:
    """ln of new over old by measure, factor and place, one per block; whence: where it was measured."""

    whence: str
    logs: dict[tuple[str, str, str], Floats]


def earned(run: Run) -> Earned | None:
    """By the run that stands for that study beside this one; None: there is none, or none that can be counted."""
    try:
        found = latest(run.path.parents[1], STUDY)
        rows = found.rows()
        shares = {value: shared(rows, measure) for value, measure in MEASURES.items()}
    except (DoorError, InvalidRun):
        return None
    logs = {
        (value, factor, when): np.asarray(way(one.logs)[:, place])
        for value, one in shares.items()
        if one
        for when, way in ((FIRST, first_in), (LAST, last_in))
        for place, factor in enumerate(CHANGES)
    }
    return Earned(found.label, logs) if logs else None
