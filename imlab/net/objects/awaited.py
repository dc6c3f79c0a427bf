"""An object store, awaited: over an origin's pool (net/fetching), whose parser and requests the blocking face has."""

from __future__ import annotations

from imlab.client.fetching.pool import Reuse
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.origin import Origin
from imlab.net.objects.exchange import MOST, PATIENCE, TYPE, body_of, stored, target
from imlab.server.service.lines import Lines

AT_ONCE = 1_024  # connections, where each request has a new one


class AwaitedObjects:
    """url: http://HOST:PORT, inside a running loop. No tries but one more where a kept connection is found dead."""

    def __init__(self, url: str, lines: Lines) -> None:
        reuse = Reuse(lines.most, lines.idle_s) if lines.most else Reuse(AT_ONCE, idle=0)
        self._origin = Origin(url, reuse, PATIENCE)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._origin.dialled

    async def get(self, sha256: str) -> bytes:
        """The body."""
        try:
            answer = await self._origin.fetch("GET", target(sha256), most=MOST)
        except PeerError as error:
            raise DoorError(f"the object store: {error}") from error
        return body_of(answer.status, answer.body, sha256)

    async def put(self, sha256: str, body: bytes) -> None:
        """Keep it."""
        try:
            answer = await self._origin.fetch("PUT", target(sha256), TYPE, body)
        except PeerError as error:
            raise DoorError(f"the object store: {error}") from error
        stored(answer.status, answer.body, sha256)

    async def close(self) -> None:
        """Hang up."""
        await self._origin.close()
