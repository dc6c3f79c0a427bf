"""Was the processor slowed down, by its heat or by a quota? Differences of the kernel's own counters.

Heat: how often and for how long a core or its package was throttled (Linux Documentation/admin-guide/thermal, the
folders ``thermal_throttle`` of x86). Quota: how long the tasks of our control groups had to wait for their next period.
Frequency: what cpufreq says now. A virtual machine often shows none of these: they are None, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imlab.lab.machine import cgroup

CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Throttle:
    """Running totals at a moment, by the place that tells them: events, seconds of heat, seconds of quota; MHz now."""

    events: Mapping[str, float]
    heat: Mapping[str, float]
    quota: Mapping[str, float]
    mhz: float | None


def look(cpus: Path = CPUS, mount: Path = cgroup.MOUNT, own: Path = cgroup.OWN) -> Throttle:
    """Read the counters now. The frequency is the fastest core's: where work was done, and not the idle ones'."""
    speeds = _numbers(cpus, "cpufreq/scaling_cur_freq").values()
    return Throttle(
        _numbers(cpus, "thermal_throttle/*_count"),
        {place: ms / 1e3 for place, ms in _numbers(cpus, "thermal_throttle/*_total_time_ms").items()},
        cgroup.held_back(cgroup.groups(mount, own)),
        max(speeds) / 1e3 if speeds else None,
    )


def grown(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> float | None:
    """The growth a second of the counter that grew most; siblings and packages tell one event several times."""
    growth = [after[place] - before[place] for place in before if place in after]
    return max(growth) / seconds if growth else None


def _numbers(cpus: Path, pattern: str) -> dict[str, float]:
    """Each file that holds a number, by its place under the cores."""
    found = {}
    for path in sorted(cpus.glob(f"cpu[0-9]*/{pattern}")):
        try:
            found[str(path.relative_to(cpus))] = float(path.read_text())
        except (OSError, ValueError):
            continue  # a core that was just taken offline tells nothing
    return found
