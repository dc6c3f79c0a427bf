"""Which door a database's address means. PostgreSQL's library is loaded only where there is one to ask."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from imlab.errors import UsageError
from imlab.server.service.lines import Lines
from imlab.stack.service.backends import Backends
from imlab.store.recordings.sqlite import SqliteRecordings
from imlab.store.recordings.threads import InThreads, Recordings
from imlab.wire.messages import VoiceMessage


class AwaitedRecordings(Protocol):
    """A database, awaited; Recordings is the same, blocking."""

    @property
    def opened(self) -> int:
        """Connections so far."""
        ...

    async def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        ...

    async def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        ...

    async def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable."""
        ...

    async def close(self) -> None:
        """No more questions."""
        ...


def blocking(backends: Backends, lines: Lines) -> Recordings:
    """For threads."""
    kind, _, path = backends.database.partition(":")
    if kind == "sqlite" and path:
        return SqliteRecordings(Path(path), lines, backends.far_s)
    if kind == "postgresql":
        module = import_module("imlab.store.recordings.postgres")
        return cast(Recordings, module.PostgresRecordings(backends.database, lines))
    raise UsageError(f"a database is sqlite:PATH or postgresql://..., not {backends.database!r:.80}")


def awaited(backends: Backends, lines: Lines) -> AwaitedRecordings:
    """For an event loop that runs."""
    if backends.database.startswith("postgresql:"):
        module = import_module("imlab.store.recordings.postgres_awaited")
        return cast(AwaitedRecordings, module.AwaitedPostgres(backends.database, lines))
    return InThreads(blocking(replace(backends, far_s=0.0), lines), backends.far_s)
