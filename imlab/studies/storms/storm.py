"""A storm in one room, the same in all processes that take part: who sends when, and how many notes there will be.

A process learns with Locust's event ``spawning_complete`` that all users are there, and how many. From then on each
sends its notes at moments drawn over ``within`` seconds, the first a second later; so every member knows how many notes
the room will hold. The room is a new one, and its notes are numbered from 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Event

AHEAD = 1.0  # seconds from the last user's start to the first note: the processes hear of it at different moments


class Storm:
    """One test, in this process. expected: notes that everyone must have heard, 0 until all users are there."""

    def __init__(self) -> None:
        self.expect(0, 0.0)

    def expect(self, each: int, within: float) -> None:
        """A test begins: so many notes of each user in so many seconds."""
        self._each, self._within = each, within
        self._standing, self._begin, self.expected = Event(), 0.0, 0
        self.over = Event()  # the test is about to be stopped

    def stand(self, user_count: int, **_: object) -> None:
        """All users are there."""
        if not self._standing.is_set():
            self.expected, self._begin = user_count * self._each, time.monotonic() + AHEAD
            self._standing.set()

    def end(self, **_: object) -> None:
        """The test is about to be stopped."""
        self.over.set()

    def lasted(self) -> float:
        """Seconds since the first note could be sent."""
        return max(0.0, time.monotonic() - self._begin) if self._standing.is_set() else 0.0

    def moments(self, random: Random) -> Iterator[float]:
        """When one user sends each of its notes, on time.monotonic: waits for each, and is late where it must be."""
        for offset in sorted(random.uniform(0.0, self._within) for _ in range(self._each)):
            self._wait(offset)
            yield self._begin + offset

    def halfway(self, act: Callable[[], None]) -> None:
        """Do it when half of the time is over."""
        self._wait(self._within / 2)
        act()

    def _wait(self, offset: float) -> None:
        self._standing.wait()
        time.sleep(max(0.0, self._begin + offset - time.monotonic()))
