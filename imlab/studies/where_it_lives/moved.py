"""What moves the percentage: load, how far a miss is, cores, hit ratio, and the load model itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imlab.lab.plan.design import Row, Trial
from imlab.studies.architectures.costs import NEW_HITS, THREADS, Far, Hits, Side, new_side, old_side
from imlab.studies.architectures.model import Between, Fixed, Fleet, Load, Open
from imlab.studies.architectures.simulated import Steady, simulate
from imlab.studies.architectures.theory import most
from imlab.studies.where_it_lives.table import LOOP

REQUESTS = {"smoke": 2_000, "quick": 16_000, "full": 60_000}
LOADS = (0.30, 0.50, 0.70, 0.85)  # of the rate that the old side can carry at most
AWAY_S = (0.002, 0.02, 0.15)  # mean of a miss, or a send, away
CORES = (1, 4)  # processes, each with as many threads
HITS = (0.63, 0.70, 0.80, 0.91, 0.95, 0.99)
USUAL = 0.70  # of the old side's most: the open load under which the hit ratio is varied


def away(mean_s: float) -> Far:
    """Objects that take two thirds to four thirds of a mean, as those of S3 do of 150 ms; all else stays."""
    return replace(Far(), object=Between(mean_s * 2 / 3, mean_s * 4 / 3), question=Fixed(min(0.001, mean_s)))


def moved(trial: Trial) -> Iterator[Row]:
    """The fall at equal offered load, by how far misses are and by cores; then by the hit ratio, under both loads."""
    for mean_s in AWAY_S:
        for cores in CORES:
            old, new = (replace(side, cores=cores) for side in (old_side(), new_side()))
            old = replace(old, threads=THREADS * cores)
            carried = most(old.node, old.work(away(mean_s)))
            for share in LOADS:
                told = _fall(old, new, Open(share * carried), away(mean_s), trial)
                yield {"what": "open", "away_s": mean_s, "cores": cores, "load": share} | told
    old, far = old_side(), Far()
    loads: dict[str, Load] = {"closed": LOOP, "open": Open(USUAL * most(old.node, old.work(far)))}
    for name, load in loads.items():
        for ratio in HITS:
            new = replace(new_side(), hits=_hits(ratio))
            yield {"what": "hits", "model": name, "hits": ratio} | _fall(old, new, load, far, trial)


def _hits(ratio: float) -> Hits:
    """Shared by the levels as the new side's are."""
    return Hits(ratio * NEW_HITS.memory / NEW_HITS.all, ratio * NEW_HITS.second / NEW_HITS.all)


def _fall(old: Side, new: Side, load: Load, far: Far, trial: Trial) -> dict[str, float]:
    """Both sides under one load."""
    before, after = (_seen(side, load, far, trial) for side in (old, new))
    return {"before_s": before.mean_s, "after_s": after.mean_s, "fall": 1 - after.mean_s / before.mean_s,
            "p99_fall": 1 - after.quantile_s(0.99) / before.quantile_s(0.99), "rate_per_s": before.rate,
            "new_rate_per_s": after.rate}  # fmt: skip


def _seen(side: Side, load: Load, far: Far, trial: Trial) -> Steady:
    return simulate(Fleet(side.node), side.work(far), load, REQUESTS[trial.scale], trial.seed)
