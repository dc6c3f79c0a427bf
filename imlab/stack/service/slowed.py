"""Doors, and a framing, with delays on purpose (see delays.py): the same doors otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imlab.server.service.lines import Lines
from imlab.server.service.surface import Framed
from imlab.server.service.wants import Share, Want
from imlab.stack.service.awaited import AwaitedDoors
from imlab.stack.service.backends import Backends
from imlab.stack.service.blocking import BlockingDoors
from imlab.stack.service.delays import CONNECT, FRAME, Delays
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording


class SlowedDoors(BlockingDoors):
    """A question waits first; one that brings its own connection waits for that, too."""

    def __init__(self, backends: Backends, lines: Lines, delays: Delays) -> None:
        super().__init__(backends, lines)
        self._delays, self._connects = delays, not lines.most

    def do(self, want: Want) -> Any:
        """See BlockingDoors."""
        if not isinstance(want, Share):
            self._delays.wait(type(want).__name__)
            if self._connects:
                self._delays.wait(CONNECT)
        return super().do(want)


class SlowedAwaitedDoors(AwaitedDoors):
    """The same, awaited."""

    def __init__(self, backends: Backends, lines: Lines, delays: Delays) -> None:
        super().__init__(backends, lines)
        self._delays, self._connects = delays, not lines.most

    async def do(self, want: Want) -> Any:
        """See AwaitedDoors."""
        if not isinstance(want, Share):
            await self._delays.awaited(type(want).__name__)
            if self._connects:
                await self._delays.awaited(CONNECT)
        return await super().do(want)


class SlowedFraming:
    """A framing that takes longer to encode a recording."""

    def __init__(self, framed: Framed, delays: Delays) -> None:
        self._framed, self._delays = framed, delays
        self.media_type = framed.media_type

    def encode(self, recording: Recording) -> bytes:
        """See Framed."""
        self._delays.burn(FRAME)
        return self._framed.encode(recording)

    def decode(self, data: bytes) -> Recording:
        """See Framed."""
        return self._framed.decode(data)

    def encode_list(self, notes: Sequence[VoiceMessage]) -> bytes:
        """See Framed."""
        return self._framed.encode_list(notes)
