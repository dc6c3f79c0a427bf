"""What a cell's rows leave in doubt: several hills, where a median may lie in a valley, and drift within the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imlab.desk.measuring.comparing import Change, Comparison
from imlab.errors import UsageError
from imlab.lab.statistics.modes import Modes, modes
from imlab.lab.statistics.steady import halves, steady

Floats = NDArray[np.float64]

FEWEST_ROWS = 20  # per block: fewer have no shape


def doubted(found: Comparison) -> Comparison:
    """The comparison with what the rows of each median leave in doubt."""
    told = [replace(one, notes=_notes(found, one)) if one.percentile == "p50" else one for one in found.changes]
    return replace(found, changes=tuple(told))


def _notes(found: Comparison, change: Change) -> tuple[str, ...]:
    """Each doubt once, with the runs that it is about."""
    told: dict[str, list[str]] = {}
    for name, side in zip(("old", "new"), found.sides, strict=True):
        for doubt in doubts(side.samples(change.cell, change.measure), side.moments(change.cell)):
            told.setdefault(doubt, []).append(name)
    return tuple(f"{' and '.join(names)}: {doubt}" for doubt, names in told.items())


def doubts(samples: Mapping[int, Floats], moments: Mapping[int, Floats]) -> Iterator[str]:
    """In words; nothing where the rows are too few to tell, or all is well. Samples and moments by block.

    Of several hills no drift is told: the median of a half jumps from hill to hill by chance.
    """
    found = hills(samples)
    if found is not None and found.several:
        yield "more than one hill: --by COLUMN may tell them apart"
    elif drift := drifting(samples, moments):
        yield drift


def hills(samples: Mapping[int, Floats]) -> Modes | None:
    """Of all blocks together, as logarithms, each block's around its own median: the mood of a block is no hill."""
    logs = [np.log(values[values > 0]) for values in samples.values() if (values > 0).sum() >= FEWEST_ROWS]
    if not logs:
        return None
    try:
        return modes(np.concatenate([own - np.median(own) for own in logs]))
    except UsageError:  # a clock's ticks have no shape
        return None


def drifting(samples: Mapping[int, Floats], moments: Mapping[int, Floats]) -> str:
    """Whether the second half of the windows is not like the first; empty where it is, or rows do not tell when."""
    whole = [
        (moments[block], values)
        for block, values in samples.items()
        if block in moments and len(values) == len(moments[block]) >= FEWEST_ROWS
    ]
    if not whole:
        return ""
    try:
        first, second = zip(*(halves(at, values) for at, values in whole), strict=True)
        found = steady(first, second)
    except UsageError:  # an empty half, or values that are not positive
        return ""
    return found.text() if found.state == "drifting" else ""
