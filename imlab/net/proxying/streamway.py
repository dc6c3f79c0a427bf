"""A link as a byte stream sees it: nothing is lost, so what a packet link would lose waits.

The same Course decides when each piece arrives. An outage stops the link's clock: nothing moves, nothing is lost, and
afterwards the link goes on where it stood. A full queue is not a drop but a reason to stop reading. A share of loss of
exactly 1 is a half-open link: bytes are taken and vanish, and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import inf

from imlab.errors import UsageError
from imlab.net.fate.course import Course
from imlab.net.fate.losses import Loss
from imlab.net.fate.outages import Calendar
from imlab.net.links import Link

QUEUE = 262_144  # bytes where the link names no bound: without one, all that a sender has would count as sent
NOTICE = 0.1  # seconds until one who waits hears that the link has changed


class StreamWay:
    """One direction, shared by all connections; ``now`` tells seconds since the link began."""

    def __init__(self, link: Link, seed: int | str, now: Callable[[], float]) -> None:
        self._now = now
        self._course = Course(Link(), seed)
        self._calendar = Calendar(Link().outage_model)
        self._lead = 0.0  # of the link's clock, so that another calendar does not turn it back
        self.change(link)

    def change(self, link: Link) -> None:
        """Another link from the next piece on; another calendar also for what is under way."""
        check(link)
        clock = self._clock()
        self._calendar = Calendar(link.outage_model)
        self._lead += clock - self._clock()
        self._queue = QUEUE if link.queue == inf else link.queue
        self._course.change(replace(link, queue=inf, loss=0.0, outages=()))
        self.swallows = link.loss_model == Loss(1)

    async def room(self, size: int) -> None:
        """Wait until a piece of ``size`` bytes fits into the queue; an idle link takes any."""
        while True:
            clock = self._clock()
            waiting = self._course.waiting(clock)
            excess = min(waiting, waiting + size - self._queue)
            if excess <= 0:
                return
            await self._sleep(self._course.passed(clock, excess))

    def send(self, size: int) -> float:
        """When a piece sent now arrives, by the link's own clock."""
        return self._course.send(self._clock(), size)[0]

    async def until(self, arrival: float) -> None:
        """Wait for a moment of the link's own clock."""
        while self._moment(arrival) > self._now():
            await self._sleep(arrival)

    async def _sleep(self, arrival: float) -> None:
        await asyncio.sleep(min(self._moment(arrival) - self._now(), NOTICE))

    def _clock(self) -> float:
        return self._calendar.alive(self._now()) + self._lead

    def _moment(self, clock: float) -> float:
        return self._calendar.moment(clock - self._lead)


def check(link: Link) -> None:
    """What TCP hides from its users cannot be done to a stream."""
    if link.loss_model not in (Loss(0), Loss(1)) or link.duplication or link.reordering:
        raise UsageError(
            f"a proxy passes on what TCP has repaired: it cannot lose, double or reorder packets as {link!r} asks; "
            "the TUN engine can, and the virtual world"
        )
