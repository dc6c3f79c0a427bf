"""One window of one loop against a fresh server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from imlab.lab.known.client import connect
from imlab.lab.known.server import start
from imlab.lab.load.closedloop import users
from imlab.lab.load.openloop import Load, offer
from imlab.lab.load.schedule import Uniform
from imlab.lab.running.cores import Cores
from imlab.studies.two_load_models.scenes import Scene

OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class Window:
    """So many seconds of a load; what is asked before ``warm_up_s`` does not count."""

    seconds: float
    warm_up_s: float = 0.0

    def rate(self, load: Load) -> float:
        """Answers per second, of the part that counts."""
        counted = (load.end >= self.warm_up_s) & (load.end < self.seconds)
        return float(counted.sum() / (self.seconds - self.warm_up_s))

    def mean_s(self, load: Load) -> float:
        """What a request took on average, NaN where one failed."""
        return float(load.latency[load.intended >= self.warm_up_s].mean())


def offered(scene: Scene, loop: str, window: Window, rng: np.random.Generator, cores: Cores) -> Load:
    """The scene under its open or its closed loop; the server is a process of its own, on the system's cores."""
    with start(scene.system(window.seconds), cores=cores) as server:
        return asyncio.run(_asked(scene, loop, window, rng, server.port))


async def _asked(scene: Scene, loop: str, window: Window, rng: np.random.Generator, port: int) -> Load:
    async with connect(port) as ask:
        if loop == CLOSED:
            return await users(scene.users, scene.think, ask, window.seconds, rng)
        return await offer(Uniform(scene.rate, window.seconds).draw(rng), ask)
