"""Take a run: from a drawn plan to a whole run on disk, watched, and stopped in time where it has a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from imlab.desk.measuring.preparing import prepare
from imlab.desk.measuring.watch import Watch
from imlab.lab.plan.design import Plan
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.lab.running.folder import Folder
from imlab.lab.running.run import begin, run


def never() -> bool:
    """It is never too late."""
    return False


def stored(drawn: Plan, folder: Folder) -> int:
    """How many of a plan's trials a folder already holds."""
    return sum(folder.kept(trial) is not None for trial in drawn.trials)


def take(drawn: Plan, results: Path, watch: Watch, late: Callable[[], bool] = never, cluster: str = "") -> Run | None:
    """Run what is missing of a plan. None when it became late; then, as after Ctrl-C, the next call goes on there.

    cluster: the Dask scheduler that does what may be done ahead, instead of this machine's cores.
    """
    folder = begin(drawn, results)
    if stored(drawn, folder) < len(drawn.trials) and not prepare(drawn, cluster, late):
        return None
    with closing(run(drawn, folder)) as steps:
        for step in watch(drawn, stored(drawn, folder), steps):
            if step.done < step.total and late():
                return None
    return Run(folder.path, read_manifest(folder.path))
