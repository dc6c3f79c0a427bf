"""When requests should start: drawn before the run, from a seed, and never changed by what happens in it.

A schedule is a value; ``draw(rng)`` gives the arrival times in seconds from the start of the window, sorted.
"""

from __future__ import annotations

import csv
import math
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
        return _beats(1 / self.rate, self.seconds, rng)


@dataclass(frozen=True, slots=True)
class Burst:
    """``size`` arrivals at one moment, every ``every`` seconds, for ``seconds``, from a random phase."""

    size: int
    every: float
    seconds: float

    def draw(self, rng: np.random.Generator) -> Times:
        """Whole bursts only; a window shorter than ``every`` may miss them all."""
        _check(self.size, self.every, self.seconds)
        return np.repeat(_beats(self.every, self.seconds, rng), self.size)


@dataclass(frozen=True, slots=True)
class Step:
    """Poisson arrivals whose rate goes through ``rates`` (per second), ``each`` seconds at a time."""

    rates: tuple[float, ...]
    each: float

    def draw(self, rng: np.random.Generator) -> Times:
        """The steps one after another."""
        parts = [Poisson(rate, self.each).draw(rng) + step * self.each for step, rate in enumerate(self.rates)]
        return np.concatenate(parts) if parts else np.empty(0)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Arrivals that someone recorded, from a production log say: a saved schedule (.npy) or a text of seconds.

    In a text, each line's field before the first comma is a time, or with ``column`` the field under that name in the
    first line (CSV). Empty lines and lines that begin with # are passed over. The times may have any origin and, as
    logs are, be a little out of order; ``speed`` 2 plays them twice as fast.
    """

    path: str
    column: str = ""
    speed: float = 1.0

    def draw(self, rng: np.random.Generator) -> Times:
        """The same each time: sorted, the first at 0. No chance is taken."""
        _check(self.speed)
        path = Path(self.path)
        times = np.sort(read(path) if path.suffix == ".npy" else _column(path, self.column))
        if len(times) == 0:
            raise DoorError(f"{path.name} holds no arrival")
        return np.asarray((times - times[0]) / self.speed)


def save(times: Times, path: Path) -> None:
    """Keep a drawn schedule beside the results (numpy format); nothing is overwritten."""
    with path.open("xb") as file:
        np.save(file, times)


def read(path: Path) -> Times:
    """A schedule that was saved, its times as they are."""
    try:
        times = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DoorError(f"{path.name} is no saved schedule: {error}") from error
    if times.ndim != 1 or times.dtype.kind not in "fiu":
        raise DoorError(f"{path.name} is no saved schedule: {times.dtype} of shape {times.shape}, not a row of seconds")
    if not np.isfinite(times).all():
        raise DoorError(f"{path.name}: arrival {int(np.argmin(np.isfinite(times)))} is no time in seconds")
    return np.asarray(times, dtype=np.float64)


def _column(path: Path, name: str) -> Times:
    """The times in a text, in its order."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DoorError(f"{path.name} cannot be read as text: {error}") from error
    told = [(at, line) for at, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    place = 0
    if name:
        head = next(csv.reader([told.pop(0)[1] if told else ""]), [])
        if name not in head:
            raise DoorError(f"{path.name} has no column {name!r}, but {', '.join(head) or 'none'}")
        place = head.index(name)
    return np.array([_seconds(path, at, line, place) for at, line in told], dtype=np.float64)


def _seconds(path: Path, at: int, line: str, place: int) -> float:
    """One field of one line."""
    fields = next(csv.reader([line]))
    text = fields[place] if place < len(fields) else ""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise DoorError(f"{path.name}, line {at}: {text!r} is no time in seconds")
    return seconds


def _beats(every: float, seconds: float, rng: np.random.Generator) -> Times:
    """Moments ``every`` seconds apart, from a random phase, inside the window."""
    beats = (np.arange(math.ceil(seconds / every)) + rng.uniform()) * every
    return np.asarray(beats[beats < seconds])


def _check(*positive: float) -> None:
    if min(positive) <= 0:
        raise UsageError(f"rates, sizes and lengths of a schedule are positive, not {min(positive):g}")
