"""The highest rate that a system sustains under an objective, found by asking it rate after rate.

The search climbs by a factor until the objective is missed, then halves the bracket on the logarithmic scale down to
its resolution. Every window is a fresh draw of Poisson arrivals. A window's percentile is noisy, and next to the edge
the noise decides. The rule for one rate:

    its windows are judged together, their latencies merged, up to ``windows`` of them;
    it is met after one, where the quantile is at most the objective / ``near``;
    it is missed after two, where each alone missed and both together miss by more than ``near`` (or in another way);
    a window in which the generator was the limit is set aside, and two of them are the generator's limit.

How long a window? Latencies of a queue follow each other: a window's percentile lies below the true one more often than
above, and the capacity comes out too high. Searches for that of M/M/1 (500/s, p99 at most 50 ms: 408/s, where a full
queue takes 0.2 s to be forgotten), with this rule, resolution 3 %:

    window        2.5 s     5 s    10 s    20 s    40 s
    bias          +2.4    +1.5    +0.9     0.0    +0.3  %   (+- 0.2, or 0.3)
    spread         4.2     3.6     3.2     2.7     2.0  %   of one search
    12 blocks     56 %    75 %    82 %    95 %    93 %      of 95 % intervals hold the truth (resampled)

so a window should be a hundred times what the system takes to forget, and hold many of its pauses, if it has any.
Rivals, with windows of 10 s: one window a rate, bias +2.4 %, and a spoilt one misleads all that follow; a miss asked
once more, +5.7 %; two votes of three, +2.4 %.

What comes out is a bracket: the highest rate that met the objective and the lowest above it that did not. Where the
generator, or ``most``, came to its end first, the capacity is "at least" the former; where the first rate was missed
already it is "below" the latter; neither is ever given as a number (statistics/censored.py goes on from there).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.objective import Judgement, Objective
from imlab.lab.load.openloop import Load
from imlab.lab.load.schedule import Poisson, Times
from imlab.lab.statistics.censored import Bound


@dataclass(frozen=True, slots=True)
class Window:
    """One window to be offered: ``rate`` requests/s for ``seconds``, drawn from ``seed``."""

    rate: float
    seconds: float
    seed: tuple[int, int]

    def arrivals(self) -> Times:
        """Poisson arrivals, the same for the same window."""
        return Poisson(self.rate, self.seconds).draw(np.random.default_rng(self.seed))


Probe = Callable[[Window], Awaitable[Load]]


@dataclass(frozen=True, slots=True)
class Search:
    """How to look: from ``first`` requests/s up by ``growth``, to ``most``, then down to ``resolution`` (relative).

    ``window_s`` seconds of each window are judged after ``warm_up_s``; at low rates it lasts until the objective's
    quantile has enough arrivals.
    """

    objective: Objective
    first: float
    most: float = 20_000.0
    growth: float = 2.0
    resolution: float = 0.03
    window_s: float = 20.0
    warm_up_s: float = 1.0
    windows: int = 3
    near: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a search without end or without a beginning."""
        if not 0 < self.first <= self.most or min(self.growth, self.near) <= 1 or self.resolution <= 0:
            raise UsageError(f"a search climbs from first to most by a growth above 1 to a resolution, not {self}")
        if self.window_s <= 0 or self.warm_up_s < 0 or self.windows < 2:
            raise UsageError(f"a search needs windows of some length, two or more at the edge, not {self}")

    def seconds(self, rate: float) -> float:
        """How long a window of this rate lasts, warm-up included: chance hardly ever leaves it too few arrivals."""
        enough = self.objective.fewest + 7 * math.sqrt(self.objective.fewest)
        return self.warm_up_s + max(self.window_s, enough / rate)

    def begin(self, seed: int) -> float:
        """The first rate, less a part of a step drawn from the seed: blocks do not share one grid of rates."""
        return self.first * math.exp(-math.log(self.growth) * np.random.default_rng(seed).uniform())

    def next(self, met: float, missed: float, begin: float) -> float | None:
        """The rate to ask about, between the highest met (0: none) and the lowest not met (infinite: none)."""
        if math.isinf(missed):
            return None if met >= self.most else min(self.most, met * self.growth or begin)
        return None if met == 0 or missed <= met * (1 + self.resolution) else math.sqrt(met * missed)


@dataclass(frozen=True, slots=True)
class Asked:
    """One window of the search and what it alone showed."""

    window: Window
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Capacity:
    """Requests/s: the highest rate met (0: none), the lowest above it not met (infinite: none), and why not."""

    objective: Objective
    met: float
    missed: float
    bound: Bound
    why: str
    asked: tuple[Asked, ...] = ()

    @property
    def rate(self) -> float:
        """The middle of the bracket on the logarithmic scale; for a bound, the bound."""
        if self.bound == "exact":
            return math.sqrt(self.met * self.missed)
        return self.met if self.bound == "at least" else self.missed

    def text(self) -> str:
        """``412/s``; ``>= 5,200/s (generator busy 83% of its core, over 70%)``; ``< 50/s (p99 80 ms, over 50 ms)``."""
        number = f"{self.rate:,.0f}/s" if self.rate >= 100 else f"{self.rate:.3g}/s"
        sign = {"exact": "", "at least": ">= ", "below": "< "}[self.bound]
        return f"{sign}{number}" if self.bound == "exact" else f"{sign}{number} ({self.why})"

    def rows(self) -> Iterator[dict[str, object]]:
        """What a trial yields: one tidy row per window, in order, and one for the capacity."""
        name = self.objective.name
        for asked in self.asked:
            seen = asked.judgement
            yield {
                "what": "window", "rate_per_s": asked.window.rate, "shown": seen.outcome, "why": seen.why, "n": seen.n,
                "p50_s": seen.median, f"{name}_s": seen.latency, f"lag_{name}_s": seen.lag, "busy": seen.busy,
            }  # fmt: skip
        yield {
            "what": "capacity", "rate_per_s": self.rate, "shown": self.bound, "why": self.why,
            "met_per_s": self.met, "missed_per_s": self.missed, "objective": self.objective.text(),
        }  # fmt: skip


async def find(search: Search, probe: Probe, seed: int = 1) -> Capacity:
    """Search with real windows: ``probe`` offers one and must leave the system idle, its backlog drained."""
    hunt = steps(search, seed)
    window = next(hunt)
    while True:
        load = await probe(window)
        try:
            window = hunt.send(load)
        except StopIteration as found:
            capacity: Capacity = found.value
            return capacity


def steps(search: Search, seed: int = 1) -> Generator[Window, Load, Capacity]:
    """The search without a clock: it yields the window to offer and is sent what came of it."""
    asked: list[Asked] = []
    met, missed, why = 0.0, math.inf, f"no higher rate than {search.most:g}/s was to be asked"
    bound: Bound = "at least"
    begin = search.begin(seed)
    while (rate := search.next(met, missed, begin)) is not None:
        found = yield from _ask(search, rate, seed, asked)
        if found.outcome == "met":
            met = rate
            continue
        missed, why = rate, found.why
        bound = "exact" if found.outcome == "missed" else "at least"
    if bound == "exact" and met == 0:
        bound = "below"
    return Capacity(search.objective, met, missed, bound, why, tuple(asked))


def _ask(search: Search, rate: float, seed: int, asked: list[Asked]) -> Generator[Window, Load, Judgement]:
    """Windows of one rate until the rule decides."""
    loads: list[Load] = []
    alone: list[Judgement] = []
    limited = 0
    while True:
        window = Window(rate, search.seconds(rate), (seed, len(asked)))
        load = yield window
        if len(load.errors) == len(load.intended):
            raise InvalidRun(f"no request of a window of {rate:,.0f}/s succeeded, the first: {load.errors[0]}")
        one = search.objective.judge(load, warm_up_s=search.warm_up_s)
        asked.append(Asked(window, one))
        if one.outcome == "limited":
            limited += 1
            if limited == 2:
                return one
            continue
        loads.append(load)
        alone.append(one)
        together = search.objective.judge(*loads, warm_up_s=search.warm_up_s)
        if len(loads) == search.windows or _clear(search, alone, together):
            return together


def _clear(search: Search, alone: list[Judgement], together: Judgement) -> bool:
    """Whether further windows would change nothing."""
    asked = search.objective.seconds
    if together.outcome == "met":
        return together.latency * search.near <= asked
    near = asked < together.latency <= asked * search.near
    return len(alone) > 1 and not near and all(one.outcome == "missed" for one in alone)
