"""Which delays are put where: one stage at a time, in the old architecture and in the new.

Whole milliseconds where a stage waits, because that is the grain of an event loop's clock; more of them where the stage
itself is long, for what a slope is off by is multiplied by it. Framing takes processor time, of which there is less.
The old side never looks at a second level, so a delay there is the switch that cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imlab.stack.presets import NEW, OLD, Architecture

SIDES: Mapping[str, Architecture] = {"old": OLD, "new": NEW}
NEVER = ("old", "Look")  # the stage that its side does not pass
STAGES: Mapping[str, str] = {  # as the service calls them (stack/service/delays.py) -> in words
    "accept": "a client's connection",
    "connect": "connecting to a backend",
    "Find": "asking the database",
    "Get": "reading the object",
    "Look": "looking at the second level",
    "frame": "framing the answer",
}
DELAYS_S: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "old": {"accept": (0.010,), "connect": (0.005, 0.010), "Find": (0.010,), "Get": (0.020, 0.050), "Look": (0.010,),
            "frame": (0.0005, 0.001)},
    "new": {"Get": (0.050,), "Look": (0.005, 0.010), "frame": (0.0005, 0.001)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One side, and how much longer one of its stages takes, in seconds; no stage: it is as it is."""

    side: str
    stage: str = ""
    delay_s: float = 0.0

    @property
    def slowed(self) -> Mapping[str, float]:
        """For the service."""
        return {self.stage: self.delay_s} if self.stage else {}

    @property
    def name(self) -> str:
        """``old, connect + 5 ms``."""
        return f"{self.side}, {self.stage} + {self.delay_s * 1e3:g} ms" if self.stage else self.side


COSTS = "what the stages cost"
CASES: Mapping[str, Case] = {
    case.name: case
    for side, stages in DELAYS_S.items()
    for case in (Case(side), *(Case(side, stage, delay) for stage, sizes in stages.items() for delay in sizes))
}
