"""What the model says of an architecture under a load, before it is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.errors import UsageError
from imlab.studies.architectures.costs import SENDS, Far, Hits, Side
from imlab.studies.architectures.model import Fleet, Load
from imlab.studies.architectures.simulated import simulate

REQUESTS, SEEDS = 20_000, (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Means over runs with different seeds. Times in seconds; ``rate`` per second; ``busy``: share of the cores' time.

    ``spread_s``: standard deviation of the runs' means.
    """

    mean_s: float
    p50_s: float
    p99_s: float
    rate: float
    busy: float
    spread_s: float

    def error(self, measured_mean_s: float) -> float:
        """The predicted mean against a measured one: 0.1 is a tenth too much."""
        if not measured_mean_s > 0:
            raise UsageError(f"a measured mean is positive, not {measured_mean_s} s")
        return self.mean_s / measured_mean_s - 1


def predict(
    side: Side,
    hits: Hits,
    load: Load,
    far: Far | None = None,
    sends: float = SENDS,
    requests: int = REQUESTS,
    seeds: tuple[int, ...] = SEEDS,
) -> Prediction:
    """The costs of a side, the hits that were counted, the load that was offered."""
    work, fleet = Side(side.cpu, hits, side.threads, side.cores, side.notes).work(far or Far(), sends), Fleet(side.node)
    runs = [simulate(fleet, work, load, requests, seed) for seed in seeds]
    means = np.array([run.mean_s for run in runs])
    others = [[run.quantile_s(0.5), run.quantile_s(0.99), run.rate, run.busy] for run in runs]
    p50_s, p99_s, rate, busy = np.mean(others, axis=0).tolist()
    return Prediction(float(means.mean()), p50_s, p99_s, rate, busy, float(means.std()))
