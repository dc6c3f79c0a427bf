"""A user's own schedule: a moment every so often from its start, each of which is asked for, however late.

Locust's ``constant_throughput`` forgets: what a slow answer kept its user from asking is never asked, and nobody was
late. A pace remembers. A user who was held up asks one after the other until it is on time again, and each request
counts from the moment at which it should have been asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from imlab.errors import UsageError


class Pace:
    """``rate`` moments per second on ``clock``, the first of them ``first`` seconds from now."""

    def __init__(self, rate: float, first: float, clock: Callable[[], float]) -> None:
        if not 0 < rate < math.inf or first < 0:
            raise UsageError(f"a pace has a rate above 0 and begins now or later, not {rate:g}/s in {first:g} s")
        self._rate, self._clock, self._start = rate, clock, clock() + first
        self.asked = 0
        self.offered: int | None = None  # once it is over

    @property
    def intended(self) -> float:
        """The next moment, on the clock."""
        return self._start + self.asked / self._rate

    def wait(self) -> float:
        """Seconds until the next moment; 0 when it has passed."""
        return max(0.0, self.intended - self._clock())

    def ask(self) -> float:
        """It is being asked, now: how many seconds late."""
        late = self._clock() - self.intended
        self.asked += 1
        return max(0.0, late)

    def end(self) -> None:
        """No further moments; ``offered`` is how many there were, but for the last: it may be about to be asked."""
        if self.offered is None:
            self.offered = max(0, math.floor((self._clock() - self._start) * self._rate))


def told(paces: Iterable[Pace]) -> tuple[int, int]:
    """Of users whose pace has ended: moments offered, and moments asked."""
    given = list(paces)
    return sum(pace.offered or 0 for pace in given), sum(min(pace.asked, pace.offered or 0) for pace in given)
