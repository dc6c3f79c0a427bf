"""How right a detector was: the steps it got wrong, of either kind, and how much of each beginning it lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.audio.voice.activity import PER_SECOND, Activity
from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Score:
    """Shares, 0..1: accuracy of all steps, missed of the speech, false_alarm of the pauses; NaN where there are none.

    onset_lost_ms: of each stretch of speech, from its beginning until it was first heard, the mean over stretches:
    what a listener misses as the first sound of a word.
    """

    accuracy: float
    missed: float
    false_alarm: float
    onset_lost_ms: float


def score(heard: Activity, truth: Activity) -> Score:
    """Held against the truth, step by step; both of one clip."""
    if heard.speech.shape != truth.speech.shape:
        raise UsageError(f"{len(heard.speech)} steps cannot be held against {len(truth.speech)}")
    return Score(
        accuracy=_share(heard.speech == truth.speech),
        missed=_share(~heard.speech[truth.speech]),
        false_alarm=_share(heard.speech[~truth.speech]),
        onset_lost_ms=_mean([lost(heard, *span) for span in truth.spans]) * 1000 / PER_SECOND,
    )


def lost(heard: Activity, start: int, stop: int) -> int:
    """Steps from the beginning of a stretch of speech until it is heard; all of them when it never is."""
    found = heard.speech[start:stop]
    return int(np.argmax(found)) if found.any() else stop - start


def _share(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _mean(values: list[int]) -> float:
    return float(np.mean(values)) if values else float("nan")
