"""Offer load on schedule, whatever the server does: an open loop.

A closed loop (send, wait, send again) slows down with the server it measures, and so leaves out the very
requests that would have suffered. Here every arrival starts a task at its drawn moment and waits for nobody.
For each request

    latency = end - intended = (sent - intended) + (end - sent) = dispatch lag + service

and all three are kept: the lag is our own fault and must be small, the service is what a closed loop would have
seen, the latency is what a user feels. Nothing is corrected afterwards.

How the moment is met: we sleep to just before, then spin by yielding to the loop, which keeps serving answers
meanwhile; what the spinning costs is counted apart from the generator's real work (spin.py). Arrivals that are due
together are started together, without a turn between.

Numpy only, so that a generator's process stays small and starts fast.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.moments import Moments, Send
from imlab.lab.load.schedule import Times
from imlab.lab.load.spin import Spin

__all__ = ["Load", "Send", "offer"]


@dataclass(frozen=True, slots=True)
class Load:
    """What was offered and what came of it. All times in seconds, shape (arrivals,), from the window's start.

    ``end`` is when ``send`` returned, NaN where it failed; ``stamps`` are the further moments it told, NaN where
    it told none. ``errors`` maps an arrival to what went wrong. ``origin`` is the start on time.monotonic.
    ``seconds`` is how long it was offered, without the wait for the last answers, in which nobody is busy; ``cpu_s`` is
    what this process burnt meanwhile, ``spin_s`` the part of it that was waiting. ``receivers`` counts the connections
    that the same process served beside. ``parts`` are the shares of several processes (crew.py) that make up this
    whole; sums stand for them here.
    """

    intended: Times
    sent: Times
    end: Times
    stamps: Mapping[str, Times]
    errors: Mapping[int, str]
    origin: float
    seconds: float
    cpu_s: float
    spin_s: float
    receivers: int = 0
    parts: tuple[Load, ...] = ()

    @property
    def lag(self) -> Times:
        """Our own lateness: sent - intended."""
        return self.sent - self.intended

    @property
    def service(self) -> Times:
        """What the server took once it was asked: end - sent."""
        return self.end - self.sent

    @property
    def latency(self) -> Times:
        """What a user waits: end - intended."""
        return self.end - self.intended

    @property
    def busy(self) -> float:
        """Share of the window that this process worked, spinning not counted; of several, the busiest."""
        if self.parts:
            return max(part.busy for part in self.parts)
        return max(0.0, self.cpu_s - self.spin_s) / self.seconds

    def rows(self, warm_up_s: float = 0.0) -> list[dict[str, object]]:
        """One tidy row per arrival, failures included; arrivals before ``warm_up_s`` are labelled."""
        moments = {"intended": self.intended, "sent": self.sent, "end": self.end, **self.stamps}
        columns = {f"{name}_s": np.round(times, 7).tolist() for name, times in moments.items()}
        return [
            {"arrival": index, "warm_up": bool(self.intended[index] < warm_up_s), "error": self.errors.get(index, "")}
            | {name: values[index] for name, values in columns.items()}
            for index in range(len(self.intended))
        ]


async def offer(
    arrivals: Times, send: Send, drain_s: float = 10.0, start: float | None = None, receivers: int = 0
) -> Load:
    """Start ``send(index)`` at each arrival (seconds from the start, sorted), and wait for the answers at the end.

    The window starts at ``start`` on time.monotonic, or at once; ``receivers`` is for the record.
    ``send`` returns further moments by name (moments.py), read from time.monotonic, or None; it raises when the
    request failed. What has not answered ``drain_s`` seconds after the last arrival is cancelled: an error.
    Run it on asyncio's own loop: uvloop's timers are whole milliseconds too and its turns cannot be timed alike.
    """
    if len(arrivals) == 0 or np.any(np.diff(arrivals) < 0):
        raise UsageError("a schedule needs at least one arrival, in order of time")
    gc.collect()
    gc.freeze()  # what is already there is never searched during the window: collector pauses would be our lag
    window = _Window(arrivals, send)
    try:
        await window.run(drain_s, start)
    finally:
        gc.unfreeze()
    return window.load(receivers)


class _Window:
    """One window of load while it happens."""

    def __init__(self, arrivals: Times, send: Send) -> None:
        self._intended = arrivals.tolist()
        self._moments = Moments(send, time.monotonic)
        self._flying: dict[int, asyncio.Task[None]] = {}  # what was answered is let go: the collector would search it
        self._spin = Spin()
        self._seconds = self._cpu = 0.0

    async def run(self, drain_s: float, start: float | None) -> None:
        """The whole window, from the first arrival to the last answer."""
        create, wait = asyncio.get_running_loop().create_task, self._spin.until
        origin = self._moments.origin = await _begin(start, self._spin)
        cpu = time.process_time()
        for index, moment in enumerate(self._intended):
            await wait(origin + moment)
            self._flying[index] = create(self._one(index))
        await asyncio.sleep(0)  # the last one has been asked
        self._seconds = time.monotonic() - origin
        self._cpu = time.process_time() - cpu
        await self._drain(drain_s)

    def load(self, receivers: int) -> Load:
        """What came of it."""
        noted, intended = self._moments, np.array(self._intended)
        sent, end, stamps = noted.columns(len(intended))
        used = self._seconds, self._cpu, self._spin.seconds
        return Load(intended, sent, end, stamps, noted.errors, noted.origin, *used, receivers)

    async def _one(self, index: int) -> None:
        """One request, under way until it has answered or failed."""
        try:
            await self._moments.request(index)
        finally:
            del self._flying[index]

    async def _drain(self, drain_s: float) -> None:
        """Wait for the answers still under way; give up on those that do not come."""
        if self._flying:
            await asyncio.wait(self._flying.values(), timeout=drain_s)
        waiting = list(self._flying.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self._moments.give_up(len(self._intended), f"no answer in {drain_s:g} s")


async def _begin(start: float | None, spin: Spin) -> float:
    """The moment at which the window starts, on time.monotonic, just after it was waited for."""
    await spin.settle()
    now = time.monotonic()
    if start is None:
        return now
    if now > start:
        raise InvalidRun(f"the generator was ready {now - start:.3g} s after the agreed start")
    await spin.until(start)
    spin.seconds = 0.0
    return start
