"""The sender: notes on their way to the server, from the tap until the server says that they are durable.

Notes leave in the order they were given, piece by piece, as fast as the transport drains. A note keeps its id over
any number of connections, so the server can tell a repeat from a new note; whoever has begun a long note asks first
what arrived and sends only the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from imlab.client.backoff import Backoff
from imlab.client.events import Failed, Progress, Sent
from imlab.client.line import Line
from imlab.errors import UsageError
from imlab.trace import Mark, Trace, ignore
from imlab.wire.effects import Deliver, Effect
from imlab.wire.messages import Ack, Chunk, Received, Refused, VoiceMessage
from imlab.wire.pieces import beginning


@dataclass(slots=True)
class Outgoing:
    """A note not yet durable.

    sent: audio bytes handed over on this connection, None before its head. due: not to be tried before, in seconds.
    """

    note: VoiceMessage
    sent: int | None = None
    begun: bool = False  # on any connection
    asking: bool = False  # what arrived?
    tries: int = 0
    due: float = 0.0

    @property
    def handed_over(self) -> bool:
        """Is nothing left to send on this connection?"""
        return self.sent is not None and not self.asking and self.sent >= self.note.size


class Sender:
    """Queues notes, sends pieces, goes on after a reconnect, reports the end of each."""

    def __init__(
        self, line: Line, emit: Callable[[Effect], None], trace: Trace, random: Random, backoff: Backoff, chunk: int
    ) -> None:
        self._line, self._emit, self._trace, self._random = line, emit, trace, random
        self._backoff, self._chunk = backoff, chunk
        self._limit = chunk  # of this server, known with its Welcome
        self._codecs: tuple[str, ...] = ()  # that it keeps, known with its Welcome; none named: any
        self._notes: dict[str, Outgoing] = {}
        # Of these, in their order, those not yet handed over: all that pump sees. A dict's first is slow to find when
        # many before it were deleted; an OrderedDict's is not.
        self._rest: OrderedDict[str, Outgoing] = OrderedDict()
        self._later: dict[str, Outgoing] = {}  # of these, those that have a ``due``
        self._unsent = 0

    def __len__(self) -> int:
        return len(self._notes)

    def send(self, note: VoiceMessage, now: float) -> None:
        """Take a whole note; an id can be under way only once."""
        if not note.whole:
            raise UsageError(f"note {note.id} has {len(note.audio)} of {note.size} bytes: record it to the end first")
        if note.id in self._notes:
            raise UsageError(f"note {note.id} is under way already")
        self._notes[note.id] = self._rest[note.id] = Outgoing(note)
        self._mark(now, "queued", note)
        if self._line.ready:
            self._judge(note)
        self.pump(now)

    def ready(self, chunk_limit: int, codecs: tuple[str, ...], now: float) -> None:
        """A new connection: nothing is known to have arrived, and this server may keep what the last one would not."""
        self._limit, self._codecs, self._unsent = min(self._chunk, chunk_limit), codecs, 0
        for outgoing in self._notes.values():
            outgoing.sent, outgoing.asking = None, False
        self._rest = OrderedDict(self._notes)
        for outgoing in list(self._notes.values()):
            self._judge(outgoing.note)
        self.pump(now)

    def backlog(self, unsent: int, now: float) -> None:
        """The transport holds this many unsent bytes."""
        self._unsent = unsent
        self.pump(now)

    def acked(self, ack: Ack, now: float) -> None:
        """The note is durable."""
        outgoing = self._forget(ack.id)
        if outgoing:
            self._mark(now, "acked", outgoing.note)
            self._emit(Deliver(Sent(ack.id, ack.room, ack.sequence)))
            self.pump(now)

    def received(self, message: Received, now: float) -> None:
        """The server says how much it holds."""
        outgoing = self._notes.get(message.id)
        if outgoing is None:
            return
        if outgoing.asking:
            outgoing.sent, outgoing.asking = message.size, False
        self._emit(Deliver(Progress(message.id, message.size, outgoing.note.size)))
        self.pump(now)

    def refused(self, message: Refused, now: float) -> bool:
        """The server would not take it: our fault is the end, its own may pass. False: not about one of our notes."""
        outgoing = self._notes.get(message.about)
        if outgoing is None:
            return False
        if message.fault == "server":
            outgoing.due = now + self._backoff(outgoing.tries, self._random)
            outgoing.tries += 1
            outgoing.sent, outgoing.asking = None, False
            self._later[message.about] = outgoing
            self._rest = OrderedDict((key, each) for key, each in self._notes.items() if not each.handed_over)
        else:
            self._forget(message.about)
            self._emit(Deliver(Failed(message.about, message.fault, message.why)))
        self.pump(now)
        return True

    def wake_at(self) -> float | None:
        """When a refused note may be tried again."""
        if not self._later or not self._line.ready:
            return None
        return min(outgoing.due for outgoing in self._later.values())

    def pump(self, now: float) -> None:
        """Hand over pieces while the line is ready and the transport keeps up; the first note's bytes go first."""
        if self._later:
            self._forgive(now)
        if not self._rest or not self._line.ready:
            return
        done = []
        for key, outgoing in self._rest.items():
            while self._may_send(outgoing):
                message = self._next(outgoing, now)
                self._unsent += len(message.audio)
                self._line.say(message, now)
            if outgoing.handed_over:
                done.append(key)
            elif not outgoing.due:
                break  # the next note waits for this one's bytes: order in the room is order of sending
        for key in done:
            del self._rest[key]

    def _forgive(self, now: float) -> None:
        """Notes that were refused long enough ago may be tried again."""
        for key in [key for key, outgoing in self._later.items() if outgoing.due <= now]:
            self._later.pop(key).due = 0.0

    def _forget(self, key: str) -> Outgoing | None:
        self._rest.pop(key, None)
        self._later.pop(key, None)
        return self._notes.pop(key, None)

    def _judge(self, note: VoiceMessage) -> None:
        """What this server does not keep fails here, before a byte of it is sent."""
        if self._codecs and note.codec not in self._codecs:
            self._forget(note.id)
            why = f"this server does not keep {note.codec}, only {', '.join(self._codecs)}"
            self._emit(Deliver(Failed(note.id, "peer", why)))

    def _may_send(self, outgoing: Outgoing) -> bool:
        if outgoing.asking or outgoing.handed_over or outgoing.due:
            return False
        return self._unsent < self._limit

    def _next(self, outgoing: Outgoing, now: float) -> VoiceMessage | Chunk:
        note = outgoing.note
        if outgoing.sent is not None:
            audio = note.audio[outgoing.sent : outgoing.sent + self._limit]
            chunk = Chunk(note.id, outgoing.sent, audio)
            outgoing.sent += len(audio)
            return chunk
        outgoing.asking = outgoing.begun and note.size > self._limit
        self._mark(now, "resumed" if outgoing.begun else "first_byte", note)
        outgoing.begun = True
        message = replace(note, audio=b"") if outgoing.asking else beginning(note, self._limit)
        outgoing.sent = len(message.audio)
        return message

    def _mark(self, now: float, what: str, note: VoiceMessage) -> None:
        if self._trace is not ignore:
            self._trace(Mark(now, note.sender, what, note.id, note.size))
