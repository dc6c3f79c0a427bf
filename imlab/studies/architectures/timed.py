"""What caches would hit if each read took its time: what is being read is not there yet, for anybody who asks again.

The laboratory's replay (lab/load/hits.py) knows no time; here a note that is read or sent comes into the caches
``away_s`` later. So who asks for it in between reads it once more, or waits for the read that is under way. The
second level answers at once, and a thread or a core is always free: what is left out is what a service adds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imlab.lab.load.hits import Lru, replay
from imlab.lab.load.schedule import Times
from imlab.lab.load.script import FETCH, SEND
from imlab.server.service.caching import Caching
from imlab.studies.architectures.workload import Asked, levels

MEMORY, SECOND, SHARED, MISS = "memory", "second", "shared", "miss"


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of the fetches. hits: of either level, second_hits among them; shared: those that waited for a read that

    was under way; misses: reads of the origin.
    """

    hits: float
    second_hits: float
    shared: float
    misses: float


class Caches:
    """As they stand when a block's window begins."""

    def __init__(self, asked: Asked, caching: Caching) -> None:
        self._single_flight, self._at_upload = caching.single_flight, caching.at_upload
        shape = levels(caching)
        past, window = asked.script.parted(asked.past)
        self._weights = asked.sizes.tolist()
        self._kinds, self._items = window.kinds.tolist(), window.items.tolist()
        held = replay(past, asked.sizes, shape)
        self._shape, self._held = shape, (held.memory, held.second)

    def found(self, at: Times, away_s: float, first: int = 0) -> Found:
        """The script's first requests, asked at these seconds, from the same beginning; counted from ``first`` on."""
        told = Counter(place for index, place in self._places(at, away_s) if index >= first)
        fetches = max(1, told.total())
        hits = told[MEMORY] + told[SECOND]
        return Found(hits / fetches, told[SECOND] / fetches, told[SHARED] / fetches, told[MISS] / fetches)

    def _places(self, at: Times, away_s: float) -> Iterator[tuple[int, str]]:
        """Which request is a fetch, and where it is answered from."""
        memory, second = self._begun()
        flying: deque[tuple[float, int]] = deque()  # until when, the first to land first; which item
        read: dict[int, float] = {}  # until when each item is, or was, read
        for index, (now, kind, item) in enumerate(zip(at.tolist(), self._kinds, self._items, strict=False)):
            while flying and flying[0][0] <= now:
                landed = flying.popleft()[1]
                memory.put(landed, self._weights[landed])
                second.put(landed, self._weights[landed])
            if kind == FETCH:
                shared = self._single_flight and read.get(item, now) > now
                place = self._level(item, memory, second) or (SHARED if shared else MISS)
                if place == MISS:
                    read[item] = now + away_s
                    flying.append((now + away_s, item))
                yield index, place
            elif kind == SEND and self._at_upload:
                flying.append((now + away_s, item))

    def _level(self, item: int, memory: Lru, second: Lru) -> str:
        """Which one has it; empty: none."""
        if memory.get(item):
            return MEMORY
        if second.get(item):
            memory.put(item, self._weights[item])
            return SECOND
        return ""

    def _begun(self) -> tuple[Lru, Lru]:
        memory, second = Lru(self._shape.memory), Lru(self._shape.second)
        for level, items in zip((memory, second), self._held, strict=True):
            for item in items:
                level.put(item, self._weights[item])
        return memory, second


def evenly(rate: float, count: int) -> Times:
    """So many requests at a rate, in seconds."""
    return np.arange(count) / rate
