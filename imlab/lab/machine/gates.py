"""Was the machine quiet enough? Decided by limits written into the plan, before anyone looks at a result.

Readings are differences of the kernel's own counters over a trial: steal (/proc/stat, the hypervisor gave our
core to someone else), pressure stall information (/proc/pressure, some task waited for a core, for memory or for
a disk), involuntary context switches of the trial's processes (getrusage). A reading that the kernel does not
offer is None: recorded, and unable to reject.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

VOID = 0.2  # of the blocks rejected: above it the machine, not the experiment, was observed


@dataclass(frozen=True, slots=True)
class Strain:
    """What the machine suffered over a trial: shares of wall time (steal: of core time) in 0..1; switches/s."""

    steal: float | None = None
    cpu: float | None = None
    io: float | None = None
    memory: float | None = None
    switches: float | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """The most of each strain that a trial may see. A block with one trial above any of them is rejected whole.

    The defaults suit two cores that nobody else uses. A server and a generator on a core each saw a ``cpu`` of
    0.01 there, and 0.39 beside one foreign busy loop, which made their p99 four times worse; ``switches`` went
    from 14 to 420. ``io`` is open, for stores wait for disks by trade.
    """

    steal: float = 0.02
    cpu: float = 0.25
    io: float = 1.0
    memory: float = 0.01
    switches: float = 1_000.0

    def breaches(self, strain: Strain) -> list[str]:
        """Each limit that was passed, as a reason."""
        return [
            f"{_SAYS[name]} {seen:.3g} > {limit:.3g}"
            for name, limit in self.limits().items()
            if (seen := getattr(strain, name)) is not None and seen > limit
        ]

    def limits(self) -> dict[str, float]:
        """The limits by name, for the plan."""
        return asdict(self)


_SAYS = {
    "steal": "steal share",
    "cpu": "CPU pressure share",
    "io": "disk pressure share",
    "memory": "memory pressure share",
    "switches": "involuntary switches/s",
}


@dataclass(frozen=True, slots=True)
class Counters:
    """The kernel's running totals at one moment; ``at`` in seconds (monotonic), pressure in seconds, steal in ticks."""

    at: float
    ticks: float | None
    stolen: float | None
    pressure: Mapping[str, float | None]


def look(proc: Path = Path("/proc")) -> Counters:
    """Read the counters now."""
    ticks, stolen = _ticks(proc / "stat")
    pressure = {what: _stalled(proc / "pressure" / what) for what in ("cpu", "io", "memory")}
    return Counters(time.monotonic(), ticks, stolen, pressure)


def strain(before: Counters, after: Counters, switches: int | None = None) -> Strain:
    """What happened between two looks; ``switches`` counted by whoever reaped the processes."""
    seconds = max(after.at - before.at, 1e-9)
    shares = {what: _grown(before.pressure[what], after.pressure[what], seconds) for what in before.pressure}
    ticks = _grown(before.ticks, after.ticks, 1.0)
    steal = _grown(before.stolen, after.stolen, ticks) if ticks else None
    return Strain(
        steal, shares["cpu"], shares["io"], shares["memory"], None if switches is None else switches / seconds
    )


def worst(strains: Iterable[Strain]) -> Strain:
    """The greatest of each strain over a block's trials."""
    seen = list(strains)
    return Strain(
        *(
            max((value for one in seen if (value := getattr(one, part.name)) is not None), default=None)
            for part in fields(Strain)
        )
    )


def void(rejected: int, blocks: int) -> bool:
    """Whether so many blocks were rejected that nothing may be said."""
    return rejected > VOID * blocks


def _grown(before: float | None, after: float | None, over: float) -> float | None:
    return None if before is None or after is None else (after - before) / over


def _ticks(path: Path) -> tuple[float | None, float | None]:
    """All ticks and the stolen ones, summed over cores (proc(5): user nice system idle iowait irq softirq steal)."""
    try:
        counts = [float(word) for word in path.read_text().splitlines()[0].split()[1:9]]
    except OSError:
        return None, None
    return sum(counts), counts[7]


def _stalled(path: Path) -> float | None:
    """Seconds in which some task waited (Linux Documentation/accounting/psi.rst; totals are microseconds)."""
    try:
        return int(path.read_text().split("total=")[1].split()[0]) / 1e6
    except OSError:
        return None
