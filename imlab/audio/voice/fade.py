"""Half a cosine at either end, so that no joint clicks."""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Samples


def faded(samples: Samples, length: int) -> Samples:
    """A copy that rises over ``length`` samples and falls over as many; over its halves where it is short."""
    length = min(length, len(samples) // 2)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(1, length))).astype(np.float32)
    soft = samples.copy()
    soft[:length] *= rise
    soft[len(soft) - length :] *= rise[::-1]
    return soft
