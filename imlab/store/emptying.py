"""Segments that are mostly garbage are emptied while the store serves: what lives is appended anew, the file goes.

Live bodies are copied in slices, each a commit like any other and each synced with its index, so that notes wait for
one slice at most. Only when the index is durable and knows nothing in the segment any more is its file unlinked: a
crash at any moment leaves every body in at least one place that the index knows. A reader that has the old file open
reads on; one that comes too late looks up the place again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from threading import Lock

from imlab.errors import DoorError
from imlab.store.index import Writing
from imlab.store.reading import Reading
from imlab.store.record import HEADER
from imlab.store.shelf import Place
from imlab.store.shelves import Shelves

SLICE = 1 << 20  # bytes copied at once: some milliseconds on a disk
LIVE = 0.5  # a segment of which less is live is emptied: a byte freed costs at most a byte copied

logger = logging.getLogger(__name__)


class Emptying:
    """Empties segments. turn: held by whoever writes."""

    def __init__(self, shelves: Shelves, writing: Writing, reading: Reading, turn: Lock) -> None:
        self._shelves, self._writing, self._reading, self._turn = shelves, writing, reading, turn

    def run(self) -> None:
        """All that deserve it."""
        live = self._reading.live()
        with self._turn:
            numbers = [number for number in self._shelves.segments.numbers() if self._deserves(number, live)]
        for number in numbers:
            self._empty(number)

    def _deserves(self, number: int, live: Mapping[int, tuple[int, int]]) -> bool:
        """Is most of it garbage? The one that is appended to is left alone."""
        count, size = live.get(number, (0, 0))
        whole = self._shelves.segments.path(number).stat().st_size
        return not self._shelves.segments.is_active(number) and size + HEADER * count < LIVE * whole

    def _empty(self, number: int) -> None:
        for some in _slices(self._reading.lying_in(number)):
            with self._turn:
                self._copy(some)
        with self._turn:
            if not self._writing.lying_in(number):
                self._shelves.segments.delete(number)

    def _copy(self, some: Mapping[str, Place]) -> None:
        """Append bodies anew, and let the index know, durably; those that are damaged stay, and are told."""
        segments = self._shelves.segments
        current = self._writing.places(some)
        bodies = {sha256: self._sound(sha256, place) for sha256, place in some.items() if current.get(sha256) == place}
        segments.begin()
        try:
            with self._writing.transaction():
                places = segments.put({sha256: body for sha256, body in bodies.items() if body is not None})
                moved = {sha256: place for sha256, place in places.items() if isinstance(place, Place)}
                self._writing.move(moved)
                segments.seal([])
        except BaseException:
            segments.undo()
            raise
        for lost in (place for place in places.values() if isinstance(place, DoorError)):
            raise lost

    def _sound(self, sha256: str, place: Place) -> bytes | None:
        try:
            return self._shelves.get(sha256, place, 0, place.size)
        except DoorError as error:
            logger.error("%s; its segment is kept", error)
            return None


def _slices(places: Mapping[str, Place]) -> Iterator[dict[str, Place]]:
    """In the order in which they lie, about SLICE bytes at a time."""
    some: dict[str, Place] = {}
    for sha256, place in sorted(places.items(), key=lambda each: each[1].offset):
        some[sha256] = place
        if sum(each.size for each in some.values()) >= SLICE:
            yield some
            some = {}
    if some:
        yield some
