"""N users who each wait for the answer, think, and ask again: a closed loop, the classic load test.

For N users, throughput X, response time W and mean think time Z, Little's law says of any such system

    N = X (W + Z)

(J. D. C. Little, Operations Research 9, 1961; the interactive response-time law): everyone is always either waiting
or thinking. So the load obeys the server. When it stalls for a second, N requests wait, and the hundreds that an
open loop would have sent meanwhile are never sent, never timed, never seen: coordinated omission (G. Tene). A
request is intended when its user is ready, which is the moment it is sent; the lag is nought, and the latency *is*
the service. That is not a mistake in the bookkeeping but all that this model can know. It answers "what do N such
users feel?", never "what does a user feel at this rate?", for which there is openloop.py.

The clock and the sleeping are the running loop's, so that a loop with virtual time runs hours in moments. A think
time ends on a timer of asyncio, up to a millisecond late: Z is that much longer, and W is not touched.
"""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imlab.errors import UsageError
from imlab.lab.load.moments import Moments, Send
from imlab.lab.load.openloop import Load


class Think(Protocol):
    """How long a user pauses between an answer and the next request, in seconds."""

    def draw(self, rng: np.random.Generator) -> float:
        """One pause."""

    def phase(self, rng: np.random.Generator) -> float:
        """What is left of a pause for someone who looks at any moment: when the first request comes."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same pause."""

    seconds: float

    def draw(self, rng: np.random.Generator) -> float:
        """The pause."""
        return self.seconds

    def phase(self, rng: np.random.Generator) -> float:
        """Any part of it."""
        return float(rng.uniform(0.0, self.seconds))


@dataclass(frozen=True, slots=True)
class Exponential:
    """Pauses without memory, ``seconds`` on average."""

    seconds: float

    def draw(self, rng: np.random.Generator) -> float:
        """One pause."""
        return float(rng.exponential(self.seconds))

    def phase(self, rng: np.random.Generator) -> float:
        """What is left has the same law as the whole."""
        return self.draw(rng)


async def users(
    count: int, think: Think, send: Send, seconds: float, rng: np.random.Generator, drain_s: float = 10.0
) -> Load:
    """``count`` users ask, wait and think for ``seconds``; then no one asks again, and answers are awaited.

    ``send(index)`` is that of openloop.py; the index counts requests in the order in which they are sent, and at most
    ``count`` are ever under way. Each user's pauses come from a generator of its own, so they do not hang on the
    server. A user whose request failed thinks and goes on. What has not answered ``drain_s`` after the end is
    cancelled and counted as an error.
    """
    if count < 1 or seconds <= 0:
        raise UsageError(f"a closed loop needs at least one user and some time, not {count} for {seconds:g} s")
    crowd = _Crowd(send, seconds)
    gc.collect()
    gc.freeze()  # as in openloop.offer
    try:
        await crowd.run(think, rng.spawn(count), drain_s)
    finally:
        gc.unfreeze()
    return crowd.load()


class _Crowd:
    """All users, while they are at it. Moments are seconds since the start, by the loop's clock."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._until = seconds
        self._clock = asyncio.get_running_loop().time
        self._moments = Moments(send, self._clock)
        self._asked = 0
        self._cpu = 0.0

    async def run(self, think: Think, chances: list[np.random.Generator], drain_s: float) -> None:
        """From the first user's arrival to the last answer."""
        cpu = time.process_time()
        self._moments.origin = self._clock()
        tasks = [asyncio.create_task(self._user(think, rng)) for rng in chances]
        _, waiting = await asyncio.wait(tasks, timeout=self._until)
        self._cpu = time.process_time() - cpu
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=drain_s)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in set(tasks) - waiting:
            task.result()  # a pause that cannot be drawn is no failed request
        self._moments.give_up(self._asked, f"no answer {drain_s:g} s after the end")

    def load(self) -> Load:
        """What came of it, one entry per request in the order of sending."""
        noted = self._moments
        sent, end, stamps = noted.columns(self._asked)
        return Load(sent, sent, end, stamps, noted.errors, noted.origin, self._until, self._cpu, spin_s=0.0)

    async def _user(self, think: Think, rng: np.random.Generator) -> None:
        """One user: pause, ask, wait, and again."""
        pause = think.phase(rng)
        while self._now() + pause < self._until:
            await asyncio.sleep(pause)
            index, self._asked = self._asked, self._asked + 1
            await self._moments.request(index)
            pause = think.draw(rng)

    def _now(self) -> float:
        return self._clock() - self._moments.origin
