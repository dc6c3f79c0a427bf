"""The clients: a block's requests over HTTP, as our open and closed loops ask them, each answer checked.

``Asking`` is a ``send(index)``: of request ``index`` it tells ``answered``, when the last byte of the answer was here,
before it was decoded; the loop's own ``end`` comes after that, since a user has nothing of bytes that are not decoded.
What is sent was framed before the window: that is work of other machines.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from imlab.client.fetching.pool import Reuse
from imlab.client.fetching.requests import Answer, Patience, words
from imlab.errors import DoorError, PeerError
from imlab.lab.load.script import FETCH, LIST, SEND
from imlab.net.fetching.origin import Origin
from imlab.server.service.lines import Lines
from imlab.stack.presets import Architecture
from imlab.studies.architectures.workload import Asked
from imlab.wire.recording import Recording

AT_ONCE = 900  # connections where none is kept; waitress is told to take 1,000
LISTED = 20  # notes of a room
MOST = 8 << 20  # bytes of an answer
ROOM = "room0"
HASHED = 10  # of the answers one in so many is hashed


class Asking:
    """The requests of a block over one origin; hashed: of the bodies fetched, one in so many is hashed."""

    def __init__(self, origin: Origin, architecture: Architecture, asked: Asked, hashed: int = HASHED) -> None:
        self._origin, self._framing, self._hashed = origin, architecture.framing, hashed
        self._accept = [("accept", self._framing.media_type)]
        self._typed = [("content-type", self._framing.media_type)]
        self._kinds, self._notes = asked.kinds.tolist(), asked.notes.tolist()
        self._shelf, self._sizes = asked.shelf, asked.shelf.sizes.tolist()
        self._framed = {
            note: self._framing.encode(asked.shelf.recording(note))
            for kind, note in zip(self._kinds, self._notes, strict=True)
            if kind == SEND
        }
        self._taken: set[int] = set()

    async def __call__(self, index: int) -> Mapping[str, float]:
        """Request ``index`` of the block, from the asking to the decoded answer."""
        kind, note = self._kinds[index], self._notes[index]
        if kind == FETCH:
            return {"answered": await self._fetch(note, hashed=index % self._hashed == 0)}
        if kind == SEND:
            return {"answered": await self._send(note)}
        assert kind == LIST
        return {"answered": await self._list()}

    async def _fetch(self, note: int, hashed: bool) -> float:
        """A note with its sound."""
        if note in self._framed and note not in self._taken:
            raise DoorError(
                f"note {note} is asked for before its sender was answered: the mix lets it settle too short"
            )
        answer = await self._origin.fetch("GET", f"/recordings/{self._shelf.ids[note]}", self._accept, most=MOST)
        answered = time.monotonic()
        _right(answer, 200, self._framing.media_type)
        self._check(self._framing.decode(answer.body), note, hashed)
        return answered

    async def _send(self, note: int) -> float:
        """A new one."""
        answer = await self._origin.fetch("POST", "/recordings", self._typed, self._framed[note])
        answered = time.monotonic()
        _right(answer, 201, "application/json")
        told = json.loads(answer.body)
        if told["id"] != self._shelf.ids[note] or told["seq"] < 1:
            raise PeerError(f"note {self._shelf.ids[note]} was taken as {told!r:.100}")
        self._taken.add(note)
        return answered

    async def _list(self) -> float:
        """A room's newest."""
        answer = await self._origin.fetch("GET", f"/rooms/{ROOM}?newest={LISTED}", self._accept, most=MOST)
        answered = time.monotonic()
        _right(answer, 200, self._framing.media_type)
        notes = self._framing.decode_list(answer.body)
        if not notes or {note.room for note in notes} != {ROOM}:
            raise PeerError(f"{len(notes)} notes are listed, of {sorted({note.room for note in notes})[:3]}")
        return answered

    def _check(self, recording: Recording, note: int, hashed: bool) -> None:
        """It is the very note."""
        if recording.note.id != self._shelf.ids[note] or len(recording.body) != self._sizes[note]:
            raise PeerError(f"{self._shelf.ids[note]} was asked for: here is {recording.note.id}")
        if hashed and hashlib.sha256(recording.body).hexdigest() != self._shelf.sha256[note]:
            raise PeerError(f"the sound of {recording.note.id} is not what was stored")


@asynccontextmanager
async def asking(address: str, architecture: Architecture, asked: Asked, hashed: int = HASHED) -> AsyncIterator[Asking]:
    """Clients of the service at ``address`` (http://HOST:PORT), their connections as the architecture keeps them."""
    async with Origin(address, reuse(architecture.lines), Patience()) as origin:
        yield Asking(origin, architecture, asked, hashed)


def reuse(lines: Lines) -> Reuse:
    """The same, as the client's pool says it."""
    return Reuse(lines.most, lines.idle_s) if lines.most else Reuse(AT_ONCE, idle=0.0)


def _right(answer: Answer, status: int, kind: str) -> None:
    """The answer that there should be."""
    if answer.status != status:
        raise DoorError(f"the service refuses: {words(answer)}")
    if answer.headers.get("content-type") != kind:
        raise PeerError(f"the service answers with {answer.headers.get('content-type')!r}, not {kind}")
