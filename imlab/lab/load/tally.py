"""What one generator counted, or several together: times by name, failures by reason, how busy, how punctual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imlab.errors import DoorError
from imlab.lab.record.histogram import COUNTED, Histogram, merged, stored


@dataclass(slots=True)
class Tally:
    """Counts that may be added.

    busy: of its core, per process, 0..1; seconds: the longest window; offered, asked: moments of users with a pace.
    """

    histograms: dict[str, Histogram] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    seconds: float = 0.0
    offered: int = 0
    asked: int = 0

    def count(self, name: str, seconds: float) -> None:
        """One time; NaN: it failed."""
        if name not in self.histograms:
            self.histograms[name] = Histogram(name)
        self.histograms[name].record(seconds)

    def add(self, other: Tally) -> None:
        """What another generator counted."""
        for name, part in other.histograms.items():
            mine = self.histograms.get(name)
            self.histograms[name] = merged([mine, part]) if mine else part
        self.failures += other.failures
        self.warnings += other.warnings
        self.busy += other.busy
        self.seconds = max(self.seconds, other.seconds)
        self.offered += other.offered
        self.asked += other.asked

    def wire(self) -> dict[str, Any]:
        """Plain values, for a message or a file; the histograms are the rows of hist.csv."""
        rows = [[row[column] for column in COUNTED] for each in self.histograms.values() for row in each.rows()]
        told = {"failures": dict(self.failures), "warnings": self.warnings, "busy": self.busy}
        return {"rows": rows, **told, "seconds": self.seconds, "offered": self.offered, "asked": self.asked}


def read(told: Mapping[str, Any]) -> Tally:
    """What ``wire`` told."""
    try:
        return Tally(
            stored(dict(zip(COUNTED, row, strict=True)) for row in told["rows"]),
            Counter(told["failures"]),
            list(told["warnings"]),
            list(told["busy"]),
            float(told["seconds"]),
            int(told["offered"]),
            int(told["asked"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DoorError(f"not what a generator counted: {error}") from error
