"""What every start has in common: which engine, a free port, and waiting until the server answers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imlab.errors import DoorError, UsageError
from imlab.stack.services.account import Account, within_reach
from imlab.stack.services.contract import Command, Endpoint, Engine, Place, Service
from imlab.stack.services.process import Process

PATIENCE_S = 60.0  # until it answers; PostgreSQL makes its cluster in 1-3 s on an idle machine
LOOK_S = 0.02
TRIES = 3  # somebody else may take a free port before the server does
TAKEN = "address already in use"
LAST_WORDS = 600  # characters of a log


@dataclass(frozen=True, slots=True)
class Start:
    """A server about to be started."""

    engine: Engine
    place: Place
    first: list[Command]
    command: Command
    endpoint: Endpoint


def named(service: Service) -> str:
    """The endpoint that the environment names, or ""."""
    return os.environ.get(service.variable, "")


def engine_of(service: Service) -> Engine:
    """The best one here; DoorError with the line that installs one."""
    engine = next(service.engines(), None)
    if engine is None:
        raise DoorError(f"no {service.name} here: {installs(service)}")
    return engine


def installs(service: Service) -> str:
    """The one line."""
    return f"apt-get install {service.package}"


def prepared(service: Service, engine: Engine, home: Path, who: Account, port: int) -> Start:
    """Directories and files are there; nothing runs yet."""
    try:
        reached = within_reach(engine, who, home)
        place = Place(home / "data", port)
        who.own(place.directory)
        for name, text in service.files(reached, place).items():
            path = place.directory / name
            who.own(path.parent)
            path.write_text(text)
    except OSError as error:
        raise DoorError(f"cannot prepare {service.name} in {home}: {error.strerror}") from error
    first, command = service.first(reached, place), service.command(reached, place)
    return Start(reached, place, first, command, service.endpoint(place))


def free_port() -> int:
    """Of 127.0.0.1, free a moment ago."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


def tries() -> Iterator[int]:
    """A free port for each try."""
    return (free_port() for _ in range(TRIES))


def answering(service: Service, url: str, process: Process, log: Path, begin: int) -> str:
    """Who answers, as soon as somebody does. DoorError with the end of its log, from byte ``begin`` on, if it ends."""
    end, port = time.monotonic() + PATIENCE_S, urlsplit(url).port or 0
    while True:
        if process.listens(port):  # else the answer could be a stranger's, who took the port before
            with suppress(DoorError):
                return service.ask(url)
        if not process.alive:
            raise DoorError(f"{service.name} did not start: {last_words(log, begin)}")
        if time.monotonic() > end:
            raise DoorError(f"{service.name} does not answer after {PATIENCE_S:g} s: {last_words(log, begin)}")
        time.sleep(LOOK_S)


def last_words(log: Path, begin: int = 0) -> str:
    """The end of a log on one line."""
    try:
        with log.open("rb") as file:
            file.seek(begin)
            lines = file.read().decode(errors="replace").split("\n")
    except OSError as error:
        return f"{log}: {error.strerror}"
    return " / ".join(line.strip() for line in lines if line.strip())[-LAST_WORDS:] or f"it said nothing in {log}"


def supported() -> None:
    """Servers are told apart and ended by what only Linux offers."""
    if not hasattr(os, "pidfd_open"):
        raise UsageError(
            "services are started on Linux alone; elsewhere name one that runs, as in IMLAB_REDIS=redis://"
        )
