"""Systems whose answer to any load is known, request by request: what a laboratory is tried on first.

A system says what each request costs (drawn by its number, from a seed) and, given when requests arrive, when each
is answered. It says it twice: ``ends`` for whole arrays, shape (..., requests), so that thousands of experiments are
simulated at once; ``begin`` one request after another, as a real server lives it (clockwork.py). The tests hold the
two together, and both to the formulas of theory.py.

Stalls shut the door: what is due while it is shut is answered when it opens, and nothing else changes. All times are
in seconds, on one clock.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from imlab.errors import UsageError
from imlab.lab.load.schedule import Times

Answer = Callable[[float, float], float]  # when it arrived, what it costs -> when it is answered; in order of arrival


class System(Protocol):
    """Anything whose answers are known; its repr is its label."""

    def services(self, count: int, seed: int) -> Times:
        """What requests 0, 1, ... cost, shape (count,); a longer draw begins with the shorter one."""

    def ends(self, arrivals: Times, services: Times) -> Times:
        """When each is answered; both of shape (..., requests), arrivals in order along the last axis."""

    def begin(self) -> Answer:
        """The same, one request after another, from an idle start."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Every answer after ``delay_s``, however many wait. +3 % is ``Constant(0.0103)`` against ``Constant(0.01)``."""

    delay_s: float

    def __post_init__(self) -> None:
        """Refuse what no server can do."""
        _check(self)

    def services(self, count: int, seed: int) -> Times:
        """The delay."""
        return np.full(count, self.delay_s)

    def ends(self, arrivals: Times, services: Times) -> Times:
        """Nobody waits for anybody."""
        return arrivals + services

    def begin(self) -> Answer:
        """Nobody waits for anybody."""
        return operator.add


@dataclass(frozen=True, slots=True)
class Queue:
    """First come, first served by ``servers``, each busy for an exponential time of mean ``service_s``.

    Under Poisson arrivals it is M/M/c.
    """

    servers: int
    service_s: float

    def __post_init__(self) -> None:
        """Refuse what no server can do."""
        _check(self)

    def services(self, count: int, seed: int) -> Times:
        """Independent exponential times."""
        return np.random.default_rng(seed).exponential(self.service_s, count)

    def ends(self, arrivals: Times, services: Times) -> Times:
        """By Lindley's recursion, or Kiefer's and Wolfowitz's."""
        return one_line(arrivals, services) if self.servers == 1 else lines(arrivals, services, self.servers)

    def begin(self) -> Answer:
        """Each goes to the server that is free first."""
        free = [-np.inf] * self.servers

        def answer(arrival: float, service: float) -> float:
            end = max(arrival, free[0]) + service
            heapq.heapreplace(free, end)
            return end

        return answer


@dataclass(frozen=True, slots=True)
class Stalling:
    """Answers after ``delay_s``; but from ``at_s`` after the first arrival, for ``for_s``, the door is shut."""

    delay_s: float
    at_s: float
    for_s: float

    def __post_init__(self) -> None:
        """Refuse what no server can do."""
        _check(self)

    def services(self, count: int, seed: int) -> Times:
        """The delay."""
        return np.full(count, self.delay_s)

    def ends(self, arrivals: Times, services: Times) -> Times:
        """What is due while the door is shut is answered when it opens."""
        due, shut = arrivals + services, arrivals[..., :1] + self.at_s
        return np.where((due >= shut) & (due < shut + self.for_s), shut + self.for_s, due)

    def begin(self) -> Answer:
        """The first arrival sets the time of the stall."""
        first: float | None = None

        def answer(arrival: float, service: float) -> float:
            nonlocal first
            first = arrival if first is None else first
            due, shut = arrival + service, first + self.at_s
            return shut + self.for_s if shut <= due < shut + self.for_s else due

        return answer


@dataclass(frozen=True, slots=True)
class Collector:
    """Answers after ``delay_s``; but before every ``every``-th answer the door is shut for ``pause_s``.

    So does a collector that stops the world after so many allocations: a queue whose requests cost nothing, but for
    those numbered every - 1, 2 every - 1, ...
    """

    delay_s: float
    every: int
    pause_s: float

    def __post_init__(self) -> None:
        """Refuse what no server can do."""
        _check(self)

    def services(self, count: int, seed: int) -> Times:
        """The pause, or nothing."""
        return np.where(np.arange(1, count + 1) % self.every == 0, self.pause_s, 0.0)

    def ends(self, arrivals: Times, services: Times) -> Times:
        """The delay, then a queue."""
        return one_line(arrivals + self.delay_s, services)

    def begin(self) -> Answer:
        """The delay, then a queue."""
        queue = Queue(1, 0.0).begin()
        return lambda arrival, service: queue(arrival + self.delay_s, service)


Kind = Constant | Queue | Stalling | Collector
KINDS: tuple[type[Kind], ...] = (Constant, Queue, Stalling, Collector)


def truth(system: System, arrivals: Times, seed: int) -> Times:
    """When each request is answered, whatever the order in which its number arrived; both of shape (requests,)."""
    order = np.argsort(arrivals, kind="stable")
    ends = np.empty_like(arrivals)
    ends[order] = system.ends(arrivals[order], system.services(len(arrivals), seed)[order])
    return ends


def one_line(arrivals: Times, services: Times) -> Times:
    """When one server is done with each: Lindley's recursion, end = max(arrival, end before) + service, unrolled.

    With C the cumulative cost, end_i = C_i + max over j <= i of (arrival_j - C_(j-1)); shape (..., requests).
    """
    done = np.cumsum(services, axis=-1)
    return np.asarray(done + np.maximum.accumulate(arrivals - (done - services), axis=-1))


def lines(arrivals: Times, services: Times, servers: int) -> Times:
    """When ``servers`` of them are done with each; shape (..., requests). The state is when each is free, after
    J. Kiefer and J. Wolfowitz, Transactions of the AMS 78, 1955.
    """
    flat, cost = arrivals.reshape(-1, arrivals.shape[-1]), services.reshape(-1, services.shape[-1])
    free, rows = np.full((len(flat), servers), -np.inf), np.arange(len(flat))
    ends = np.empty_like(flat)
    for request in range(flat.shape[1]):
        first = free.argmin(axis=1)
        ends[:, request] = np.maximum(flat[:, request], free[rows, first]) + cost[:, request]
        free[rows, first] = ends[:, request]
    return ends.reshape(arrivals.shape)


def told(system: System) -> dict[str, Any]:
    """A system as a JSON object: its kind and its fields."""
    if not isinstance(system, KINDS):
        raise UsageError(f"only {', '.join(kind.__name__ for kind in KINDS)} can be told to a process, not {system!r}")
    return {"kind": type(system).__name__, **asdict(system)}


def heard(said: Mapping[str, Any]) -> System:
    """The system that ``told`` wrote."""
    kinds = {kind.__name__: kind for kind in KINDS}
    try:
        return kinds[said["kind"]](**{name: value for name, value in said.items() if name != "kind"})
    except (KeyError, TypeError) as error:
        raise UsageError(f"no system of {', '.join(kinds)}: {dict(said)}") from error


def _check(system: Kind) -> None:
    """Times are not negative; servers, and answers between pauses, are at least one."""
    for name, value in asdict(system).items():
        least = 1 if name in ("servers", "every") else 0
        if not least <= value < np.inf:
            raise UsageError(f"{name} is at least {least} and finite: {system!r}")
