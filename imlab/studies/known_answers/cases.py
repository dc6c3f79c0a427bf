"""Whom the laboratory is asked about: systems whose every answer is known, and the load they are offered."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.lab.known.systems import Collector, Constant, Queue, Stalling, System


@dataclass(frozen=True, slots=True)
class Case:
    """A system, offered ``rate`` requests per second by a Poisson schedule."""

    name: str
    system: System
    rate: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """The instrument itself: evenly spaced requests at one rate after another (per second), asked of a fast system."""

    name: str
    system: System
    rates: tuple[int, ...]


PLAIN = Case("constant", Constant(0.010), 200.0)
AGAIN = Case("the same again", Constant(0.010), 200.0)
SLOWER = Case("3 % slower", Constant(0.0103), 200.0)
ONE_LINE = Case("M/M/1", Queue(1, 0.010), 60.0)
FOUR_LINES = Case("M/M/4", Queue(4, 0.040), 60.0)
STALLS = Case("stalls", Stalling(0.020, at_s=0.5, for_s=0.3), 200.0)
COLLECTS = Case("collector", Collector(0.020, every=40, pause_s=0.030), 200.0)
GENERATOR = Ladder("generator", Constant(0.001), (1_000, 2_000, 5_000, 10_000))

CASES = (PLAIN, AGAIN, SLOWER, ONE_LINE, FOUR_LINES, STALLS, COLLECTS, GENERATOR)
HELD = (ONE_LINE, FOUR_LINES, STALLS, COLLECTS)  # to their truth, request by request
TOLERANCE = 0.05  # of a quantile: an answer also crosses loopback, which the truth does not know; 0.1 to 0.4 ms
AIM = 5_000  # arrivals per second at which the generator's own lateness is asked for
EXPECTED = (
    "All known answers are found: the same system twice differs by nothing that matters (margin 1 %), 3 % more delay "
    "is seen as slower, and the quantiles of queues, stalls and pauses lie within "
    f"{TOLERANCE * 100:.0f} % of their truth. The generator is late by less than 2 ms at p99 at {AIM:,} arrivals per "
    "second."
)
