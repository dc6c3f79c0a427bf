"""What a block's service is asked, and what it had been asked before: one drawing for all cells of the block.

A script of ``past`` requests and then the window's. The past is not asked, only replayed (lab/load/hits.py): it says
what the caches of an architecture hold when the window begins, and so the window needs no hour of warming. The items
of the script become notes of the catalogue: those of the window first, then those that were used last. What is older
than the catalogue is large was never there, and never asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.hits import EVERYTHING, Levels, Replay, replay
from imlab.lab.load.popularity import Popularity, Recency
from imlab.lab.load.script import FETCH, SEND, Kinds, Mix, Script
from imlab.server.service.caching import Caching
from imlab.server.service.handlers import ROW
from imlab.studies.architectures.catalogue import Catalogue
from imlab.studies.architectures.shelf import Shelf

Numbers = NDArray[np.int64]
TRIES = 100  # scripts drawn for a block; of the usual workload every second or third will do


@dataclass(frozen=True, slots=True)
class Reach:
    """A hit ratio that caching so must have in the window, give or take ``within``."""

    caching: Caching
    ratio: float
    within: float = 0.015


@dataclass(frozen=True, slots=True)
class Workload:
    """``requests`` of a mix and a law of popularity, after so many in the past.

    reaching: a block's script is drawn again until all of these are reached. Of 2,000 requests the ratio has a standard
    deviation of 1.5 points, and what is to be compared is two ratios, not how the blocks fell.
    """

    mix: Mix = field(default_factory=lambda: Mix(settle=400))
    popularity: Popularity = field(default_factory=Recency)
    past: int = 40_000
    requests: int = 2_000
    catalogue: Catalogue = field(default_factory=Catalogue)
    reaching: tuple[Reach, ...] = ()

    def drawn(self, rng: np.random.Generator, shelf: Shelf) -> Asked:
        """The script of a block, and which note each item is. InvalidRun: ``reaching`` is out of reach."""
        for _ in range(TRIES):
            asked = self._drawn(rng, shelf)
            if all(abs(asked.ratio(each.caching) - each.ratio) <= each.within for each in self.reaching):
                return asked
        raise InvalidRun(f"{TRIES} scripts were drawn, and none reaches {self.reaching!r}")

    def _drawn(self, rng: np.random.Generator, shelf: Shelf) -> Asked:
        script = self.mix.draw(self.past + self.requests, self.popularity, rng)
        return Asked(script, self.past, _numbered(script, self.past, shelf, rng), shelf)


@dataclass(frozen=True, slots=True)
class Asked:
    """A block's requests. numbers: the note that each item is, -1: none, since nobody asks for it any more."""

    script: Script
    past: int
    numbers: Numbers
    shelf: Shelf

    @property
    def kinds(self) -> Kinds:
        """Of the window's requests."""
        return self.script.kinds[self.past :]

    @property
    def notes(self) -> Numbers:
        """Which note the window's requests fetch or send; -1: they list."""
        items = self.script.items[self.past :]
        return np.where(items < 0, -1, self.numbers[items])

    @property
    def sizes(self) -> Numbers:
        """What each item weighs in a cache, in bytes; those that are no note weigh as much as some note does."""
        stored = self.shelf.sizes[: self.shelf.stored]
        unknown = stored[np.arange(len(self.numbers)) % len(stored)]
        return np.where(self.numbers < 0, unknown, self.shelf.sizes[self.numbers]) + ROW

    def before(self, caching: Caching) -> Warmth:
        """What an architecture that caches so holds when the window begins."""
        past, _ = self.script.parted(self.past)
        done = replay(past, self.sizes, levels(caching))
        memory, second = (self.numbers[np.array(held, dtype=np.int64)] for held in (done.memory, done.second))
        forgets = caching.limit < self.sizes.sum()  # else what nobody asks for any more need not be there
        if forgets and (memory < 0).any():
            raise UsageError(f"{caching!r} holds more notes than a catalogue of {self.shelf.stored} has: enlarge it")
        return Warmth(*(tuple(held[held >= 0].tolist()) for held in (memory, second)))

    def expected(self, caching: Caching) -> Replay:
        """Where the past's requests and the window's find their notes, one after another."""
        return replay(self.script, self.sizes, levels(caching))

    def ratio(self, caching: Caching) -> float:
        """Hits over fetches in the window, of either level."""
        return self.expected(caching).ratio(self.past)


@dataclass(frozen=True, slots=True)
class Warmth:
    """Notes that memory and the second level hold, the least recently used first."""

    memory: tuple[int, ...]
    second: tuple[int, ...]


USUAL = Workload(popularity=Recency(items=20_000), requests=6_000)
LONGER = replace(USUAL, requests=32_000, catalogue=Catalogue(stored=8_192, unsent=2_048))  # to search for a capacity


def levels(caching: Caching) -> Levels:
    """The same, as the laboratory says it. The second level forgets nothing in the time that a script tells of."""
    return Levels(caching.limit, EVERYTHING if caching.second else 0, caching.at_upload)


def _numbered(script: Script, past: int, shelf: Shelf, rng: np.random.Generator) -> Numbers:
    """A note for each item: any stored one for those that are asked for; the window's sends take the unsent in turn."""
    numbers = np.full(script.total, -1, dtype=np.int64)
    before, window = script.parted(past)
    sent = window.sent
    if len(sent) > len(shelf) - shelf.stored:
        raise UsageError(f"{len(sent)} notes are sent, and the catalogue has {len(shelf) - shelf.stored} to send")
    numbers[sent] = shelf.stored + np.arange(len(sent))
    wanted = _wanted(before, window)
    fetched = len(np.setdiff1d(window.fetched, sent))
    if fetched > shelf.stored:
        raise UsageError(f"{fetched} notes are asked for, and the catalogue stores {shelf.stored}")
    chosen = wanted[: shelf.stored]
    numbers[chosen] = rng.permutation(shelf.stored)[: len(chosen)]
    return numbers


def _wanted(before: Script, window: Script) -> Numbers:
    """Items that were there before the window: those that it asks for, then the others, the last used first."""
    asked = window.fetched[window.fetched < window.archive]
    used = before.items[(before.kinds == FETCH) | (before.kinds == SEND)][::-1]
    every = np.concatenate([asked, used])
    _, first = np.unique(every, return_index=True)
    return every[np.sort(first)]
