"""A trial's stage: one architecture stood up in front of its backends, warm, with somebody to ask it.

The service has the system's cores to itself; object store, second cache and clients are on the load's, as they would be
on other machines (SQLite is in the service's process, as it always is). Its caches hold what they would after the
workload's past, which was replayed, not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imlab.lab.load.schedule import Times
from imlab.lab.plan.design import Trial
from imlab.stack.presets import Architecture
from imlab.stack.service.embedded import embedded
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.plan import ServicePlan
from imlab.stack.service.process import RunningService, start
from imlab.stack.service.warmth import Warmth, write_warmth
from imlab.store.recordings.bulk import fill
from imlab.studies.architectures.asking import Asking, asking
from imlab.studies.architectures.shelf import BODIES
from imlab.studies.architectures.timed import Caches, Found
from imlab.studies.architectures.workload import Asked, Workload
from imlab.studies.upload.spent import spent_s

FAR = FirstByte()


@dataclass
class Stage:
    """What stands. taken: requests of the script that were asked so far; the next window goes on from there.

    moments: when they were asked; away_s: how long a read of the origin takes, on average.
    """

    architecture: Architecture
    asked: Asked
    service: RunningService
    runner: asyncio.Runner
    asking: Asking
    seed: int
    caches: Caches
    away_s: float
    taken: int = 0
    moments: Times = field(default_factory=lambda: np.empty(0))
    windows: int = field(default=0)

    def rng(self) -> np.random.Generator:
        """For the next window: the same in every cell of a block."""
        self.windows += 1
        return np.random.default_rng((self.seed, self.windows))

    @property
    def left(self) -> int:
        """Requests that the script still has."""
        return len(self.asked.kinds) - self.taken

    def counters(self) -> Mapping[str, float]:
        """All that the service counts."""
        return self.service.counters()

    def cpu_s(self) -> float:
        """Seconds of CPU that its threads have used."""
        return spent_s(self.service.pid)

    def replayed(self, at: Times) -> Found:
        """What became of the next requests if they were asked at these moments, seconds on any clock, by replay.

        What was asked before is replayed with them, at its own moments: a read takes its time, and who asks for a note
        that is being read has not hit it.
        """
        self.moments = np.concatenate([self.moments, at])
        replayed = self.caches.found(self.moments, self.away_s, first=len(self.moments) - len(at))
        self.taken += len(at)
        return replayed


@contextmanager
def stage(
    trial: Trial,
    architecture: Architecture,
    workload: Workload,
    first_byte: FirstByte = FAR,
    slowed: Mapping[str, float] | None = None,
) -> Iterator[Stage]:
    """Everything up; then down again. first_byte: of the object store; slowed: seconds by stage of the service."""
    assert trial.scratch is not None
    folder = trial.scratch / f"stage{len(list(trial.scratch.iterdir()))}"
    folder.mkdir()
    shelf = workload.catalogue.shelf()
    asked = workload.drawn(trial.rng(), shelf)
    with ExitStack() as up:
        objects, database = folder / "objects", folder / "recordings.sqlite"
        objects.mkdir()
        fill(database, shelf.notes())
        seeded = FirstByte(first_byte.low_s, first_byte.high_s, trial.seed % 2**31)
        backends = up.enter_context(embedded(objects, database, architecture, seeded, shelf.place / BODIES))
        plan = ServicePlan(architecture, backends, warm=_warmth(folder, asked, architecture), slowed=slowed or {})
        with trial.cores.lent():
            running = start(plan)
        service = up.enter_context(running)
        runner = up.enter_context(asyncio.Runner())
        clients = asking(service.address, architecture, asked)
        send = runner.run(clients.__aenter__())
        up.callback(lambda: runner.run(clients.__aexit__(None, None, None)))
        away_s = (first_byte.low_s + first_byte.high_s) / 2
        yield Stage(architecture, asked, service, runner, send, trial.seed, Caches(asked, architecture.caching), away_s)


def _warmth(folder: Path, asked: Asked, architecture: Architecture) -> Path:
    """What the caches hold when the window begins; of the second level, which forgets nothing, what is asked for."""
    held, path, wanted = asked.before(architecture.caching), folder / "warm", set(asked.notes.tolist())
    second = [number for number in held.second if number in wanted]
    rows = [[asked.shelf.note(number) for number in numbers] for numbers in (held.memory, second)]
    write_warmth(path, Warmth(asked.shelf.place / BODIES, *rows))
    return path
