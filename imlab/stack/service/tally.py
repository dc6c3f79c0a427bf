"""What the doors did, counted: questions asked of each, and how many were under way at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

PLACES = ("database", "objects", "cache")


class Tally:
    """For any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: Counter[str] = Counter(dict.fromkeys(PLACES, 0))
        self._under_way = self._most = 0

    @contextmanager
    def asking(self, place: str) -> Iterator[None]:
        """One question, from its beginning to its end."""
        with self._lock:
            self._asked[place] += 1
            self._under_way += 1
            self._most = max(self._most, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def told(self, opened: Mapping[str, int], failures: int) -> Mapping[str, int]:
        """All of it, with the connections opened to each place."""
        with self._lock:
            return {
                **{f"{place}_questions": self._asked[place] for place in PLACES},
                **{f"{place}_connections": opened.get(place, 0) for place in PLACES},
                "cache_failures": failures,
                "most_at_once": self._most,
            }
