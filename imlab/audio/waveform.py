"""The little picture of a note that is drawn before the note is loaded.

The forms in use: Matrix MSC3246 30-120 points, Telegram 100 points of 5 bit, WhatsApp 64 points of 7 bit. Ours is
one byte a point, and its scale is absolute: 0 is -60 dB of full scale or less, 255 is a full-scale square wave.
Decibels, because that is how loudness is heard; absolute, so that a whisper looks like one.
"""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Samples
from imlab.errors import UsageError

POINTS = 64  # WhatsApp's number; a phone's screen has room for about as many bars
FLOOR_DB = -60.0  # the noise of a quiet room through a phone's microphone


def thumbnail(samples: Samples, points: int = POINTS) -> bytes:
    """Loudness (root mean square) of equal stretches. samples: float32, shape (n,); out: ``points`` bytes."""
    if points < 1:
        raise UsageError(f"a thumbnail has one point or more, not {points}")
    if len(samples) == 0:
        return bytes(points)
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    edges = np.arange(points + 1, dtype=np.int64) * len(samples) // points
    starts, ends = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
    power = (energy[ends] - energy[starts]) / (ends - starts)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    return np.clip(np.rint(255 * (1 - level / FLOOR_DB)), 0, 255).astype(np.uint8).tobytes()
