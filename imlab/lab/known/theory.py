"""What a queue does in the long run, by formula: the truth that simulated and real queues are held to.

M/M/c: Poisson arrivals at ``rate``, c servers, exponential service of mean s. With the offered load a = rate s, in
servers, a request finds all of them busy with the probability of Erlang's C formula, and then waits an exponential
time of rate c / s - rate; what it waits and its own service together are its time in the system (L. Kleinrock,
Queueing Systems I, 1975, chapter 3). For one server that time is itself exponential, of rate 1 / s - rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from imlab.errors import UsageError
from imlab.lab.known.systems import Queue

HALVINGS = 100  # of an interval: as far as doubles go


@dataclass(frozen=True, slots=True)
class Steady:
    """A queue long after its start, under Poisson arrivals at ``rate`` a second. Times in seconds."""

    queue: Queue
    rate: float

    def __post_init__(self) -> None:
        """Refuse what never settles."""
        if not 0 < self.utilisation < 1:
            raise UsageError(f"no steady state: {self.queue!r} at {self.rate:g}/s is {self.utilisation:.0%} busy")

    @property
    def utilisation(self) -> float:
        """The share of time that a server is busy."""
        return self.rate * self.queue.service_s / self.queue.servers

    @property
    def waits(self) -> float:
        """The chance that all servers are busy and a request waits: Erlang's C, by way of his B."""
        offered, blocked = self.rate * self.queue.service_s, 1.0
        for servers in range(1, self.queue.servers + 1):
            blocked = offered * blocked / (servers + offered * blocked)
        return blocked / (1 - self.utilisation * (1 - blocked))

    @property
    def mean_s(self) -> float:
        """Waiting and service, on average."""
        return self.queue.service_s + self.waits / self._relief

    @property
    def within(self) -> float:
        """Requests in the system, on average: Little's law."""
        return self.rate * self.mean_s

    def beyond(self, seconds: float) -> float:
        """The share of requests that take longer."""
        own, relief = 1 / self.queue.service_s, self._relief
        served = math.exp(-own * seconds)
        if math.isclose(own, relief, rel_tol=1e-6):
            both = (1 + own * seconds) * served  # waiting and service of one rate
        else:
            both = (relief * served - own * math.exp(-relief * seconds)) / (relief - own)
        return (1 - self.waits) * served + self.waits * both

    def quantile(self, q: float) -> float:
        """The time that a share q of the requests does not exceed."""
        if not 0 < q < 1:
            raise UsageError(f"a quantile lies between 0 and 1, not at {q}")
        far = self.mean_s
        while self.beyond(far) > 1 - q:
            far *= 2
        return halved(lambda seconds: self.beyond(seconds) > 1 - q, 0.0, far)

    @property
    def _relief(self) -> float:
        """How fast a full queue shrinks, requests per second."""
        return self.queue.servers / self.queue.service_s - self.rate


def capacity(queue: Queue, within_s: float, q: float = 0.99) -> float:
    """The greatest rate, per second, at which a share q is answered within so many seconds; 0 when there is none.

    For one server it is 1 / s - ln(1 / (1 - q)) / within.
    """
    most = queue.servers / queue.service_s
    return halved(lambda rate: Steady(queue, rate).beyond(within_s) < 1 - q, 0.0, most)


def halved(below: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``below`` turns from true to false, by bisection between two places."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if below(middle) else (low, middle)
    return low
