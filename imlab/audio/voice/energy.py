"""A voice is what rises over the floor: the oldest detector, and the cheapest.

The floor is the lowest power of the sound nearby, for even a fast talker pauses between words: minimum statistics
(R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE Trans.
Speech and Audio Processing 9(5), 2001), here over the whole band and, since a note is whole when it is judged, over
as much time after a moment as before it. The minimum lies under the mean of the noise; the margin covers that too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import PER_SECOND, Activity, steps
from imlab.errors import UsageError

SMOOTH = 3  # steps: 30 ms, shorter than any syllable
DIGITAL_SILENCE = -100.0  # dB of full scale, under the last bit of 16


@dataclass(frozen=True, slots=True)
class Energy:
    """A voice is ``margin_db`` over the floor within ``window_s`` seconds, and above ``quietest_db`` of full scale."""

    margin_db: float = 6.0
    window_s: float = 3.0
    quietest_db: float = -65.0

    def __post_init__(self) -> None:
        if self.margin_db <= 0 or self.window_s <= 0:
            raise UsageError(f"a margin and a window are positive, not {self.margin_db:g} dB and {self.window_s:g} s")

    def __call__(self, clip: Clip) -> Activity:
        """One flag per step."""
        level = levels(clip, SMOOTH)
        floor = _lowest(level, round(self.window_s * PER_SECOND))
        return Activity(level > np.maximum(floor + self.margin_db, self.quietest_db))


def levels(clip: Clip, smooth: int = 1) -> NDArray[np.float64]:
    """Power in each step, in dB of full scale, averaged over ``smooth`` steps around it; shape (steps,)."""
    count = steps(clip)
    edges = np.arange(count) * clip.rate // PER_SECOND
    square = np.square(clip.samples, dtype=np.float64)
    power = np.add.reduceat(square, edges) / np.diff(edges, append=len(square)) if count else np.zeros(0)
    if smooth > 1 and count:
        around = np.pad(power, (smooth // 2, (smooth - 1) // 2), mode="edge")
        power = np.convolve(around, np.full(smooth, 1 / smooth), mode="valid")
    return 10 * np.log10(np.maximum(power, 10 ** (DIGITAL_SILENCE / 10)))


def _lowest(level: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The minimum over the ``window`` steps around each step, fewer at the ends; shape (n,)."""
    half = window // 2
    lowest = np.pad(level, half, constant_values=np.inf)
    reach = 1
    while reach < 2 * half + 1:  # a minimum over 2k is one over k, and the same k further on
        step = min(reach, 2 * half + 1 - reach)
        lowest = np.minimum(lowest[:-step], lowest[step:])
        reach += step
    return lowest
