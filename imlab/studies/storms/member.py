"""Somebody in a room: a phone in threads, what it has heard, what became of each note; as requests to be counted."""

from __future__ import annotations

import time
from concurrent.futures import Future
from random import Random
from typing import Protocol
from uuid import uuid4

from imlab.client.events import Arrived, Connected, Event, Failed, Listening, Lost, Rejected, Sent
from imlab.client.phone import Phone
from imlab.errors import DoorError, PeerError
from imlab.net.blocking import BlockingClient
from imlab.studies.storms.notes import age
from imlab.wire.messages import VoiceMessage

PATIENCE = 20.0  # seconds until what was asked counts as failed
SPOKEN = "WS"  # what Locust calls the type of these requests


class Count(Protocol):
    """Whoever counts a request that took ``seconds``: its type, its name, its bytes, how it went wrong."""

    def __call__(self, kind: str, name: str, seconds: float, size: int = 0, error: Exception | None = None) -> None:
        """Once for each."""
        ...


class Member:
    """Joins ``room`` of the server ``ws``, ``after`` a sequence or from now on (None).

    heard: (sequence, id) of each note, as they came. Counted are, in whichever thread learns of it: ``send``, a note of
    ours from the moment for which it was intended until it is durable; ``hear``, anyone's from that moment until it is
    here; ``return``, from the loss of a connection until the server has welcomed us again. returns: how often.
    """

    def __init__(self, ws: str, room: str, count: Count, after: int | None = 0) -> None:
        self.name, self.room = f"member-{uuid4().hex}", room
        self.heard: list[tuple[int, str]] = []
        self.returns = 0
        self._count, self._after = count, after
        self._sizes: dict[str, int] = {}  # of our notes that are not durable yet
        self._standing: Future[None] = Future()
        self._lost: float | None = None
        self._client = BlockingClient(Phone(self.name, Random(self.name)), ws, self._told)

    def enter(self) -> None:
        """Connect, join, and wait until we stand in the room."""
        self._client.join(self.room, self._after)
        self._client.start()
        try:
            self._standing.result(PATIENCE)
        except TimeoutError as error:
            raise DoorError(f"no place in a room within {PATIENCE:g} s") from error

    def send(self, note: VoiceMessage) -> None:
        """Wait for nothing: it is counted when the server has said that it is durable, or will not have it."""
        self._sizes[note.id] = note.size
        self._client.send(note)

    def cut(self) -> None:
        """The network fails; the phone comes back by itself."""
        self._client.cut()

    def leave(self) -> None:
        """Hang up. What has waited for too long has failed; what has just been sent is not counted."""
        self._client.close()
        for late in [waiting for waiting in self._sizes if age(waiting) > PATIENCE]:
            self._end(late, DoorError(f"not durable within {PATIENCE:g} s"))

    def wrong(self, expected: int) -> str:
        """What is wrong with what was heard, of a room of ``expected`` notes; "" when it was all of them, in order."""
        sequences = [sequence for sequence, _ in self.heard]
        notes = {note for _, note in self.heard}
        if twice := len(sequences) - min(len(set(sequences)), len(notes)):
            return f"{twice} notes came twice"
        if sequences != sorted(sequences):
            return "notes came out of order"
        missing = len(set(range(1, expected + 1)) - set(sequences))
        return f"{missing} of {expected} notes never came" if missing else ""

    def _told(self, event: Event) -> None:
        match event:
            case Arrived(note):
                self.heard.append((note.sequence, note.id))
                self._count(SPOKEN, "hear", age(note.id), note.size)
            case Sent(sent):
                self._end(sent)
            case Listening() if not self._standing.done():
                self._standing.set_result(None)
            case Rejected(why) if not self._standing.done():
                self._standing.set_exception(PeerError(why))
            case Failed(about, _, why):
                self._end(about, PeerError(why))
            case Lost() if self._lost is None:
                self._lost = time.monotonic()
            case Connected() if self._lost is not None and self._standing.done():
                self._count(SPOKEN, "return", time.monotonic() - self._lost)
                self._lost = None
                self.returns += 1

    def _end(self, id: str, error: Exception | None = None) -> None:
        if (size := self._sizes.pop(id, None)) is not None:
            self._count(SPOKEN, "send", age(id), size, error)
