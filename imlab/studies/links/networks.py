"""Ten networks, from near to far, and each as somebody meets it who taps at a given moment of its course.

Nine are the named profiles; the tenth is perfect and shows what CPU and disk take. A lift or a train is another
network each second, so a tap comes at a ``phase``: seconds since the ride began. Before the tap the connection rests,
and to one that rests an outage is the same however long it has lasted: those that end before the tap are left out,
and one that lasts at the tap begins with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imlab.net.fate.outages import Outages, Periodic
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.links import Link, Path
from imlab.net.profiles import PROFILES

PERFECT = Path("perfect", Link(), Link())
NETWORKS = {path.name: path for path in (PERFECT, *(profile.path for profile in PROFILES.values()))}
HORIZON_S = 200.0  # after the tap: by then every note is heard or given up


def cycle(path: Path) -> float:
    """Seconds after which a network's outages repeat; 0 where every moment is like every other."""
    outages = path.up.outages
    return outages.every if isinstance(outages, Periodic) else 0.0


def met(path: Path, phase: float, at: float) -> Path:
    """The path whose second ``at`` is the ``phase`` of its course."""
    return replace(path, up=_met(path.up, phase, at), down=_met(path.down, phase, at))


def _met(link: Link, phase: float, at: float) -> Link:
    if isinstance(link.rate, RateTrace):
        link = replace(link, rate=RateTrace(tuple(_turned(link.rate, (phase - at) % link.rate.seconds))))
    if link.outages:
        link = replace(link, outages=tuple(_shifted(link.outage_model, phase, at)))
    return link


def _shifted(outages: Outages, phase: float, at: float) -> Iterator[tuple[float, float]]:
    edges = outages.edges()
    for begin, end in zip(edges, edges, strict=False):
        if begin > phase + HORIZON_S:
            return
        if end > phase:
            yield at + max(0.0, begin - phase), at + end - phase


def _turned(trace: RateTrace, start: float) -> Iterator[tuple[float, float]]:
    """The steps of a trace that begins ``start`` seconds later, and ends with what came before."""
    before, passed = [], 0.0
    for seconds, rate in trace.steps:
        head = min(max(start - passed, 0.0), seconds)
        if head:
            before.append((head, rate))
        if head < seconds:
            yield seconds - head, rate
        passed += seconds
    yield from before
