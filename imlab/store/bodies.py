"""A file for each body, under the name of its content: ``bodies/ab12...`` holds the bytes with that sha256.

A body is written under ``bodies/new``, synced, and only then moved to its place: what stands in a place is whole,
whatever was killed when. The places of a batch become durable together, when the directory is synced: that is why
there is one directory, not 256 of them. A body that no index knows of (killed between the two) does no harm: the
same note, sent again, finds it there, or it is swept.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imlab.errors import DoorError
from imlab.server.doors import Body, Span
from imlab.store.body import length
from imlab.store.entry import Row
from imlab.store.shelf import FILE, Known, Place

SYNCS = 8  # under way at once: they wait for the disk, and on a busy machine each waits for its turn to go on
ASKED = 1_000  # names in one question to the index
_NO_LINKS = (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP)  # a disk without them, or another disk


class FileShelf:
    """Bodies under one directory; OSError when it cannot be used."""

    keeps_log = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / "new"
        self._new.mkdir(parents=True, exist_ok=True)
        for left in self._new.iterdir():
            left.unlink()  # half-written when its server was killed; nobody was told that it is there
        self._threads = ThreadPoolExecutor(SYNCS, "bodies")

    def begin(self) -> None:
        """See Shelf."""

    def put(self, bodies: Mapping[str, Body]) -> dict[str, Place | DoorError]:
        """See Shelf: durable at once."""
        if not bodies:
            return {}
        each = self._threads.map if len(bodies) > 1 else map  # alone, it is quicker without a thread
        places = dict(zip(bodies, each(self._write, bodies.keys(), bodies.values()), strict=True))
        sync_directory(self._root)
        return places

    def seal(self, rows: Sequence[Row]) -> None:
        """See Shelf: it is."""

    def undo(self) -> None:
        """See Shelf: what stands unused is swept one day."""

    def get(self, sha256: str, place: Place, start: int, stop: int) -> bytes:
        """See Shelf; a body of another length is damaged."""
        path = self._root / sha256
        try:
            with path.open("rb", buffering=0) as file:
                if (size := os.fstat(file.fileno()).st_size) != place.size:
                    raise DoorError(f"the body {path} is damaged: {size} of {place.size} bytes")
                return os.pread(file.fileno(), stop - start, start)
        except OSError as error:
            raise DoorError(f"cannot read the body {path}: {error.strerror}") from error

    def span(self, sha256: str, place: Place) -> Span | None:
        """See Shelf."""
        return Span(self._root / sha256, 0, place.size)

    def stands(self, sha256: str, size: int) -> bool:
        """Is there a body of that name and length?"""
        return _is_there(self._root / sha256, size)

    def free(self, places: Mapping[str, Place]) -> None:
        """See Shelf."""
        for sha256 in places:
            (self._root / sha256).unlink(missing_ok=True)

    def sweep(self, known: Known, before: float) -> None:
        """See Shelf: bodies whose note did not become durable."""
        with os.scandir(self._root) as found:
            old = [each.name for each in found if each.is_file() and each.stat().st_mtime < before]
        for start in range(0, len(old), ASKED):
            some = old[start : start + ASKED]
            for name in set(some) - known(some).keys():
                (self._root / name).unlink()

    def close(self) -> None:
        """See Shelf."""
        self._threads.shutdown()

    def _write(self, sha256: str, body: Body) -> Place | DoorError:
        """Put a body in its place, unless it stands there; one of another size is damage, and is repaired."""
        place, new, size = self._root / sha256, self._new / sha256, length(body)
        try:
            if not _is_there(place, size):
                if isinstance(body, bytes):
                    _write_durably(new, body)
                else:
                    _link_durably(new, body)
                new.replace(place)
        except OSError as error:
            new.unlink(missing_ok=True)
            return DoorError(f"cannot write {size} bytes under {self._root}: {error.strerror}")
        return Place(FILE, 0, size)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, as fsync does for the bytes of a file."""
    _sync(directory)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _write_durably(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _link_durably(path: Path, body: Path) -> None:
    """Another name for a file; a copy where the disk has no such thing."""
    try:
        os.link(body, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(body, path)
    _sync(path)
