"""A search for the capacity as a study's attempt: one trial is one search, on a fresh system.

    attempt=searching(connect, Search(Objective(seconds=0.05), first=100.0))

It yields a row for each window (``what`` = "window") and one for the capacity (``what`` = "capacity"), whose
``rate_per_s`` and ``shown`` are what statistics/censored.py takes, one a block. With several generator processes
(crew.py) drive capacity.steps instead: ``steps.send(crew(window.arrivals(), ...).load)``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator

from imlab.lab.load.capacity import Capacity, Probe, Search, Window, find
from imlab.lab.load.endpoint import Connect, kept_back
from imlab.lab.load.lanes import Lanes
from imlab.lab.load.openloop import Load, Send, offer
from imlab.lab.plan.design import Row, Trial

DRAIN = 2.0  # lengths of its window


def searching(
    connect: Connect, search: Search | Callable[[Trial], Search], lanes: int = 0
) -> Callable[[Trial], Iterator[Row]]:
    """An attempt that searches once, with the block's seed: a row for each window, and one for the capacity.

    ``connect(trial)`` starts or reaches the system and gives ``send``; with ``lanes`` it is entered that often, as in
    endpoint.py. A trial's ``limit_s`` must hold a whole search: two dozen windows, and the drains of those too many.
    """

    def attempt(trial: Trial) -> Iterator[Row]:
        """One search."""
        wanted = search(trial) if callable(search) else search
        yield from asyncio.run(_searched(trial, connect, wanted, lanes)).rows()

    attempt.__module__ = connect.__module__  # the runner imports a study by the module of its attempt
    return attempt


async def _searched(trial: Trial, connect: Connect, search: Search, lanes: int) -> Capacity:
    async with Lanes(lambda: connect(trial), lanes) if lanes else connect(trial) as send:
        return await find(search, offering(kept_back(send, trial)), trial.seed)


def offering(send: Send) -> Probe:
    """Windows offered by this process to one ``send``, the requests numbered on through all of them.

    What a window leaves behind would be the next one's backlog. A queue that is offered at most ``growth`` = 2 times
    its capacity works it off in the length of the window; twice that is waited for, and no longer than needed.
    """
    numbers = itertools.count()

    async def probe(window: Window) -> Load:
        """The next window."""
        arrivals = window.arrivals()
        places = list(itertools.islice(numbers, len(arrivals)))
        return await offer(arrivals, lambda index: send(places[index]), DRAIN * window.seconds)

    return probe
