"""What the service does: fetch a note with its sound, send one, list a room's newest. No I/O: see wants.py."""

from __future__ import annotations

from dataclasses import replace

from cachebox import LRUCache

from imlab.errors import PeerError
from imlab.server.service.caching import Caching, Counts
from imlab.server.service.packing import pack, unpack
from imlab.server.service.wants import Add, Find, Get, Keep, Look, Newest, Put, Share, Steps
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording

ROW = 600  # bytes that a row takes in memory beside its body, about


class Service:
    """The handlers and the cache of this process, which any number of threads may use."""

    def __init__(self, caching: Caching) -> None:
        self.counts = Counts()
        self._caching = caching
        self._memory: LRUCache[str, Recording] = LRUCache(caching.limit, getsizeof=_weight)

    def fetch(self, id: str) -> Steps[Recording | None]:
        """A note and its sound; None: there is no such note."""
        held: Recording | None = self._memory.get(id)
        if held is not None:
            self.counts.add("fetches", "hits")
            return held
        self.counts.add("fetches")
        if not self._caching.single_flight:
            return (yield from self._bring(id))
        mine = False

        def steps() -> Steps[Recording | None]:
            nonlocal mine
            mine = True
            return self._bring(id)

        brought: Recording | None = yield Share(id, steps)
        if not mine:
            self.counts.add("shared")
        return brought

    def send(self, recording: Recording) -> Steps[int]:
        """The note's sequence in its room: it is durable."""
        note, body = recording.note, recording.body
        if note.file is None or note.file.size != len(body):
            raise PeerError(f"note {note.id!r:.60} does not tell of its {len(body)} bytes")
        yield Put(note.file.sha256, body)
        sequence: int = yield Add(note)
        self.counts.add("sends")
        if self._caching.at_upload:
            yield from self._hold(replace(recording, note=note.placed(sequence)))
        return sequence

    def newest(self, room: str, count: int) -> Steps[tuple[VoiceMessage, ...]]:
        """A room's newest notes, without their sound."""
        notes: tuple[VoiceMessage, ...] = yield Newest(room, count)
        self.counts.add("lists")
        return notes

    def warm(self, recording: Recording) -> None:
        """Hold it as if it had just been fetched: before a measurement, not in it."""
        if _weight(recording.note.id, recording) <= self._caching.limit:
            self._memory.insert(recording.note.id, recording)

    def _bring(self, id: str) -> Steps[Recording | None]:
        """What is not in memory, from the nearest place."""
        if self._caching.second and (value := (yield Look(_key(id)))):
            recording = unpack(value)
            self.counts.add("second_hits")
            self.warm(recording)
            return recording
        self.counts.add("misses")
        note: VoiceMessage | None = yield Find(id)
        if note is None or note.file is None:
            self.counts.add("unknown")
            return None
        recording = Recording(note, (yield Get(note.file.sha256)))
        yield from self._hold(recording)
        return recording

    def _hold(self, recording: Recording) -> Steps[None]:
        self.warm(recording)
        if self._caching.second:
            yield keep(recording)


def keep(recording: Recording) -> Keep:
    """How the second level is given it."""
    return Keep(_key(recording.note.id), pack(recording))


def _key(id: str) -> bytes:
    return b"service/1/" + id.encode()


def _weight(_: str, recording: Recording) -> int:
    return ROW + len(recording.body)
