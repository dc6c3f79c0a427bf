"""Group commit: one thread makes notes durable, and what came while it was busy goes together in the next commit.

A disk takes as long to sync one note as many. So nobody waits for a timer: an idle store commits a note at once,
and a busy one commits more at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition, Thread

from imlab.errors import DoorError, UsageError
from imlab.server.doors import Body, Committed, NoteStore
from imlab.store.answers import Answer, Done
from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Batching:
    """Most notes and (about) bytes in one commit; most bytes that may wait before further notes are refused."""

    notes: int = 256
    size: int = 8 << 20
    waiting: int = 64 << 20


BATCHING = Batching()  # a commit of 8 MB stays well under a second on a slow disk


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A note in the queue. size: bytes that it holds in memory; refused: why it is not even tried."""

    ticket: int
    note: VoiceMessage
    body: Body | None
    size: int
    refused: DoorError | None = None


class Writer:
    """Notes go in with a ticket, answers come out in the same order; close it, or the process waits for its thread."""

    def __init__(self, store: NoteStore, done: Done, batching: Batching = BATCHING) -> None:
        self._store = store
        self._done = done
        self._batching = batching
        self._queue: deque[_Waiting] = deque()
        self._held = 0  # bytes that wait or are being written
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="writer")
        self._thread.start()

    def put(self, ticket: int, note: VoiceMessage, body: Body | None = None) -> None:
        """Make a note durable, and its file; a note too many is answered by a DoorError, in its turn as all answers."""
        size = note.size + (len(body) if isinstance(body, bytes) else 0)
        with self._changed:
            if self._closing:
                raise UsageError("the writer is closed")
            if self._held + size > self._batching.waiting:
                behind = DoorError(f"the store is behind: {self._held} bytes wait to be written")
                self._queue.append(_Waiting(ticket, note, None, 0, behind))
            else:
                self._queue.append(_Waiting(ticket, note, body, size))
                self._held += size
            self._changed.notify()

    def close(self) -> None:
        """Finish what was accepted, then stop. The store stays open: it is not ours."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            answers = self._commit(batch)
            with self._changed:
                self._held -= sum(waiting.size for waiting in batch)
            self._done(answers)

    def _take(self) -> list[_Waiting]:
        """What waits, up to a commit's limits, once there is something; nothing when closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            batch: list[_Waiting] = []
            left = self._batching.size
            while self._queue and len(batch) < self._batching.notes and (left > 0 or not batch):
                batch.append(self._queue.popleft())
                left -= batch[-1].size
            return batch

    def _commit(self, batch: Sequence[_Waiting]) -> list[Answer]:
        results = iter(self._results([waiting for waiting in batch if not waiting.refused]))
        return [(waiting.ticket, waiting.refused or next(results)) for waiting in batch]

    def _results(self, batch: Sequence[_Waiting]) -> Sequence[Committed | Exception]:
        notes = [waiting.note for waiting in batch]
        bodies = {waiting.note.id: waiting.body for waiting in batch if waiting.body is not None}
        try:
            return self._store.commit(notes, bodies) if notes else []
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            return [error] * len(notes)
