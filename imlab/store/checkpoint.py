"""The index's write-ahead log is folded into it beside the commits, not in one of them, which would wait for two syncs.

SQLite's own way is to do it at the end of a commit. A connection of one's own, in a thread of its own, holds up nobody:
a PASSIVE checkpoint takes what no reader needs, and leaves the rest to the next.
"""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from imlab.store.index import connect

CHANGES = 4_000  # rows between two checkpoints: some 2,000 notes, at most 16 MB of pages

logger = logging.getLogger(__name__)


class Checkpoints:
    """Told after each commit how many rows have ever changed; close it, or the process waits for its thread."""

    def __init__(self, path: Path, changes: int = CHANGES) -> None:
        self._base = connect(path)
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._under_way: Future[None] | None = None
        self._changes, self._seen = changes, 0

    def committed(self, changes: int) -> None:
        """Begin one, if it is time and none is under way."""
        if changes - self._seen >= self._changes and (self._under_way is None or self._under_way.done()):
            self._seen = changes
            self._under_way = self._thread.submit(self._run)

    def close(self) -> None:
        """Let the thread finish."""
        self._thread.shutdown()
        self._base.close()

    def _run(self) -> None:
        try:
            self._base.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:  # nothing is lost: the log keeps what was not folded in
            logger.warning("the write-ahead log grows, since it cannot be folded into the index: %s", error)
