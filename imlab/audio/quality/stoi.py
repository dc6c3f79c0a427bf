"""How much of the words comes through: STOI (Taal et al., 2011) and ESTOI (Jensen and Taal, 2016), by pystoi.

Both resample to 10 kHz, drop the frames in which the reference is 40 dB under its loudest, and correlate the envelopes
of 15 third-octave bands (150 Hz to 4.3 kHz) over 384 ms. They say little above that: sound of the upper band is not
heard by them, which is why an 8 kHz ceiling stands at nearly 1. pystoi's ESTOI adds a dither of one machine epsilon
from numpy's global generator; where a band is silent, that dither is all there is. It is drawn from one seed here, so
that the same pair has the same score in every process, and the global generator is left as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.quality.metric import Metric, NoScore

SHORTEST = 0.397  # seconds: 30 frames of 25.6 ms, half over half


def _measure(extended: bool, reference: Clip, heard: Clip) -> float:
    from pystoi import stoi

    sides = (np.asarray(clip.samples, np.float64) for clip in (reference, heard))
    with warnings.catch_warnings(), _one_dither():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(stoi(*sides, reference.rate, extended=extended))
        except RuntimeWarning as warning:
            raise NoScore("STOI needs 384 ms in which the reference is not silent") from warning


@contextmanager
def _one_dither() -> Iterator[None]:
    """Numpy's global generator at a known place, and back."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)


STOI = Metric(
    "stoi",
    "",
    -1.0,
    1.0,
    ceiling=1.0,
    rising=True,
    measure=partial(_measure, False),
    shortest=SHORTEST,
    package="pystoi",
    mode="stoi",
    install="pip install pystoi",
)

ESTOI = Metric(
    "estoi",
    "",
    -1.0,
    1.0,
    ceiling=1.0,
    rising=True,
    measure=partial(_measure, True),
    shortest=SHORTEST,
    package="pystoi",
    mode="estoi, seed 0",
    install="pip install pystoi",
)
