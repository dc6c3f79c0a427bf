"""A service as queues, in values: what a request costs, what a node has, who asks.

A request waits for a thread, if there are threads; takes CPU; waits for what is far away (a question to the database,
then whatever else: an object store, a second cache); takes CPU again; and gives its thread back. A hit has no far
part, and its two pieces of CPU are one.

CPU is first come, first served, a piece at a time and to its end. On an event loop that is how callbacks run. Threads
of Python do the same while a piece is shorter than the 5 ms after which one thread may ask another for the interpreter
(sys.getswitchinterval), and here pieces are: processor sharing would be a server of another language. One process has
one interpreter, so ``cores`` are as many processes behind one line; the kernel's dealing of connections to processes,
which is worse than one line, is left out. So are memory, the network's own rate, garbage collection and failures.

What is far away makes nobody wait for anybody, but for a database that serves so many questions at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError

Floats = NDArray[np.float64]


class Time(Protocol):
    """How long something takes, in seconds: always the same, or drawn."""

    @property
    def mean_s(self) -> float:
        """On average."""

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """So many times, shape (count,)."""


def _check(seconds: float) -> None:
    if not 0 <= seconds < math.inf:
        raise UsageError(f"a time is not negative and finite, not {seconds} s")


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same."""

    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Time does not run backwards."""
        _check(self.seconds)

    @property
    def mean_s(self) -> float:
        """The time."""
        return self.seconds

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """The time, so many times."""
        return np.full(count, self.seconds)


@dataclass(frozen=True, slots=True)
class Memoryless:
    """Exponential, ``seconds`` on average."""

    seconds: float

    def __post_init__(self) -> None:
        """Time does not run backwards."""
        _check(self.seconds)

    @property
    def mean_s(self) -> float:
        """The mean."""
        return self.seconds

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """Independent ones; two means have draws in that proportion, from one generator."""
        return rng.standard_exponential(count) * self.seconds


@dataclass(frozen=True, slots=True)
class Between:
    """Any time between two is as likely as any other."""

    least_s: float
    most_s: float

    def __post_init__(self) -> None:
        """The least is the least."""
        _check(self.least_s)
        if not self.least_s <= self.most_s < math.inf:
            raise UsageError(f"between {self.least_s} s and {self.most_s} s there is nothing")

    @property
    def mean_s(self) -> float:
        """The middle."""
        return (self.least_s + self.most_s) / 2

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """Independent ones."""
        return self.least_s + rng.random(count) * (self.most_s - self.least_s)


NOTHING = Fixed()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of request takes: CPU before, a question to the database, a wait, CPU after.

    ``notes``: it is about any of so many notes, and who asks for one that is being read waits for that reading
    (single flight); 0: everybody reads for himself.
    """

    before: Time
    after: Time = NOTHING
    wait: Time = NOTHING
    database: Time = NOTHING
    notes: int = 0

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU, on average."""
        return self.before.mean_s + self.after.mean_s

    @property
    def far_s(self) -> float:
        """Seconds away from here on average, when nobody else is at the database."""
        return self.database.mean_s + self.wait.mean_s


@dataclass(frozen=True, slots=True)
class Work:
    """Kinds of requests, each with its share; the shares are one together."""

    parts: tuple[tuple[float, Cost], ...]

    def __post_init__(self) -> None:
        """Shares are shares."""
        if min((share for share, _ in self.parts), default=-1.0) < 0 or not math.isclose(sum(self._shares), 1.0):
            raise UsageError(f"shares are not negative and 1 together, not {self._shares}")

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU of a request, on average."""
        return sum(share * cost.cpu_s for share, cost in self.parts)

    @property
    def far_s(self) -> float:
        """Seconds that a request is away, on average, single flight apart."""
        return sum(share * cost.far_s for share, cost in self.parts)

    @property
    def _shares(self) -> list[float]:
        return [share for share, _ in self.parts]


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: cores that each run one piece at a time, and threads in all; None: event loops."""

    cores: int = 1
    threads: int | None = None

    def __post_init__(self) -> None:
        """There is at least one of each."""
        if self.cores < 1 or (self.threads is not None and self.threads < 1):
            raise UsageError(f"a node has a core and, where it has threads, one of them: {self!r}")


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many equal nodes, dealt requests in turn, and one database; ``database``: questions that it serves at once.

    None: as many as come.
    """

    node: Node
    nodes: int = 1
    database: int | None = None

    def __post_init__(self) -> None:
        """There is at least one of each."""
        if self.nodes < 1 or (self.database is not None and self.database < 1):
            raise UsageError(f"a fleet has a node, and its database serves one question at least: {self!r}")


@dataclass(frozen=True, slots=True)
class Open:
    """Poisson arrivals, ``rate`` per second, that wait for nobody."""

    rate: float

    def __post_init__(self) -> None:
        """Somebody comes."""
        if not 0 < self.rate < math.inf:
            raise UsageError(f"an open load has a positive rate, not {self.rate}")


@dataclass(frozen=True, slots=True)
class Closed:
    """``users`` who each wait for the answer, think and ask again."""

    users: int
    think: Time

    def __post_init__(self) -> None:
        """There is somebody."""
        if self.users < 1:
            raise UsageError(f"a closed load has users, not {self.users}")


Load = Open | Closed
