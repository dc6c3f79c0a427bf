"""What the client core tells the application, one frozen value each."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Connected:
    """The server has welcomed us."""

    server: str


@dataclass(frozen=True, slots=True)
class Lost:
    """No connection; the next try comes in ``retry`` seconds."""

    why: str
    retry: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server will not have this session; there will be no further try."""

    why: str


@dataclass(frozen=True, slots=True)
class Listening:
    """The room's notes after ``after`` will come; its newest is ``head``."""

    room: str
    after: int
    head: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The server holds ``size`` of ``total`` bytes of an unfinished note."""

    id: str
    size: int
    total: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The note is durable and has its place in the room."""

    id: str
    room: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The server refused a note or a room for good. about: the note's id or the room's name; fault: whose it is."""

    about: str
    fault: str
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A note has begun to arrive: its head and its first bytes of audio."""

    note: VoiceMessage


@dataclass(frozen=True, slots=True)
class Piece:
    """More audio of a note under way, in order."""

    id: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole note, once, in the order of its room."""

    note: VoiceMessage


Event = Connected | Lost | Rejected | Listening | Progress | Sent | Failed | Notice | Piece | Arrived
