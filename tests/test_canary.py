"""Canaries: each does its work, what cannot be sung has a reason, and a block's drift is against the run's median."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imlab.lab.machine import canary
from imlab.lab.running.cores import Cores, available, share
from imlab.lab.running.song import drifts, sing, summary, sung


def song(block: int, place: str = "before", **costs: float) -> dict[str, Any]:
    """A song with these medians; a cost of 0 could not be sung."""
    heard = [
        {"name": name, "fastest_s": cost, "median_s": cost, "p99_s": None, "n": 5} if cost else
        {"name": name, "reason": "OSError: no"} for name, cost in costs.items()
    ]  # fmt: skip
    return {"block": block, "place": place, "started": "2026-01-02T03:04:05", "canaries": heard}


@pytest.mark.process
def test_all_four_sing_on_cores_of_their_own_and_leave_nothing(tmp_path: Path) -> None:
    heard = sing(0, "before", tmp_path, share(available()))
    rows = list(sung(heard))
    assert [row["name"] for row in rows] == list(canary.NAMES)
    for row in rows:
        assert row["reason"] == "" and 0 < row["fastest_s"] <= row["median_s"] and row["n"] >= 1, row
        assert (row["p99_s"] is None) == (row["n"] < canary.TRIPS), "a percentile only where ten lie above it"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_what_cannot_be_sung_has_its_reason_and_breaks_nothing(tmp_path: Path) -> None:
    rows = {row["name"]: row for row in sung(sing(0, "before", tmp_path / "nowhere", Cores()))}
    assert rows["fsync"]["reason"].startswith("FileNotFoundError") and rows["fsync"]["median_s"] == ""
    assert rows["cpu"]["median_s"] > 0
    strange = list(sung(sing(0, "before", tmp_path, Cores((4_000,), (4_001,)))))
    assert [row["reason"] for row in strange] == ["CalledProcessError"] * 4


@pytest.mark.process
def test_the_echo_ends_with_its_line() -> None:
    code = f"import os, runpy; assert runpy.run_path({canary.__file__!r})['loopback'](); os.waitpid(-1, 0)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert "ChildProcessError" in done.stderr, "no child is left to wait for"


def test_a_block_drifts_as_far_as_the_furthest_song_around_it() -> None:
    songs = [
        song(0, cpu=1.0),
        song(1, cpu=1.0),
        song(2, cpu=1.5),
        song(2, "within", cpu=0.9),
        song(2, "after", cpu=1.0),
    ]
    found = [around["cpu"] for around in drifts(songs, 3)]
    assert found == pytest.approx([0.0, 0.5, 0.5]), "the song between two blocks serves both"
    assert drifts(songs[:2], 3)[2] == {}, "a block without songs does not drift"


def test_a_canary_that_could_not_sing_neither_drifts_nor_counts() -> None:
    songs = [song(0, cpu=1.0, fsync=0.0), song(0, "after", cpu=3.0, fsync=2.0)]
    assert summary(songs) == {
        "cpu": {"median_s": 2.0, "spread": 2.0, "songs": 2}, "fsync": {"median_s": 2.0, "spread": 0.0, "songs": 1},
    }  # fmt: skip
    assert drifts(songs, 1) == [{"cpu": 0.5, "fsync": 0.0}]
    assert summary([]) == {} and drifts([], 2) == [{}, {}]
