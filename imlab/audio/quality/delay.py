"""How long after the reference a clip is heard, and the clip moved back into its place.

A codec that keeps the wave shows its lag as a sharp peak of the cross-correlation, whatever band it has lost. One that
keeps only the sound of a voice (Codec2, a noisy AMR) does not: there the envelopes are correlated instead, which is
coarser. The lag is looked for within half a second and nowhere further: a period of the voice is no delay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.errors import UsageError

MOST = 0.5  # seconds that a lag may be, either way
SURE = 0.35  # correlation at which the waves themselves are believed
SMOOTH = 0.005  # seconds over which an envelope is smoothed


@dataclass(frozen=True, slots=True)
class Delay:
    """A lag in samples at ``rate`` Hz, positive where the clip comes late.

    by: "wave" or "envelope", whichever was believed, "nothing" where neither says anything; correlation: how much.
    """

    samples: int
    rate: int
    by: str
    correlation: float

    @property
    def ms(self) -> float:
        """The lag in milliseconds."""
        return 1000 * self.samples / self.rate


def find_delay(reference: Clip, heard: Clip) -> Delay:
    """The lag of ``heard`` after ``reference``, both at one rate, of any lengths."""
    if reference.rate != heard.rate:
        raise UsageError(f"a delay is found between clips of one rate, not {reference.rate} and {heard.rate} Hz")
    if not reference.samples.any() or not heard.samples.any():
        return Delay(0, reference.rate, "nothing", 0.0)
    most = round(MOST * reference.rate)
    true, seen = (np.asarray(clip.samples, np.float64) for clip in (reference, heard))
    lag, correlation = _peak(true - true.mean(), seen - seen.mean(), most)
    if correlation >= SURE:
        return Delay(lag, reference.rate, "wave", correlation)
    lag, correlation = _peak(_envelope(true, reference.rate), _envelope(seen, reference.rate), most)
    if correlation >= SURE:
        return Delay(lag, reference.rate, "envelope", correlation)
    return Delay(0, reference.rate, "nothing", correlation)


def put_in_place(reference: Clip, heard: Clip, delay: Delay) -> Clip:
    """What is heard, moved back by ``delay``, as long as the reference: what is missing is silence, and scored so."""
    length = len(reference.samples)
    placed = np.zeros(length, np.float32)
    begin = max(0, -delay.samples)
    part = heard.samples[max(0, delay.samples) :][: max(0, length - begin)]
    placed[begin : begin + len(part)] = part
    return Clip(placed, reference.rate)


def _peak(reference: NDArray[np.float64], heard: NDArray[np.float64], most: int) -> tuple[int, float]:
    """The lag with the largest correlation (of either sign: a codec may turn the wave over), and how large."""
    size = 1 << (len(reference) + len(heard) - 1).bit_length()
    crossed = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size)), size)
    early, late = min(most, len(reference) - 1), min(most, len(heard) - 1)
    around = np.abs(np.concatenate([crossed[size - early :], crossed[: late + 1]]))
    energy = float(np.sqrt((reference @ reference) * (heard @ heard)))
    best = int(around.argmax())
    return best - early, float(around[best]) / energy if energy else 0.0


def _envelope(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Loudness over time: the magnitude, smoothed, compressed by its square root, without its mean."""
    width = max(1, round(SMOOTH * rate))
    window = np.hanning(width + 2)[1:-1]
    smooth = np.sqrt(np.convolve(np.abs(samples), window / window.sum(), "same"))
    return np.asarray(smooth - smooth.mean())
