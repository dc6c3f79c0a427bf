"""What this machine is: facts stored with every run, and a fingerprint that says which runs may be compared.

No host name, no user, no path: a manifest travels. What the system does not tell is an empty text.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imlab.lab.machine import cgroup
from imlab.lab.machine.interpreter import build, optimised

ROOT = Path(__file__).resolve().parents[3]
SAME = (
    "cpu",
    "cores",
    "system",
    "kernel",
    "governor",
    "congestion",
    "python",
    "optimised",
)  # what the fingerprint covers


def facts() -> dict[str, Any]:
    """All facts, as plain JSON values; memory in GB, load as the kernel's three averages."""
    return {
        **code(),
        "lock": _digest(ROOT / "requirements.lock"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "optimised": optimised(),
        "build": build(),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(),
        "kernel": platform.release(),
        "governor": _line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "congestion": _line("/proc/sys/net/ipv4/tcp_congestion_control"),
        "virtual": virtual(),
        "clock": _line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "quota_cores": cgroup.quota(cgroup.groups()),
        "load": [round(average, 2) for average in os.getloadavg()],
    }


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits: equal where results may be pooled. Facts that came later are beside it, not in it."""
    told = json.dumps([facts.get(name, "") for name in SAME])
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def code() -> dict[str, Any]:
    """The commit, whether the tree differs from it, and a digest of the difference; stored results do not count."""
    changed = _git("status", "--porcelain", "--", ".", ":!results")
    diff = _git("diff", "HEAD", "--", ".", ":!results")
    dirty = bool(changed)
    digest = hashlib.sha256((changed + diff).encode()).hexdigest()[:8] if dirty else ""
    return {"commit": _git("rev-parse", "HEAD").strip(), "dirty": dirty, "diff": digest}


def said(facts: Mapping[str, Any]) -> str:
    """The machine in one line, for a caption."""
    build = "" if facts["optimised"] else " built without optimisation"
    at = facts["commit"][:7] + ("+changes" if facts["dirty"] else "") if facts["commit"] else "no commit"
    parts = [f"{facts['cores']} cores {facts['cpu']}".strip(), f"{facts['system']} {facts['kernel']}"]
    return ", ".join([*parts, facts["python"] + build, at])


def virtual(told: Path = Path("/proc/cpuinfo")) -> bool | None:
    """Whether a hypervisor runs this machine, as x86 has it among the processor's flags; None where nothing is said."""
    lines = [line.split() for line in _line(str(told)).splitlines() if line.startswith("flags")]
    return "hypervisor" in lines[0] if lines else None


def _git(*words: str) -> str:
    """What git answers; empty outside a checkout or without git."""
    if not (ROOT / ".git").exists():
        return ""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True, timeout=30).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return ""


def _cpu() -> str:
    """The processor's name for itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
