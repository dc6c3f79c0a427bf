"""Which door a database's address means. PostgreSQL's library is loaded only where there is one to ask."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from imlab.errors import UsageError
from imlab.server.service.lines import Lines
from imlab.stack.service.backends import Backends
from imlab.store.recordings.sqlite import SqliteRecordings
from imlab.store.recordings.sqlite_awaited import AwaitedSqlite
from imlab.wire.messages import VoiceMessage


class Recordings(Protocol):
    """A database, for threads that block."""

    @property
    def opened(self) -> int:
        """Connections so far."""
        ...

    def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        ...

    def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        ...

    def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable."""
        ...

    def close(self) -> None:
        """No more questions."""
        ...


class AwaitedRecordings(Protocol):
    """The same, awaited."""

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
    if path := _sqlite(backends):
        return SqliteRecordings(path, lines, backends.far_s)
    module = import_module("imlab.store.recordings.postgres")
    return cast(Recordings, module.PostgresRecordings(backends.database, lines))


def awaited(backends: Backends, lines: Lines) -> AwaitedRecordings:
    """For an event loop that runs."""
    if path := _sqlite(backends):
        return AwaitedSqlite(path, lines, backends.far_s)
    module = import_module("imlab.store.recordings.postgres_awaited")
    return cast(AwaitedRecordings, module.AwaitedPostgres(backends.database, lines))


def _sqlite(backends: Backends) -> Path | None:
    """Its file; None: it is a PostgreSQL."""
    kind, _, path = backends.database.partition(":")
    if kind == "postgresql":
        return None
    if kind == "sqlite" and path:
        return Path(path)
    raise UsageError(f"a database is sqlite:PATH or postgresql://..., not {backends.database!r:.80}")
