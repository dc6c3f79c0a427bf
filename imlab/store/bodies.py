"""Audio on disk, each under the name of its content: ``bodies/ab12...`` holds the bytes with that sha256.

A body is written under ``bodies/new``, synced, and only then moved to its place: what stands in a place is whole,
whatever was killed when. The places of a batch become durable together, when the directory is synced: that is why
there is one directory, not 256 of them. A body that no index knows of (killed between the two) does no harm: the
same note, sent again, finds it there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imlab.errors import DoorError

SYNCS = 8  # under way at once: they wait for the disk, and on a busy machine each waits for its turn to go on


class Bodies:
    """Bodies under one directory. One thread puts, any thread gets; OSError when the directory cannot be used."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / "new"
        self._new.mkdir(parents=True, exist_ok=True)
        for left in self._new.iterdir():
            left.unlink()  # half-written when its server was killed; nobody was told that it is there
        self._threads = ThreadPoolExecutor(SYNCS, "bodies")

    def put(self, bodies: Mapping[str, bytes]) -> dict[str, DoorError]:
        """Make bodies durable, by sha256; answers with those that could not be, and why."""
        if not bodies:
            return {}
        each = self._threads.map if len(bodies) > 1 else map  # alone, it is quicker without a thread
        failures = each(self._write, bodies.keys(), bodies.values())
        lost = {sha256: failure for sha256, failure in zip(bodies, failures, strict=True) if failure}
        sync_directory(self._root)
        return lost

    def get(self, sha256: str, size: int) -> bytes:
        """One body; DoorError when it is not there or not as long as it was."""
        place = self._root / sha256
        try:
            body = place.read_bytes()
        except OSError as error:
            raise DoorError(f"cannot read the body {place}: {error.strerror}") from error
        if len(body) != size:
            raise DoorError(f"the body {place} is damaged: {len(body)} of {size} bytes")
        return body

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown()

    def _write(self, sha256: str, body: bytes) -> DoorError | None:
        """Put a body in its place, unless it stands there; one of another size is damage, and is repaired."""
        place, new = self._root / sha256, self._new / sha256
        try:
            if not place.exists() or place.stat().st_size != len(body):
                _write_durably(new, body)
                new.replace(place)
        except OSError as error:
            new.unlink(missing_ok=True)
            return DoorError(f"cannot write {len(body)} bytes under {self._root}: {error.strerror}")
        return None


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, as fsync does for the bytes of a file."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
