"""All shelves of a store: new bodies go to one of them, old ones are found on whichever they were put."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from hashlib import sha256 as hashed
from pathlib import Path

from imlab.errors import DoorError
from imlab.server.doors import Span
from imlab.store.blobs import BlobShelf
from imlab.store.bodies import FileShelf
from imlab.store.index import Writing
from imlab.store.kinds import Blobs, Files, Kind, Segments
from imlab.store.reading import Reading
from imlab.store.segments import SegmentShelf
from imlab.store.shelf import BLOB, FILE, Known, Place, Shelf

READ_WHOLE = 1 << 20  # bytes up to which a body that is read as a whole is held against its hash: 14 us for 20 kB


class Shelves:
    """The files, the blobs, the segments; ``new`` is where new bodies go."""

    def __init__(self, directory: Path, kind: Kind, writing: Writing, reading: Reading) -> None:
        settings = kind if isinstance(kind, Segments) else Segments()
        self.files = FileShelf(directory / "bodies")
        self.blobs = BlobShelf(writing, reading)
        self.segments = SegmentShelf(directory / "segments", self.files, writing, settings)
        shelves: Mapping[type[Kind], Shelf] = {Files: self.files, Segments: self.segments, Blobs: self.blobs}
        self.new = shelves[type(kind)]
        self._special: Mapping[int, Shelf] = {FILE: self.files, BLOB: self.blobs}
        self._all: Iterable[Shelf] = shelves.values()

    def get(self, sha256: str, place: Place, start: int, stop: int) -> bytes:
        """Part of a body; DoorError when it is not there or not what it was, as far as can be seen from this part."""
        start, stop = min(start, place.size), min(stop, place.size)
        if start >= stop:
            return b""
        body = self._of(place).get(sha256, place, start, stop)
        if len(body) != stop - start or not _is_sound(body, sha256, place):
            raise DoorError(f"the body {sha256} is damaged: {len(body)} of {place.size} bytes were read from {place}")
        return body

    def span(self, sha256: str, place: Place) -> Span | None:
        """Where a body lies on disk."""
        return self._of(place).span(sha256, place)

    def holds(self, sha256: str, place: Place) -> bool:
        """Is a body as it was? Of a large one only its length is looked at."""
        try:
            self.get(sha256, place, place.size if place.size > READ_WHOLE else 0, place.size)
        except (DoorError, OSError):
            return False
        return True

    def free(self, places: Mapping[str, Place], known: Known, before: float) -> None:
        """These bodies are no note's any more; what a killed server left before that time goes, too."""
        for shelf in self._all:
            shelf.free({sha256: place for sha256, place in places.items() if self._of(place) is shelf})
            shelf.sweep(known, before)

    def close(self) -> None:
        """Let go of all."""
        with ExitStack() as closing:
            for shelf in self._all:
                closing.callback(shelf.close)

    def _of(self, place: Place) -> Shelf:
        return self._special.get(place.segment, self.segments)


def _is_sound(body: bytes, sha256: str, place: Place) -> bool:
    """A part of a body, or a large one, is believed."""
    return not len(body) == place.size <= READ_WHOLE or hashed(body).hexdigest() == sha256
