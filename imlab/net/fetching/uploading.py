"""An upload carried out: the uploader's requests over an origin's pool, side by side, until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from imlab.client.fetching.requests import Answer, Request
from imlab.client.uploading.uploader import Ask, Uploader
from imlab.errors import DoorError
from imlab.net.fetching.body import PIECE, Sent, Streamed, Unreadable, Uploaded, checksum, part_of
from imlab.net.fetching.origin import Origin

Progress = Callable[[int], object]  # told how many bytes are there or on their way


async def upload(
    uploader: Uploader, origin: Origin, source: Uploaded, progress: Progress = int, kept: Callable[[], object] = int
) -> Answer:
    """The answer that ended it; the uploader's error when it ended badly.

    kept: called after each answer: a caller that wants to go on in another process stores the uploader's state.
    """
    under_way = _UnderWay(uploader, origin, source, progress)
    try:
        while uploader.result is None and uploader.error is None:
            await under_way.turn()
            kept()
    finally:
        await under_way.stop()
    if uploader.error:
        raise uploader.error
    assert uploader.result is not None
    return uploader.result


class _UnderWay:
    def __init__(self, uploader: Uploader, origin: Origin, source: Uploaded, progress: Progress) -> None:
        self._uploader, self._origin, self._source, self._progress = uploader, origin, source, progress
        self._tasks: dict[asyncio.Task[Answer], Ask] = {}
        self._sent: dict[int, int] = {}  # ticket -> bytes of the request that are on their way
        self._loop = asyncio.get_running_loop()

    async def turn(self) -> None:
        """Ask what is to be asked, wait for an answer or for the time to try again, and tell."""
        for each in self._uploader.outbox():
            self._tasks[self._loop.create_task(self._carry(each))] = each
        due = self._uploader.wake_at()
        wait = None if due is None else max(0.0, due - self._loop.time())
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        else:
            done = set()
            await asyncio.sleep(wait or 0)
        for task in done:
            self._tell(task, self._tasks.pop(task))
        self._uploader.wake(self._loop.time())
        self._show()

    async def stop(self) -> None:
        """What is still under way is of no use."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _tell(self, task: asyncio.Task[Answer], asked: Ask) -> None:
        self._sent.pop(asked.ticket, None)
        try:
            answer = task.result()
        except Unreadable:
            raise
        except DoorError as error:
            self._uploader.broke(asked.ticket, str(error), self._loop.time())
        else:
            self._uploader.answered(asked.ticket, answer, self._loop.time())

    async def _carry(self, asked: Ask) -> Answer:
        request = asked.request
        headers = list(request.headers)
        if request.body is not None and request.checksum:
            value = await asyncio.to_thread(checksum, self._source, request.body, request.checksum)
            headers.append(("upload-checksum", value))
        return await self._origin.fetch(request.method, request.target, headers, self._body(asked.ticket, request))

    def _body(self, ticket: int, request: Request) -> Sent:
        if request.body is None:
            return b""
        if isinstance(self._source, bytes) and request.body.size <= PIECE:  # leaves in one piece with its head
            return self._source[request.body.start : request.body.stop]
        part = part_of(self._source, request.body)
        return Streamed(lambda: self._counted(ticket, part), part.size)

    async def _counted(self, ticket: int, part: Streamed) -> AsyncIterator[bytes]:
        self._sent[ticket] = 0
        async for piece in part.pieces():
            yield piece
            self._sent[ticket] += len(piece)
            self._show()

    def _show(self) -> None:
        self._progress(min(self._uploader.size, self._uploader.received + sum(self._sent.values())))
