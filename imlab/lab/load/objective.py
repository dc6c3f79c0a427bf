"""What a system must keep to while it is offered a rate, and whether windows of load show that it did.

    met       the quantile is within the objective, errors are rarer than allowed, no backlog grows
    missed    one of these is not so, and the generator cannot be why
    limited   the generator was at its own limit: the windows say nothing about the system

Whose fault is a long latency? The generator's lateness is part of it (latency = lag + service), and a late generator
sends in clumps. Let L be its greatest lag in the window. Where a system never answers the earlier for being asked the
later (any queue served in order), being asked late lengthens no latency by more than L, and shortens none. So

    a quantile within the objective was met, however late the generator was;
    one beyond the objective by more than L was missed, however late the generator was;
    between them the lag rule of quantiles.py decides: the system missed if the generator was on time at that quantile.

Lanes (lanes.py) are the generator's as well: where answers come within the objective once a lane was there (``asked``),
it was the lanes that were too few.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imlab.errors import UsageError
from imlab.lab.load.openloop import Load
from imlab.lab.load.schedule import Times
from imlab.lab.load.validity import Validity, growth
from imlab.lab.record.quantiles import ABOVE, quantile

Outcome = Literal["met", "missed", "limited"]

OURS = tuple(f"[Errno {code}]" for code in (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL))  # out of files, of ports


@dataclass(frozen=True, slots=True)
class Judgement:
    """What windows showed and why; times in seconds, infinite where too many requests failed to have one.

    ``median`` and ``latency`` (at the objective's quantile) count from the intended moment; ``lag`` is the
    generator's lateness at that quantile, ``busy`` the share of its core that it worked. ``n`` arrivals were judged.
    """

    outcome: Outcome
    why: str
    n: int
    median: float
    latency: float
    lag: float
    busy: float


@dataclass(frozen=True, slots=True)
class Objective:
    """A share ``p`` of the requests takes at most ``seconds``, and fewer than the share ``errors`` fail."""

    seconds: float
    p: float = 0.99
    errors: float = 0.001

    def __post_init__(self) -> None:
        """Refuse what cannot be met or cannot be missed."""
        if not (self.seconds > 0 and 0 < self.p < 1 and 0 < self.errors <= 1):
            raise UsageError(f"an objective has seconds above 0, p and errors between 0 and 1, not {self}")

    @property
    def name(self) -> str:
        """The quantile: p50, p99, p99.9."""
        return f"p{self.p * 100:.10g}"

    @property
    def fewest(self) -> float:
        """Arrivals below which the quantile is an anecdote."""
        return ABOVE / (1 - self.p)

    def text(self) -> str:
        """``p99 at most 50 ms, errors under 0.1 %``."""
        return f"{self.name} at most {self.seconds * 1e3:g} ms, errors under {self.errors * 100:g} %"

    def judge(self, *loads: Load, warm_up_s: float = 0.0) -> Judgement:
        """Windows of one rate, their latencies merged; arrivals before ``warm_up_s`` of each are not judged."""
        seen = [_Judged(load, warm_up_s) for load in loads]
        latency, lag = (np.concatenate(times) for times in ([w.latency for w in seen], [w.lag for w in seen]))
        if len(latency) < self.fewest - 1e-9:
            raise UsageError(f"{len(latency)} arrivals are too few for {self.text()}: offer {self.fewest:.0f} or more")
        taken, median, late = _at(latency, self.p), _at(latency, 0.5), _at(lag, self.p)
        outcome, why = self._found(seen, taken, quantile(latency, self.p, lag).withheld)
        return Judgement(outcome, why, len(latency), median, taken, late, max(load.busy for load in loads))

    def _found(self, seen: Sequence[_Judged], taken: float, withheld: str) -> tuple[Outcome, str]:
        """The generator is asked first, then the system; ``withheld`` is why the quantile may not be printed."""
        if why := "; ".join(dict.fromkeys(why for window in seen for why in window.generator())):
            return "limited", why
        if why := self._failures(seen):
            return "missed", why
        why = _growing(seen) or self._slow(taken)
        if why and (few := self._lanes(seen)):
            return "limited", few
        if why and withheld and taken - self.seconds <= max(np.nanmax(window.load.lag) for window in seen):
            return "limited", f"{withheld} at {self.name}, where {self.seconds * 1e3:g} ms are asked"
        return ("missed", why) if why else ("met", "")

    def _lanes(self, seen: Sequence[_Judged]) -> str:
        """Whether it was the wait for a lane that made the requests slow."""
        lanes = [window.asked for window in seen if window.asked is not None]
        served = _at(np.concatenate(lanes), self.p) if lanes else math.inf
        told = f"too few lanes: {self.name} {served * 1e3:.3g} ms once a request has one"
        return told if served <= self.seconds else ""

    def _failures(self, seen: Sequence[_Judged]) -> str:
        failed = [said for window in seen for said in window.failed]
        share = len(failed) / sum(len(window.latency) for window in seen)
        return f"errors {share:.2%}, first: {failed[0]}" if failed and share >= self.errors else ""

    def _slow(self, taken: float) -> str:
        told = f"{self.name} {taken * 1e3:.3g} ms, over {self.seconds * 1e3:g} ms"
        return told if taken > self.seconds else ""


class _Judged:
    """One window after its warm-up."""

    __slots__ = ("asked", "failed", "grown", "lag", "latency", "load", "warm_up_s")

    def __init__(self, load: Load, warm_up_s: float) -> None:
        judged = load.intended >= warm_up_s
        self.load, self.warm_up_s = load, warm_up_s
        self.latency, self.lag = load.latency[judged], load.lag[judged]
        self.failed = [load.errors[index] for index in sorted(load.errors) if judged[index]]
        self.grown = growth(load, warm_up_s)
        self.asked = (load.end - load.stamps["asked"])[judged] if "asked" in load.stamps else None

    def generator(self) -> list[str]:
        """Why the window is not the system's doing: too few sent, too busy, out of files or ports."""
        limits = [said for said in Validity(errors=1.0).reasons(self.load, self.warm_up_s) if said != self.grown]
        own = [f"generator failed: {said}" for said in self.failed if any(code in said for code in OURS)]
        return limits + own[:1]


def _growing(seen: Sequence[_Judged]) -> str:
    """A backlog that grows in more than half of the windows; one alone may be chance."""
    grown = [window.grown for window in seen if window.grown]
    return grown[0] if 2 * len(grown) > len(seen) else ""


def _at(values: Times, p: float) -> float:
    """The quantile by the lab's own rule; what failed takes for ever."""
    found = quantile(values, p)
    return math.inf if found.value is None else found.value
