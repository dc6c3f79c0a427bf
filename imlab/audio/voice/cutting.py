"""Pauses cut out of a note: fewer bytes, and less of the listener's time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import PER_SECOND, Activity, steps
from imlab.audio.voice.fade import faded
from imlab.errors import UsageError

FADE_S = 0.005  # at each joint, so that none of them clicks


@dataclass(frozen=True, slots=True)
class Cut:
    """Keep speech, ``before_s`` seconds ahead of it and ``after_s`` behind: the hangover.

    0.2 s is where a gap in speech becomes a pause (ITU-T P.59); the time ahead hides a beginning that was heard late.
    """

    before_s: float = 0.06
    after_s: float = 0.2

    def __post_init__(self) -> None:
        if min(self.before_s, self.after_s) < 0:
            raise UsageError(f"a hangover is 0 s or longer, not {self.before_s:g} and {self.after_s:g} s")

    def keeps(self, heard: Activity) -> Activity:
        """The steps that stay."""
        return heard.widened(round(self.before_s * PER_SECOND), round(self.after_s * PER_SECOND))

    def __call__(self, clip: Clip, heard: Activity) -> Clip:
        """The clip without its pauses; empty when nobody was heard."""
        if len(heard.speech) != steps(clip):
            raise UsageError(f"{len(heard.speech)} steps do not tell of a clip of {steps(clip)}")
        edges = [(_at(start, clip), _at(stop, clip)) for start, stop in self.keeps(heard).spans]
        parts = [faded(clip.samples[start:stop], round(FADE_S * clip.rate)) for start, stop in edges]
        return Clip(np.concatenate(parts) if parts else np.zeros(0, np.float32), clip.rate)


def _at(step: int, clip: Clip) -> int:
    """The sample at which a step begins."""
    return min(len(clip.samples), step * clip.rate // PER_SECOND)
