"""A server in this process: plan in, notes served until it is told to stop, everything closed behind it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

from imlab.errors import UsageError
from imlab.net.sockets.aio_server import Server
from imlab.net.sockets.listening import listen
from imlab.net.web.serving.http import HttpServer
from imlab.server.doors import NoteStore
from imlab.server.hub import Hub
from imlab.stack.library import Library
from imlab.stack.marks import MarksFile
from imlab.stack.media import media
from imlab.stack.plan import Ready, ServerPlan
from imlab.store.kinds import KINDS
from imlab.store.memory import MemoryStore
from imlab.store.reader import Reader
from imlab.store.sqlite import SqliteStore
from imlab.store.writer import Writer
from imlab.trace import ignore


def run(plan: ServerPlan, ready: Callable[[Ready], None], while_stdin: bool = False) -> int:
    """Serve until SIGTERM or Ctrl-C; the number of notes made durable. while_stdin: also until stdin is closed."""
    with asyncio.Runner(loop_factory=_LOOPS[plan.loop]()) as runner:
        return runner.run(_serve(plan, ready, while_stdin))


async def _serve(plan: ServerPlan, ready: Callable[[Ready], None], while_stdin: bool) -> int:
    stop = asyncio.Event()
    async with _standing(plan) as (library, here, failures):
        _stop_on_signals(stop)
        if while_stdin:
            _stop_on_end_of_stdin(stop)
        ready(here)
        told: asyncio.Future[Any] = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([told, *failures], return_when=asyncio.FIRST_COMPLETED)
        for each in done - {told}:
            each.result()
    return library.notes


@asynccontextmanager
async def _standing(plan: ServerPlan) -> AsyncIterator[tuple[Library, Ready, list[asyncio.Future[None]]]]:
    """Everything up; then down again in the opposite order. What ends by itself, or fails, is in the list."""
    async with AsyncExitStack() as house:
        ws, http = (house.enter_context(listen(plan.host, port)) for port in (plan.ws_port, plan.http_port))
        tls = _tls(plan.tls) if plan.tls else None
        library = house.enter_context(closing(Library(_store(plan))))
        trace = house.enter_context(closing(MarksFile(plan.marks))) if plan.marks else ignore
        server = Server(Hub(plan.terms, trace), names=plan.names)
        writer = house.enter_context(closing(Writer(library, server.stored)))
        reader = house.enter_context(closing(Reader(library, server.stored)))
        await server.start(ws, writer.put, reader.load, tls)
        house.push_async_callback(server.stop)
        app, sweeping = await house.enter_async_context(media(plan, library, server))
        web = HttpServer(app, plan.tls, app.at_once, app.orders)
        web.start(http)
        house.push_async_callback(web.stop)
        secure = "s" if plan.tls else ""
        here = Ready(f"ws{secure}://{_address(ws)}", f"http{secure}://{_address(http)}", os.getpid())
        yield library, here, [server.broken, web.ended, sweeping]


def _store(plan: ServerPlan) -> NoteStore:
    return SqliteStore(plan.data, KINDS[plan.bodies]) if plan.data else MemoryStore()


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tls(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(*files)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{files[0]} and {files[1]} are no certificate and its key: {error}") from error
    return context


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first asks; the second is no longer caught."""
    loop = asyncio.get_running_loop()
    both = (signal.SIGINT, signal.SIGTERM)

    def asked() -> None:
        stop.set()
        for each in both:
            loop.remove_signal_handler(each)

    for each in both:
        loop.add_signal_handler(each, asked)


def _stop_on_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(0, 65_536):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, readable)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    """The one place where uvloop is loaded."""
    import uvloop

    return uvloop.new_event_loop


_LOOPS: Mapping[str, Callable[[], Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": lambda: asyncio.new_event_loop,
    "uvloop": _uvloop,
}
