"""What the service wants of the world, as values, and what it is told: one table.

A handler is a generator: it yields a want, is sent the answer (or thrown the DoorError), and returns its result. So
the same handler runs in a thread that blocks at each want and on an event loop that awaits it, and "asynchronous" is a
word about drivers and nothing else. A cache that fails holds nothing (the door counts it); any other door that fails
raises DoorError into the handler.

| want    | answer                       | whose                      |
|---------|------------------------------|----------------------------|
| Find    | VoiceMessage or None         | the database               |
| Newest  | tuple of VoiceMessage        | the database               |
| Add     | int, the sequence            | the database, durable      |
| Get     | bytes                        | the object store           |
| Put     | None                         | the object store           |
| Look    | bytes or None                | the second level of cache  |
| Keep    | None; may be lost in silence | the second level of cache  |
| Share   | the result of its steps      | the driver: see below      |
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from imlab.wire.messages import VoiceMessage

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Find:
    """The row of a note."""

    id: str


@dataclass(frozen=True, slots=True)
class Newest:
    """A room's newest rows, the newest first."""

    room: str
    count: int


@dataclass(frozen=True, slots=True)
class Add:
    """A row, durable when answered; the same id again has the sequence that it had."""

    note: VoiceMessage


@dataclass(frozen=True, slots=True)
class Get:
    """A body, out of the object store."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Put:
    """A body, into it, whole or not at all."""

    sha256: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What the second level holds."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Keep:
    """Give it to the second level."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """Single flight: who wants the same key while its steps are under way waits for these, and has their result or

    their error; ``steps`` is called once a flight. A flight ends when its steps have.
    """

    key: str
    steps: Callable[[], Steps[Any]]


Want = Find | Newest | Add | Get | Put | Look | Keep | Share
Steps = Generator[Want, Any, Result]
