"""Downloads: a note's sound as a file.

What is in the hot set is answered at once (ready.py). Small files are read from the store into it, so that the next
asker finds them there; large ones go from the disk to the connection each time. A note that came as packets is made a
file once, and held like one that was read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, closing

from starlette.types import Receive, Scope, Send

from imlab.errors import DoorError
from imlab.net.web.answers import Refusal, refuse
from imlab.net.web.downloads.conditions import Asked, asked
from imlab.net.web.downloads.hot import Hot
from imlab.net.web.downloads.kept import Kept
from imlab.net.web.downloads.lookup import AsFile, Lookup, kept_of
from imlab.net.web.downloads.partial import Plan, plan
from imlab.net.web.downloads.pieces import Event, held_pieces, read_pieces
from imlab.net.web.downloads.shelf import Shelf, open_stored
from imlab.net.web.serving.ready import Header, Ready, lines
from imlab.net.web.serving.zerocopy import ZERO_COPY
from imlab.server.doors import Body
from imlab.wire.messages import VoiceMessage

PLACE = "/audio/"
AT_ONCE = 256 << 10  # bytes of a body that are written without waiting for the client
_PLACE = PLACE.encode()
_ID = re.compile("[0-9a-f]{32}")


class Downloads:
    """``GET`` and ``HEAD`` of /audio/{note id}: an ASGI application that also answers at once."""

    def __init__(self, shelf: Shelf, as_file: AsFile, hot: Hot | None = None) -> None:
        self.hot = hot or Hot()
        self._shelf = shelf
        self._lookup = Lookup(shelf, as_file, self.hot.warmth.largest)
        self._from_memory = self._bytes = 0

    def at_once(self, method: bytes, target: bytes, headers: Sequence[Header]) -> Ready | None:
        """The answer, where it is in memory and small; see ready."""
        if not target.startswith(_PLACE) or method not in (b"GET", b"HEAD"):
            return None
        note = self.hot.get(str(target[len(_PLACE) :], "latin-1"))
        if note is None or note.body is None:
            return None
        try:
            ready = _ready(note, method, asked(headers))
        except Refusal:
            return None  # a rare answer, given the usual way
        if ready is not None:
            self._from_memory += 1
            self._bytes += len(ready.body)
        return ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer, in the end: what can go wrong does so before its first event."""
        async with aclosing(self._events(scope, receive)) as events:
            try:
                await send(await anext(events))
            except Refusal as refusal:
                await refuse(send, refusal)
                return
            except DoorError as error:
                await refuse(send, Refusal(503, "unavailable", str(error), "server"))
                return
            async for event in events:
                await send(event)

    def warm(self, note: VoiceMessage, body: Body) -> None:
        """A file that was just made durable; held before anybody asks, if that is how the hot set is kept."""
        if note.file and isinstance(body, bytes) and len(body) < self.hot.warmth.largest:
            self.hot.warm(kept_of(note, note.file, body))

    def counters(self) -> Mapping[str, tuple[str, str, int]]:
        """Name -> gauge or counter, what it counts, its value."""
        return {
            "imlab_hot_hits_total": ("counter", "Downloads answered from memory.", self._from_memory),
            "imlab_download_bytes_total": ("counter", "Bytes of files given out.", self._bytes),
            **self.hot.counters(),
        }

    async def _events(self, scope: Scope, receive: Receive) -> AsyncGenerator[Event, None]:
        """The answer as ASGI events; Refusal or DoorError come before the first."""
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            allowed = (b"allow", b"GET, HEAD")
            raise Refusal(405, "method_not_allowed", f"notes are read here, not {method}", headers=(allowed,))
        note = await self._note(scope["path"].removeprefix(PLACE))
        answer = plan(note, asked(scope["headers"]), method == "HEAD")
        async with aclosing(self._body(note, answer, scope, receive)) as body:
            first = await anext(body)
            yield {"type": "http.response.start", "status": answer.status, "headers": [*answer.usual, *answer.own]}
            yield first
            async for event in body:
                yield event
        self._bytes += answer.stop - answer.start

    async def _body(self, note: Kept, answer: Plan, scope: Scope, receive: Receive) -> AsyncGenerator[Event, None]:
        start, stop = answer.start, answer.stop
        if start == stop:
            yield {"type": "http.response.body"}
        elif note.body is not None:
            for event in held_pieces(memoryview(note.body)[start:stop]):
                yield event
        else:
            with closing(await asyncio.to_thread(open_stored, self._shelf, note.sha256, note.size)) as stored:
                if stored.file and ZERO_COPY in (scope.get("extensions") or ()):
                    yield {
                        "type": ZERO_COPY,
                        "file": stored.file,
                        "offset": stored.offset + start,
                        "count": stop - start,
                    }
                    return
                async with aclosing(read_pieces(stored.read, start, stop, receive)) as pieces:
                    async for event in pieces:
                        yield event

    async def _note(self, id: str) -> Kept:
        note = self.hot.get(id)
        if note is None:
            if not _ID.fullmatch(id):
                raise Refusal(404, "not_found", f"{id!r:.60} is no note's id")
            note = await self.hot.fetch(id, lambda: asyncio.to_thread(self._lookup, id))
        elif note.body is not None:
            self._from_memory += 1
        return note


def _ready(note: Kept, method: bytes, conditions: Asked) -> Ready | None:
    """None: it is too large to be written without waiting for the client."""
    if not conditions and method == b"HEAD":
        return note.head
    if not conditions:
        return note.whole if note.size <= AT_ONCE else None
    answer = plan(note, conditions, method == b"HEAD")
    if answer.stop - answer.start > AT_ONCE:
        return None
    body = memoryview(note.body or b"")[answer.start : answer.stop]
    usual = note.lines if answer.usual is note.headers else lines(answer.usual)
    return Ready(answer.status, usual + lines(answer.own), body)
