"""What a service is: a value that says how to find a server's program, start it, and ask whether it answers."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Command = list[str]
LONGEST_SOCKET = 107  # bytes of a unix socket's path: unix(7)


@dataclass(frozen=True, slots=True)
class Engine:
    """A server's program. folder: holds all of the server that is not the system's; origin: "wheel" or "system"."""

    program: Path
    folder: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one instance works: a directory of its own, and a port of 127.0.0.1."""

    directory: Path
    port: int

    def socket(self, name: str) -> str:
        """The path of a unix socket in it; "" where the kernel would find that too long."""
        path = str(self.directory / name)
        return path if len(path.encode()) <= LONGEST_SOCKET else ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a client reaches it: over TCP and, where there is one, over a unix socket (else "")."""

    url: str
    unix: str = ""

    @property
    def shown(self) -> str:
        """The URL for people: without the password."""
        return re.sub(r"(://[^/@]*?):[^/@]*@", r"\1:***@", self.url)


class Service(Protocol):
    """All methods are quick, but for ``ask``, which waits for the server; none of them starts anything."""

    @property
    def name(self) -> str:
        """As in `./lab services up NAME`."""
        ...

    @property
    def use(self) -> str:
        """What it is for, in a few words."""
        ...

    @property
    def variable(self) -> str:
        """The environment variable that names an endpoint: then nothing is started."""
        ...

    @property
    def package(self) -> str:
        """Debian's."""
        ...

    @property
    def stop(self) -> signal.Signals:
        """Asks the server to finish soon, and well."""
        ...

    def engines(self) -> Iterator[Engine]:
        """What is on this machine, best first."""
        ...

    def files(self, engine: Engine, place: Place) -> Mapping[str, str]:
        """What must stand in the place: a text for each name."""
        ...

    def first(self, engine: Engine, place: Place) -> list[Command]:
        """What is to be run to its end before the server, in a place that was not used before."""
        ...

    def command(self, engine: Engine, place: Place) -> Command:
        """The server, in the foreground."""
        ...

    def endpoint(self, place: Place) -> Endpoint:
        """How to reach it."""
        ...

    def ask(self, url: str) -> str:
        """A real question; who answered, with its version. DoorError: nobody did, or not as this service does."""
        ...
