"""One thread that reads pages, so that nobody who serves sockets waits for a disk."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread

from imlab.server.doors import NoteStore, Page
from imlab.store.answers import Done
from imlab.wire.effects import Load


class Reader:
    """Loads go in, pages come out in the same order; close it, or the process waits for its thread."""

    def __init__(self, store: NoteStore, done: Done) -> None:
        self._store = store
        self._done = done
        self._asked: SimpleQueue[Load | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="reader")
        self._thread.start()

    def load(self, ticket: int, room: str, after: int | None, limit: int) -> None:
        """Read a page, as NoteStore.load does."""
        self._asked.put(Load(ticket, room, after, limit))

    def close(self) -> None:
        """Finish what was asked, then stop. The store stays open: it is not ours."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while asked := self._asked.get():
            self._done([(asked.ticket, self._page(asked))])

    def _page(self, asked: Load) -> Page | Exception:
        try:
            return self._store.load(asked.room, asked.after, asked.limit)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            return error
