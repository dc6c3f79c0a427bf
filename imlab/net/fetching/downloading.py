"""A download carried out: its questions over an origin's pool, one after the other, its bytes to the reader."""

from __future__ import annotations

import asyncio

from imlab.client.fetching.download import Download
from imlab.client.fetching.requests import Answer, Request
from imlab.errors import DoorError
from imlab.net.fetching.origin import MOST, Origin


class Downloading:
    """Whoever takes from the reader, or makes it go elsewhere, calls ``changed``; ``more`` waits for what came."""

    def __init__(self, origin: Origin, download: Download) -> None:
        self._origin, self._download = origin, download
        self._changed, self._came = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Until nothing more is wanted; PeerError or DoorError when it will not come."""
        download = self._download
        while not download.sated:
            now = self._loop.time()
            request = download.request(now)
            if request:
                await self._ask(request)
            elif download.due is not None:
                await asyncio.sleep(download.due - now)
            if download.error:
                raise download.error

    async def serve(self) -> None:
        """The same, for a reader who may want more later: until cancelled."""
        while True:
            await self.run()
            await self._sated()

    def changed(self) -> None:
        """The reader may want something else now."""
        self._changed.set()

    async def more(self) -> None:
        """Until something has come since the last time that this was asked."""
        await self._came.wait()
        self._came.clear()

    async def _ask(self, request: Request) -> None:
        download, why = self._download, ""
        try:
            async with self._origin.stream(request.method, request.target, request.headers) as reply:
                refused = reply.status not in (200, 206)
                answer = Answer(reply.status, reply.headers, await reply.read(MOST) if refused else b"")
                if not download.answered(answer, self._loop.time()):
                    return
                async for piece in reply.pieces():
                    download.body(piece)
                    self._came.set()
                    if download.over:
                        continue
                    if download.sated:
                        await self._sated()
                    if not download.useful:
                        return
        except DoorError as error:
            why = str(error)
        download.ended(why, self._loop.time())
        self._came.set()

    async def _sated(self) -> None:
        """Bytes wait in the network until they are wanted."""
        while self._download.sated:
            self._changed.clear()
            await self._changed.wait()
