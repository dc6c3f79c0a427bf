"""The receiver: each room's notes, whole, once, in order, over any number of connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imlab.client.events import Arrived, Failed, Listening, Notice, Piece
from imlab.client.line import Line
from imlab.errors import PeerError, UsageError
from imlab.trace import Mark, Trace, ignore
from imlab.wire.effects import Deliver, Effect
from imlab.wire.messages import Chunk, Join, Joined, Refused, VoiceMessage
from imlab.wire.pieces import Assembly


@dataclass(slots=True)
class Place:
    """Where we are in a room. cursor: the last note delivered, None until "from now on" has a number."""

    cursor: int | None
    asked: bool = False  # Join is out and not answered: what comes before Joined belongs to an older Join


class Receiver:
    """Joins rooms, puts pieces together, drops what came twice, asks again where something is missing."""

    def __init__(self, name: str, line: Line, emit: Callable[[Effect], None], trace: Trace) -> None:
        self._name, self._line, self._emit, self._trace = name, line, emit, trace
        self._places: dict[str, Place] = {}
        self._arriving: dict[str, Assembly] = {}

    def join(self, room: str, after: int | None, now: float) -> None:
        """Listen to a room, after a sequence or from now on."""
        if room in self._places:
            raise UsageError(f"already in room {room!r}")
        self._places[room] = Place(after)
        if self._line.ready:
            self._ask(room, now)

    def ready(self, now: float) -> None:
        """A new connection: say again where we are; half a note is of no use to it."""
        self._arriving.clear()
        for room in self._places:
            self._ask(room, now)

    def joined(self, message: Joined, now: float) -> None:
        """We stand in the room."""
        place = self._places.get(message.room)
        if place is None:
            raise PeerError(f"Joined a room we never asked for: {message.room!r}")
        place.asked = False
        if place.cursor is None:
            place.cursor = message.after
        self._emit(Deliver(Listening(message.room, place.cursor, message.head)))

    def begin(self, message: VoiceMessage, now: float) -> None:
        """A note, or its beginning."""
        place = self._places.get(message.room)
        if place is None or place.asked or place.cursor is None or message.sequence <= place.cursor:
            self._mark(now, "duplicate", message)
            return
        if message.sequence != place.cursor + 1:
            self._mark(now, "gap", message)
            self._ask(message.room, now)
            return
        self._mark(now, "notice", message)
        if message.audio:
            self._mark(now, "first_bytes", message)
        self._emit(Deliver(Notice(message)))
        if message.whole:
            self._finish(message, now)
        else:
            self._arriving[message.id] = Assembly(message)

    def go_on(self, chunk: Chunk, now: float) -> None:
        """More of a note; a chunk of a note we did not want is no news."""
        assembly = self._arriving.get(chunk.id)
        if assembly is None:
            return
        before = assembly.held
        held = assembly.add(chunk.offset, chunk.audio)
        if before == 0 and held:
            self._mark(now, "first_bytes", assembly.head)
        if held > before:
            self._emit(Deliver(Piece(chunk.id, chunk.audio[before - chunk.offset :])))
        if assembly.whole:
            self._finish(assembly.note(), now)

    def refused(self, message: Refused) -> bool:
        """The server will not have us in a room. False: it is not about a room of ours."""
        if message.about not in self._places:
            return False
        if message.fault == "peer":
            del self._places[message.about]
            self._emit(Deliver(Failed(message.about, message.fault, message.why)))
        return True

    def _finish(self, note: VoiceMessage, now: float) -> None:
        self._arriving.pop(note.id, None)
        self._places[note.room].cursor = note.sequence
        self._mark(now, "last_bytes", note)
        self._emit(Deliver(Arrived(note)))

    def _ask(self, room: str, now: float) -> None:
        place = self._places[room]
        place.asked = True
        self._line.say(Join(room, place.cursor), now)

    def _mark(self, now: float, what: str, note: VoiceMessage) -> None:
        if self._trace is not ignore:
            self._trace(Mark(now, self._name, what, note.id, note.size))
