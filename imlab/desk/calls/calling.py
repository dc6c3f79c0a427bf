"""A call to the server, for a verb: events one by one, trouble on stderr, bugs raised."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import SystemRandom

from imlab.client.events import Connected, Event, Lost, Rejected
from imlab.client.phone import Phone
from imlab.errors import PeerError
from imlab.net.sockets.aio_client import Client
from imlab.stack.marks import MarksFile
from imlab.trace import Trace, ignore


class Call:
    """A client that dials at once and again; ``next`` waits for its events."""

    def __init__(self, phone: Phone, server: str) -> None:
        self._events: asyncio.Queue[Event | asyncio.Future[None]] = asyncio.Queue()
        self.client = Client(phone, server, self._events.put_nowait)
        self.client.broken.add_done_callback(self._events.put_nowait)
        self._trouble = ""

    async def next(self) -> Event:
        """The next event that a verb has to act on. PeerError when the server will not have us."""
        while True:
            match await self._events.get():
                case asyncio.Future() as broken:
                    broken.result()
                case Rejected(why):
                    raise PeerError(f"the server refused us: {why}")
                case Lost(why, _):
                    self._lost(why)
                case Connected():
                    self._stands()
                case event:
                    return event

    def _lost(self, why: str) -> None:
        """Say it once, however often it is tried."""
        if why != self._trouble:
            say(f"no connection: {why}; trying again")
        self._trouble = why

    def _stands(self) -> None:
        if self._trouble:
            say("connected again")
        self._trouble = ""


@asynccontextmanager
async def calling(options: Namespace, trace: Trace) -> AsyncIterator[Call]:
    """A call that is hung up at the end."""
    call = Call(Phone(options.name, SystemRandom(), trace), options.server)
    call.client.start()
    try:
        yield call
    finally:
        await call.client.close()


@contextmanager
def tracing(options: Namespace) -> Iterator[Trace]:
    """Where marks go."""
    if options.marks is None:
        yield ignore
        return
    marks = MarksFile(options.marks)
    try:
        yield marks
    finally:
        marks.close()


def say(line: str) -> None:
    """To a person, beside whatever a program reads."""
    print(line, file=sys.stderr, flush=True)
