"""A sound without what lies above a frequency: the anchor of listening tests. Loads scipy: not for the hot path."""

from __future__ import annotations

import numpy as np
from scipy.signal import firwin, oaconvolve

from imlab.audio.clip import Clip
from imlab.errors import UsageError

TAPS = 401  # at 16 kHz: 25 ms, a slope of 0.2 kHz


def low_pass(clip: Clip, cutoff: float) -> Clip:
    """The clip up to ``cutoff`` Hz (-6 dB there, -60 dB 0.2 kHz above at 16 kHz), in its own place and length.

    A linear-phase FIR by the window method (Kaiser, 60 dB), whose delay is taken back.
    """
    if not 0 < cutoff < clip.rate / 2:
        raise UsageError(f"a cutoff lies between 0 and {clip.rate / 2:g} Hz, not at {cutoff:g}")
    taps = firwin(TAPS, cutoff, window=("kaiser", 5.65), fs=clip.rate)
    padded = np.pad(clip.samples.astype(np.float64), TAPS // 2)
    return Clip(oaconvolve(padded, taps, mode="valid").astype(np.float32), clip.rate)
