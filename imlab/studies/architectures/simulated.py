"""Queues in virtual time, exactly: a heap of moments and as few of them as will do.

Who comes to a line that is first come, first served, is told at once when he will be done: the later of now and when
the first server is free, and his own time more. So a request needs a moment when it comes, one when it is back from
far away, one to give its thread back, and none while it waits for a core. The plain way, with a queue for every line,
is in plainly.py: the slow rival that gives the same moments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.studies.architectures.model import Closed, Fleet, Floats, Load, Work

COMES, ASKS, BACK, LEAVES = range(4)  # why a moment is in the heap; its code is 4 x the request's number and this
WARM_UP = 0.25  # of the requests: what is not counted
Moments = list[tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What each request takes, in the order in which requests are numbered; seconds, shape (requests,) each."""

    before: Floats
    after: Floats
    wait: Floats
    database: Floats
    note: NDArray[np.int64]  # the number of the note that it shares a reading of; -1: it shares none
    pause: Floats  # before it, since its user's last answer or, of an open load, since the request before it

    @property
    def near(self) -> NDArray[np.bool_]:
        """Which never leave the node."""
        return np.asarray((self.wait == 0) & (self.database == 0))


@dataclass(frozen=True, slots=True)
class Played:
    """When each came and left, in seconds, shape (requests,)."""

    came: Floats
    left: Floats


@dataclass(frozen=True, slots=True)
class Steady:
    """What was seen after the warm-up. latency: of every request counted, seconds; busy: share of the cores' time."""

    latency: Floats
    rate: float
    busy: float

    @property
    def mean_s(self) -> float:
        """The mean response in seconds."""
        return float(self.latency.mean())

    def quantile_s(self, q: float) -> float:
        """The time that a share q does not exceed, in seconds."""
        return float(np.quantile(self.latency, q))

    @property
    def within(self) -> float:
        """Requests under way, on average, by Little's law."""
        return self.rate * self.mean_s


def simulate(fleet: Fleet, work: Work, load: Load, requests: int, seed: int, warm_up: float = WARM_UP) -> Steady:
    """So many requests from an idle start; the first ``warm_up`` of them, a share, are not counted."""
    drawn = draw(work, load, requests, seed)
    return steady(fleet, drawn, load, play(fleet, drawn, load), warm_up)


def draw(work: Work, load: Load, requests: int, seed: int) -> Drawn:
    """What each takes: the kind and each part from generators of their own, so that a change of one leaves the rest."""
    if requests < 2 * (load.users if isinstance(load, Closed) else 1):
        raise UsageError(f"{requests} requests are too few for {load!r}")
    kinds, *parts, notes, pauses = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(7))
    edges = np.cumsum([share for share, _ in work.parts])
    kind = np.searchsorted(edges, kinds.random(requests) * edges[-1], side="right").clip(max=len(edges) - 1)
    taken = []
    for name, rng in zip(("before", "after", "wait", "database"), parts, strict=True):
        state, picked = rng.bit_generator.state, np.zeros(requests)
        for number, (_, cost) in enumerate(work.parts):
            rng.bit_generator.state = state
            picked = np.where(kind == number, getattr(cost, name).draws(rng, requests), picked)
        taken.append(picked)
    sizes = np.array([cost.notes for _, cost in work.parts])[kind]
    first = np.cumsum([0, *(cost.notes for _, cost in work.parts)])[kind]  # notes of two kinds are not the same
    note = np.where(sizes > 0, first + (notes.random(requests) * sizes).astype(int), -1)
    pause = (
        load.think.draws(pauses, requests)
        if isinstance(load, Closed)
        else pauses.standard_exponential(requests) / load.rate
    )
    before, after, wait, database = taken
    return Drawn(before, after, wait, database, note, pause)


def play(fleet: Fleet, drawn: Drawn, load: Load) -> Played:
    """Every moment of it. Numbers are given to requests when they are planned, and nodes to numbers in turn."""
    count, nodes, threads = len(drawn.pause), fleet.nodes, fleet.node.threads or 0
    came, left, pause, after = [0.0] * count, [0.0] * count, drawn.pause.tolist(), drawn.after.tolist()
    closed, planned = isinstance(load, Closed), load.users if isinstance(load, Closed) else 1
    heap: Moments = [(pause[number], 4 * number) for number in range(planned)]
    heapify(heap)
    cores = [[0.0] * fleet.node.cores for _ in range(nodes)]
    begin, ask = _beginning(fleet, drawn, cores, heap), _asking(fleet, drawn)
    idle, lines = [threads] * nodes, [deque[int]() for _ in range(nodes)]
    while heap:
        now, code = heappop(heap)
        number, why = code >> 2, code & 3
        if why == COMES:
            came[number] = now
            if not closed and planned < count:
                heappush(heap, (now + pause[planned], 4 * planned))
                planned += 1
            if threads and not idle[number % nodes]:
                lines[number % nodes].append(number)
                continue
            idle[number % nodes] -= 1
            begin(number, now)
        elif why == BACK:
            free = cores[number % nodes]
            end = (now if now > free[0] else free[0]) + after[number]
            heapreplace(free, end)
            heappush(heap, (end, code + 1))
        elif why == ASKS:
            heappush(heap, (ask(number, now), code + 1))
        else:
            left[number] = now
            if closed and planned < count:
                heappush(heap, (now + pause[planned], 4 * planned))
                planned += 1
            if lines[number % nodes]:
                begin(lines[number % nodes].popleft(), now)
            else:
                idle[number % nodes] += 1
    return Played(np.array(came), np.array(left))


def steady(fleet: Fleet, drawn: Drawn, load: Load, played: Played, warm_up: float = WARM_UP) -> Steady:
    """What is counted. Of an open load: who came after the warm-up. Of a closed one: who left after it, and before

    the plan ran out, for from then on fewer and fewer ask.
    """
    if not 0 <= warm_up < 0.5:
        raise UsageError(f"a warm-up is a share under a half of the requests, not {warm_up}")
    first = int(warm_up * len(played.came))
    if isinstance(load, Closed):
        counted = np.argsort(played.left, kind="stable")[first : len(played.left) - load.users + 1]
        seconds = played.left[counted[-1]] - played.left[counted[0]]
        counted = counted[1:]
    else:
        counted = np.arange(first, len(played.came))
        seconds = played.came[-1] - played.came[first]
    cpu = (drawn.before + drawn.after)[counted].sum()
    busy = cpu / (seconds * fleet.nodes * fleet.node.cores)
    return Steady((played.left - played.came)[counted], float(len(counted) / seconds), float(busy))


def _beginning(fleet: Fleet, drawn: Drawn, cores: list[list[float]], heap: Moments) -> Callable[[int, float], None]:
    """A request takes its first piece of CPU, and its next moment is known."""
    alone = (drawn.note < 0) & ((drawn.database == 0) | (fleet.database is None))  # waits for nobody out there
    why = np.where(drawn.near, LEAVES, np.where(alone, BACK, ASKS))
    code = (4 * np.arange(len(why)) + why).tolist()
    cpu = np.where(drawn.near, drawn.before + drawn.after, drawn.before).tolist()
    away, nodes = np.where(alone, drawn.wait + drawn.database, 0.0).tolist(), fleet.nodes

    def begin(number: int, now: float) -> None:
        free = cores[number % nodes]
        end = (now if now > free[0] else free[0]) + cpu[number]
        heapreplace(free, end)
        heappush(heap, (end + away[number], code[number]))

    return begin


def _asking(fleet: Fleet, drawn: Drawn) -> Callable[[int, float], float]:
    """When a request that asks now is answered from far away."""
    wait: list[float] = drawn.wait.tolist()
    database: list[float] = drawn.database.tolist()
    note: list[int] = drawn.note.tolist()
    free = None if fleet.database is None else [0.0] * fleet.database
    nodes = fleet.nodes
    read: dict[tuple[int, int], float] = {}  # node and note -> when the reading that is, or was, under way there ends

    def ask(number: int, now: float) -> float:
        shared, about = note[number] >= 0, (number % nodes, note[number])
        if shared and (end := read.get(about, now)) > now:
            return end
        if free is None or not database[number]:
            end = now + database[number]
        else:
            end = (now if now > free[0] else free[0]) + database[number]
            heapreplace(free, end)
        end += wait[number]
        if shared:
            read[about] = end
        return end

    return ask
