"""Arrivals: drawn once, the same from the same seed, in order and inside their window."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import DoorError, UsageError
from imlab.lab.load.schedule import Burst, Poisson, Recorded, Schedule, Step, Uniform, read, save

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


RATES, LENGTHS = st.floats(0.5, 2_000.0), st.floats(0.05, 5.0)
ANY = st.one_of(
    st.builds(Poisson, RATES, LENGTHS),
    st.builds(Uniform, RATES, LENGTHS),
    st.builds(Burst, st.integers(1, 50), st.floats(0.01, 1.0), LENGTHS),
    st.builds(Step, st.lists(RATES, min_size=1, max_size=4).map(tuple), LENGTHS),
)


@given(schedule=ANY, seed=st.integers(0, 2**32))
def test_any_schedule_is_sorted_and_inside_its_window(schedule: Poisson | Uniform | Burst | Step, seed: int) -> None:
    times = draw(schedule, seed)
    assert times.dtype == np.float64 and times.ndim == 1
    assert (np.diff(times) >= 0).all() and np.isfinite(times).all() and (times >= 0).all()
    seconds = schedule.each * len(schedule.rates) if isinstance(schedule, Step) else schedule.seconds
    assert (times < seconds).all()


@given(rate=RATES, seconds=LENGTHS, seed=st.integers(0, 2**32))
def test_a_metronome_has_its_count_and_a_poisson_process_its_rate(rate: float, seconds: float, seed: int) -> None:
    """Of a Poisson number, one in 10^9 lies more than 6 deviations and 10 from its mean."""
    assert abs(len(draw(Uniform(rate, seconds), seed)) - rate * seconds) < 1 + 1e-9
    times = draw(Poisson(rate, seconds), seed)
    assert abs(len(times) - rate * seconds) <= 6 * np.sqrt(rate * seconds) + 10
    assert len(times) == 0 or times[-1] < seconds


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
    assert np.array_equal(read(tmp_path / "arrivals.npy"), times)
    with pytest.raises(FileExistsError):
        save(times, tmp_path / "arrivals.npy")


@pytest.mark.parametrize("schedule", [Poisson(0.0, 1.0), Uniform(1.0, -1.0), Burst(1, 0.0, 1.0)], ids=repr)
def test_nothing_arrives_at_no_rate(schedule: Schedule) -> None:
    with pytest.raises(UsageError, match="positive"):
        draw(schedule)


TIMES = st.lists(st.floats(0.0, 1e9), min_size=1, max_size=30)


@given(times=TIMES, origin=st.floats(-1e6, 1e6), speed=st.sampled_from([0.5, 1.0, 4.0]))
def test_a_recorded_trace_keeps_its_gaps(times: list[float], origin: float, speed: float) -> None:
    """In any order, from any origin, in either kind of file."""
    given_times = np.array(times) + origin
    expected = np.sort(given_times - given_times.min()) / speed
    with tempfile.TemporaryDirectory() as name:
        kept, told = Path(name) / "trace.npy", Path(name) / "trace.csv"
        save(given_times, kept)
        told.write_text("path,seconds\n" + "".join(f'"/a,b",{moment!r}\n' for moment in given_times.tolist()))
        for found in (draw(Recorded(str(kept), speed=speed)), draw(Recorded(str(told), "seconds", speed), seed=2)):
            assert found[0] == 0 and np.array_equal(found, expected)


def test_a_trace_may_be_a_plain_list_of_seconds(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("# seconds, bytes\n10.5,300\n\n10.0,80\n12\n")
    assert draw(Recorded(str(tmp_path / "log.txt"))).tolist() == [0.0, 0.5, 2.0]


BROKEN = {
    "a word": ("t\n1.0\nsoon\n", "t", r"log.csv, line 3: 'soon' is no time"),
    "not finite": ("1.0\n# so\nnan\n", "", r"log.csv, line 3: 'nan' is no time"),
    "a short line": ("who,t\nann,1\nbob\n", "t", r"log.csv, line 3: '' is no time"),
    "another column": ("who,when\nann,1\n", "t", r"log.csv has no column 't', but who, when"),
    "nothing": ("", "", r"log.csv holds no arrival"),
    "a header alone": ("t\n", "t", r"log.csv holds no arrival"),
    "no header": ("", "t", r"log.csv has no column 't', but none"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_trace_is_told_by_its_line(case: str, tmp_path: Path) -> None:
    text, column, words = BROKEN[case]
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DoorError, match=words):
        draw(Recorded(str(tmp_path / "log.csv"), column))


def test_what_is_no_schedule_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "square.npy", np.zeros((2, 2)))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    np.save(tmp_path / "hole.npy", np.array([0.0, np.nan]))
    (tmp_path / "text.npy").write_text("1.0\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\xff")
    for name in ("square.npy", "words.npy", "hole.npy", "text.npy", "bytes.csv", "missing.csv", "missing.npy"):
        with pytest.raises(DoorError, match=name):
            draw(Recorded(str(tmp_path / name)))
    with pytest.raises(UsageError, match="positive"):
        draw(Recorded("any.csv", speed=0.0))
