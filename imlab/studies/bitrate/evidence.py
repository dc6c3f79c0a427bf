"""What bits and quality, clip by clip, say of the published claims C7, C10 and C11."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.claims.claim import Evidence, changed, measured
from imlab.lab.record.reading import Run
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import Interval
from imlab.studies.bitrate.clips import FEWEST, ORIGINAL, TELEPHONE, USUAL, Clips


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """Claim -> evidence; a comparison whose settings this run has not is left out."""
    rows = run.rows()
    wide, narrow = Clips.of(rows), _narrow(rows)
    usual, light = wide.find("Opus", 12_000, **USUAL), wide.find("Opus", 12_000, **(USUAL | {"complexity": 3.0}))
    amr = [*_gain("AMR, wide band", wide, usual, wide.find("AMR-NB", 12_200))]
    if narrow:
        amr += _gain("AMR, narrow band", narrow, narrow.find("Opus at 8 kHz", 12_000), narrow.find("AMR-NB", 12_200))
    bits, heard = _ratio("PCM, bits", wide, "kbps", usual, ORIGINAL), _gain("PCM, heard", wide, usual, TELEPHONE)
    return {
        "C7": [*amr, *bits, *heard],
        "C10": [*_mean("measured", wide, "kbps", ORIGINAL)],
        "C11": [
            *_gain("usable by ear", wide, usual, TELEPHONE),
            *_gain("complexity 3, heard", wide, light, usual),
            *_ratio("complexity 3, CPU", wide, "encode_cpu", light, usual),
        ],
    }


def _narrow(rows: pd.DataFrame) -> Clips | None:
    """The narrow panel, where a run has it."""
    try:
        return Clips.of(rows, "narrow")
    except InvalidRun:
        return None


def _columns(clips: Clips, column: str, *settings: str | None) -> np.ndarray:
    """Clip by setting, clips that have them all; no row where a setting is not there."""
    values = clips.values(column)
    if any(setting not in values for setting in settings):
        return np.empty((0, len(settings)))
    return values[list(settings)].dropna().to_numpy(np.float64)


def _mean(endpoint: str, clips: Clips, column: str, setting: str) -> Iterator[Evidence]:
    """A setting's own number."""
    one = _columns(clips, column, setting)
    if len(one):
        yield _mannered(measured(endpoint, one[:, 0]))


def _gain(endpoint: str, clips: Clips, new: str | None, old: str | None) -> Iterator[Evidence]:
    """How much more ViSQOL gives to one setting than to another."""
    both = _columns(clips, "visqol", new, old)
    if len(both):
        yield _mannered(measured(endpoint, both[:, 0] - both[:, 1]))


def _ratio(endpoint: str, clips: Clips, column: str, new: str | None, old: str | None) -> Iterator[Evidence]:
    """A relative change of something that costs, in percent."""
    both = _columns(clips, column, new, old)
    if len(both):
        yield _mannered(changed(endpoint, paired(both[:, 1], both[:, 0])))


def _mannered(found: Evidence) -> Evidence:
    """Without its interval where the clips are too few for one: fewer than ten, not fewer than six."""
    seen = found.effect
    if seen.n >= FEWEST:
        return found
    return replace(found, effect=Interval(seen.estimate, math.nan, math.nan, seen.n, f"n={seen.n} clips: no interval"))
