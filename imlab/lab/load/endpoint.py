"""Anybody's service under the whole laboratory: a connection and a schedule make an experiment's ``attempt``.

    attempt=open_loop(connect, Poisson(rate=200, seconds=10), "ws://127.0.0.1:8888/echo", lanes=64)

``connect(trial)`` is an asynchronous context manager that opens one connection and gives ``send(index)``, which
asks once and returns when the answer is there. What it returns, if anything, are further moments by name, read
from time.monotonic; what it raises is a failed request. docs/bring_your_own.md shows two whole studies.

The service is not ours to start: it runs through all trials, warm, and its memory of one trial may colour the next.
That is why the order of cells is drawn anew in every block, and why a study of one's own code had better start
a fresh server in ``connect``. It knows no library for sockets: the study chooses its own, and pays for it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.load.lanes import Lanes
from imlab.lab.load.openloop import Load, Send, offer
from imlab.lab.load.schedule import Schedule, Times
from imlab.lab.load.validity import Validity
from imlab.lab.plan.ahead import Task
from imlab.lab.plan.design import Row, Trial
from imlab.lab.record.histogram import Histogram

Connect = Callable[[Trial], AbstractAsyncContextManager[Send]]
Attempt = Callable[[Trial], Iterator[Row | Histogram]]

PATIENCE = 5.0  # seconds for a service to take a connection
PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


@dataclass(frozen=True, slots=True)
class Control:
    """A level that does something known: every answer is kept back for ``added_ms`` milliseconds (or a timer's
    grain longer); 0 does nothing, under another name.
    """

    name: str
    added_ms: float = 0.0

    def __repr__(self) -> str:
        """As the results call it."""
        return self.name


CONTROLS = (Control("as it is"), Control("A/A"), Control("+2 ms", 2.0))


def open_loop(
    connect: Connect,
    schedule: Schedule | Callable[[Trial], Schedule],
    url: str | Callable[[Trial], str],
    lanes: int = 0,
    drain_s: float = 10.0,
    validity: Validity | None = None,
) -> Attempt:
    """An attempt that offers the schedule to the service at ``url``: one row per arrival, then histograms.

    Arrivals are drawn from the block's seed: the same in all its cells. With ``lanes``, ``connect`` is entered that
    often and each ``send`` is asked once at a time; without, it is entered once and takes all that is in flight.
    A row has the moments (seconds from the start of the window: ``intended_s`` is the schedule), ``latency_s`` =
    ``lag_s`` + ``service_s``, with lanes ``lane_wait_s`` (the part of service that was spent waiting for one),
    ``warm_up`` and ``error``. A window that may not be believed is kept, and ends in InvalidRun with the reasons,
    but for smoke, which believes nothing anyway. Requests that never succeed are a failure at every scale.
    """
    judge = validity or Validity()

    def attempt(trial: Trial) -> Iterator[Row | Histogram]:
        """One window of load."""
        address = url if isinstance(url, str) else url(trial)
        knock(address)
        arrivals = _arrivals(trial, schedule(trial) if callable(schedule) else schedule)
        load = asyncio.run(_offered(trial, connect, address, arrivals, lanes, drain_s))
        yield from rows(load, trial.experiment.warm_up_s)
        yield from histograms(load, trial.experiment.warm_up_s)
        if len(load.errors) == len(arrivals):
            raise DoorError(f"no request to {address} succeeded; the first: {load.errors[0]}")
        if trial.scale != "smoke" and (reasons := judge.reasons(load, trial.experiment.warm_up_s)):
            raise InvalidRun("; ".join(reasons))

    attempt.__module__ = connect.__module__  # the runner imports a study by the module of its attempt
    return attempt


def listening(*urls: str) -> Callable[[str], Sequence[Task]]:
    """For an experiment's ``ahead``: before the first trial, refuse to begin where nobody is at home."""

    def ahead(scale: str) -> Sequence[Task]:
        """Knock at every door; there is nothing to compute."""
        for url in urls:
            knock(url)
        return ()

    return ahead


def knock(url: str) -> None:
    """Open and close a TCP connection to where a URL points; DoorError names the URL when nobody answers."""
    parts = urlsplit(url)
    if not parts.hostname or not (port := parts.port or PORTS.get(parts.scheme, 0)):
        raise UsageError(f"{url!r} names no host and port: write ws://127.0.0.1:8888/path or http://...")
    try:
        socket.create_connection((parts.hostname, port), PATIENCE).close()
    except ConnectionRefusedError as error:
        raise DoorError(f"nothing listens on {url}: start the service first") from error
    except OSError as error:
        raise DoorError(f"{url} cannot be reached: {error}") from error


def rows(load: Load, warm_up_s: float) -> Iterator[Row]:
    """One tidy row per arrival, with the spans that a study compares."""
    spans = {"latency_s": load.latency, "service_s": load.service, "lag_s": load.lag}
    if "asked" in load.stamps:
        spans["lane_wait_s"] = load.stamps["asked"] - load.sent
    columns = {name: np.round(times, 7).tolist() for name, times in spans.items()}
    for index, row in enumerate(load.rows(warm_up_s)):
        yield row | {name: column[index] for name, column in columns.items()}


def histograms(load: Load, warm_up_s: float) -> Iterator[Histogram]:
    """The same spans counted, without the warm-up; a failed request counts as never."""
    judged = load.intended >= warm_up_s
    for name, times in {"latency": load.latency, "service": load.service, "lag": load.lag}.items():
        counted = Histogram(name)
        counted.record_many(times[judged])
        yield counted


def _arrivals(trial: Trial, schedule: Schedule) -> Times:
    """Drawn before the window, with something left after the warm-up."""
    drawn = schedule.draw(trial.rng())
    warm_up_s = trial.experiment.warm_up_s
    if not (drawn >= warm_up_s).any():
        raise UsageError(f"{schedule!r} has no arrival after the warm-up of {warm_up_s:g} s: make its window longer")
    return drawn


async def _offered(trial: Trial, connect: Connect, url: str, arrivals: Times, lanes: int, drain_s: float) -> Load:
    """Connect, offer, hang up."""
    async with AsyncExitStack() as stack:
        door = Lanes(lambda: connect(trial), lanes) if lanes else connect(trial)
        try:
            send = await stack.enter_async_context(door)
        except Exception as error:
            raise DoorError(f"{url} takes no connection: {type(error).__name__}: {error}") from error
        return await offer(arrivals, kept_back(send, trial), drain_s)


def kept_back(send: Send, trial: Trial) -> Send:
    """With the delay that the trial's controls add."""
    added = sum(level.added_ms for level in trial.settings.values() if isinstance(level, Control)) / 1e3
    if not added:
        return send

    async def late(index: int) -> Mapping[str, float] | None:
        """The answer, and then the delay."""
        told = await send(index)
        await asyncio.sleep(added)
        return told

    return late
