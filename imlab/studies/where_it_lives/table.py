"""The published loop, run again on the model: the old architecture, the new one, and every mixture of the changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations

from imlab.lab.plan.design import Row, Trial
from imlab.studies.architectures.costs import CHANGES, Far, mixed, new_side, old_side
from imlab.studies.architectures.model import Closed, Fleet, Memoryless
from imlab.studies.architectures.simulated import simulate
from imlab.studies.two_load_models.scenes import published

REQUESTS = {"smoke": 2_000, "quick": 20_000, "full": 60_000}
NONE = "none"  # of the changes: the old architecture
LOOP = Closed(int(published().clients), Memoryless(round(published().think, 4)))
SUBSETS = tuple(frozenset(some) for some in chain(*(combinations(CHANGES, size) for size in range(len(CHANGES) + 1))))


def called(changes: frozenset[str]) -> str:
    """``cache + loop``, in the order of the changes."""
    return " + ".join(change for change in CHANGES if change in changes) or NONE


def table(trial: Trial) -> Iterator[Row]:
    """The same users before eight services: mean, rate, and how busy the core is."""
    old, new, far = old_side(), new_side(), Far()
    for changes in SUBSETS:
        side = mixed(old, new, changes)
        seen = simulate(Fleet(side.node), side.work(far), LOOP, REQUESTS[trial.scale], trial.seed)
        yield {"what": "table", "changes": called(changes), "mean_s": seen.mean_s, "rate_per_s": seen.rate,
               "busy": seen.busy}  # fmt: skip
