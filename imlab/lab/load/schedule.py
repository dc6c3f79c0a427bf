"""When requests should start: drawn before the run, from a seed, and never changed by what happens in it.

A schedule is a value; ``draw(rng)`` gives the arrival times in seconds from the start of the window, sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imlab.errors import DoorError, UsageError

Times = NDArray[np.float64]


class Schedule(Protocol):
    """Any plan of arrivals."""

    def draw(self, rng: np.random.Generator) -> Times:
        """Arrival times in seconds, shape (arrivals,), sorted, in [0, length of the window)."""


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent users: ``rate`` arrivals per second on average, for ``seconds``; gaps are exponential."""

    rate: float
    seconds: float

    def draw(self, rng: np.random.Generator) -> Times:
        """A Poisson number of moments, each uniform in the window: the same process, without an overshoot to cut."""
        _check(self.rate, self.seconds)
        return np.sort(rng.uniform(0.0, self.seconds, rng.poisson(self.rate * self.seconds)))


@dataclass(frozen=True, slots=True)
class Uniform:
    """A metronome: one arrival every 1 / ``rate`` seconds, for ``seconds``, beginning at a random phase."""

    rate: float
    seconds: float

    def draw(self, rng: np.random.Generator) -> Times:
        """Equal gaps; the phase is drawn, so that no block beats in step with a timer."""
        _check(self.rate, self.seconds)
        steps = np.arange(round(self.rate * self.seconds), dtype=np.float64)
        return (steps + rng.uniform()) / self.rate


@dataclass(frozen=True, slots=True)
class Burst:
    """``size`` arrivals at one moment, every ``every`` seconds, for ``seconds``, from a random phase."""

    size: int
    every: float
    seconds: float

    def draw(self, rng: np.random.Generator) -> Times:
        """Whole bursts only."""
        _check(self.size, self.every, self.seconds)
        starts = (np.arange(max(1, round(self.seconds / self.every))) + rng.uniform()) * self.every
        return np.repeat(starts, self.size)


@dataclass(frozen=True, slots=True)
class Step:
    """Poisson arrivals whose rate goes through ``rates`` (per second), ``each`` seconds at a time."""

    rates: tuple[float, ...]
    each: float

    def draw(self, rng: np.random.Generator) -> Times:
        """The steps one after another."""
        parts = [Poisson(rate, self.each).draw(rng) + step * self.each for step, rate in enumerate(self.rates)]
        return np.concatenate(parts) if parts else np.empty(0)


def save(times: Times, path: Path) -> None:
    """Keep a drawn schedule beside the results (numpy format); nothing is overwritten."""
    with path.open("xb") as file:
        np.save(file, times)


def read(path: Path) -> Times:
    """A schedule that was saved."""
    try:
        times = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DoorError(f"{path.name} is no saved schedule: {error}") from error
    if times.ndim != 1 or times.dtype.kind not in "fiu":
        raise DoorError(f"{path.name} is no saved schedule: {times.dtype} of shape {times.shape}, not a row of seconds")
    return np.asarray(times, dtype=np.float64)


def _check(*positive: float) -> None:
    if min(positive) <= 0:
        raise UsageError(f"rates, sizes and lengths of a schedule are positive, not {min(positive):g}")
