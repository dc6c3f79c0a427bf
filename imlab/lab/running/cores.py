"""Which cores carry the load and which carry the system under test: a value, recorded with every run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Cores:
    """Core numbers for the trial's own process (``load``) and for what it measures (``system``); empty: not pinned."""

    load: tuple[int, ...] = ()
    system: tuple[int, ...] = ()

    @property
    def pinned(self) -> bool:
        """Whether load and system are kept apart."""
        return bool(self.load and self.system)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Processes started inside run on the system's cores: a child inherits where its parent's thread may run."""
        with _on(self.system if self.pinned else ()):
            yield

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Processes started inside begin on the load's cores, with every thread that they will have."""
        with _on(self.load if self.pinned else ()):
            yield

    def keep_load(self) -> None:
        """Move the calling thread to the load's cores."""
        if self.pinned:
            os.sched_setaffinity(0, self.load)


@contextmanager
def _on(cores: tuple[int, ...]) -> Iterator[None]:
    """The calling thread on these cores for a while; where it is, without any."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def share(available: Iterable[int]) -> Cores:
    """One core for the load, the last; the rest for the system. A single core cannot be shared: not pinned."""
    cores = sorted(set(available))
    if not cores:
        raise UsageError("no core to share out")
    return Cores((cores[-1],), tuple(cores[:-1])) if len(cores) > 1 else Cores()


def available() -> frozenset[int]:
    """The cores this process may use; empty where the system does not say."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
