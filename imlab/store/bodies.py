"""Audio on disk, each under the name of its content: ``bodies/ab/ab12...`` holds the bytes with that sha256.

A body is written under ``bodies/new``, synced, and only then moved to its place: what stands in a place is whole,
whatever was killed when. A place is durable when its directory is synced, which is done once per directory and batch.
A body that no index knows of (killed between the two) does no harm: the same note, sent again, finds it there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from imlab.errors import DoorError


class Bodies:
    """Bodies under one directory. One thread puts; any thread gets."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / "new"
        self._new.mkdir(parents=True, exist_ok=True)
        for left in self._new.iterdir():
            left.unlink()  # half-written when its server was killed; nobody was told that it is there
        sync_directory(root)

    def put(self, bodies: Mapping[str, bytes]) -> dict[str, DoorError]:
        """Make bodies durable, by sha256; answers with those that could not be, and why."""
        lost: dict[str, DoorError] = {}
        for sha256, body in bodies.items():
            try:
                self._write(sha256, body)
            except OSError as error:
                (self._new / sha256).unlink(missing_ok=True)
                lost[sha256] = DoorError(f"cannot write {len(body)} bytes under {self._root}: {error.strerror}")
        return lost | self._settle(bodies.keys() - lost.keys())

    def get(self, sha256: str, size: int) -> bytes:
        """One body; DoorError when it is not there or not as long as it was."""
        place = self._place(sha256)
        try:
            body = place.read_bytes()
        except OSError as error:
            raise DoorError(f"cannot read the body {place}: {error.strerror}") from error
        if len(body) != size:
            raise DoorError(f"the body {place} is damaged: {len(body)} of {size} bytes")
        return body

    def _write(self, sha256: str, body: bytes) -> None:
        """Put a body in its place, unless it stands there; one of another size is damage, and is repaired."""
        place = self._place(sha256)
        if place.exists() and place.stat().st_size == len(body):
            return
        if not place.parent.exists():
            place.parent.mkdir()
            sync_directory(self._root)
        new = self._new / sha256
        with new.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        new.replace(place)

    def _settle(self, written: Iterable[str]) -> dict[str, DoorError]:
        """Make the places durable."""
        lost: dict[str, DoorError] = {}
        places: dict[Path, list[str]] = {}
        for sha256 in written:
            places.setdefault(self._place(sha256).parent, []).append(sha256)
        for directory, names in places.items():
            try:
                sync_directory(directory)
            except OSError as error:
                lost |= dict.fromkeys(names, DoorError(f"cannot sync {directory}: {error.strerror}"))
        return lost

    def _place(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, as fsync does for the bytes of a file."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
