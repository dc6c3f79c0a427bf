"""A voice that says nothing: seeded, speech-like sound for machines where no recording can be had.

Source and filter (Fant 1960, Klatt 1980). The source is a train of glottal pulses (the Rosenberg pulse of 1971, as
its derivative, which is how lips radiate it) whose pitch falls over a phrase, wavers, and jitters from period to
period; breath is noise that the pulses gate. The filter is a cascade of resonances that glide from one sound
to the next; hiss is noise through a band of its own. A time-varying filter is an infinite recursion, slow in Python:
here the source is cut into overlapping Hann windows of 20 ms, each multiplied by the filter's response as it is
at that moment, and added up again, so that a second of speech costs milliseconds.

It has what codecs, pauses and loudness meters react to: harmonics, formants, noise, onsets, a syllable rhythm near
4 Hz, and silence. It is not speech: quality scores on it are about this voice only, so results say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.speech.phones import Phone, babble
from imlab.errors import UsageError

HOP = 0.005  # seconds between two states of the filter
WINDOW = 4 * HOP  # seconds of source that see one state
GLIDE = 0.05  # seconds from one sound's resonances to the next one's
LEVEL = 0.06  # root mean square of full scale, about -24 dB: what a phone's gain control aims at
NOISE = 3e-4  # root mean square of the room, -70 dB

Track = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks. pitch: mean, in Hz; tract: resonances relative to those of an average man."""

    pitch: float
    tract: float


MAN = Voice(pitch=115.0, tract=1.0)
WOMAN = Voice(pitch=205.0, tract=1.16)


def synthesise(seed: int, seconds: float, voice: Voice = MAN, rate: int = 16_000) -> Clip:
    """Exactly ``seconds`` of babble at ``rate`` Hz; the same seed, voice and rate give the same clip."""
    if seconds < HOP:
        raise UsageError(f"speech lasts {HOP:g} s or longer, not {seconds:g}")
    draw = np.random.default_rng(seed)
    score = _score(babble(draw, seconds + WINDOW), voice, draw)
    length = round(seconds * rate)
    sound = _speak(score, rate, length, draw)
    sound *= LEVEL / max(NOISE, float(np.sqrt(np.mean(np.square(sound)))))
    sound += NOISE * _room(length, rate, draw)
    return Clip((sound * min(1.0, 0.9 / float(np.abs(sound).max()))).astype(np.float32), rate)


@dataclass(frozen=True, slots=True)
class _Score:
    """What the voice does, one value per hop: amplitudes, pitch in Hz; formants of shape (hops, 3) in Hz."""

    tract: float
    voice: Track
    breath: Track
    hiss: Track
    hiss_hz: Track
    hiss_width: Track
    pitch: Track
    formants: Track


def _score(phones: list[Phone], voice: Voice, draw: np.random.Generator) -> _Score:
    """Phones as tracks: targets held for each phone's length, then smoothed as lips and tongue would."""
    ends = np.rint(np.cumsum([phone.seconds for phone in phones]) / HOP).astype(int)
    which = np.repeat(np.arange(len(phones)), np.diff(ends, prepend=0))

    def held(values: list[float]) -> Track:
        return np.asarray(values, np.float64)[which]

    formants = np.stack([held([phone.formants[i] * voice.tract for phone in phones]) for i in range(3)], axis=1)
    swell = np.exp(0.4 * _waver(len(which), 0.25, draw))
    return _Score(
        tract=voice.tract,
        voice=_smooth(held([phone.voice for phone in phones]), 0.05) * swell,
        breath=_smooth(held([phone.breath for phone in phones]), 0.015),
        hiss=_smooth(held([phone.hiss for phone in phones]), 0.025),
        hiss_hz=held([phone.hiss_hz for phone in phones]),
        hiss_width=held([phone.hiss_width for phone in phones]),
        pitch=_melody(phones, which, voice, draw),
        formants=np.stack([_smooth(formant, GLIDE) for formant in formants.T], axis=1),
    )


def _melody(phones: list[Phone], which: NDArray[np.intp], voice: Voice, draw: np.random.Generator) -> Track:
    """Pitch in Hz: it falls by a quarter over a phrase, rises on stressed sounds, and wavers slowly."""
    fall = _smooth(np.asarray([1.15 - 0.30 * phone.along for phone in phones])[which], 0.15)
    stress = _smooth(np.asarray([phone.voice * draw.uniform(0.7, 1.3) for phone in phones])[which], 0.15)
    waver = _waver(len(which), 0.12, draw)
    return np.asarray(voice.pitch * fall * (0.92 + 0.16 * stress) * (1 + 0.02 * waver))


def _waver(hops: int, seconds: float, draw: np.random.Generator) -> Track:
    """Something of size 1 that changes within ``seconds``."""
    slow = _smooth(draw.standard_normal(hops), seconds)
    return np.asarray(slow / slow.std())


def _speak(score: _Score, rate: int, length: int, draw: np.random.Generator) -> Track:
    """Sources through their filters, window by window. out: shape (length,)."""
    times = np.arange(length) / rate / HOP

    def track(values: Track) -> Track:
        return np.interp(times, np.arange(len(values)), values)

    pulses, open_ = _glottis(track(score.pitch), rate, draw)
    noise = draw.standard_normal(length)
    gate = np.maximum(0.0, 1 - track(score.voice) * (1 - open_))  # while the folds are closed no breath passes
    through = track(score.voice) * pulses + 0.3 * track(score.breath) * noise * gate
    teeth = 0.6 * track(score.hiss) * draw.standard_normal(length)
    hop, window = round(HOP * rate), round(WINDOW * rate)
    hops = length // hop + 1
    size = 1 << (3 * window - 1).bit_length()  # room for the resonances to ring
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    mouth = _windows(through, hops, hop, window, size) * _tract(score.formants[:hops], score.tract, z, rate)
    hiss = _windows(teeth, hops, hop, window, size) * _band(score.hiss_hz[:hops], score.hiss_width[:hops], z, rate)
    return _overlap(np.fft.irfft(mouth + hiss, size), hop, length, window)


def _glottis(pitch: Track, rate: int, draw: np.random.Generator) -> tuple[Track, Track]:
    """The derivative of glottal flow, and how open the glottis is (0..1), for pitch in Hz per sample."""
    turns = np.cumsum(pitch) / rate
    period = turns.astype(int)
    jitter = 1 + 0.008 * draw.standard_normal(period[-1] + 2)
    shimmer = 1 + 0.05 * draw.standard_normal(period[-1] + 2)
    phase = np.clip((turns - period) * jitter[period], 0, 1)
    opening, closing = 0.40, 0.56  # of the period: flow rises until the first, has ended at the second
    rise = 0.5 * (1 - np.cos(np.pi * phase / opening))
    sink = np.cos(0.5 * np.pi * (phase - opening) / (closing - opening))
    flow = np.where(phase < opening, rise, np.where(phase < closing, sink, 0.0))
    pulses = np.diff(flow * shimmer[period], prepend=0.0) * rate / pitch / 10
    return pulses, flow


def _tract(formants: Track, tract: float, z: NDArray[np.complex128], rate: int) -> NDArray[np.complex128]:
    """Response of the vocal tract. formants: (hops, 3) in Hz; z: (bins,), one sample's delay; out: (hops, bins)."""
    response = np.ones((1, len(z)), np.complex128)
    for i in range(3, round(rate / 2 / 1000)):  # a tract of 17 cm has one resonance per 1000 Hz; these stand still
        hz = np.asarray([(500.0 + 1000 * i) * tract])
        if hz < 0.48 * rate:
            response = response * _resonance(hz, _width(hz), z, rate)
    for hz in formants.T:
        response = response * _resonance(hz, _width(hz), z, rate)
    return response


def _width(hz: Track) -> Track:
    """Bandwidth of a resonance, in Hz: wider with frequency, as lips radiate and walls yield."""
    return np.asarray(50 + 0.03 * hz + 10 * (hz / 2500) ** 4)


def _band(hz: Track, width: Track, z: NDArray[np.complex128], rate: int) -> NDArray[np.complex128]:
    """Response of the gap between the teeth: one broad resonance, nothing at 0 Hz. in: (hops,); out: (hops, bins)."""
    top = np.minimum(hz, 0.47 * rate)
    peak = _resonance(top, width, z, rate)
    return np.asarray(peak * (1 - z) ** 2 / np.abs(peak).max(axis=1, keepdims=True))


def _resonance(hz: Track, width: Track, z: NDArray[np.complex128], rate: int) -> NDArray[np.complex128]:
    """Klatt's resonator, 1 at 0 Hz. hz, width: (hops,); out: (hops, bins)."""
    radius = np.exp(-np.pi * width / rate)[:, None]
    turn = 2 * radius * np.cos(2 * np.pi * np.minimum(hz, 0.49 * rate) / rate)[:, None]
    return np.asarray((1 - turn + radius**2) / (1 - turn * z + radius**2 * z**2))


def _room(length: int, rate: int, draw: np.random.Generator) -> Track:
    """Noise of a quiet room, of root mean square 1: it falls by 6 dB an octave above 100 Hz."""
    hz = np.fft.rfftfreq(length, 1 / rate)
    noise = np.fft.irfft(np.fft.rfft(draw.standard_normal(length)) / (100 + hz), length)
    return np.asarray(noise / noise.std())


def _windows(sound: Track, hops: int, hop: int, window: int, size: int) -> NDArray[np.complex128]:
    """Spectra of Hann windows around each hop; they add up to the sound. out: (hops, size // 2 + 1)."""
    padded = np.pad(sound, (window // 2, window + hop))
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[: hops * hop : hop]
    hann = np.hanning(window + 1)[:-1] * 2 * hop / window
    return np.fft.rfft(views * hann, size)


def _overlap(pieces: Track, hop: int, length: int, window: int) -> Track:
    """Add pieces that begin ``hop`` apart; the first began half a window before the sound."""
    hops, size = pieces.shape
    out = np.zeros(hops * hop + size)
    for start, piece in zip(range(0, hops * hop, hop), pieces, strict=True):
        out[start : start + size] += piece
    return out[window // 2 : window // 2 + length]


def _smooth(values: Track, seconds: float) -> Track:
    """A Hann-weighted running mean over ``seconds``; the ends are held."""
    reach = max(1, round(seconds / HOP / 2))
    weights = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(values, reach, "edge"), weights / weights.sum(), "valid")
