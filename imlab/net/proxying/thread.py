"""The proxy for programs that are not asyncio: in a thread, on a loop of its own whose timers count microseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from selectors import SelectSelector
from threading import Thread

from imlab.net.links import Path
from imlab.net.proxy import Proxy


class ProxyThread:
    """A proxy that another thread turns; up to about 500 connections, for select() counts to 1024 files."""

    def __init__(self, host: str, port: int, path: Path, seed: int) -> None:
        self._proxy = Proxy(host, port, path, seed)
        self._opened: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(target=self._run, name="proxy", daemon=True)

    def open(self) -> int:
        """Start; the port where it listens."""
        self._thread.start()
        self._loop = self._opened.result()
        return self._proxy.port

    def change(self, path: Path) -> None:
        """Another path from now on; returns when it holds."""
        changed: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._change, path, changed)
        changed.result()

    def close(self) -> None:
        """Cut all connections and end the thread."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    def _change(self, path: Path, changed: Future[None]) -> None:
        try:
            self._proxy.change(path)
            changed.set_result(None)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            changed.set_exception(error)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SelectSelector())) as runner:
            try:
                runner.run(self._serve())
            except Exception as error:
                if self._opened.done():
                    raise
                self._opened.set_exception(error)

    async def _serve(self) -> None:
        self._closed = asyncio.Event()
        async with self._proxy:
            self._opened.set_result(asyncio.get_running_loop())
            await self._closed.wait()


@contextmanager
def proxy_thread(host: str, port: int, path: Path, seed: int) -> Iterator[int]:
    """The port on 127.0.0.1 that leads over the path to (host, port), served beside the caller."""
    running = ProxyThread(host, port, path, seed)
    opened = running.open()
    try:
        yield opened
    finally:
        running.close()
