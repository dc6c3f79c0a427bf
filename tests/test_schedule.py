"""Arrivals: drawn once, the same from the same seed, in order and inside their window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imlab.errors import UsageError
from imlab.lab.load.schedule import Burst, Poisson, Schedule, Step, Uniform, save

SCHEDULES: list[tuple[Schedule, float, int]] = [  # schedule, seconds, arrivals expected
    (Poisson(500.0, 20.0), 20.0, 10_000),
    (Uniform(500.0, 20.0), 20.0, 10_000),
    (Burst(50, 0.1, 20.0), 20.0, 10_000),
    (Step((250.0, 750.0), 10.0), 20.0, 10_000),
]


def draw(schedule: Schedule, seed: int = 1) -> np.ndarray:
    return schedule.draw(np.random.default_rng(seed))


@pytest.mark.parametrize(("schedule", "seconds", "expected"), SCHEDULES, ids=repr)
def test_arrivals_are_in_order_inside_the_window_and_as_many_as_promised(
    schedule: Schedule, seconds: float, expected: int
) -> None:
    times = draw(schedule)
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 0 and times[-1] < seconds
    assert abs(len(times) - expected) <= 4 * np.sqrt(expected)


@pytest.mark.parametrize("schedule", [schedule for schedule, _, _ in SCHEDULES], ids=repr)
def test_the_seed_decides(schedule: Schedule) -> None:
    assert np.array_equal(draw(schedule, 1), draw(schedule, 1))
    assert not np.array_equal(draw(schedule, 1), draw(schedule, 2))


def test_poisson_gaps_are_memoryless() -> None:
    gaps = np.diff(draw(Poisson(500.0, 60.0)))
    assert abs(gaps.std() / gaps.mean() - 1) < 0.03, "an exponential's spread is its mean"


def test_a_burst_is_one_moment_and_a_metronome_keeps_its_beat() -> None:
    assert len(np.unique(draw(Burst(50, 0.1, 2.0)))) == 20
    assert np.allclose(np.diff(draw(Uniform(100.0, 2.0))), 0.01)


def test_a_step_changes_the_rate() -> None:
    times = draw(Step((100.0, 900.0), 10.0))
    assert 7 < (times >= 10).sum() / (times < 10).sum() < 11.5


def test_a_drawn_schedule_is_saved_and_never_overwritten(tmp_path: Path) -> None:
    times = draw(Poisson(50.0, 1.0))
    save(times, tmp_path / "arrivals.npy")
    assert np.array_equal(np.load(tmp_path / "arrivals.npy"), times)
    with pytest.raises(FileExistsError):
        save(times, tmp_path / "arrivals.npy")


@pytest.mark.parametrize("schedule", [Poisson(0.0, 1.0), Uniform(1.0, -1.0), Burst(1, 0.0, 1.0)], ids=repr)
def test_nothing_arrives_at_no_rate(schedule: Schedule) -> None:
    with pytest.raises(UsageError, match="positive"):
        draw(schedule)
