"""A store in simulated time: the answers of a real one, after the delays it is told."""

from __future__ import annotations

from collections.abc import Callable

from imlab.server.doors import Committed, NoteStore, Page
from imlab.wire.messages import VoiceMessage

Later = Callable[[float, Callable[[], None]], None]
Answer = Callable[[Committed | Page | Exception], None]


class SimulatedStore:
    """Group commit over any NoteStore: what waited while one commit ran goes into the next. Delays in seconds."""

    def __init__(self, store: NoteStore, commit_s: float = 0.0, load_s: float = 0.0) -> None:
        self._store, self._commit_s, self._load_s = store, commit_s, load_s
        self._waiting: list[tuple[VoiceMessage, Answer]] = []
        self._busy = False
        self._life = 0  # raised by a crash: answers for an earlier life are lost

    def commit(self, note: VoiceMessage, later: Later, now: float, answer: Answer) -> None:
        """Make a note durable after the delay, with all that waits by then."""
        self._waiting.append((note, answer))
        if not self._busy:
            self._begin(later, now)

    def load(self, query: tuple[str, int | None, int], later: Later, now: float, answer: Answer) -> None:
        """Read a page after the delay."""
        life = self._life
        later(now + self._load_s, lambda: answer(self._store.load(*query)) if life == self._life else None)

    def crash(self) -> None:
        """Forget what was not committed."""
        self._life += 1
        self._waiting, self._busy = [], False

    def _begin(self, later: Later, now: float) -> None:
        batch, self._waiting, self._busy = self._waiting, [], True
        done, life = now + self._commit_s, self._life

        def end() -> None:
            if life != self._life:
                return
            self._busy = False
            results = self._store.commit([note for note, _ in batch])
            if self._waiting:
                self._begin(later, done)
            for (_, tell), result in zip(batch, results, strict=True):
                tell(result)

        later(done, end)
