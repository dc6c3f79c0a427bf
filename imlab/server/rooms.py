"""Rooms: who listens where, and up to which note each of them has been given.

Each member has a cursor, the sequence of the last note handed to its transport. A member at the room's head is
live and shares the broadcast; any other is behind and is fed pages from the store until it has caught up. There is
no third way: a new member, a reconnected one and one too slow for the room are all just behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Member:
    """A listener. cursor is None until a member who joined "from now on" knows where now is."""

    peer: str
    room: str
    cursor: int | None
    joined: bool = False  # Joined was said
    loading: bool = False  # a page is on its way from the store


@dataclass(slots=True)
class Room:
    """A room. head: the newest committed sequence, None while nobody has asked the store."""

    name: str
    head: int | None = None
    members: dict[str, Member] = field(default_factory=dict)

    def raise_head(self, sequence: int) -> None:
        """The room has at least this many notes."""
        self.head = max(self.head or 0, sequence)


class Rooms:
    """The rooms somebody listens to; an empty room is forgotten."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def get(self, name: str) -> Room | None:
        """The room, if somebody listens."""
        return self._rooms.get(name)

    def join(self, name: str, peer: str, after: int | None) -> tuple[Room, Member]:
        """A new listener, or the same one from another place."""
        room = self._rooms.setdefault(name, Room(name))
        member = room.members[peer] = Member(peer, name, after)
        return room, member

    def leave(self, name: str, peer: str) -> None:
        """One listener less."""
        room = self._rooms.get(name)
        if room:
            room.members.pop(peer, None)
            if not room.members:
                del self._rooms[name]

    def of(self, peer: str, names: set[str]) -> Iterator[tuple[Room, Member]]:
        """The memberships of one peer."""
        for name in sorted(names):
            room = self._rooms.get(name)
            if room and peer in room.members:
                yield room, room.members[peer]
