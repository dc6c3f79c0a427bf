"""How loud a clip is (ITU-R BS.1770-4, LUFS), and clips made equally loud. Loads scipy: not for the hot path."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm

from imlab.audio.clip import Clip
from imlab.errors import UsageError

BLOCK = 0.4  # seconds; the gating block of BS.1770
SPEECH = -23.0  # LUFS; EBU R 128
CEILING = -1.0  # dB of full scale; room for what a codec adds to a peak


def loudness(clip: Clip) -> float:
    """Integrated loudness in LUFS; minus infinity for silence.

    A clip shorter than one gating block of 0.4 s has no loudness by the standard: it is taken as one block.
    """
    if not clip.samples.any():
        return -math.inf
    meter = pyloudnorm.Meter(clip.rate, block_size=min(BLOCK, clip.seconds))
    return float(meter.integrated_loudness(clip.samples.astype(np.float64)))


def normalise(clip: Clip, lufs: float = SPEECH, ceiling: float = CEILING) -> Clip:
    """The clip at ``lufs``, or as near below it as keeps every sample within ``ceiling`` dB of full scale.

    One gain for the whole clip, so nothing is ever clipped; silence, and what lies under the standard's gate of
    -70 LUFS, has no loudness to bring anywhere and comes back as it is.
    """
    if ceiling > 0:
        raise UsageError(f"a ceiling of {ceiling:g} dB is above full scale")
    seen = loudness(clip)
    if seen == -math.inf:
        return clip
    wanted = 10 ** ((lufs - seen) / 20)
    allowed = 10 ** (ceiling / 20) / float(np.abs(clip.samples).max())
    return Clip(clip.samples * np.float32(min(wanted, allowed)), clip.rate)
