"""Wait for a moment exactly, while the loop goes on serving, and know what of that was only waiting.

asyncio's timers wake in whole milliseconds, so we sleep to just before and then give the loop turn after turn. All
that is CPU time, but not work. How much of it? A turn in which the loop had nothing to do takes some microseconds;
how many changes with the clock of the core and with what its neighbours do, so it is followed while it happens: the
quartile of all turns, by a walk that goes three steps down where a turn was quicker and one step up where it was
slower (frugal streaming: Ma, Muthukrishnan and Sandler, 2013). A turn counts as waiting for as long as it took, but
at most for that long; what it took beyond was the work of answers and senders. So in doubt it is work.
"""

from __future__ import annotations

import asyncio
from time import monotonic

AHEAD = 0.002  # seconds before the moment at which sleeping ends; epoll rounds up to 1 ms, waking costs the rest
STEP = 5e-8  # seconds; a hundredth of an idle turn
FIRST = 1000  # turns in which the walk finds its way before they count; some milliseconds


class Spin:
    """Waits on time.monotonic; ``seconds`` is what it spun in idle turns, ``idle`` what one of them takes now."""

    __slots__ = ("idle", "seconds")

    def __init__(self) -> None:
        self.idle = self.seconds = 0.0

    async def settle(self) -> None:
        """Learn what an idle turn takes, and count from nought."""
        for _ in range(FIRST):
            await self.turn(monotonic())
        self.seconds = 0.0

    async def until(self, moment: float) -> None:
        """Sleep to just before, then spin; a moment that has passed costs no turn."""
        now = monotonic()
        if moment - now > AHEAD:
            await asyncio.sleep(moment - now - AHEAD)
            now = monotonic()
        while now < moment:
            now = await self.turn(now)

    async def turn(self, before: float) -> float:
        """One turn of the loop, begun at ``before``; the moment at which it ended."""
        await asyncio.sleep(0)
        now = monotonic()
        took, idle = now - before, self.idle
        self.seconds += min(took, idle)
        self.idle += STEP if took > idle else -3 * STEP
        return now
