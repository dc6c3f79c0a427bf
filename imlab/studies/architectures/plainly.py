"""The same queues the plain way: every line a queue, every request a story told step by step. Slow, and the reference.

A story is a generator. It yields a line, and goes on when it is first there and a place is free; or seconds, and goes
on when they have passed. At one moment the lower number is first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from heapq import heappop, heappush

import numpy as np

from imlab.studies.architectures.model import Closed, Fleet, Load
from imlab.studies.architectures.simulated import Drawn, Played


class Line:
    """First come, first served, by so many places."""

    def __init__(self, places: int) -> None:
        self.free = places
        self.waiting: deque[Told] = deque()


class Reading:
    """A reading under way, and who waits for it."""

    def __init__(self) -> None:
        self.waiting: list[Told] = []


Story = Generator["Line | Reading | float", None, None]
Told = tuple[int, Story]  # a request's number, and its story


class World:
    """A clock, and the stories that go on at their moments."""

    def __init__(self, fleet: Fleet, drawn: Drawn, load: Load) -> None:
        self.now = 0.0
        self._fleet, self._drawn, self._load = fleet, drawn, load
        self._heap: list[tuple[float, Told]] = []
        self._cores = [Line(fleet.node.cores) for _ in range(fleet.nodes)]
        self._threads = [Line(fleet.node.threads) for _ in range(fleet.nodes)] if fleet.node.threads else None
        self._database = None if fleet.database is None else Line(fleet.database)
        self._readings: dict[tuple[int, int], Reading] = {}
        self._planned = 0
        self.came, self.left = np.zeros(len(drawn.pause)), np.zeros(len(drawn.pause))

    def run(self) -> None:
        """To the end."""
        for _ in range(self._load.users if isinstance(self._load, Closed) else 1):
            self._plan()
        while self._heap:
            self.now, told = heappop(self._heap)
            self._go_on(told)

    def _plan(self) -> None:
        """The next request, if the plan has one."""
        if self._planned < len(self.came):
            number = self._planned
            self._planned += 1
            self._at(self.now + self._drawn.pause[number], (number, self._request(number)))

    def _request(self, number: int) -> Story:
        """All of one request."""
        taken, cores = self._drawn, self._cores[number % self._fleet.nodes]
        self.came[number] = self.now
        if not isinstance(self._load, Closed):
            self._plan()
        threads = self._threads[number % self._fleet.nodes] if self._threads else None
        if threads:
            yield threads
        yield cores
        yield float(taken.before[number] + (taken.after[number] if taken.near[number] else 0.0))
        self._give(cores)
        if not taken.near[number]:
            yield from self._far(number)
            yield cores
            yield float(taken.after[number])
            self._give(cores)
        self.left[number] = self.now
        if isinstance(self._load, Closed):
            self._plan()
        if threads:
            self._give(threads)

    def _far(self, number: int) -> Story:
        """Away from the node, alone or with others there who want the same note."""
        shared = int(self._drawn.note[number])
        about = (number % self._fleet.nodes, shared) if shared >= 0 else (-1, number)
        if about in self._readings:
            yield self._readings[about]
            return
        reading = self._readings[about] = Reading()
        database = self._database if self._drawn.database[number] else None
        if database:
            yield database
        yield float(self._drawn.database[number])
        if database:
            self._give(database)
        yield float(self._drawn.wait[number])
        del self._readings[about]
        for told in reading.waiting:
            self._at(self.now, told)
        yield 0.0

    def _go_on(self, told: Told) -> None:
        """Until it must wait."""
        while (wanted := next(told[1], None)) is not None:
            if isinstance(wanted, float):
                self._at(self.now + wanted, told)
                return
            if isinstance(wanted, Reading) or not wanted.free:
                wanted.waiting.append(told)
                return
            wanted.free -= 1

    def _give(self, line: Line) -> None:
        """Its place to the first in line."""
        if line.waiting:
            self._at(self.now, line.waiting.popleft())
        else:
            line.free += 1

    def _at(self, moment: float, told: Told) -> None:
        heappush(self._heap, (moment, told))


def play_plainly(fleet: Fleet, drawn: Drawn, load: Load) -> Played:
    """What ``simulated.play`` gives, to the last digits."""
    world = World(fleet, drawn, load)
    world.run()
    return Played(world.came, world.left)
