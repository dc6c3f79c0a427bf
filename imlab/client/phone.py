"""The phone: a whole client as one state machine without I/O; a line to the server, a sender and a receiver on it.

A driver tells it what happened (``opened``, ``receive``, ``backlog``, ``closed``, ``wake``) and carries out its
``outbox``; the application calls ``start``, ``send``, ``join``, ``stop`` and is told by Deliver effects.
"""

from __future__ import annotations

from random import Random

from imlab.client.backoff import Backoff
from imlab.client.line import Line, Patience
from imlab.client.receiver import Receiver
from imlab.client.sender import Sender
from imlab.errors import PeerError
from imlab.trace import Trace, ignore
from imlab.wire.effects import Effect
from imlab.wire.messages import Ack, Chunk, Hello, Joined, Message, Ping, Pong, Received, Refused, VoiceMessage, Welcome


class Phone:
    """A client. name: who we are to the server; random: seeded, for jitter and the session's key."""

    def __init__(
        self,
        name: str,
        random: Random,
        trace: Trace = ignore,
        backoff: Backoff | None = None,
        patience: Patience | None = None,
        chunk: int = 65_536,
        token: str = "",
    ) -> None:
        self.name = name
        backoff, patience = backoff or Backoff(), patience or Patience()
        self._outbox: list[Effect] = []
        hello = Hello(name, key=f"{random.getrandbits(128):032x}", token=token)
        self._line = Line(hello, self._outbox.append, random, backoff, patience)
        self._sender = Sender(self._line, self._outbox.append, trace, random, backoff, chunk)
        self._receiver = Receiver(name, self._line, self._outbox.append, trace)

    # What the application asks

    def start(self, now: float) -> None:
        """Dial the server, and keep dialling."""
        self._line.start()

    def send(self, note: VoiceMessage, now: float) -> None:
        """Send a whole note; Sent or Failed will tell."""
        self._sender.send(note, now)

    def join(self, room: str, after: int | None, now: float) -> None:
        """Listen to a room after a sequence, or from now on (None)."""
        self._receiver.join(room, after, now)

    def stop(self, now: float) -> None:
        """Hang up for good; what is not acknowledged stays unacknowledged."""
        self._line.stop("the client is done")

    @property
    def unsent(self) -> int:
        """Notes that are not known to be durable."""
        return len(self._sender)

    # What a driver tells

    def opened(self, peer: str, who: str, now: float) -> None:
        """The connection stands."""
        self._line.opened(now)

    def receive(self, peer: str, message: Message | PeerError, now: float) -> None:
        """A message came, or the framing's complaint about one."""
        if self._line.state not in ("greeting", "ready"):
            return
        self._line.hear(now)
        try:
            if isinstance(message, PeerError):
                raise message
            self._hear(message, now)
        except PeerError as error:
            self._line.drop(str(error), now)

    def backlog(self, peer: str, unsent: int, now: float) -> None:
        """The transport holds this many unsent bytes."""
        self._sender.backlog(unsent, now)

    def closed(self, peer: str, why: str, now: float) -> None:
        """The connection is gone, or could not be made."""
        self._line.closed(why, now)

    def stored(self, ticket: int, result: object, now: float) -> None:
        """A client stores nothing."""
        raise PeerError(f"the client never asked for ticket {ticket}")

    def wake_at(self) -> float | None:
        """When the phone wants to be woken, seconds on the driver's clock."""
        line, sender = self._line.wake_at(), self._sender.wake_at()
        if line is None or sender is None:
            return sender if line is None else line
        return min(line, sender)

    def wake(self, now: float) -> None:
        """The clock reached ``wake_at``."""
        self._line.wake(now)
        self._sender.pump(now)

    def outbox(self) -> list[Effect]:
        """What is to be done, first in first out; taken once."""
        effects = self._outbox[:]
        if effects:
            self._outbox.clear()
        return effects

    def _hear(self, message: Message, now: float) -> None:
        match message:
            case Welcome():
                self._line.welcome(message, now)
                self._receiver.ready(now)
                self._sender.ready(message.chunk_limit, message.codecs, now)
            case VoiceMessage():
                self._receiver.begin(message, now)
            case Chunk():
                self._receiver.go_on(message, now)
            case Ack():
                self._sender.acked(message, now)
            case Received():
                self._sender.received(message, now)
            case Joined():
                self._receiver.joined(message, now)
            case Refused():
                self._refused(message, now)
            case Ping():
                self._line.say(Pong(message.nonce), now)
            case Pong():
                return
            case _:
                raise PeerError(f"{type(message).__name__} is a client's word")

    def _refused(self, message: Refused, now: float) -> None:
        if self._sender.refused(message, now) or self._receiver.refused(message):
            return
        if not message.about:
            self._line.refused(message.fault, message.why, now)
