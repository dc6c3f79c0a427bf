"""The region of the published fall, block by block: its share of the box, where in it, what decides, and how far the

formula that searched it is from the simulation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from imlab.lab.plan.design import Row, Trial
from imlab.studies.architectures.costs import NEW_HITS, OLD_HITS, Cpu, Far, Hits, Side
from imlab.studies.architectures.model import Between, Closed, Fixed, Fleet, Floats, Memoryless
from imlab.studies.architectures.region import BOX, Range, Region, first_order, region
from imlab.studies.architectures.simulated import Steady, simulate
from imlab.studies.where_it_lives.table import LOOP

POINTS = {"smoke": 256, "quick": 4_096, "full": 16_384}
CHECKED = {"smoke": 4, "quick": 30, "full": 60}  # points that are simulated too
REQUESTS = {"smoke": 2_000, "quick": 12_000, "full": 40_000}
LEVELS = tuple(percent / 100 for percent in range(40, 100, 5))  # of the fall
WANTED = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, np.inf)  # threads that the users would hold, over those that there are
AWAY_S = (0.001, 0.01, 0.05, 0.2, 1.0)
TOGETHER = "threads wanted / threads"  # no parameter, but what users, pauses, misses and CPU come to
OWN = {
    "users": Range("users", LOOP.users, LOOP.users, "the table's own", whole=True),
    "think_s": Range("think time", LOOP.think.mean_s, LOOP.think.mean_s, "the table's own"),
}
BOXES: Mapping[str, Mapping[str, Range]] = {"box": BOX, "own loop": BOX | OWN}


def searched(trial: Trial) -> Iterator[Row]:
    """Shares of the box, and of the part of it in which the table's own users ask."""
    for name, box in BOXES.items():
        found = region(POINTS[trial.scale], trial.seed, box)
        yield {"what": "region", "box": name, "points": len(found.fall), "reaches": int(found.reaches.sum()),
               "meets": int(found.meets.sum()), "fits": int(found.fits.sum())}  # fmt: skip
        yield from ({"what": "least", "box": name, "least": level, "share": float((found.fall >= level - 1e-12).mean())}
                    for level in LEVELS)  # fmt: skip
    found = region(POINTS[trial.scale], trial.seed)
    parameters = {BOX[name].name: values for name, values in found.points.items()} | {TOGETHER: wanted(found)}
    for name, values in parameters.items():
        yield {"what": "decides", "parameter": name, "of_fall": first_order(values, found.fall),
               "of_reaching": _of_reaching(values, found)}  # fmt: skip
    yield from _where(found)


def wanted(found: Region) -> Floats:
    """Threads that the users of the old side would hold if there were enough of everything, per thread."""
    loops = found.crowds(new=False)
    held = loops.cpu_s + loops.far_s
    return np.asarray(loops.users * held / (held + loops.think_s) / loops.threads)


def _where(found: Region) -> Iterator[Row]:
    """How often the fall is reached, by what the users want of the threads and by how far a miss is."""
    ratio, away = wanted(found), found.points["miss_s"]
    for low, high in itertools.pairwise(WANTED):
        for near, far in itertools.pairwise(AWAY_S):
            here: NDArray[np.bool_] = (ratio >= low) & (ratio < high) & (away >= near) & (away < far)
            if here.any():
                yield {"what": "where", "wanted": low, "away_s": near, "points": int(here.sum()),
                       "reaches": float(found.reaches[here].mean()),
                       "fall": float(found.fall[here].mean())}  # fmt: skip


def _of_reaching(values: Floats, found: Region) -> float:
    """Of whether it is reached; nothing where it is reached everywhere or nowhere."""
    reached = found.reaches.astype(float)
    return first_order(values, reached) if 0 < reached.mean() < 1 else 0.0


def checked(trial: Trial) -> Iterator[Row]:
    """Points of the box by the formula and by the simulation: costs that are always the same, misses that are not."""
    found = region(CHECKED[trial.scale], trial.seed)
    for place in range(len(found.fall)):
        before, after = (_simulated(found, place, new, trial) for new in (False, True))
        yield {"what": "check", "fall": float(found.fall[place]), "simulated_fall": 1 - after.mean_s / before.mean_s,
               "before": float(found.before_s[place] / before.mean_s - 1),
               "after": float(found.after_s[place] / after.mean_s - 1)}  # fmt: skip


def _simulated(found: Region, place: int, new: bool, trial: Trial) -> Steady:
    """One side at one point; what is away takes half to one and a half of its mean."""
    at = {name: float(values[place]) for name, values in found.points.items()}
    hit = at["hit_s"] * (at["cheaper"] if new else 1.0)
    cpu, hits = Cpu(hit, hit, hit * at["miss_cpu"], hit * at["miss_cpu"]), NEW_HITS if new else OLD_HITS
    side = Side(cpu, Hits(hits.all), None if new else int(at["threads"]), int(at["cores"]))
    far = Far(Fixed(), Fixed(), Between(at["miss_s"] / 2, at["miss_s"] * 1.5), Fixed())
    load = Closed(int(at["users"]), Memoryless(at["think_s"]))
    requests = max(REQUESTS[trial.scale], 12 * load.users)
    return simulate(Fleet(side.node), side.work(far), load, requests, trial.seed)
