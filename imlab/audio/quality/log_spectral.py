"""Log-spectral distance, dB (Rabiner and Juang, 1993, 4.5): how far the short-time spectra are apart.

    LSD = mean over frames of sqrt( mean over bins of (20 log10 |R| - 20 log10 |H|)^2 )

Frames of 32 ms under a periodic Hann window, 8 ms apart, bins from 0 Hz to half the rate. Magnitudes are floored at
60 dB under the reference's largest, so that a difference which nobody hears, deep in a pause, weighs nothing. It sees
gain: a louder copy, by x dB, is x dB away, as far as the floor lets it be seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip, Samples
from imlab.audio.quality.metric import Metric

FRAME, HOP = 0.032, 0.008  # seconds
FLOOR = 60.0  # dB under the largest magnitude of the reference


def _measure(reference: Clip, heard: Clip) -> float:
    sides = [_magnitudes(clip.samples, reference.rate) for clip in (reference, heard)]
    floor = sides[0].max() * 10 ** (-FLOOR / 20)
    true, seen = (20 * np.log10(np.maximum(side, floor)) for side in sides)
    return float(np.sqrt(((true - seen) ** 2).mean(axis=1)).mean())


def _magnitudes(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Short-time spectra, shape (frames, bins)."""
    size, hop = round(FRAME * rate), round(HOP * rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[::hop]
    return np.abs(np.fft.rfft(frames * window))


LSD = Metric(
    "lsd",
    "dB",
    0.0,
    FLOOR * 2,
    ceiling=0.0,
    rising=False,
    measure=_measure,
    shortest=FRAME,
    mode="1, frame 32 ms, hop 8 ms, floor 60 dB",
)
