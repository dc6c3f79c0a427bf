"""Run a plan: every trial in a fresh process with a hard limit, under a warden that leaves nothing behind.

``run`` yields one Progress as each trial ends, and closes the folder after the last. It prints nothing and
decides nothing but the gates, which the plan already holds. Trials that the folder keeps are not run again. Between
blocks the canaries sing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlab.errors import DoorError, UsageError
from imlab.lab.machine import facts as machine
from imlab.lab.machine import gates
from imlab.lab.plan.design import Plan, Trial
from imlab.lab.plan.studies import sources
from imlab.lab.running import cores as here
from imlab.lab.running.closing import close
from imlab.lab.running.folder import Folder, open_run
from imlab.lab.running.song import sing
from imlab.lab.running.trial import Record, run_trial


@dataclass(frozen=True, slots=True)
class Progress:
    """A trial ended. outcome is ok, invalid, failed, crashed or late; breaches are gates it passed."""

    trial: Trial
    outcome: str
    reason: str
    seconds: float
    breaches: tuple[str, ...]
    done: int
    total: int


def begin(plan: Plan, results: Path) -> Folder:
    """The folder to run a plan in: an interrupted run of the same plan, code and machine, or a new one."""
    if not hasattr(os, "pidfd_open") or sys.platform != "linux":
        raise DoorError("measuring needs Linux: trials are guarded by its pidfd and subreaper; stored runs can be read")
    facts = _facts(plan)
    origin = {name: facts[name] for name in ("commit", "diff", "lock", "study")}
    return open_run(results, plan, origin | {"fingerprint": machine.fingerprint(facts)})


def run(plan: Plan, folder: Folder) -> Generator[Progress, None, None]:
    """Run what is missing, yield each trial as it ends, and close the folder."""
    if plan.experiment.attempt.__module__ == "__main__":
        raise UsageError(f"{plan.experiment.name} lives in __main__, which no fresh process can import")
    facts, cores = _facts(plan), here.share(here.available() or (0,))
    with folder.held():
        singing = True  # whenever we begin, and then before each block
        for index, trial in enumerate(plan.trials):
            record = folder.kept(trial)
            if record is None:
                if singing or not trial.order:
                    folder.sung(sing(trial.block, "within" if trial.order else "before", folder.path, cores))
                record, singing = run_trial(plan, index, folder, cores), False
                folder.keep(trial, record)
            yield _progress(plan, index, record)
        folder.sung(sing(plan.trials[-1].block, "after", folder.path, cores))
        close(plan, folder, facts, cores)


def _facts(plan: Plan) -> dict[str, Any]:
    """The machine's, the code's, and which text of the study it is."""
    return machine.facts() | {"study": sources(plan.experiment.attempt.__module__)}


def _progress(plan: Plan, index: int, record: Record) -> Progress:
    breaches = tuple(plan.experiment.gates.breaches(gates.Strain(**record["strain"])))
    told = record["outcome"], record["reason"], record["seconds"], breaches
    return Progress(plan.trials[index], *told, index + 1, len(plan.trials))
