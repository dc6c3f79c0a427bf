"""What a core may ask of its driver: the one table.

A core puts these in its outbox; a driver carries them out in that order.

| effect    | core   | the driver                                                                        |
|-----------|--------|-----------------------------------------------------------------------------------|
| Send      | both   | writes one message to one peer, then tells ``backlog`` what its transport kept     |
| Broadcast | server | encodes once, writes the same bytes to many peers; ``backlog`` where any was kept  |
| Close     | both   | closes a connection; the core hears no ``closed`` for a close of its own           |
| Dial      | client | opens a connection to that peer; answers ``opened`` or ``closed``                  |
| Store     | server | makes a note durable; answers ``stored(ticket, Committed or Exception)``           |
| Load      | server | reads notes after a sequence; answers ``stored(ticket, Page or Exception)``        |
| Answer    | server | tells whoever posted a note, over HTTP say: Committed, or why not                  |
| Deliver   | client | hands an event to the application                                                  |

A transport that kept bytes owes one more ``backlog`` when it has sent them. A message that the framing cannot read
is told to the core as ``receive(peer, PeerError, now)``: what follows is the core's decision, not the driver's.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.wire.messages import Message, VoiceMessage


@dataclass(frozen=True, slots=True)
class Send:
    """Write one message to one peer."""

    peer: str
    message: Message


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Write the same message to many peers; its bytes are built once."""

    peers: tuple[str, ...]
    message: Message


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection to a peer."""

    peer: str
    why: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a connection to a peer."""

    peer: str


@dataclass(frozen=True, slots=True)
class Store:
    """Make a whole note durable and give it the next place in its room."""

    ticket: int
    note: VoiceMessage


@dataclass(frozen=True, slots=True)
class Load:
    """Read a room's notes after a sequence (None: none of them, only the head), up to about ``limit`` bytes."""

    ticket: int
    room: str
    after: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell one who posted a note without a connection what became of it."""

    asker: str
    result: object


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand an event to the application."""

    event: object


Effect = Send | Broadcast | Close | Dial | Store | Load | Answer | Deliver
