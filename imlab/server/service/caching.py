"""How the service caches, as a value, and what became of it, as counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Caching:
    """limit: bytes of recordings in this process, the least recently used goes first. second: a second level behind it.

    at_upload: both are filled by whoever sends. single_flight: who miss the same note at the same time share one read.
    """

    limit: int = 64 << 20
    second: bool = False
    at_upload: bool = False
    single_flight: bool = False

    def __post_init__(self) -> None:
        if self.limit < 1:  # cachebox takes 0 for no limit at all
            raise UsageError(f"a cache holds a byte or more, not {self.limit}")


WHAT = {  # what is counted -> in words, for /metrics
    "fetches": "Notes asked for by id.",
    "hits": "Of them those that were in this process.",
    "second_hits": "Of them those that the second level held.",
    "shared": "Of them those that waited for a read that was under way.",
    "misses": "Reads of database and object store for a fetch.",
    "unknown": "Of them those of notes that there are not.",
    "sends": "Notes taken.",
    "lists": "Lists of a room's newest notes.",
}


class Counts:
    """Counters that any thread may raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(WHAT, 0))

    def add(self, *what: str) -> None:
        """One more of each."""
        with self._lock:
            for each in what:
                self._counts[each] += 1

    def told(self) -> Mapping[str, int]:
        """All of them, at one moment."""
        with self._lock:
            return dict(self._counts)
