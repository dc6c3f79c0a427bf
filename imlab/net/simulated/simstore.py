"""A store in simulated time: the answers of a real one, after the delays it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imlab.net.simulated.circuits import Clock
from imlab.server.doors import NoteStore
from imlab.wire.messages import VoiceMessage

Answer = Callable[..., None]  # told some facts of the asker's, then Committed, Page or an Exception
Waiting = tuple[VoiceMessage, Answer, tuple[Any, ...]]


class SimulatedStore:
    """Group commit over any NoteStore: what waited while one commit ran goes into the next. Delays in seconds."""

    def __init__(self, store: NoteStore, commit_s: float = 0.0, load_s: float = 0.0) -> None:
        self._store, self._commit_s, self._load_s = store, commit_s, load_s
        self._waiting: list[Waiting] = []
        self._busy = False
        self._life = 0  # raised by a crash: answers for an earlier life are lost

    def commit(self, note: VoiceMessage, clock: Clock, answer: Answer, *facts: Any) -> None:
        """Make a note durable after the delay, with all that waits by then."""
        self._waiting.append((note, answer, facts))
        if not self._busy:
            self._begin(clock)

    def load(self, query: tuple[str, int | None, int], clock: Clock, answer: Answer, *facts: Any) -> None:
        """Read a page after the delay."""
        clock.at(clock.now + self._load_s, self._read, self._life, query, answer, facts)

    def crash(self) -> None:
        """Forget what was not committed."""
        self._life += 1
        self._waiting, self._busy = [], False

    def _read(self, life: int, query: tuple[str, int | None, int], answer: Answer, facts: tuple[Any, ...]) -> None:
        if life == self._life:
            answer(*facts, self._store.load(*query))

    def _begin(self, clock: Clock) -> None:
        batch, self._waiting, self._busy = self._waiting, [], True
        clock.at(clock.now + self._commit_s, self._end, self._life, batch, clock)

    def _end(self, life: int, batch: list[Waiting], clock: Clock) -> None:
        if life != self._life:
            return
        self._busy = False
        results = self._store.commit([note for note, _, _ in batch])
        if self._waiting:
            self._begin(clock)
        for (_, answer, facts), result in zip(batch, results, strict=True):
            answer(*facts, result)
