"""What this process's control groups allow it, and for how long they have held it back.

A process is in a group, and that in others; the quota of any of them holds (Linux Documentation/admin-guide/
cgroup-v2.rst; version 1: scheduler/sched-bwc.rst). In a container the path may be the host's, of which only the
mounted root is seen: then that root is asked.
"""

from __future__ import annotations

import os
from pathlib import Path

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def groups(mount: Path = MOUNT, own: Path = OWN) -> list[Path]:
    """The folders of the groups that govern this process's CPU time, its own first; empty where there are none."""
    for root, path in _hierarchies(mount, own):
        place = Path(os.path.normpath(f"{root}/{path}"))
        chain = [one for one in (place, *place.parents) if one.is_relative_to(root) and one.is_dir()]
        chain = chain or [root]
        if any((one / "cpu.stat").exists() for one in chain):
            return chain
    return []


def held_back(groups: list[Path]) -> dict[str, float]:
    """For each group that says so, the seconds in which some task of it had to wait for the next period."""
    found = {}
    for group in groups:
        told = dict(line.split() for line in _text(group / "cpu.stat").splitlines())
        if "throttled_usec" in told:
            found[str(group)] = int(told["throttled_usec"]) / 1e6
        elif "throttled_time" in told:  # version 1, in nanoseconds
            found[str(group)] = int(told["throttled_time"]) / 1e9
    return found


def quota(groups: list[Path]) -> float | None:
    """How many cores' time the strictest group allows; None without a limit."""
    return min((cores for group in groups if (cores := _cores(group)) is not None), default=None)


def _hierarchies(mount: Path, own: Path) -> list[tuple[Path, str]]:
    """Where the CPU is governed, version 1 first, for where both are mounted it has the controllers."""
    lines = [line.split(":", 2) for line in _text(own).splitlines() if line.count(":") >= 2]
    old = [(mount / name, path) for _, names, path in lines if "cpu" in names.split(",") for name in (names, "cpu")]
    return old + [(mount, path) for number, names, path in lines if (number, names) == ("0", "")]


def _cores(group: Path) -> float | None:
    """One group's quota over its period; "max" and -1 are none."""
    words = _text(group / "cpu.max").split()
    if not words:
        words = [_text(group / f"cpu.cfs_{what}_us").strip() for what in ("quota", "period")]
    numbers = [int(word) for word in words if word.isdecimal()]
    return numbers[0] / numbers[1] if len(numbers) == 2 else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
