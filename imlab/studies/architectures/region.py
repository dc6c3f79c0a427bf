"""In how large a part of what may have been does the published fall appear, and what decides it?

A box of parameters, each with its range and where that range is from; points in it by Latin hypercube (M. McKay,
R. Beckman, W. Conover, Technometrics 21, 1979), uniform in the logarithm; at each point the mean response of the old
and the new architecture in one closed loop, by formula (theory.py). The hit ratios are the published ones throughout.
A share of the box is a share of what was stated here, and no probability that it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.studies.architectures.costs import NEW_HITS, OLD_HITS, SENDS
from imlab.studies.architectures.model import Floats
from imlab.studies.architectures.theory import Crowds
from imlab.studies.published.speed import AFTER, BEFORE

FALL = 1 - AFTER.latency / BEFORE.latency
POINTS = 0.03  # of the fall: what counts as the same
NEAR = 0.10  # of each of the four published numbers
BINS = 16  # of equal counts, for the effect of a parameter


@dataclass(frozen=True, slots=True)
class Range:
    """From least to most, uniform in the logarithm. ``whole``: counted, not measured. ``scale``: to the unit shown."""

    name: str
    least: float
    most: float
    source: str
    unit: str = ""
    scale: float = 1.0
    whole: bool = False

    def at(self, share: Floats) -> Floats:
        """The value at a share of the way, shape as given."""
        values = self.least * (self.most / self.least) ** share
        return np.rint(values) if self.whole else values


BOX = {
    "users": Range("users", 10, 1_000, "from a developer's test to a site's; the table needs about 182", whole=True),
    "think_s": Range("think time", 0.01, 2.0, "wrk and ab have none, and 10 ms comes next; Locust's first example "
                     "pauses 1 to 5 s; the table needs 0.17 s", "ms", 1e3),
    "miss_s": Range("miss, away", 0.001, 1.0, "a database on an SSD about 1 ms; S3 100 to 200 ms (AWS); a service of "
                    "others up to 1 s", "ms", 1e3),
    "threads": Range("threads", 4, 200, "waitress begins with 4, Puma with 5, mod_wsgi with 15, Tomcat with 200",
                     whole=True),
    "cores": Range("cores", 1, 16, "one process to a common server", whole=True),
    "hit_s": Range("CPU of a hit, old", 0.0002, 0.005, "a compiled server 0.2 ms; a template engine in Python 5 ms",
                   "ms", 1e3),
    "miss_cpu": Range("CPU of a miss / of a hit", 1.0, 4.0, "nothing more, to encoding it all anew"),
    "cheaper": Range("CPU of the new / of the old", 0.1, 1.0, "ten times cheaper, to no cheaper"),
}  # fmt: skip


@dataclass(frozen=True)
class Region:
    """Points of the box, name -> values, shape (points,) each; hits and sends are those of the table and the plan."""

    points: Mapping[str, Floats]

    def crowds(self, new: bool) -> Crowds:
        """The closed loops on one side; the new one has event loops."""
        at, misses = self.points, 1 - (NEW_HITS if new else OLD_HITS).all
        dear = (1 - SENDS) * misses + SENDS  # a send costs what a miss does
        cpu = at["hit_s"] * (1 - dear + dear * at["miss_cpu"]) * (at["cheaper"] if new else 1.0)
        threads = np.full_like(at["threads"], np.inf) if new else at["threads"]
        return Crowds(at["users"], at["think_s"], threads, at["cores"], cpu, dear * at["miss_s"])

    @cached_property
    def before_s(self) -> Floats:
        """Mean response of the old side."""
        return self.crowds(new=False).mean_s()

    @cached_property
    def after_s(self) -> Floats:
        """Mean response of the new side."""
        return self.crowds(new=True).mean_s()

    @property
    def fall(self) -> Floats:
        """By which share the mean response falls, at most 1."""
        return 1 - self.after_s / self.before_s

    @property
    def reaches(self) -> NDArray[np.bool_]:
        """Where it falls by as much as was published, or more."""
        return self.fall >= FALL - 1e-12

    @property
    def meets(self) -> NDArray[np.bool_]:
        """Where it falls by as much, give or take some points."""
        return np.abs(self.fall - FALL) <= POINTS

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Where all four published numbers come out, each within a tenth."""
        users, think = self.points["users"], self.points["think_s"]
        found = np.ones(len(users), dtype=bool)
        for seconds, row in ((self.before_s, BEFORE), (self.after_s, AFTER)):
            found &= np.abs(seconds / row.latency - 1) <= NEAR
            found &= np.abs(users / (seconds + think) / row.rate - 1) <= NEAR
        return found


def region(count: int, seed: int, box: Mapping[str, Range] = BOX) -> Region:
    """A Latin hypercube of so many points."""
    if count < 1:
        raise UsageError(f"a region has points, not {count}")
    rng = np.random.default_rng(seed)
    return Region({name: one.at((rng.permutation(count) + rng.random(count)) / count) for name, one in box.items()})


def first_order(values: Floats, outcome: Floats, bins: int = BINS) -> float:
    """The share of an outcome's variance that a parameter explains alone, 0 to 1; both of shape (points,).

    The variance of the means in bins of equal count, less what chance alone makes of it (E. Plischke, Reliability
    Engineering & System Safety 95, 2010): what remains of other parameters is not in it, and shares need not sum to 1.
    """
    if len(values) < 4 * bins or not outcome.std() > 0:
        raise UsageError(f"{len(values)} points are too few, or all alike, for {bins} bins")
    parts = np.array_split(outcome[np.argsort(values, kind="stable")], bins)
    between = sum(len(part) * (part.mean() - outcome.mean()) ** 2 for part in parts)
    within = sum(((part - part.mean()) ** 2).sum() for part in parts) / (len(outcome) - bins)
    whole = ((outcome - outcome.mean()) ** 2).sum()
    return float(max(0.0, (between - (bins - 1) * within) / whole))
