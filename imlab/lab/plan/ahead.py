"""Work that a study has done before its trials begin, by all cores or by a cluster: what is slow, and is not timed.

A trial is one process on one core, because it measures. What only has to be computed (the quality of a coded clip,
say) need not wait there: the study cuts it into tasks whose results are kept where its trials look first. A trial
that finds nothing computes it itself, so a task that was never done changes how long a run takes, and no row.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """``work(*arguments)`` is done anywhere, so all of it can be pickled; ``keep`` is told the result here."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    keep: Callable[[Any], None]


def do(tasks: Sequence[Task], pool: Executor) -> Generator[Task, None, None]:
    """Each task as it ends, in any order. What a task raises is raised here; the others are then not begun."""
    waiting = {pool.submit(task.work, *task.arguments): task for task in tasks}
    try:
        for future in as_completed(waiting):
            task = waiting[future]
            task.keep(future.result())
            yield task
    finally:
        for future in waiting:
            future.cancel()
