"""Which item is asked for next: laws of popularity, as values; each draws a whole trace from a seed.

Items are numbered in order of age: ``0 .. items - 1`` were there before the trace, and each later one is born by a send
(script.py). Two laws, because a cache that does well under one may fail under the other:

- Zipf: requests are independent, and the item of rank r is asked for with a probability that falls as r ** -exponent.
  Breslau et al. found 0.64 to 0.83 at six web proxies (INFOCOM 1999); YCSB's "zipfian" has 0.99 (Cooper et al., SoCC
  2010). Who is popular stays so, and what is new is nobody's favourite.
- Recency: what is asked for is new, or has not been new for long: the chance falls as a power of the age, as that of
  photos does (Huang et al., "An Analysis of Facebook Photo Caching", SOSP 2013, section 7.1: a Pareto law fits it; and
  that of attachments of messages, Muralidhar et al., "f4", OSDI 2014, section 3); beside it, somebody searches the old
  archive, where any item is as likely as another. That is how voice notes are heard: soon, by all in the room, and then
  hardly ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError

Items = NDArray[np.int64]


class Popularity(Protocol):
    """Any law."""

    @property
    def items(self) -> int:
        """That are there before the first is born."""
        ...

    def draw(self, count: int, rng: np.random.Generator, born: int | Items = 0) -> Items:
        """Which items are asked for, shape (count,), when ``born`` more than ``items`` were there: one number for all

        or one each, shape (count,). Each is in 0 .. items + born - 1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Zipf:
    """Item k, which has rank k + 1, is asked for in proportion to (k + 1) ** -exponent; what is born later, never."""

    exponent: float = 0.8
    items: int = 10_000

    def __post_init__(self) -> None:
        if self.exponent < 0 or self.items < 1:
            raise UsageError(f"a Zipf law has an exponent from 0 on and an item at least: not {self!r}")

    def draw(self, count: int, rng: np.random.Generator, born: int | Items = 0) -> Items:
        """See Popularity."""
        return np.searchsorted(_cumulative(self.exponent, self.items), rng.random(count), side="right")


@dataclass(frozen=True, slots=True)
class Recency:
    """A share ``recent`` of requests is for an item of a heavy-tailed age, the rest for any of the archive.

    The age counts items that are younger. It is longer than a with probability (1 + a / scale) ** -shape (Lomax, which
    is Pareto from 0 on): half of them are younger than scale * (2 ** (1 / shape) - 1). An age that nobody has reached
    falls to the archive, too.
    """

    recent: float = 0.9
    scale: float = 100.0
    shape: float = 1.0
    items: int = 10_000

    def __post_init__(self) -> None:
        if not 0 <= self.recent <= 1 or min(self.scale, self.shape) <= 0 or self.items < 1:
            raise UsageError(f"recency needs a share, a scale, a shape and an archive: not {self!r}")

    def draw(self, count: int, rng: np.random.Generator, born: int | Items = 0) -> Items:
        """See Popularity."""
        newest = np.broadcast_to(np.asarray(born, dtype=np.int64) + (self.items - 1), (count,))
        ages = self.scale * np.expm1(-np.log1p(-rng.random(count)) / self.shape)
        old = (rng.random(count) >= self.recent) | (ages >= newest + 1)
        anywhere = rng.integers(0, self.items, count)
        return np.where(old, anywhere, newest - np.where(old, 0, ages).astype(np.int64))


@lru_cache(maxsize=8)
def _cumulative(exponent: float, items: int) -> NDArray[np.float64]:
    """Of the ranks' probabilities; the last is 1."""
    summed = np.cumsum(np.arange(1, items + 1, dtype=np.float64) ** -exponent)
    summed /= summed[-1]
    summed.flags.writeable = False
    return summed
