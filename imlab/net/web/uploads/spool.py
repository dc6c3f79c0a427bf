"""Bytes on their way to a store: in memory while they are few, else in a file; sha256 runs along.

Writing and hashing of a file happen in a thread: a disk that is busy stops its writers, and nobody else may wait
for it. A turn of a thread costs some 30 us, so it is given as much at a time as memory may hold.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import TypeVar

from imlab.errors import DoorError
from imlab.server.doors import Body

T = TypeVar("T")


class Spool:
    """One upload. memory: bytes that it may hold. Whoever opens it discards it, whatever became of it."""

    __slots__ = ("_digest", "_directory", "_file", "_held", "_holds", "_memory", "_path", "size")

    def __init__(self, directory: Path, memory: int) -> None:
        self._directory, self._memory = directory, memory
        self._held: list[bytes] = []
        self._holds = 0
        self._path: Path | None = None
        self._file: FileIO | None = None
        self.size = 0

    async def write(self, data: bytes) -> None:
        """More bytes; DoorError when the disk does not take them."""
        self._held.append(data)
        self._holds += len(data)
        self.size += len(data)
        if self._holds > self._memory:
            await in_a_thread(self._flush)

    async def body(self) -> tuple[Body, str]:
        """All of it, and its sha256 in hex digits. A file is whole, but not synced: that is for who takes it over."""
        if self._path is not None:
            await in_a_thread(self._flush)
            return self._path, self._digest.hexdigest()
        body = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        return body, sha256(body).hexdigest()

    async def discard(self) -> None:
        """Remove the file, unless somebody has taken it over."""
        if self._path is not None:
            await in_a_thread(self._remove)

    def _flush(self) -> None:
        try:
            if self._file is None:
                self._path = self._directory / os.urandom(16).hex()
                self._file = self._path.open("xb", buffering=0)
                self._digest = sha256()
            for data in self._held:
                write_all(self._file, data)
                self._digest.update(data)
        except OSError as error:
            raise DoorError(f"cannot keep an upload under {self._directory}: {error.strerror}") from error
        self._held.clear()
        self._holds = 0

    def _remove(self) -> None:
        assert self._path is not None
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)


def write_all(file: FileIO, data: bytes) -> None:
    """Every byte: a file that is nearly full takes some, and says so only to the next write."""
    written = file.write(data)
    while written < len(data):
        written += file.write(memoryview(data)[written:])


async def in_a_thread(work: Callable[[], T]) -> T:
    """One of the loop's threads does it."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def empty(directory: Path) -> Path:
    """A directory for spools, without those of a server that was killed."""
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.iterdir():
        left.unlink()
    return directory
