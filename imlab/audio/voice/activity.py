"""When a voice is heard: one answer per 10 ms, whatever the detector, the rate and the window it listens through.

A detector is a frozen value that is called with a clip. Each call is a stream of its own: nothing that one clip left
behind is heard in the next. A clip is taken as a whole, as a note is when its recording has ended, so a detector may
look ahead inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.errors import UsageError

PER_SECOND = 100  # steps: the grid of 10 ms that WebRTC's detector has, and every other is laid on

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Whether somebody speaks. speech: shape (n,), one flag per 10 ms of the clip, the last step perhaps shorter."""

    speech: Flags

    def __post_init__(self) -> None:
        if self.speech.ndim != 1 or self.speech.dtype != np.bool_:
            raise UsageError(f"activity is one flag per step, not {self.speech.dtype} of shape {self.speech.shape}")

    @property
    def share(self) -> float:
        """The part of the steps in which somebody speaks, 0..1; 0 for a clip without sound."""
        return float(self.speech.mean()) if len(self.speech) else 0.0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where speech begins and where it has ended, in steps."""
        edges = np.flatnonzero(np.diff(self.speech, prepend=False, append=False))
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def widened(self, before: int, after: int) -> Activity:
        """Every span begins ``before`` steps earlier and ends ``after`` steps later."""
        wide = np.zeros_like(self.speech)
        for start, stop in self.spans:
            wide[max(0, start - before) : stop + after] = True
        return Activity(wide)


class Detector(Protocol):
    """Settings that decide where a voice is heard; the repr is the label in the results."""

    def __call__(self, clip: Clip) -> Activity:
        """One flag for each of the clip's ``steps``; DoorError when the library that decides is missing."""
        ...


def steps(clip: Clip) -> int:
    """How many steps a clip has; one that is begun counts."""
    return -(-len(clip.samples) * PER_SECOND // clip.rate)


def spread(flags: Sequence[bool] | Flags, window: int, rate: int, count: int) -> Activity:
    """Decisions on windows of ``window`` samples at ``rate`` Hz, laid on the grid.

    A step takes the answer of the window that holds its middle.
    """
    middles = (2 * np.arange(count) + 1) * rate // (2 * PER_SECOND * window)
    answers = np.asarray(flags, np.bool_)
    return Activity(answers[np.minimum(middles, len(answers) - 1)] if len(answers) else np.zeros(count, np.bool_))
