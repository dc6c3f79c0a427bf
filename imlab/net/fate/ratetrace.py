"""A rate that changes with time, as a value: what a train or a busy cell does to a link."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class RateTrace:
    """Steps of (seconds it lasts, bytes per second), repeated for ever; a rate of 0 holds packets and loses none."""

    steps: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        good = all(0 < seconds < inf and isfinite(rate) and rate >= 0 for seconds, rate in self.steps)
        if not good or not any(rate for _, rate in self.steps):
            raise UsageError(
                f"a rate trace is ((seconds, bytes/s), ...), one rate at least above 0, not {self.steps!r}"
            )

    @property
    def seconds(self) -> float:
        """How long one round lasts."""
        return sum(seconds for seconds, _ in self.steps)

    @property
    def mean(self) -> float:
        """Bytes per second over one round."""
        return sum(seconds * rate for seconds, rate in self.steps) / self.seconds


class Meter:
    """The integral of a trace and its inverse: how much a link can have carried by a moment, and when so much."""

    __slots__ = ("_at", "_bytes", "_rates", "_round_bytes", "_round_s")

    def __init__(self, trace: RateTrace) -> None:
        self._rates = [rate for _, rate in trace.steps]
        self._at = [0.0, *accumulate(seconds for seconds, _ in trace.steps)]
        self._bytes = [0.0, *accumulate(seconds * rate for seconds, rate in trace.steps)]
        self._round_s, self._round_bytes = self._at.pop(), self._bytes.pop()

    def carried(self, moment: float) -> float:
        """Bytes by a moment, seconds since the link began."""
        rounds, rest = divmod(moment, self._round_s)
        step = bisect_right(self._at, rest) - 1
        return rounds * self._round_bytes + self._bytes[step] + (rest - self._at[step]) * self._rates[step]

    def done(self, start: float, size: float) -> float:
        """When ``size`` bytes that begin at ``start`` are carried; ``start`` itself for nothing."""
        if not size:
            return start
        rounds, rest = divmod(self.carried(start) + size, self._round_bytes)
        if not rest:  # a whole number of rounds: reached in the round before, not after its standstill
            rounds, rest = rounds - 1, self._round_bytes
        step = bisect_left(self._bytes, rest) - 1  # the last step that begins below it
        return max(start, rounds * self._round_s + self._at[step] + (rest - self._bytes[step]) / self._rates[step])
