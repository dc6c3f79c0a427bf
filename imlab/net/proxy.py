"""A TCP proxy that is a bad network: for any program that can be told another port, without root.

It listens on loopback, passes every connection on to one target, and lets the bytes arrive as a Path's links would:
delay, jitter, rate, queue, outages, half-open. All connections share the two links. What a proxy cannot do (loss,
duplication, reordering) it refuses. A client's connect returns at once, for the kernel answers it; the round trip of
the handshake is paid before its first byte. Rates are of payload: headers, 4 % of a full packet, are not counted.

Never early, and late by the loop's timers: on an ordinary loop up to 1 ms in each direction (epoll counts whole
milliseconds, rounded up); ``proxying.thread`` has a loop with finer ones.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter, TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imlab.net.links import Path
from imlab.net.proxying.flow import SEGMENT, Flow, reset
from imlab.net.proxying.streamway import StreamWay, check

HOST = "127.0.0.1"
HANDSHAKE = 60  # bytes of a SYN with its options and an IP header
KERNEL_BUFFER = 8_192  # bytes; what the kernel takes is a second queue in front of the link's, here about 25 kB in all


class Proxy:
    """A path to (host, port) while it is entered; ``port`` is where it listens, on 127.0.0.1."""

    def __init__(self, host: str, port: int, path: Path, seed: int) -> None:
        check(path.up)
        check(path.down)
        self.port = 0
        self._target, self._path, self._seed = (host, port), path, seed
        self._tasks: set[asyncio.Task[None]] = set()
        self._bug: BaseException | None = None

    async def __aenter__(self) -> Proxy:
        self._began = asyncio.get_running_loop().time()
        self._up = StreamWay(self._path.up, f"up {self._seed}", self._now)
        self._down = StreamWay(self._path.down, f"down {self._seed}", self._now)
        listener = socket.create_server((HOST, 0), backlog=256)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=SEGMENT)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        if self._bug:
            raise self._bug

    def change(self, path: Path) -> None:
        """Another path from now on, also for connections that are open."""
        check(path.up)
        check(path.down)
        self._up.change(path.up)
        self._down.change(path.down)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._bug = self._bug or task.exception()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._up.until(self._up.send(HANDSHAKE))
            try:
                answer, question = await asyncio.open_connection(*self._target, limit=SEGMENT)
            except OSError:  # nobody listens there: the client hears it a trip later
                await self._down.until(self._down.send(HANDSHAKE))
                reset(writer)
                return
            await self._carry(reader, writer, answer, question)
        except asyncio.CancelledError:
            reset(writer)
            raise

    async def _carry(
        self, reader: StreamReader, writer: StreamWriter, answer: StreamReader, question: StreamWriter
    ) -> None:
        """Both directions of a connection to the target; the client's bytes go once it could know of it."""
        try:
            async with TaskGroup() as flows:
                question.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
                self._start(flows, Flow(self._down, answer, writer))
                await self._down.until(self._down.send(HANDSHAKE))
                self._start(flows, Flow(self._up, reader, question))
        except asyncio.CancelledError:
            reset(question)
            raise
        writer.close()
        question.close()

    def _start(self, flows: TaskGroup, flow: Flow) -> None:
        flows.create_task(flow.take())
        flows.create_task(flow.give())


@asynccontextmanager
async def proxy(host: str, port: int, path: Path, seed: int) -> AsyncIterator[int]:
    """The port on 127.0.0.1 that leads over the path to (host, port)."""
    async with Proxy(host, port, path, seed) as opened:
        yield opened.port
