"""May a window of load be believed? Rules about the generator and the window, never about a wished result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from imlab.lab.load.openloop import Load
from imlab.lab.statistics.effect import MARGIN
from imlab.lab.statistics.steady import Steady, halves, slope, steady


@dataclass(frozen=True, slots=True)
class Validity:
    """The limits of METHOD: shares in 0..1. Each is there because beyond it we would measure ourselves."""

    achieved: float = 0.995  # of the offered rate
    busy: float = 0.70  # of one core, spinning not counted: above it the generator queues
    errors: float = 0.001  # where none is expected

    def reasons(self, load: Load, warm_up_s: float = 0.0) -> list[str]:
        """Why this window is invalid; empty when it may be believed. Arrivals before ``warm_up_s`` are not judged."""
        judged = load.intended >= warm_up_s
        if judged.sum() < 2:
            return [f"{int(judged.sum())} arrivals after the warm-up: nothing to judge"]
        checks = (self._rate(load, judged), self._work(load), self._failures(load, judged), growth(load, warm_up_s))
        return [reason for reason in checks if reason]

    def _rate(self, load: Load, judged: np.ndarray) -> str:
        wanted = np.ptp(load.intended[judged])
        if wanted == 0:
            return ""  # one moment has no rate
        took = np.nanmax(load.sent[judged]) - np.nanmin(load.intended[judged])
        achieved = wanted / took if took > 0 else 1.0
        return f"achieved {achieved:.4f} of the offered rate, under {self.achieved}" if achieved < self.achieved else ""

    def _work(self, load: Load) -> str:
        shares = [part.busy for part in load.parts or (load,)]
        which = f" {int(np.argmax(shares)) + 1} of {len(shares)}" if load.parts else ""
        worst = max(shares)
        return f"generator{which} busy {worst:.0%} of its core, over {self.busy:.0%}" if worst > self.busy else ""

    def _failures(self, load: Load, judged: np.ndarray) -> str:
        failed = [index for index in load.errors if judged[index]]
        share = len(failed) / int(judged.sum())
        return f"errors {share:.2%}, first: {load.errors[min(failed)]}" if share > self.errors else ""


def growth(load: Load, warm_up_s: float = 0.0) -> str:
    """Whether the backlog grew through the window: then there is no steady state, and a percentile means nothing.

    The number in flight is averaged over the arrivals of each quarter. It grew when every quarter is above the
    one before and the last is above the first by more than the square root of the arrivals, which is what chance
    adds to the backlog of a server exactly as fast as its load.
    """
    flying = in_flight(load)[load.intended >= warm_up_s]
    if len(flying) < 40:
        return ""  # ten a quarter: fewer cannot show a trend
    quarters = np.array([part.mean() for part in np.array_split(flying, 4)])
    grown = quarters[3] - quarters[0]
    if np.all(np.diff(quarters) > 0) and grown > np.sqrt(len(flying)):
        return f"no steady state: the backlog grew from {quarters[0]:.0f} to {quarters[3]:.0f} requests"
    return ""


def drift(load: Load, warm_up_s: float = 0.0) -> tuple[float, float, float]:
    """A window's share in the test of steady state: the median latency in seconds of its first and of its second
    half, and what its backlog gained, in requests per second. Alone it proves nothing: see ``settled``.
    """
    judged = load.intended >= warm_up_s
    at = load.intended[judged]
    return *halves(at, load.latency[judged]), slope(at, in_flight(load)[judged])


def settled(windows: Iterable[Load], warm_up_s: float = 0.0, margin: float = MARGIN) -> Steady:
    """Whether the warm-up was long enough: split half over the windows of one cell, one a block."""
    first, second, slopes = zip(*(drift(load, warm_up_s) for load in windows), strict=True)
    return steady(first, second, slopes, margin)


def in_flight(load: Load) -> np.ndarray:
    """How many earlier requests were unanswered at each arrival, shape (arrivals,); failed ones never answer."""
    done = np.searchsorted(np.sort(load.end[~np.isnan(load.end)]), load.intended, side="right")
    return np.arange(len(load.intended)) - done
