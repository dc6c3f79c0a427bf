"""Throttling: the growth of the kernel's counters, on old and new control groups, and silence where it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from imlab.lab.machine.cgroup import groups, held_back, quota
from imlab.lab.machine.throttle import Throttle, grown, look


def written(home: Path, files: dict[str, str]) -> Path:
    """Files by their places."""
    for place, text in files.items():
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(text)
    home.mkdir(exist_ok=True)
    return home


NEW = {"a/b/cpu.stat": "nr_throttled 3\nthrottled_usec 2500000\n", "a/b/cpu.max": "max 100000\n",
       "a/cpu.stat": "nr_throttled 1\nthrottled_usec 500000\n", "a/cpu.max": "150000 100000\n",
       "cpu.stat": "usage_usec 1\n"}  # fmt: skip
OLD = {"cpu,cpuacct/a/cpu.stat": "nr_throttled 3\nthrottled_time 2500000000\n",
       "cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
       "cpu,cpuacct/cpu.stat": "throttled_time 0\n", "cpu,cpuacct/cpu.cfs_quota_us": "-1\n"}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "own", "seconds", "cores"),
    [
        (NEW, "0::/a/b\n", {"a/b": 2.5, "a": 0.5}, 1.5),
        (OLD, "4:memory:/x\n3:cpu,cpuacct:/a\n0::/\n", {"cpu,cpuacct/a": 2.5, "cpu,cpuacct": 0.0}, 0.5),
        (NEW, "0::/a/of-the-host\n", {"a": 0.5}, 1.5),
        (NEW, "0::/\n", {}, None),
        (NEW, "0::/../b\n", {}, None),
        ({}, "0::/a\n", {}, None),
        ({}, "", {}, None),
    ],
    ids=["version 2", "version 1", "not mounted", "root", "outside", "no counters", "no groups"],
)
def test_a_quota_is_any_group_s_above_us(
    tmp_path: Path, files: dict[str, str], own: str, seconds: dict[str, float], cores: float | None
) -> None:
    mount, told = written(tmp_path / "mount", files), tmp_path / "own"
    told.write_text(own)
    found = groups(mount, told)
    assert held_back(found) == {str(mount / place): value for place, value in seconds.items()}
    assert quota(found) == cores


def test_heat_is_that_of_the_core_that_suffered_most(tmp_path: Path) -> None:
    def core(number: int, ms: int, count: int, khz: int) -> dict[str, str]:
        place = f"cpu{number}"
        return {f"{place}/thermal_throttle/core_throttle_total_time_ms": f"{ms}\n",
                f"{place}/thermal_throttle/core_throttle_count": f"{count}\n",
                f"{place}/cpufreq/scaling_cur_freq": f"{khz}\n"}  # fmt: skip

    nowhere = tmp_path / "nowhere"
    before = look(written(tmp_path / "a", core(0, 9_000, 5, 800_000) | core(1, 0, 0, 3_000_000)), nowhere, nowhere)
    after = look(written(tmp_path / "b", core(0, 9_000, 5, 800_000) | core(1, 500, 4, 2_000_000)), nowhere, nowhere)
    assert grown(before.heat, after.heat, 2.0) == pytest.approx(0.25)
    assert grown(before.events, after.events, 2.0) == pytest.approx(2.0)
    assert (before.mhz, after.mhz) == (3000.0, 2000.0)


def test_what_a_virtual_machine_does_not_show_is_none(tmp_path: Path) -> None:
    bare = look(tmp_path, tmp_path, tmp_path / "own")
    assert bare == Throttle({}, {}, {}, None)
    assert grown(bare.heat, bare.heat, 1.0) is None
    assert grown({"gone": 1.0}, {"new": 2.0}, 1.0) is None, "a counter that came meanwhile has no growth"
