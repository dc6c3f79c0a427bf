"""Bodies in segments: appended one after the other, and made durable by one sync for all that came together.

The batch that seals them also says which notes got which places. So a segment is a log, and the index need not be
synced beside it: after a power cut it may be behind, and reads here what it missed (replay.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256 as hashed
from pathlib import Path
from threading import Lock

from imlab.errors import DoorError
from imlab.server.doors import Body, Span
from imlab.store.bodies import FileShelf, sync_directory
from imlab.store.body import content, length
from imlab.store.entry import Row
from imlab.store.index import Writing
from imlab.store.kinds import Segments
from imlab.store.record import BATCH, BODY, encode_batch
from imlab.store.segment import Segment
from imlab.store.shelf import Known, Place

OPEN = 128  # segments, 8 GB of sound: a process may have 1,024 files open on most systems, sockets among them


class SegmentShelf:
    """Segments under one directory, and a shelf for large bodies. It tells the index how far that has come."""

    keeps_log = True

    def __init__(self, root: Path, files: FileShelf, writing: Writing, kind: Segments) -> None:
        self._root, self._files, self._writing, self._kind = root, files, writing, kind
        self._open: OrderedDict[int, Segment] = OrderedDict()  # the one read last at the end
        self._opening = Lock()
        self._active: Segment | None = None  # is appended to
        self._safe = 0  # its end before this transaction
        self._syncing = False  # or it failed
        self._broken = ""

    def begin(self) -> None:
        """See Shelf."""
        if self._broken:
            raise DoorError(f"{self._broken}: nothing is written before the server was started again")
        if self._active is None or self._active.end >= self._kind.roll:
            self._active = self._roll()
        self._safe = self._active.end

    def put(self, bodies: Mapping[str, Body]) -> dict[str, Place | DoorError]:
        """See Shelf."""
        large = {sha256: body for sha256, body in bodies.items() if length(body) >= self._kind.large}
        small = {sha256: content(body) for sha256, body in bodies.items() if sha256 not in large}
        return self._files.put(large) | self._append(small)

    def seal(self, rows: Sequence[Row]) -> None:
        """See Shelf: one sync."""
        segment = self._appended()
        if rows or segment.end > self._safe:
            batch = encode_batch(rows)
            segment.append([(BATCH, hashed(batch).digest(), batch)])
            self._syncing = True
            segment.sync()
            self._syncing = False
            self._writing.reached(segment.number, segment.end)

    def undo(self) -> None:
        """See Shelf. After a failed sync nobody knows what the disk holds: what follows goes into another segment."""
        segment = self._appended()
        if self._syncing:
            self._syncing, self._active = False, None
        try:
            segment.cut(self._safe)
        except OSError as error:
            self._broken = f"cannot take back a commit that failed, from {segment.path}: {error.strerror}"

    def get(self, sha256: str, place: Place, start: int, stop: int) -> bytes:
        """See Shelf; FileNotFoundError: it has moved."""
        return self.segment(place.segment).read(place.offset + start, stop - start)

    def span(self, sha256: str, place: Place) -> Span | None:
        """See Shelf."""
        return Span(self.path(place.segment), place.offset, place.size)

    def free(self, places: Mapping[str, Place]) -> None:
        """See Shelf: their bytes go when their segment is emptied."""

    def sweep(self, known: Known, before: float) -> None:
        """See Shelf: what was left was cut off at opening."""

    def close(self) -> None:
        """See Shelf."""
        self._active = None
        for segment in self._open.values():
            segment.close()
        self._open.clear()

    # What replay and emptying need

    def numbers(self) -> list[int]:
        """Of the segments that are there, in order."""
        return sorted(int(path.stem) for path in self._root.glob("*.segment"))

    def segment(self, number: int) -> Segment:
        """An open segment; FileNotFoundError: there is none of that number."""
        with self._opening:
            segment = self._open.pop(number, None) or Segment.open(self.path(number), number)
            if segment is None:
                raise DoorError(f"the segment {self.path(number)} has lost its header")
            self._open[number] = segment
            if len(self._open) > OPEN:
                self._open.popitem(last=False)
            return segment

    def go_on(self, number: int) -> None:
        """Append to this segment from now on."""
        self._active = self.segment(number)

    def is_active(self, number: int) -> bool:
        """Is this the one that is appended to?"""
        return self._active is not None and self._active.number == number

    def delete(self, number: int) -> None:
        """A segment that holds nothing goes; whoever has it open can read on."""
        with self._opening:
            self._open.pop(number, None)
        self.path(number).unlink(missing_ok=True)

    def _append(self, bodies: Mapping[str, bytes]) -> dict[str, Place | DoorError]:
        """All at once; where they do not fit, one after the other, since the small ones may."""
        segment = self._appended()
        try:
            offsets = segment.append([(BODY, bytes.fromhex(sha256), body) for sha256, body in bodies.items()])
        except OSError as error:
            if len(bodies) == 1:
                return dict.fromkeys(bodies, DoorError(f"cannot write a body under {self._root}: {error.strerror}"))
            return {sha256: place for each in bodies.items() for sha256, place in self._append(dict([each])).items()}
        lying = zip(bodies.items(), offsets, strict=True)
        return {sha256: Place(segment.number, offset, len(body)) for (sha256, body), offset in lying}

    def _appended(self) -> Segment:
        assert self._active, "begin comes first"
        return self._active

    def _roll(self) -> Segment:
        """The next segment, empty and durable."""
        self._root.mkdir(exist_ok=True)
        number = max([*self.numbers(), self._writing.read_up_to()[0]]) + 1
        segment = Segment.create(self.path(number), number)
        sync_directory(self._root)
        sync_directory(self._root.parent)
        with self._opening:
            self._open[number] = segment
        return segment

    def path(self, number: int) -> Path:
        return self._root / f"{number:08d}.segment"
