"""Delays put into stages on purpose, to learn what a stage is worth: known, the same every time, and counted.

A stage that waits in real life waits here: the thread sleeps, or the task does. "frame" burns processor time of its
own thread. What really passed is counted too: uvloop's timers tick in milliseconds, so a delay is up to one shorter
or longer there, and any timer is late on a busy machine; an analysis takes what passed, not what was asked for.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping

from imlab.errors import UsageError

WANTS = ("Find", "Newest", "Add", "Get", "Put", "Look", "Keep")  # before the door is asked
CONNECT = "connect"  # before a question that brings its own connection to database, object store or second cache
ACCEPT = "accept"  # before the first request of a client's connection is looked at
FRAME = "frame"  # while an answer is framed: processor time
STAGES = (*WANTS, CONNECT, ACCEPT, FRAME)
MOST_S = 10.0  # what is longer is a mistake of units


class Delays:
    """So many seconds in each stage. Any thread may use them; a stage that is not named passes at once, uncounted."""

    def __init__(self, slowed: Mapping[str, float]) -> None:
        for stage, seconds in slowed.items():
            if stage not in STAGES:
                raise UsageError(f"no stage is called {stage!r}; there are {', '.join(STAGES)}")
            if not 0 <= seconds <= MOST_S:
                raise UsageError(f"{stage} is delayed by 0..{MOST_S:g} s, not {seconds!r}")
        self._slowed = dict(slowed)
        self._lock = threading.Lock()
        self._count = dict.fromkeys(slowed, 0)
        self._passed = dict.fromkeys(slowed, 0.0)

    def __contains__(self, stage: str) -> bool:
        return stage in self._slowed

    def wait(self, stage: str) -> None:
        """In a thread."""
        if stage in self._slowed:
            begun = time.perf_counter()
            time.sleep(self._slowed[stage])
            self._add(stage, time.perf_counter() - begun)

    async def awaited(self, stage: str) -> None:
        """In a task."""
        if stage in self._slowed:
            begun = time.perf_counter()
            await asyncio.sleep(self._slowed[stage])
            self._add(stage, time.perf_counter() - begun)

    def burn(self, stage: str) -> None:
        """Processor time of this thread, however long that takes by the clock."""
        if stage in self._slowed:
            begun = now = time.thread_time()
            while now - begun < self._slowed[stage]:
                now = time.thread_time()
            self._add(stage, now - begun)

    def told(self) -> Mapping[str, tuple[int, float]]:
        """Stage -> how often, and how many seconds in all."""
        with self._lock:
            return {stage: (self._count[stage], self._passed[stage]) for stage in self._slowed}

    def _add(self, stage: str, passed: float) -> None:
        with self._lock:
            self._count[stage] += 1
            self._passed[stage] += passed
