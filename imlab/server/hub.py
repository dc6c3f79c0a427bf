"""The hub: one place that gives every note of a room its sequence and brings it to every member, in that order.

It is a state machine without I/O. A driver tells it what happened (``opened``, ``receive``, ``backlog``, ``closed``,
``stored``, ``wake``) and carries out what it wants (``outbox``; the table is in wire/effects.py). A note is
acknowledged and broadcast only after the store has said that it is durable: the store gives the sequence, and its
answers come in order, so a room's broadcasts do too.
"""

from __future__ import annotations

from imlab.errors import PeerError
from imlab.server.doors import Committed, Page
from imlab.server.intake import Intake
from imlab.server.rooms import Member, Room, Rooms
from imlab.server.sessions import Session, Sessions
from imlab.server.terms import Terms
from imlab.trace import Mark, Trace, ignore
from imlab.wire.effects import Answer, Broadcast, Close, Effect, Load, Send, Store
from imlab.wire.limits import WHY
from imlab.wire.messages import (
    Ack,
    Chunk,
    Hello,
    Join,
    Joined,
    Message,
    Ping,
    Pong,
    Received,
    Refused,
    VoiceMessage,
    Welcome,
)
from imlab.wire.pieces import split

PARTS = (VoiceMessage, Chunk)  # of a note; to ask for a union of the two takes five times as long


class Hub:
    """Sessions, rooms, sequence at commit, fan-out, gap fill, duplicate suppression."""

    def __init__(self, terms: Terms | None = None, trace: Trace = ignore, name: str = "server") -> None:
        self.terms = terms or Terms()
        self._name = name
        self._trace = trace
        self._sessions = Sessions()
        self._rooms = Rooms()
        self._intake = Intake(self.terms)
        self._tickets = 0
        self._asked: dict[int, str | Member] = {}  # ticket -> the note's id, or the member that waits for a page
        self._outbox: list[Effect] = []
        self._sweep: float | None = None

    # What a driver tells

    def opened(self, peer: str, who: str, now: float) -> None:
        """A connection stands; the next word is the client's."""
        self._sessions.open(peer, who, now)
        if self._sweep is None:
            self._sweep = now + self._sweep_every()

    def receive(self, peer: str, message: Message | PeerError, now: float) -> None:
        """A message came, or the framing's complaint about one."""
        session = self._sessions.get(peer)
        if session is None:
            return  # it was on its way when the hub closed the connection
        session.heard = now
        try:
            if isinstance(message, PeerError):
                raise message
            self._hear(session, message, now)
        except PeerError as error:
            self._refuse(peer, "", "peer", str(error))
            self._hang_up(peer, str(error), now)

    def backlog(self, peer: str, unsent: int, now: float) -> None:
        """A peer's transport holds this many unsent bytes; below the limit it can be fed again."""
        session = self._sessions.get(peer)
        if session is None:
            return
        before, session.backlog = session.backlog, unsent
        if unsent <= self.terms.backlog < before:  # whoever was below it is live, or waits for a page
            for room, member in self._rooms.of(peer, session.rooms):
                self._feed(room, member)

    def closed(self, peer: str, why: str, now: float) -> None:
        """The connection is gone; what the client had begun to upload is kept for its return."""
        session = self._sessions.close(peer)
        for room in session.rooms if session else ():
            self._rooms.leave(room, peer)

    def post(self, asker: str, note: VoiceMessage, now: float) -> None:
        """A whole note came without a session, uploaded as a file; one Answer to the asker tells what became of it."""
        try:
            to_store = self._intake.post(note, asker)
        except PeerError as error:
            self._outbox.append(Answer(asker, error))
            return
        if to_store:
            self._mark(now, "last_byte", note.id, note.file.size if note.file else note.size)
            self._outbox.append(Store(self._ticket(note.id), note))

    def stored(self, ticket: int, result: Committed | Page | Exception, now: float) -> None:
        """The store has answered."""
        asked = self._asked.pop(ticket)
        if isinstance(asked, Member):
            self._turn_page(asked, result, now)
        else:
            self._settle(asked, result, now)

    # Time

    def wake_at(self) -> float | None:
        """When the hub wants to be woken, seconds on the driver's clock."""
        return self._sweep

    def wake(self, now: float) -> None:
        """One sweep for all heartbeats: a timer per connection costs more than it tells."""
        if self._sweep is None or now < self._sweep:
            return
        for session in self._sessions.silent(now - self.terms.dead, now - self.terms.greeting):
            self._hang_up(session.peer, f"not heard for {now - session.heard:.0f} s", now)
        self._intake.expire(now - self.terms.keep)
        self._sweep = now + self._sweep_every() if self._busy() else None

    def outbox(self) -> list[Effect]:
        """What is to be done, first in first out; taken once."""
        effects, self._outbox = self._outbox, []
        return effects

    # Words

    def _hear(self, session: Session, message: Message, now: float) -> None:
        if not session.name and not isinstance(message, Hello):
            raise PeerError(f"{type(message).__name__} before Hello")
        if isinstance(message, PARTS):
            self._take(session, message, now)
        elif isinstance(message, Hello):
            self._greet(session, message, now)
        elif isinstance(message, Join):
            self._join(session, message, now)
        elif isinstance(message, Ping):
            self._send(session.peer, Pong(message.nonce))
        elif not isinstance(message, Pong):
            raise PeerError(f"{type(message).__name__} is a server's word")

    def _greet(self, session: Session, hello: Hello, now: float) -> None:
        older = self._sessions.greet(session, hello)
        if older:
            self._hang_up(older.peer, "replaced by this client's new connection", now)
        terms = self.terms
        heartbeat_ms = round(terms.heartbeat * 1000)
        self._send(session.peer, Welcome(self._name, terms.chunk, terms.note, heartbeat_ms, terms.codecs))

    def _take(self, session: Session, message: VoiceMessage | Chunk, now: float) -> None:
        try:
            if isinstance(message, VoiceMessage):
                held = self._intake.begin(session.name, session.peer, message, now)
            else:
                held = self._intake.go_on(session.name, message, now)
        except PeerError as error:  # this note's fault alone: the session goes on
            self._intake.forget(session.name, message.id)
            self._refuse(session.peer, message.id, "peer", str(error))
            return
        if isinstance(held, int):
            self._send(session.peer, Received(message.id, held))
        elif held is not None:
            self._mark(now, "last_byte", held.id, held.size)
            self._intake.await_store(held, session.peer)
            self._outbox.append(Store(self._ticket(held.id), held))

    def _join(self, session: Session, join: Join, now: float) -> None:
        session.rooms.add(join.room)
        room, member = self._rooms.join(join.room, session.peer, join.after)
        if room.head is None:
            self._load(member, join.after)
        elif self._place(room, member):
            self._feed(room, member)

    # Notes out

    def _settle(self, note_id: str, result: Committed | Page | Exception, now: float) -> None:
        pending = self._intake.settle(note_id)
        for asker in pending.askers:
            self._outbox.append(Answer(asker, result))
        if not isinstance(result, Committed):
            fault = "peer" if isinstance(result, PeerError) else "server"
            for peer in pending.peers:
                self._refuse(peer, note_id, fault, str(result))
            return
        self._mark(now, "committed", note_id, pending.note.size)
        for peer in pending.peers:
            self._send(peer, Ack(note_id, pending.note.room, result.sequence))
        room = self._rooms.get(pending.note.room)
        if room and not result.duplicate:
            self._broadcast(room, pending.note, result.sequence)

    def _broadcast(self, room: Room, note: VoiceMessage, sequence: int) -> None:
        room.raise_head(sequence)
        live = [m for m in room.members.values() if m.cursor == sequence - 1 and self._can_take(m)]
        for member in live:
            member.cursor = sequence
        if live:
            peers = tuple([member.peer for member in live])
            for piece in split(note.placed(sequence), self.terms.chunk):
                self._outbox.append(Broadcast(peers, piece))

    def _turn_page(self, member: Member, page: Committed | Page | Exception, now: float) -> None:
        room = self._rooms.get(member.room)
        if room is None or room.members.get(member.peer) is not member:
            return  # it left while the store was reading
        member.loading = False
        if not isinstance(page, Page):
            self._refuse(member.peer, member.room, "server", str(page))
            self._hang_up(member.peer, str(page), now)
            return
        room.raise_head(page.head)
        if not member.joined and not self._place(room, member):
            return
        for note in page.notes:
            member.cursor = note.sequence
            for piece in split(note, self.terms.chunk):
                self._outbox.append(Send(member.peer, piece))
        self._feed(room, member)

    def _place(self, room: Room, member: Member) -> bool:
        """Tell a member where it stands, now that the room's head is known; False: it stands nowhere and is out."""
        head = room.head or 0
        member.cursor = head if member.cursor is None else member.cursor
        if member.cursor > head:
            why = f"room {room.name!r} has {head} notes: {member.cursor} lies in the future"
            self._refuse(member.peer, room.name, "peer", why)
            self._rooms.leave(room.name, member.peer)
            return False
        member.joined = True
        self._send(member.peer, Joined(room.name, member.cursor, head))
        return True

    def _feed(self, room: Room, member: Member) -> None:
        """Ask the store for the next page, if this member is behind and can take it."""
        if member.cursor is not None and member.cursor < (room.head or 0) and member.joined and self._can_take(member):
            self._load(member, member.cursor)

    def _load(self, member: Member, after: int | None) -> None:
        member.loading = True
        self._outbox.append(Load(self._ticket(member), member.room, after, self.terms.page))

    def _can_take(self, member: Member) -> bool:
        session = self._sessions.get(member.peer)
        return not member.loading and session is not None and session.backlog <= self.terms.backlog

    # Small things

    def _send(self, peer: str, message: Message) -> None:
        if self._sessions.get(peer):
            self._outbox.append(Send(peer, message))

    def _refuse(self, peer: str, about: str, fault: str, why: str) -> None:
        self._send(peer, Refused(about, fault, why[:WHY]))

    def _hang_up(self, peer: str, why: str, now: float) -> None:
        self._outbox.append(Close(peer, why))
        self.closed(peer, why, now)

    def _ticket(self, asked: str | Member) -> int:
        self._tickets += 1
        self._asked[self._tickets] = asked
        return self._tickets

    def _busy(self) -> bool:
        return len(self._sessions) + len(self._intake) > 0

    def _sweep_every(self) -> float:
        return self.terms.greeting / 2

    def _mark(self, now: float, what: str, note: str, size: int) -> None:
        if self._trace is not ignore:
            self._trace(Mark(now, self._name, what, note, size))
