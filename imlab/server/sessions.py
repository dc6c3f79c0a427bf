"""Sessions: who is connected, under which name, and when they were last heard."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from imlab.errors import PeerError
from imlab.wire.messages import VERSION, Hello


@dataclass(slots=True)
class Session:
    """One live connection. name is "" until Hello; backlog: bytes its transport has not sent yet."""

    peer: str
    who: str
    heard: float
    name: str = ""
    key: str = ""
    backlog: int = 0
    rooms: set[str] = field(default_factory=set)


class Sessions:
    """The registry of live connections; two peers with one name are refused, unless the key proves it is one client."""

    def __init__(self) -> None:
        self._peers: dict[str, Session] = {}
        self._names: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def open(self, peer: str, who: str, now: float) -> None:
        """A connection without a name yet."""
        self._peers[peer] = Session(peer, who, now)

    def get(self, peer: str) -> Session | None:
        """The session of a peer, if it is live."""
        return self._peers.get(peer)

    def greet(self, session: Session, hello: Hello) -> Session | None:
        """Give the session its name; returns the older session of the same client that it replaces, if any."""
        if hello.version != VERSION:
            raise PeerError(f"protocol version {hello.version} is not spoken here, {VERSION} is")
        if session.name:
            raise PeerError(f"{session.name!r} said Hello twice")
        older = self._names.get(hello.name)
        if older and not (hello.key and hmac.compare_digest(older.key.encode(), hello.key.encode())):
            raise PeerError(f"the name {hello.name!r} is taken by another live client")
        session.name, session.key = hello.name, hello.key
        self._names[hello.name] = session
        return older

    def close(self, peer: str) -> Session | None:
        """Forget a connection; its name is free again if it still held it."""
        session = self._peers.pop(peer, None)
        if session and self._names.get(session.name) is session:
            del self._names[session.name]
        return session

    def silent(self, named_since: float, unnamed_since: float) -> list[Session]:
        """Sessions not heard since a time, in seconds on the core's clock: with a name, and without one."""
        return [s for s in self._peers.values() if s.heard <= (named_since if s.name else unnamed_since)]
