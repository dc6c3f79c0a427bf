"""How long after the reference a clip is heard, and the clip moved back into its place.

Both are looked at between 300 and 3400 Hz, which every codec carries: below, the filters in front of AMR and Opus turn
the phase (by 1.3 ms at 80 Hz); above, narrow band has nothing to say. A codec that keeps the wave shows its lag as a
sharp peak of the cross-correlation, sharper where the spectra are half whitened (GCC with the square root of PHAT's
weight; Knapp and Carter, 1976), and exact to the sample. A vocoder keeps the sound of a voice and not its wave: there
the envelopes of eight bands are correlated instead, good to a few milliseconds. Nothing is looked for beyond half a
second.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.errors import UsageError

MOST = 0.5  # seconds that a lag may be, either way
BAND = (300.0, 3_400.0)  # Hz
BANDS = 8
SMOOTH = 0.008  # seconds over which an envelope is smoothed: about a period of a voice
WAVE = 0.3  # correlation at which the wave is believed: Opus at 6 kbit/s has 0.47, Codec2 at most 0.21
ENVELOPE = 0.4  # and the envelopes: Codec2 at 700 bit/s has 0.82

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Delay:
    """A lag in samples at ``rate`` Hz, positive where the clip comes late.

    by: "wave" or "envelope", whichever was believed, "nothing" where neither was; correlation: how much, 0..1.
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
    rate, lengths = reference.rate, (len(reference.samples), len(heard.samples))
    if not all(lengths):
        return Delay(0, rate, "nothing", 0.0)
    size = 1 << (sum(lengths) - 1).bit_length()
    frequency = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    true, seen = (np.fft.rfft(clip.samples.astype(np.float64), size) for clip in (reference, heard))
    reach = (min(round(MOST * rate), lengths[0] - 1), min(round(MOST * rate), lengths[1] - 1))
    lag, wave = _by_wave(true, seen, (frequency >= BAND[0]) & (frequency <= BAND[1]), reach)
    if wave >= WAVE:
        return Delay(lag, rate, "wave", wave)
    lag, envelope = _by_envelope(true, seen, frequency, lengths, rate, reach)
    if envelope >= ENVELOPE:
        return Delay(lag, rate, "envelope", envelope)
    return Delay(0, rate, "nothing", max(wave, envelope))


def put_in_place(reference: Clip, heard: Clip, delay: Delay) -> Clip:
    """What is heard, moved back by ``delay``, as long as the reference: what is missing is silence, and scored so."""
    length = len(reference.samples)
    placed = np.zeros(length, np.float32)
    begin = max(0, -delay.samples)
    part = heard.samples[max(0, delay.samples) :][: max(0, length - begin)]
    placed[begin : begin + len(part)] = part
    return Clip(placed, reference.rate)


def _by_wave(true: Spectrum, seen: Spectrum, within: NDArray[np.bool_], reach: tuple[int, int]) -> tuple[int, float]:
    """The lag of the waves themselves, of either sign: a codec may turn the wave over."""
    crossed = seen * np.conj(true) * within
    size = np.abs(crossed)
    if not size.any():
        return 0, 0.0
    weight = within / np.sqrt(size + 1e-9 * size.max())
    energy = np.sqrt((np.abs(true) ** 2 @ weight) * (np.abs(seen) ** 2 @ weight))
    lag, peak = _peak(np.abs(np.fft.irfft(crossed * weight)), reach)
    return lag, float(peak * (len(true) - 1) / energy)  # an inverse transform divides by its length, twice this


def _by_envelope(
    true: Spectrum, seen: Spectrum, frequency: Floats, lengths: tuple[int, int], rate: int, reach: tuple[int, int]
) -> tuple[int, float]:
    """The lag of how loud each band is over time, the bands' correlations averaged."""
    size = 2 * (len(true) - 1)
    edges = np.geomspace(*BAND, BANDS + 1)
    total = np.zeros(size)
    for low, high in pairwise(edges):
        within = (frequency >= low) & (frequency < high)
        one, other = (_envelope(side * within, n, rate) for side, n in zip((true, seen), lengths, strict=True))
        total += np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)))
    return _peak(total / BANDS, reach)


def _envelope(band: Spectrum, length: int, rate: int) -> Floats:
    """How loud a band is over time: magnitude, smoothed, its root, without its mean, at unit energy."""
    analytic = np.zeros(2 * (len(band) - 1), np.complex128)
    analytic[: len(band)] = band
    window = np.hanning(round(SMOOTH * rate) + 2)
    loud = np.convolve(np.abs(np.fft.ifft(analytic))[:length], window / window.sum())
    smooth = np.sqrt(loud[len(window) // 2 :][:length])
    smooth -= smooth.mean()
    energy = np.sqrt(smooth @ smooth)
    return np.asarray(smooth / energy if energy else smooth)


def _peak(crossed: Floats, reach: tuple[int, int]) -> tuple[int, float]:
    """The lag at which a circular correlation is largest, from reach[0] early to reach[1] late, and how large."""
    early, late = reach
    around = np.concatenate([crossed[len(crossed) - early :], crossed[: late + 1]])
    best = int(around.argmax())
    return best - early, float(around[best])
