"""Windows of load on a stage: by the clock, or by users who wait; each goes on in the script where the last ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.capacity import Capacity, Search, Window, steps
from imlab.lab.load.closedloop import Exponential, users
from imlab.lab.load.openloop import Load, Send, offer
from imlab.lab.load.schedule import Poisson, Times
from imlab.lab.load.validity import Validity
from imlab.lab.plan.design import Row
from imlab.lab.record.quantiles import quantiles
from imlab.studies.architectures.manipulation import Treatment, treatment
from imlab.studies.architectures.stage import Stage

DRAIN_S = 10.0
QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Seen:
    """One window: its load, and what was done to the service in it, warm-up and drain included."""

    load: Load
    treatment: Treatment
    seconds: float
    warm_up_s: float

    def row(self) -> Row:
        """Times in seconds, of what was asked after the warm-up; a quantile that may not be told is left out."""
        load, judged = self.load, self.load.intended >= self.warm_up_s
        done = (load.end >= self.warm_up_s) & (load.end < self.seconds)
        told = quantiles(load.latency[judged], QUANTILES, load.lag[judged])
        return {
            "n": int(judged.sum()),
            "mean_s": float(load.latency[judged].mean()),
            **{f"{one.name}_s": one.value for one in told if one.value is not None},
            "rate_per_s": float(done.sum()) / (self.seconds - self.warm_up_s),
            "busy": load.busy,
            **self.treatment.row(),
        }


def open_window(stage: Stage, rate: float, seconds: float, warm_up_s: float, smoke: bool = False) -> Seen:
    """``rate`` requests a second by the clock. smoke: only failures make it invalid, for nothing else is measured."""
    arrivals = Poisson(rate, seconds).draw(stage.rng())
    return _checked(stage, _seen(stage, len(arrivals), _offered(arrivals), seconds, warm_up_s), smoke)


def closed_window(
    stage: Stage, count: int, pause_s: float, seconds: float, warm_up_s: float, smoke: bool = False
) -> Seen:
    """So many users, each of whom asks, waits, pauses for an exponential time and asks again."""
    rng = stage.rng()

    async def load(send: Send) -> Load:
        return await users(count, Exponential(pause_s), send, seconds, rng, DRAIN_S)

    most = round(count * seconds / pause_s) + count  # if the service took no time
    return _checked(stage, _seen(stage, most, load, seconds, warm_up_s), smoke)


def capacity(stages: Callable[[], AbstractContextManager[Stage]], search: Search, seed: int) -> Capacity:
    """The highest rate under an objective; the caches go on from window to window, as in a long day.

    Where a stage's script is at its end, the day begins again: another stage, whose caches are as they were.
    """
    hunt = steps(search, seed)
    window = next(hunt)
    while True:
        with stages() as stage:
            if len(window.arrivals()) > stage.left:
                raise UsageError(f"a window of {window.rate:,.0f}/s asks for more than the whole script: lengthen it")
            while len(window.arrivals()) <= stage.left:
                try:
                    window = hunt.send(_probed(stage, window))
                except StopIteration as found:
                    held: Capacity = found.value
                    return held


def _probed(stage: Stage, window: Window) -> Load:
    """One window of a search, which holds no treatment to account: no replay."""
    arrivals, first = window.arrivals(), stage.taken
    stage.taken += len(arrivals)

    async def asked() -> Load:
        return await offer(arrivals, _from(stage, first), 2 * window.seconds)

    return stage.runner.run(asked())


def _offered(arrivals: Times) -> Callable[[Send], Awaitable[Load]]:
    async def load(send: Send) -> Load:
        return await offer(arrivals, send, DRAIN_S)

    return load


def _seen(stage: Stage, most: int, load: Callable[[Send], Awaitable[Load]], seconds: float, warm_up_s: float) -> Seen:
    """The next window, at most so many requests long."""
    _reserve(stage, most)
    first = stage.taken

    async def asked() -> Load:
        return await load(_from(stage, first))

    before, cpu_s = stage.counters(), stage.cpu_s()
    seen = stage.runner.run(asked())
    cpu_s, after = stage.cpu_s() - cpu_s, stage.counters()
    replayed = stage.replayed(seen.origin + seen.sent)
    return Seen(seen, treatment(before, after, cpu_s, replayed.hits), seconds, warm_up_s)


def _from(stage: Stage, first: int) -> Send:
    """The window's request 0 is the script's request ``first``."""
    return lambda index: stage.asking(first + index)


def _reserve(stage: Stage, count: int) -> None:
    if count > stage.left:
        raise UsageError(f"a window takes up to {count} requests, and the script has {stage.left} more: lengthen it")


def _checked(stage: Stage, seen: Seen, smoke: bool) -> Seen:
    """InvalidRun: its numbers must not be believed."""
    failed = sorted(seen.load.errors.items())
    why = [f"{len(failed)} requests failed, the first: {failed[0][1]}"] if failed else []
    if not smoke:
        why += Validity(errors=1.0).reasons(seen.load, seen.warm_up_s)
        why += seen.treatment.breaches(stage.architecture)
    if why:
        raise InvalidRun("; ".join(why))
    return seen
