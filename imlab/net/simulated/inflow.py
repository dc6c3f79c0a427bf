"""The receiving half of a simulated TCP connection's one direction: puts segments in order, and acknowledges."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from imlab.net.simulated.lane import Lane
from imlab.net.simulated.outflow import HEADERS, Outflow

SELECTIVE = 3  # segments beyond a gap that an acknowledgement names: SACK blocks beside timestamps, RFC 2018


class Inflow:
    """Delivers messages whole and in order; acknowledges every ``every`` segments, or after ``wait`` seconds.

    What is out of order, or here already, is acknowledged at once (RFC 5681, 4.2).
    """

    __slots__ = ("_deliver", "_early", "_every", "_held", "_lane", "_latest", "_next", "_owed", "_recent", "_wait",
                 "alarm", "dead", "expected", "source")  # fmt: skip

    def __init__(self, lane: Lane, source: Outflow, every: int, wait: float, deliver: Callable[[Any], None]) -> None:
        self._lane, self.source, self._deliver = lane, source, deliver
        self._every, self._wait = every, wait
        self.dead = False
        self.alarm = inf  # when an acknowledgement can wait no longer
        self.expected: deque[tuple[int, Any]] = deque()  # the last segment of each message, the message
        self._next = 0  # all segments before it are here
        self._early: set[int] = set()
        self._recent: tuple[int, ...] = ()
        self._owed = 0  # segments not acknowledged
        self._latest = (0, 0.0)  # the number and moment of the transmission that the acknowledgement will name

    @property
    def through(self) -> int:
        """Segments that are here without a gap."""
        return self._next

    def take(self, now: float, segment: tuple[int, int, float]) -> None:
        """A transmission arrives: segment, number, when it was sent."""
        if self.dead:
            return
        place, number, sent = segment
        in_order = place == self._next and not self._early
        if in_order:
            self._next += 1
        else:
            self._sort(place)
        self._owed += 1
        if self._owed == 1 or not in_order:
            self._latest = (number, sent)  # RFC 7323: the earliest that is not acknowledged, for round trips
        if self._owed >= self._every or not in_order:
            self._acknowledge(now, number)
        elif self.alarm == inf:
            self.alarm = now + self._wait
        while self.expected and self.expected[0][0] < self._next:
            if self.source.promises:
                self.source.promises.popleft()
            self._deliver(self.expected.popleft()[1])

    def ring(self, now: float) -> None:
        """The acknowledgement has waited long enough."""
        if now >= self.alarm and not self.dead:
            self._acknowledge(now, self._latest[0])

    def _sort(self, place: int) -> None:
        early = self._early
        if place >= self._next:
            early.add(place)
        while self._next in early:
            early.remove(self._next)
            self._next += 1
        self._recent = tuple([place, *self._recent][:SELECTIVE]) if early else ()

    def _acknowledge(self, now: float, number: int) -> None:
        told = (self._next, number, self._latest[1], self._recent)
        self._owed, self.alarm = 0, inf
        self._lane.put(now, HEADERS, self.source.heard, told)
