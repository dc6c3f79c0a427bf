"""What caches would hit on a script: an exact replay, one request after the other, and the size that reaches a ratio.

Each level forgets the least recently used until what is new fits (LRU by bytes). A fetch looks in memory, then in the
second level, then reads; what is found further away is put into what is nearer. With ``at_send``, what is sent is put
into both. The replay knows no time: fetches under way at once, which a real cache sees, are one after another here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.script import FETCH, SEND, Script

NONE, MEMORY, SECOND, MISS = 0, 1, 2, 3  # where a request was answered from; none: it is no fetch
EVERYTHING = 1 << 62  # bytes: a level that never forgets

Sizes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Levels:
    """Caches. memory, second: bytes that each holds; 0: there is none."""

    memory: int
    second: int = 0
    at_send: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it. places: where each request was answered from, shape (requests,); memory and second hold at the

    end these items, the least recently used first.
    """

    places: NDArray[np.int8]
    memory: tuple[int, ...]
    second: tuple[int, ...]

    def ratio(self, start: int = 0) -> float:
        """Hits of either level over fetches, from request ``start`` on."""
        fetches = self.places[start:][self.places[start:] != NONE]
        if not len(fetches):
            raise InvalidRun(f"no fetch from request {start} on: there is no hit ratio")
        return float(np.mean(fetches != MISS))

    def count(self, place: int, start: int = 0) -> int:
        """Requests from ``start`` on that were answered from there."""
        return int(np.count_nonzero(self.places[start:] == place))


class Lru:
    """Items by bytes, the least recently used forgotten first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[int, int] = OrderedDict()
        self._bytes = 0

    def __iter__(self) -> Iterator[int]:
        return iter(self._held)

    def get(self, item: int) -> bool:
        """Is it here? Then it is the most recently used."""
        if item not in self._held:
            return False
        self._held.move_to_end(item)
        return True

    def put(self, item: int, size: int) -> None:
        """Hold it, if it fits at all."""
        if size > self._limit:
            return
        self._bytes += size - self._held.pop(item, 0)
        while self._bytes > self._limit:
            self._bytes -= self._held.popitem(last=False)[1]
        self._held[item] = size


def replay(script: Script, sizes: Sizes, levels: Levels) -> Replay:
    """The script against empty caches. sizes: bytes by item, what its being held costs included."""
    if len(sizes) < script.total:
        raise UsageError(f"{script.total} items need as many sizes, not {len(sizes)}")
    memory, second = Lru(levels.memory), Lru(levels.second)
    weights = sizes.tolist()
    places = np.zeros(len(script), dtype=np.int8)
    for index, (kind, item) in enumerate(zip(script.kinds.tolist(), script.items.tolist(), strict=True)):
        if kind == FETCH:
            places[index] = place = MEMORY if memory.get(item) else SECOND if second.get(item) else MISS
            if place != MEMORY:
                memory.put(item, weights[item])
            if place == MISS:
                second.put(item, weights[item])
        elif kind == SEND and levels.at_send:
            memory.put(item, weights[item])
            second.put(item, weights[item])
    return Replay(places, tuple(memory), tuple(second))


def limit_for(ratio: float, script: Script, sizes: Sizes, levels: Levels, start: int = 0, grain: int = 1 << 16) -> int:
    """The memory, in bytes to the next ``grain``, whose hit ratio from request ``start`` on reaches ``ratio``.

    The rest of ``levels`` stays. InvalidRun tells what may be reached where no memory is enough.
    """

    def reached(limit: int) -> float:
        return replay(script, sizes, replace(levels, memory=limit)).ratio(start)

    most = grain * (int(sizes[: script.total].sum()) // grain + 1)
    if (best := reached(most)) < ratio:
        raise InvalidRun(f"no memory reaches {ratio:.1%} on this script: all of it {best:.1%}")
    return least(lambda steps: reached(steps * grain) >= ratio, most // grain) * grain


def least(enough: Callable[[int], bool], most: int) -> int:
    """The least whole number that is enough, when ``most`` is and what follows one that is enough is so too."""
    low, high = -1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
