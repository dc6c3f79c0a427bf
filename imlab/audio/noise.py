"""Noise in any amount, seeded: even, as of rain, and of a crowd; and sound brought to a stated ratio with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.errors import UsageError

LOWEST = 50.0  # Hz; below it pink noise is level, for neither a phone's microphone nor a voice has anything there

Floats = NDArray[np.float64]


class Noise(Protocol):
    """A kind of noise; the repr is the label in the results."""

    def __call__(self, samples: int, rate: int, voices: Sequence[Clip], draw: np.random.Generator) -> Floats:
        """So many samples at ``rate`` Hz, of mean power 1; ``voices``: who may be in a crowd, at that rate."""
        ...


@dataclass(frozen=True, slots=True)
class White:
    """The same power at every frequency: hiss."""

    def __call__(self, samples: int, rate: int, voices: Sequence[Clip], draw: np.random.Generator) -> Floats:
        """Gaussian, of mean power 1."""
        return _level(draw.standard_normal(samples))


@dataclass(frozen=True, slots=True)
class Pink:
    """The same power in every octave from 50 Hz up: rain, traffic, a room."""

    def __call__(self, samples: int, rate: int, voices: Sequence[Clip], draw: np.random.Generator) -> Floats:
        """Gaussian noise through 1/sqrt(f), of mean power 1."""
        spectrum = np.fft.rfft(draw.standard_normal(samples))
        spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(samples, 1 / rate), LOWEST))
        return _level(np.fft.irfft(spectrum, samples))


@dataclass(frozen=True, slots=True)
class Babble:
    """A crowd: ``people`` other voices, equally loud, each from a moment of its own and over again."""

    people: int = 6

    def __post_init__(self) -> None:
        if self.people < 1:
            raise UsageError(f"a crowd has one person or more, not {self.people}")

    def __call__(self, samples: int, rate: int, voices: Sequence[Clip], draw: np.random.Generator) -> Floats:
        """The voices in turn, as often as the crowd needs, of mean power 1 together."""
        loud = [clip for clip in voices if clip.samples.any()]
        if not loud or {clip.rate for clip in loud} != {rate}:
            raise UsageError(f"a crowd needs voices at {rate} Hz, not {[clip.rate for clip in voices]}")
        crowd = np.zeros(samples)
        for person in range(self.people):
            said = _level(loud[person % len(loud)].samples.astype(np.float64))
            crowd += np.resize(np.roll(said, -int(draw.integers(len(said)))), samples)
        return _level(crowd)


def add(clip: Clip, noise: Floats, power: float) -> Clip:
    """The clip with noise of this mean power (full scale is 1); noise: of mean power 1, shape (n,) as the clip's."""
    return Clip((clip.samples + np.sqrt(power) * noise).astype(np.float32), clip.rate)


def _level(noise: Floats) -> Floats:
    """Brought to mean power 1; silence stays silence."""
    power = float(np.mean(np.square(noise))) if len(noise) else 0.0
    return noise / np.sqrt(power) if power else noise
