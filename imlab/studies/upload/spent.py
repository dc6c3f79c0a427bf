"""How much CPU a process and its children have used, by the kernel's own count, in nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def spent_s(pid: int) -> float:
    """Seconds of CPU, all threads of the process and of every process under it that still lives.

    schedstat counts what ran, to the nanosecond, where ``times`` counts ticks. A thread that has ended is not in it:
    read it before and after a time in which none ends.
    """
    return sum(_thread(task) for process in family(pid) for task in _tasks(process)) / 1e9


def family(pid: int) -> Iterator[int]:
    """A process and all under it."""
    yield pid
    for task in _tasks(pid):
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def _tasks(pid: int) -> list[Path]:
    return list((PROC / str(pid) / "task").iterdir())


def _thread(task: Path) -> int:
    """Nanoseconds on a core: the first number of schedstat (Documentation/scheduler/sched-stats.rst)."""
    return int((task / "schedstat").read_text().split()[0])
