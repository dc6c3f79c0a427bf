"""Files examined by their structure: a walk through the container, and nothing is decoded. No waveform comes of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

from imlab.codec.contract import CodecError
from imlab.codec.walking.walk import walk
from imlab.codec.walking.walked import Foreign, Walked
from imlab.server.doors import Body, Claimed, Examined, Unacceptable
from imlab.server.examination import Limits, judged

INLINE = 32 << 10  # bytes; a note of 20 kB takes 45 us, a thread as long to wake; hostile bytes up to 25 ms
THREADS = 2


@dataclass(frozen=True, slots=True)
class Structure:
    """An Examine: what is small is walked through at once, what is large in threads of its own: others are not kept."""

    limits: Limits = field(default_factory=Limits)
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "walker"), repr=False, compare=False)

    async def __call__(self, body: Body, claimed: Claimed) -> Examined:
        """What the file is; Unacceptable, or DoorError when the disk fails."""
        return judged(await self.walked(body), claimed, self.limits)

    async def walked(self, body: Body) -> Walked:
        """What is known of it without looking at the claims."""
        if isinstance(body, bytes) and len(body) <= INLINE:
            return self._walked(body)
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._walked, body)

    def _walked(self, body: Body) -> Walked:
        try:
            return walk(body, self.limits.size)
        except Foreign as error:
            raise Unacceptable("type", str(error)) from error
        except CodecError as error:
            raise Unacceptable("content", str(error)) from error
