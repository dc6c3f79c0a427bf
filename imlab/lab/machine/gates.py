"""Was the machine quiet enough? Decided by limits written into the plan, before anyone looks at a result.

Readings are differences of the kernel's own counters over a trial: steal (/proc/stat, the hypervisor gave our
core to someone else), pressure stall information (/proc/pressure, some task waited for a core, for memory or for
a disk), involuntary context switches of the trial's processes (getrusage), throttling (throttle.py). A reading that
the kernel does not offer is None: recorded, and unable to reject. Beside them stand canaries (canary.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from imlab.errors import UsageError
from imlab.lab.machine import canary, throttle

VOID = 0.2  # of the blocks rejected: above it the machine, not the experiment, was observed


@dataclass(frozen=True, slots=True)
class Strain:
    """What the machine suffered over a trial: shares of wall time (steal: of core time) in 0..1; switches/s.

    thermal and quota are shares too, in which a core was throttled and in which our control group was held back;
    throttles/s; mhz of the fastest core as the trial ended.
    """

    steal: float | None = None
    cpu: float | None = None
    io: float | None = None
    memory: float | None = None
    switches: float | None = None
    thermal: float | None = None
    quota: float | None = None
    throttles: float | None = None
    mhz: float | None = None

    @property
    def throttled(self) -> float | None:
        """The share that heat or a quota took, whichever took more."""
        return max((share for share in (self.thermal, self.quota) if share is not None), default=None)


@dataclass(frozen=True, slots=True)
class Gates:
    """The most of each strain that a trial may see. A block with one trial above any of them is rejected whole.

    The defaults suit two cores that nobody else uses. A server and a generator on a core each saw a ``cpu`` of
    0.01 there, and 0.39 beside one foreign busy loop, which made their p99 four times worse; ``switches`` went
    from 14 to 420. ``io`` is open, for stores wait for disks by trade. Without a limit, ``throttled`` and ``drift`` are
    recorded and reject nothing; ``drift`` limits canaries by name, as in {"cpu": 0.05}.
    """

    steal: float = 0.02
    cpu: float = 0.25
    io: float = 1.0
    memory: float = 0.01
    switches: float = 1_000.0
    throttled: float | None = None
    drift: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could never be broken."""
        if strange := [name for name in self.drift or () if name not in canary.NAMES]:
            raise UsageError(f"no canary is called {', '.join(strange)}: there are {', '.join(canary.NAMES)}")

    def breaches(self, strain: Strain, drifts: Mapping[str, float] | None = None) -> list[str]:
        """Each limit that was passed, as a reason; ``drifts`` tells how far each canary around a block drifted."""
        seen = {_SAYS[name]: (getattr(strain, name), getattr(self, name)) for name in _SAYS}
        around = {f"drift of {name}": ((drifts or {}).get(name), limit) for name, limit in (self.drift or {}).items()}
        return [
            f"{what} {value:.3g} > {limit:.3g}"
            for what, (value, limit) in (seen | around).items()
            if value is not None and limit is not None and value > limit
        ]

    def limits(self) -> dict[str, Any]:
        """The limits by name, for the plan; without the rules that are not set, for older plans have no such rules."""
        return {name: limit for name, limit in asdict(self).items() if limit is not None}


_SAYS = {
    "steal": "steal share",
    "cpu": "CPU pressure share",
    "io": "disk pressure share",
    "memory": "memory pressure share",
    "switches": "involuntary switches/s",
    "throttled": "throttled share",
}


@dataclass(frozen=True, slots=True)
class Counters:
    """The kernel's running totals at one moment; ``at`` in seconds (monotonic), pressure in seconds, steal in ticks."""

    at: float
    ticks: float | None
    stolen: float | None
    pressure: Mapping[str, float | None]
    slowed: throttle.Throttle = field(default_factory=throttle.look)


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
    old, new = before.slowed, after.slowed
    return Strain(
        steal=_grown(before.stolen, after.stolen, ticks) if ticks else None,
        **shares,
        switches=None if switches is None else switches / seconds,
        thermal=throttle.grown(old.heat, new.heat, seconds),
        quota=throttle.grown(old.quota, new.quota, seconds),
        throttles=throttle.grown(old.events, new.events, seconds),
        mhz=new.mhz,
    )


def worst(strains: Iterable[Strain]) -> Strain:
    """The greatest of each strain over a block's trials; of the frequency the lowest."""
    seen = list(strains)
    known = {part.name: [getattr(one, part.name) for one in seen] for part in fields(Strain)}
    told = {name: [value for value in values if value is not None] for name, values in known.items()}
    return Strain(
        **{name: (min if name == "mhz" else max)(values) if values else None for name, values in told.items()}
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
