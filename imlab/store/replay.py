"""What the index missed, read from the segments: after a power cut, or a kill between a sync and its transaction.

Every batch before the last was synced before the next was written, so only the last can be torn: it is cut off, and
nobody was told that it is there. Whatever else is damaged was whole once. It is told aloud, and costs only itself: a
note whose body is gone keeps its place, and where a batch is gone the places of its notes are kept by empty ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from imlab.store.body import NOTHING
from imlab.store.entry import Entry, Row, entry_of
from imlab.store.index import Writing
from imlab.store.record import BODY, HEADER, Hole, decode_batch, scan
from imlab.store.segment import Segment
from imlab.store.shelf import FILE, Place
from imlab.store.shelves import Shelves
from imlab.wire.messages import VoiceMessage

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """Records up to a seal, or up to the end of a segment. faults: what is wrong with them, in words."""

    at: int
    end: int
    rows: list[Row] = field(default_factory=list)
    bodies: dict[str, Place] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    sealed: bool = False


class Replay:
    """Brings an index up to its segments. damage: what was found to be lost, in words."""

    def __init__(self, writing: Writing, shelves: Shelves) -> None:
        self._writing, self._shelves = writing, shelves
        self.damage: list[str] = []

    def run(self) -> None:
        """Read on from where the index stopped, and let the newest segment be appended to."""
        reached, offset = self._writing.read_up_to()
        numbers = [number for number in self._shelves.segments.numbers() if number >= reached]
        for number in numbers:
            segment = self._opened(number)
            if segment and self._read(segment, offset if number == reached else HEADER, number == numbers[-1]):
                self._shelves.segments.go_on(number)

    def _opened(self, number: int) -> Segment | None:
        """A segment; without a header it was torn when it was made if it is short, else it has lost it."""
        path = self._shelves.segments.path(number)
        segment = Segment.open(path, number)
        if segment is None and path.stat().st_size <= HEADER:
            path.unlink()
        elif segment is None:
            self._tell(f"the segment {path} has lost its header: what it holds cannot be read")
        return segment

    def _read(self, segment: Segment, start: int, last: bool) -> bool:
        """Apply the batches of a segment, and cut off what is torn; False: it must not be appended to."""
        if segment.end < start:
            self._tell(f"the segment {segment.path} has {segment.end} bytes, and had {start}")
            return False
        batches = list(_batches(segment, start))
        torn = batches.pop() if last and batches and self._is_torn(batches[-1]) else None
        with self._writing.transaction():
            for batch in batches:
                self._apply(segment, batch)
            self._writing.reached(segment.number, torn.at if torn else segment.end)
        if torn:
            self._say_torn(segment, torn)
            segment.cut(torn.at)
        return True

    def _is_torn(self, batch: _Batch) -> bool:
        """Of the last batch: not sealed, or what was sealed is not all there."""
        return not batch.sealed or bool(batch.faults) or len(self._lying(batch)) < len(_hashes(batch))

    def _say_torn(self, segment: Segment, torn: _Batch) -> None:
        """A commit that was under way; if it was whole once, then the disk said that it was synced, and it was not."""
        what = f"{segment.path}: cut off {segment.end - torn.at} bytes of an unfinished commit"
        if torn.faults:
            self._tell(f"{what}, or of a damaged one of {len(torn.rows) or 'unknown'} notes: {', '.join(torn.faults)}")
        else:
            logger.warning(what)

    def _apply(self, segment: Segment, batch: _Batch) -> None:
        for fault in batch.faults:
            self._tell(f"{segment.path}: {fault}")
        lying = self._lying(batch)
        for lost in _hashes(batch) - lying.keys():
            self._tell(f"{segment.path}: the body {lost} is lost")
        known = self._writing.find(entry.id for _, entry in batch.rows)
        rows = [row for row in batch.rows if row[1].id not in known]
        for row in rows:
            self._writing.add([*self._stand_ins(row), row])
        self._writing.use(Counter(entry.sha256 for _, entry in rows), lying)

    def _lying(self, batch: _Batch) -> dict[str, Place]:
        """Where the bodies of its notes lie: in it, or where the index knows, or in files of their own."""
        sizes = {entry.sha256: entry.size for _, entry in batch.rows if entry.size}
        files = {sha256: Place(FILE, 0, size) for sha256, size in sizes.items() if self._stands(sha256, size)}
        known = files | self._writing.places(sizes) | batch.bodies
        return {sha256: known[sha256] for sha256 in sizes if sha256 in known}

    def _stands(self, sha256: str, size: int) -> bool:
        return self._shelves.files.stands(sha256, size)

    def _stand_ins(self, row: Row) -> list[Row]:
        """Empty notes in the places of those before this one that are lost."""
        sequence, entry = row
        places = range(self._writing.head(entry.room) + 1, sequence)
        if places:
            self._tell(f"room {entry.room!r} has lost its notes from {places[0]} to {places[-1]}")
        return [(place, _stand_in(place, entry)) for place in places]

    def _tell(self, what: str) -> None:
        self.damage.append(what)
        logger.error("%s", what)


def _batches(segment: Segment, start: int) -> Iterator[_Batch]:
    """What was sealed together, and at last what was not sealed, if there is any."""
    batch = _Batch(start, start)
    data = segment.read(start, segment.end - start)
    for found in scan(data, start, segment.salt):
        batch.end = found.end
        if isinstance(found, Hole):
            batch.faults.append(f"{found.end - found.at} bytes at {found.at} are no record")
            continue
        if not found.sound:
            batch.faults.append(f"the record at {found.at} is not what it was")
        if found.kind == BODY:
            batch.bodies[found.digest.hex()] = Place(segment.number, found.offset, found.size)
            continue
        batch.sealed = found.sound
        batch.rows = list(decode_batch(data[found.offset - start : found.end - start])) if found.sound else []
        yield batch
        batch = _Batch(found.end, found.end)
    if batch.at < segment.end:
        yield batch


def _hashes(batch: _Batch) -> set[str]:
    return {entry.sha256 for _, entry in batch.rows if entry.size}


def _stand_in(sequence: int, like: Entry) -> Entry:
    """An empty note in the place of one that is lost; its id follows from the place."""
    name = blake2b(f"{like.room}/{sequence}".encode(), digest_size=16).hexdigest()
    lost = VoiceMessage(name, "lost", like.room, like.timestamp_ms, 0, like.codec, NOTHING, 0, b"")
    return replace(entry_of(lost), sha256="")
