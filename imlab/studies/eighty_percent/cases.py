"""What each block tries: loads at the same offered rate, the capacity, and the published loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imlab.lab.load.capacity import Search
from imlab.lab.load.objective import Objective
from imlab.stack.presets import ARTICLE, ARTICLE_AWAY, NEW, OLD, Architecture
from imlab.stack.service.first_byte import FirstByte

SIDES: Mapping[str, Architecture] = {"old": OLD, "new": NEW}
LOADS = (30, 50, 70, 85)  # percent of the old side's capacity, offered to both
USERS, PAUSE_S = 182, 0.170  # those that fit the published table (lab/claims/auditor.py)
FAR = FirstByte()  # 100 to 200 ms: see there
NEAR = FirstByte(0.002, 0.009)  # "single-digit millisecond": AWS, of S3 Express One Zone


@dataclass(frozen=True, slots=True)
class Loop:
    """Two architectures before one object store, under the users of the published table."""

    sides: Mapping[str, Architecture]
    first_byte: FirstByte


LOOPS: Mapping[str, Loop] = {
    "usual": Loop(SIDES, FAR),
    "article": Loop({"old": ARTICLE, "new": NEW}, ARTICLE_AWAY),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds of windows, warm-ups included; what the searches for a capacity may cost.

    requests: a window at equal load lasts until so many were asked, where that takes longer than window_s.
    """

    window_s: float
    requests: int
    loop_s: float
    search_s: float
    resolution: float
    objective: Objective

    def seconds(self, rate: float) -> float:
        """Of a window at so many requests a second, warm-up included."""
        return max(self.window_s, WARM_UP_S + self.requests / rate)


WARM_UP_S = 0.3  # connections and code; caches are warm when a window begins
ENOUGH = 1_150  # for a p99, by chance hardly ever too few; smoke has no time for them
SCALES = {
    "smoke": Scale(0.6, 0, 0.9, 0.4, 4.0, Objective(0.5, p=0.5, errors=0.5)),
    "quick": Scale(4.0, ENOUGH, 4.0, 1.5, 0.12, Objective(0.1)),
    "full": Scale(12.0, ENOUGH, 12.0, 2.5, 0.05, Objective(0.1)),
}
WITH_FAR = Objective(0.5)  # a miss alone takes up to 0.2 s there, and then so does each p99


def search(scale: str, objective: Objective) -> Search:
    """From a rate that any side carries; at smoke scale two windows."""
    told = SCALES[scale]
    if scale == "smoke":
        return Search(objective, first=90.0, most=200.0, growth=4.0, resolution=told.resolution,
                      window_s=told.search_s, warm_up_s=0.1, windows=2)  # fmt: skip
    return Search(objective, first=300.0, most=4_000.0, growth=1.7, resolution=told.resolution,
                  window_s=told.search_s, warm_up_s=WARM_UP_S, windows=2, near=1.5)  # fmt: skip
