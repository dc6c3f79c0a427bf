"""Files examined by their structure: a walk through the container, and nothing is decoded. No waveform comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imlab.codec.contract import CodecError
from imlab.codec.walking.walk import walk
from imlab.codec.walking.walked import Foreign, Walked
from imlab.server.doors import Body, Claimed, Examined, Unacceptable
from imlab.server.examination import Limits, judged

INLINE = 32 << 10  # bytes; a note of 20 kB takes 40 us, a thread would take as long to wake; see docs/validation.md


@dataclass(frozen=True, slots=True)
class Structure:
    """An Examine: what is small is walked through at once, what is large in a thread."""

    limits: Limits = field(default_factory=Limits)

    async def __call__(self, body: Body, claimed: Claimed) -> Examined:
        """What the file is; Unacceptable, or DoorError when the disk fails."""
        return judged(await self.walked(body), claimed, self.limits)

    async def walked(self, body: Body) -> Walked:
        """What is known of it without looking at the claims."""
        if isinstance(body, bytes) and len(body) <= INLINE:
            return self._walked(body)
        return await asyncio.to_thread(self._walked, body)

    def _walked(self, body: Body) -> Walked:
        try:
            return walk(body, self.limits.size)
        except Foreign as error:
            raise Unacceptable("type", str(error)) from error
        except CodecError as error:
            raise Unacceptable("content", str(error)) from error
