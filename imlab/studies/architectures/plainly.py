"""The same queues the plain way: every line a queue, every request a story told step by step. Slow, and the reference.

A story is a generator. It yields a line, and goes on when it is first there and a place is free; or seconds, and goes
on when they have passed.
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
        self.waiting: deque[Story] = deque()


class Reading:
    """A reading under way, and who waits for it."""

    def __init__(self) -> None:
        self.waiting: list[Story] = []


Story = Generator["Line | Reading | float", None, None]


class World:
    """A clock, and the stories that go on at their moments."""

    def __init__(self, fleet: Fleet, drawn: Drawn, load: Load) -> None:
        self.now, self._told = 0.0, 0
        self._fleet, self._drawn, self._load = fleet, drawn, load
        self._heap: list[tuple[float, int, Story]] = []
        self._cores = [Line(fleet.node.cores) for _ in range(fleet.nodes)]
        self._threads = [Line(fleet.node.threads) for _ in range(fleet.nodes)] if fleet.node.threads else None
        self._database = None if fleet.database is None else Line(fleet.database)
        self._readings: dict[int, Reading] = {}
        self._planned = 0
        self.came, self.left = np.zeros(len(drawn.pause)), np.zeros(len(drawn.pause))

    def run(self) -> None:
        """To the end."""
        for _ in range(self._load.users if isinstance(self._load, Closed) else 1):
            self._plan()
        while self._heap:
            self.now, _, story = heappop(self._heap)
            self._go_on(story)

    def _plan(self) -> None:
        """The next request, if the plan has one."""
        if self._planned < len(self.came):
            self._planned += 1
            self._at(self.now + self._drawn.pause[self._planned - 1], self._request(self._planned - 1))

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
        yield taken.before[number] + (taken.after[number] if taken.near[number] else 0.0)
        self._give(cores)
        if not taken.near[number]:
            yield from self._far(number)
            yield cores
            yield taken.after[number]
            self._give(cores)
        self.left[number] = self.now
        if isinstance(self._load, Closed):
            self._plan()
        if threads:
            self._give(threads)

    def _far(self, number: int) -> Story:
        """Away from the node, alone or with others who want the same note."""
        about = int(self._drawn.note[number])
        if about in self._readings:
            yield self._readings[about]
            return
        reading = Reading()
        if about >= 0:
            self._readings[about] = reading
        if self._database:
            yield self._database
        yield self._drawn.database[number]
        if self._database:
            self._give(self._database)
        yield self._drawn.wait[number]
        self._readings.pop(about, None)
        for story in reading.waiting:
            self._at(self.now, story)

    def _go_on(self, story: Story) -> None:
        """Until it must wait."""
        while (wanted := next(story, None)) is not None:
            if isinstance(wanted, Reading):
                wanted.waiting.append(story)
                return
            if not isinstance(wanted, Line):
                self._at(self.now + wanted, story)
                return
            if not wanted.free:
                wanted.waiting.append(story)
                return
            wanted.free -= 1

    def _give(self, line: Line) -> None:
        """Its place to the first in line."""
        if line.waiting:
            self._at(self.now, line.waiting.popleft())
        else:
            line.free += 1

    def _at(self, moment: float, story: Story) -> None:
        self._told += 1
        heappush(self._heap, (moment, self._told, story))


def play_plainly(fleet: Fleet, drawn: Drawn, load: Load) -> Played:
    """What ``simulated.play`` gives, to the last digits."""
    world = World(fleet, drawn, load)
    world.run()
    return Played(world.came, world.left)
