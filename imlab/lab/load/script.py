"""What is asked, request by request: drawn before the run from a mix and a law of popularity, and saved by its seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.lab.load.popularity import Items, Popularity

FETCH, SEND, LIST = 0, 1, 2  # kinds of request
KINDS = ("fetch", "send", "list")

Kinds = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Script:
    """Requests in their order. kinds, items: of shape (requests,). A fetch asks for its item, a send brings it into the

    world, and a list has none (-1). archive: items that were there before the first request.
    """

    kinds: Kinds
    items: Items
    archive: int

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def fetched(self) -> Items:
        """The items asked for, in order."""
        found: Items = self.items[self.kinds == FETCH]
        return found

    @property
    def sent(self) -> Items:
        """The items born, in order."""
        found: Items = self.items[self.kinds == SEND]
        return found

    @property
    def total(self) -> int:
        """Items that are there after the last request."""
        return self.archive + int(np.count_nonzero(self.kinds == SEND))

    def parted(self, at: int) -> tuple[Script, Script]:
        """The requests before the one at ``at``, and the rest, for which the others' items are archive."""
        first = Script(self.kinds[:at], self.items[:at], self.archive)
        return first, Script(self.kinds[at:], self.items[at:], first.total)


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of all requests: an item is fetched, sent, or a list of the newest is asked for.

    settle: requests that pass, at least, between a send and the first fetch of what it brings: nobody asks for what he
    was not told of, and he is told when the send has been answered.
    """

    fetch: float = 0.95
    send: float = 0.05
    list: float = 0.0
    settle: int = 0

    def __post_init__(self) -> None:
        if min(self._shares) < 0 or abs(sum(self._shares) - 1) > 1e-9 or self.settle < 0:
            raise UsageError(f"the shares of a mix are positive and make 1 together: not {self!r}")

    def draw(self, count: int, popularity: Popularity, rng: np.random.Generator) -> Script:
        """A script of so many requests, each of a kind of its own drawing."""
        kinds = np.searchsorted(np.cumsum(self._shares)[:-1], rng.random(count), side="right").astype(np.int8)
        sent = kinds == SEND
        born = np.cumsum(sent)
        told = np.zeros(count, dtype=np.int64)
        told[self.settle + 1 :] = born[: max(0, count - self.settle - 1)]
        items = np.full(count, -1, dtype=np.int64)
        items[sent] = popularity.items + born[sent] - 1
        fetches = kinds == FETCH
        items[fetches] = popularity.draw(int(np.count_nonzero(fetches)), rng, told[fetches])
        return Script(kinds, items, popularity.items)

    @property
    def _shares(self) -> tuple[float, float, float]:
        return self.fetch, self.send, self.list
