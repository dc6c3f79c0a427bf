"""What a study has computed before its trials, with a bar: by this machine's cores, or by a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing

from tqdm import tqdm

from imlab.desk.report.words import count
from imlab.lab.plan.ahead import do
from imlab.lab.plan.design import Plan
from imlab.lab.running.pool import workers


def prepare(drawn: Plan, cluster: str, late: Callable[[], bool]) -> bool:
    """Whether it came to its end in time; what is done is kept, and is not done again."""
    tasks = drawn.experiment.ahead(drawn.scale) if drawn.experiment.ahead else ()
    if not tasks:
        return True
    name = f"{drawn.experiment.name}, ahead"
    if not sys.stderr.isatty():
        print(f"{name}: {count(len(tasks), 'task')} on {cluster or 'all cores'}", file=sys.stderr, flush=True)
    with workers(cluster) as pool, closing(do(tasks, pool)) as ended:
        for _ in tqdm(ended, total=len(tasks), desc=name, unit="task", disable=None, dynamic_ncols=True):
            if late():
                return False
    return True
