"""When a link is dead, as values: fixed spans, a period, or chance with its own seed.

Times are seconds since the link began. An outage includes its first moment and not its last. ``edges`` tells begin,
end, begin, end, ... in order; ``Calendar`` answers questions about them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, pairwise
from math import inf
from random import Random

from imlab.errors import UsageError
from imlab.net.fate.bounds import positive, within


@dataclass(frozen=True, slots=True)
class Spans:
    """Outages at known times: ((from_s, to_s), ...), in order and apart."""

    spans: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        edges = [*self.edges()]
        rising = all(before < after for before, after in pairwise(edges))
        if not rising or not all(edge >= 0 for edge in edges):
            raise UsageError(f"outages are ((from_s, to_s), ...) from 0 on, in order and apart, not {self.spans!r}")

    def edges(self) -> Iterator[float]:
        """Begin, end, begin, end, ..."""
        return chain.from_iterable(self.spans)


@dataclass(frozen=True, slots=True)
class Periodic:
    """An outage of ``lasting`` seconds every ``every`` seconds, the first after ``first``."""

    every: float
    lasting: float
    first: float = 0.0

    def __post_init__(self) -> None:
        positive("a periodic outage's lasting", self.lasting)
        within("a periodic outage's first", self.first)
        if not self.lasting < self.every < inf:
            raise UsageError(f"an outage of {self.lasting} s cannot come every {self.every} s: it must end before")

    def edges(self) -> Iterator[float]:
        """Begin, end, begin, end, ..."""
        for number in count():
            begin = self.first + number * self.every
            yield begin
            yield begin + self.lasting


@dataclass(frozen=True, slots=True)
class RandomOutages:
    """Up and down by turns, each exponential with its mean in seconds; up first.

    The seed is part of the value, not of the link: both directions of a path with the same value die together.
    """

    mean_up: float
    mean_down: float
    seed: int = 0

    def __post_init__(self) -> None:
        positive("random outages' mean_up", self.mean_up)
        positive("random outages' mean_down", self.mean_down)
        within("random outages' mean_up", self.mean_up, 0, 1e9)
        within("random outages' mean_down", self.mean_down, 0, 1e9)

    def edges(self) -> Iterator[float]:
        """Begin, end, begin, end, ..."""
        random, now = Random(f"outages {self.seed}"), 0.0
        while True:
            for mean in (self.mean_up, self.mean_down):
                now += random.expovariate(1 / mean)
                yield now


Outages = Spans | Periodic | RandomOutages


class Calendar:
    """Outages laid out as far as anybody asked."""

    def __init__(self, outages: Outages) -> None:
        self._more = outages.edges()
        self._edges = [0.0]  # begins alive: edges of even number (from 0) are ends of outages
        self._alive = [0.0]  # seconds alive until each edge

    def dead(self, at: float) -> bool:
        """Whether the link is dead at a moment."""
        if at >= self._edges[-1]:
            self._extend(at, at)
        return bisect_right(self._edges, at) % 2 == 0

    def alive(self, at: float) -> float:
        """How many of the first ``at`` seconds the link lived: a clock that stands still in an outage."""
        self._extend(at, at)
        number = bisect_right(self._edges, at)
        return self._alive[number - 1] + (at - self._edges[number - 1] if number % 2 else 0.0)

    def moment(self, alive: float) -> float:
        """When a link has lived so many seconds and still lives; infinite when it never will."""
        self._extend(alive, alive)
        number = bisect_right(self._alive, alive)
        return self._edges[number - 1] + alive - self._alive[number - 1]

    def _extend(self, at: float, alive: float) -> None:
        """Lay out edges until the last is after ``at`` and after so many seconds alive."""
        while self._edges[-1] < inf and (self._edges[-1] <= at or self._alive[-1] <= alive):
            edge, living = next(self._more, inf), len(self._edges) % 2
            self._alive.append(self._alive[-1] + (edge - self._edges[-1] if living else 0.0))
            self._edges.append(edge)
