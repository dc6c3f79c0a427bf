"""What the old and the new architecture cost a request, as the model knows it: measured here, or stated with sources.

CPU is measured (see ``source``) and far times are stated: they are what the trials inject. A piece of CPU is divided
in two around the far part, half and half: which side it is on moves no mean by a percent (tested).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imlab.errors import UsageError
from imlab.studies.architectures.model import Between, Cost, Fixed, Node, Time, Work

SENDS = 0.05  # of the requests; the rest fetch


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of the server's CPU: of a hit in its own memory, one at the second level, a miss, a send."""

    hit_s: float
    second_s: float
    miss_s: float
    send_s: float

    def times(self, factor: float) -> Cpu:
        """All of them, dearer or cheaper."""
        return Cpu(self.hit_s * factor, self.second_s * factor, self.miss_s * factor, self.send_s * factor)


MILLISECOND, HALF = Fixed(0.001), Fixed(0.0005)
OBJECT = Between(0.1, 0.2)  # "roughly 100-200 milliseconds": AWS, Performance design patterns for Amazon S3


@dataclass(frozen=True, slots=True)
class Far:
    """Seconds away: a question to the database, an object's first byte, the second level of the cache.

    A miss asks the database and the object store; a send stores the object and then commits.
    """

    question: Time = MILLISECOND
    commit: Time = MILLISECOND
    object: Time = OBJECT
    second: Time = HALF


@dataclass(frozen=True, slots=True)
class Hits:
    """Shares of the fetches that are found in the process, and at the second level behind it."""

    memory: float
    second: float = 0.0

    def __post_init__(self) -> None:
        """Shares of one whole."""
        if min(self.memory, self.second, 1 - self.memory - self.second) < -1e-12:
            raise UsageError(f"hits are shares of the fetches, together at most 1: {self!r}")

    @property
    def all(self) -> float:
        """What is published as the hit ratio."""
        return self.memory + self.second


@dataclass(frozen=True, slots=True)
class Side:
    """An architecture as the model sees it. threads: None for an event loop. ``notes``: see model.Cost."""

    cpu: Cpu
    hits: Hits
    threads: int | None
    cores: int = 1
    notes: int = 0

    @property
    def node(self) -> Node:
        """One machine of it."""
        return Node(self.cores, self.threads)

    def work(self, far: Far, sends: float = SENDS) -> Work:
        """Its requests before these backends."""
        fetches, miss = 1 - sends, 1 - self.hits.all
        shares = (fetches * self.hits.memory, fetches * self.hits.second, fetches * max(0.0, miss), sends)
        return Work(tuple(zip(shares, self._costs(far), strict=True)))

    def _costs(self, far: Far) -> tuple[Cost, Cost, Cost, Cost]:
        cpu = self.cpu
        halves = {name: Fixed(getattr(cpu, name) / 2) for name in ("second_s", "miss_s", "send_s")}
        second, miss, send = halves.values()
        return (
            Cost(Fixed(cpu.hit_s)),
            Cost(second, second, far.second),
            Cost(miss, miss, far.object, far.question, self.notes),
            Cost(send, send, far.object, far.commit),
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """CPU of both sides, and where the numbers come from."""

    old: Cpu
    new: Cpu
    source: str


CALIBRATION = Calibration(
    old=Cpu(hit_s=0.0010, second_s=0.0014, miss_s=0.0018, send_s=0.0020),
    new=Cpu(hit_s=0.00025, second_s=0.0004, miss_s=0.0006, send_s=0.0007),
    source="CPU stated, not yet measured",
)
OLD_HITS, NEW_HITS = Hits(0.63), Hits(0.82, 0.09)  # together as published; how the levels share them is stated
THREADS = 32  # see stack/presets.py


def old_side(calibration: Calibration = CALIBRATION) -> Side:
    """Threads that wait, a small cache in the process."""
    return Side(calibration.old, OLD_HITS, THREADS)


def new_side(calibration: Calibration = CALIBRATION) -> Side:
    """An event loop, two levels of cache."""
    return Side(calibration.new, NEW_HITS, None)


CHANGES = ("cache", "loop", "CPU")


def mixed(old: Side, new: Side, changes: frozenset[str]) -> Side:
    """The old side with some of the changes to the new one: its hits, its event loop, its cheaper CPU."""
    if unknown := changes - set(CHANGES):
        raise UsageError(f"changes are {', '.join(CHANGES)}, not {', '.join(sorted(unknown))}")
    side = old
    if "cache" in changes:
        side = replace(side, hits=new.hits, notes=new.notes)
    if "loop" in changes:
        side = replace(side, threads=new.threads)
    return replace(side, cpu=new.cpu) if "CPU" in changes else side
