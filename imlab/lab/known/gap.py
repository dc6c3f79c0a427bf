"""What one stall looks like to an open and to a closed loop: the gap between them, by algebra and measured.

A server answers after d seconds, but for S seconds of a window of T it does not. An open loop has S / T of its requests
due in the stall, and each waits for what is left of it: their latency is uniform from d to d + S. A closed loop at
the same rate, N users who think for Z, has no more than N requests there: each user gets stuck once, at an even
moment of its cycle d + Z, so that those N latencies are uniform from S - Z to S + d; and meanwhile it asks for nothing.
So with N far below the requests that were due, its 99th percentile is that of a server without a stall.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from imlab.errors import UsageError
from imlab.lab.known.client import connect
from imlab.lab.known.server import start
from imlab.lab.known.systems import Stalling
from imlab.lab.load import closedloop
from imlab.lab.load.openloop import Load, offer
from imlab.lab.load.schedule import Uniform
from imlab.lab.record.quantiles import quantile
from imlab.lab.running.cores import Cores


@dataclass(frozen=True, slots=True)
class Gap:
    """One stall in the middle of a window, and two loops with the same rate without it. Times in seconds."""

    users: int = 4
    think_s: float = 0.01
    delay_s: float = 0.01
    stall_s: float = 1.0
    window_s: float = 8.0

    def __post_init__(self) -> None:
        """The algebra holds for a stall longer than a cycle, inside the window."""
        if not self.cycle_s < self.stall_s < self.window_s:
            raise UsageError(f"a stall is longer than a cycle and shorter than the window: {self!r}")

    @property
    def cycle_s(self) -> float:
        """From one request of a user to the next."""
        return self.delay_s + self.think_s

    @property
    def rate(self) -> float:
        """Requests per second of both loops without a stall: N = X (W + Z)."""
        return self.users / self.cycle_s

    @property
    def system(self) -> Stalling:
        """The server."""
        return Stalling(self.delay_s, (self.window_s - self.stall_s) / 2, self.stall_s)

    @property
    def open_hit(self) -> float:
        """The share of an open loop's requests that meet the stall."""
        return self.stall_s / self.window_s

    @property
    def closed_hit(self) -> float:
        """The share of a closed loop's: each user once, who is held up for S less half a cycle."""
        return 1 / ((self.window_s - self.stall_s) / self.cycle_s + 0.5)

    def open_quantile(self, q: float) -> float:
        """What a share q of an open loop's requests does not exceed."""
        return self.delay_s + max(0.0, self.stall_s * (1 - (1 - q) / self.open_hit))

    def closed_quantile(self, q: float) -> float:
        """What a share q of a closed loop's does not exceed."""
        if 1 - q >= self.closed_hit:
            return self.delay_s
        return self.delay_s + self.stall_s - self.cycle_s * (1 - q) / self.closed_hit


@dataclass(frozen=True, slots=True)
class Seen:
    """What the two loops saw of it."""

    gap: Gap
    open: Load
    closed: Load

    def rows(self, quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)) -> list[dict[str, object]]:
        """One row per loop and quantile: measured beside expected, in seconds; NaN where it is withheld, and why."""
        loops = (("open", self.open, self.gap.open_quantile), ("closed", self.closed, self.gap.closed_quantile))
        return [
            {"loop": loop, "requests": len(load.end), "quantile": q, "expected_s": expected(q)} | _seen(load, q)
            for loop, load, expected in loops
            for q in quantiles
        ]


def measure(gap: Gap, seed: int = 0, cores: Cores | None = None) -> Seen:
    """Both loops, one after the other, each against a fresh server. It takes two windows."""
    rng = np.random.default_rng(seed)
    arrivals = Uniform(gap.rate, gap.window_s).draw(rng)

    async def opened(port: int) -> Load:
        async with connect(port) as ask:
            return await offer(arrivals, ask)

    async def closed(port: int) -> Load:
        async with connect(port) as ask:
            return await closedloop.users(gap.users, closedloop.Constant(gap.think_s), ask, gap.window_s, rng)

    loads = []
    for loop in (opened, closed):
        with start(gap.system, seed, cores) as server:
            loads.append(asyncio.run(loop(server.port)))
    return Seen(gap, *loads)


def _seen(load: Load, q: float) -> dict[str, object]:
    found = quantile(load.latency, q, load.lag)
    return {"latency_s": np.nan if found.value is None else found.value, "withheld": found.withheld}
