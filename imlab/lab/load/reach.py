"""What the generator itself reached: how late it was at which rate, and with whom it shared its core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlab.lab.load.openloop import Load
from imlab.lab.record.quantiles import Quantile, quantiles


@dataclass(frozen=True, slots=True)
class Reach:
    """One window: arrivals per second as they were sent, the lag's quantiles in seconds, and the work behind it.

    ``busy`` is the share of its core that the generator worked (of several, the busiest); ``receivers`` the
    connections that the same processes served beside.
    """

    rate: float
    lag: tuple[Quantile, ...]
    busy: float
    receivers: int
    generators: int = 1

    def text(self) -> str:
        """One line to print; quantiles of too few arrivals are left out."""
        late = ", ".join(f"{lag.name} {lag.text(1e3, 'ms', 2)}" for lag in self.lag if lag.value is not None)
        who = "1 generator" if self.generators == 1 else f"{self.generators} generators, the busiest"
        told = f"{self.rate:,.0f} arrivals/s, lag {late or 'of too few to tell'}; {who} {self.busy:.0%} busy"
        return f"{told}, {self.receivers} receiver{'s' * (self.receivers != 1)} beside"


def reach(load: Load, warm_up_s: float = 0.0) -> Reach:
    """Of the arrivals after the warm-up; those never sent count as infinitely late."""
    judged = load.intended >= warm_up_s
    sent = load.sent[judged & np.isfinite(load.sent)]
    span = float(np.ptp(sent)) if len(sent) > 1 else 0.0
    rate = (len(sent) - 1) / span if span > 0 else 0.0
    return Reach(rate, quantiles(load.lag[judged]), load.busy, load.receivers, max(1, len(load.parts)))
