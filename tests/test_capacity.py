"""The capacity found is the capacity there is, within the resolution and chance; and a bound is never a number."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import math
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import numpy as np
import pandas as pd
import pytest

from imlab.errors import InvalidRun, UsageError
from imlab.lab.known import theory
from imlab.lab.known.client import Ask, connect
from imlab.lab.known.server import start
from imlab.lab.known.systems import Constant, Queue, System, lines
from imlab.lab.load.capacity import Capacity, Search, Window, find, steps
from imlab.lab.load.objective import Objective
from imlab.lab.load.openloop import Load
from imlab.lab.load.schedule import Times
from imlab.lab.load.searching import searching
from imlab.lab.plan.design import RESERVED, Experiment, Trial, plan
from imlab.lab.running.cores import available, share
from imlab.lab.statistics.censored import sustained
from imlab.lab.statistics.intervals import student

pytestmark = pytest.mark.slow

WITHIN = Objective(seconds=0.05)
HURRIED = Objective(seconds=0.025, p=0.9)
Offered = Callable[[Window], Load]


def simulated(system: System) -> Offered:
    """A generator that is on time, and a system asked in no time at all: each window has its own costs."""

    def offered(window: Window) -> Load:
        arrivals = window.arrivals()
        services = system.services(len(arrivals), hash(window.seed) % 2**32)
        return on_time(arrivals, system.ends(arrivals, services))

    return offered


def on_time(arrivals: Times, ends: Times) -> Load:
    """A window sent within 10 us of its schedule by a generator that worked a tenth of its time."""
    return Load(arrivals, arrivals + 1e-5, ends + 1e-5, {}, {}, 0.0, 1.0, 0.5, 0.4)


def searched(search: Search, offered: Offered, seed: int = 1) -> Capacity:
    """The search, with windows that take no time."""

    async def probe(window: Window) -> Load:
        return offered(window)

    return asyncio.run(find(search, probe, seed))


@pytest.fixture(scope="module")
def errors() -> np.ndarray:
    """ln(found / true) of 20 searches for the capacity of M/M/1: 500/s - ln(100) / 50 ms = 408/s."""
    queue, search = Queue(1, 0.002), Search(WITHIN, first=100.0, window_s=20.0)
    truth = theory.capacity(queue, WITHIN.seconds, WITHIN.p)
    assert truth == pytest.approx(500 - math.log(100) / 0.05)
    found = [searched(search, simulated(queue), seed) for seed in range(20)]
    assert all(one.bound == "exact" and one.missed <= one.met * 1.03 * (1 + 1e-9) for one in found)
    return np.log([one.rate / truth for one in found])


def tell(found: str) -> None:
    """For the note of a run: pytest -s."""
    sys.stdout.write(f"{found}\n")


def test_the_capacity_of_a_queue_is_found(errors: np.ndarray) -> None:
    told = f"bias {errors.mean():+.1%}, spread {errors.std(ddof=1):.1%}, worst {np.abs(errors).max():.1%}"
    tell(told)
    assert abs(errors.mean()) < 0.02 and errors.std(ddof=1) < 0.05, told


def test_intervals_over_blocks_hold_the_true_capacity(errors: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    for blocks in (6, 8, 12):
        _, low, high = student(rng.choice(errors, (2_000, blocks)))
        covered = float(((low <= 0) & (high >= 0)).mean())
        tell(f"{blocks} blocks cover {covered:.1%}")
        assert covered > 0.80, f"{blocks} blocks cover {covered:.1%}"


def test_the_capacity_of_several_servers_is_found() -> None:
    queue, search = Queue(4, 0.016), Search(Objective(0.06, p=0.9), first=60.0, window_s=4.0)
    truth = theory.capacity(queue, 0.06, 0.9)
    found = [searched(search, simulated(queue), seed) for seed in range(4)]
    mean = math.exp(np.mean([math.log(one.rate) for one in found]))
    assert mean == pytest.approx(truth, rel=0.1), [one.text() for one in found]


def test_the_same_seed_asks_for_the_same_windows() -> None:
    queue, search = Queue(1, 0.002), Search(HURRIED, first=100.0, window_s=1.0)
    one, again, other = (searched(search, simulated(queue), seed) for seed in (1, 1, 2))
    assert one == again
    assert one.asked[0].window.rate != other.asked[0].window.rate, "blocks do not share one grid of rates"
    windows = [asked.window for asked in one.asked]
    assert len({window.seed for window in windows}) == len(windows), "each window is a fresh draw"
    assert all((window.arrivals() == window.arrivals()).all() for window in windows)


def late(load: Load) -> Load:
    """The generator sends one in twenty of them 60 ms late, and the answer is as much later."""
    places = np.arange(len(load.intended))
    lag = np.where((places % 20 == 0) & (places < 0.9 * len(places)), 0.06, 0.0)
    return dataclasses.replace(load, sent=load.sent + lag, end=load.end + lag)


def above(rate: float, change: Callable[[Load], Load], system: System) -> Offered:
    """The change happens to windows beyond that rate."""
    offered = simulated(system)

    def changed(window: Window) -> Load:
        return change(offered(window)) if window.rate > rate else offered(window)

    return changed


def busy(load: Load) -> Load:
    return dataclasses.replace(load, cpu_s=1.3)


def failing(said: str) -> Callable[[Load], Load]:
    """One request in a hundred fails."""

    def change(load: Load) -> Load:
        lost = range(7, len(load.intended), 100)
        end = load.end.copy()
        end[list(lost)] = np.nan
        return dataclasses.replace(load, end=end, errors=dict.fromkeys(lost, said))

    return change


QUICK = Constant(0.001)


def few_lanes(window: Window) -> Load:
    """Eight lanes to a server that takes 10 ms, always: 800/s go through, and the rest waits for a lane."""
    arrivals = window.arrivals()
    ends = lines(arrivals, np.full(len(arrivals), 0.01), 8)
    return dataclasses.replace(on_time(arrivals, ends), stamps={"asked": ends - 0.01})


ENDS = {
    "never breaks": (simulated(QUICK), "at least", "no higher rate than 2000/s"),
    "generator busy": (above(700, busy, QUICK), "at least", "generator busy 90% of its core"),
    "generator late": (above(700, late, QUICK), "at least", "generator late by 60 ms at p99"),
    "generator out of files": (above(700, failing("OSError: [Errno 24] Too many"), QUICK), "at least", "[Errno 24]"),
    "few lanes": (few_lanes, "at least", "too few lanes: p99 10 ms"),
    "errors": (above(700, failing("reset"), QUICK), "exact", "errors 1."),
    "a queue that overflows": (simulated(Queue(1, 0.002)), "exact", ""),
    "slow from the first": (simulated(Constant(0.06)), "below", "p99 60 ms, over 50 ms"),
    "limited from the first": (above(0, busy, QUICK), "at least", "busy"),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_search_ends_with_a_number_or_a_bound_and_its_reason(case: str) -> None:
    offered, bound, why = ENDS[case]
    found = searched(Search(WITHIN, first=300.0, most=2_000.0, window_s=1.0), offered)
    assert found.bound == bound and why in found.why, found.text()
    assert found.text().startswith({"exact": f"{found.rate:,.0f}/s", "at least": ">= ", "below": "< "}[bound])
    edge = {"never breaks": 2_000, "limited from the first": 0, "a queue that overflows": 408, "few lanes": 780}.get(
        case, 700
    )
    if bound != "below":
        assert found.met == pytest.approx(edge, rel=0.2 if edge in (408, 780) else 0.03)


def judged(lag: float, service: float, every: int) -> tuple[str, str]:
    """A window in which each so many-th request is sent so late, and all are served in the same time."""
    intended = np.arange(2_000) / 100
    late = np.where(np.arange(2_000) % every == 0, lag, 0.0)
    one = WITHIN.judge(Load(intended, intended + late, intended + late + service, {}, {}, 0.0, 20.0, 1.0, 0.9))
    return one.outcome, one.why


BLAME: dict[str, tuple[tuple[float, float, int], str]] = {
    "on time and quick": ((0.0, 0.02, 1), "met"),
    "on time and slow": ((0.0, 0.06, 1), "missed"),
    "late, and within the objective all the same": ((0.02, 0.02, 1), "met"),
    "late, and without it the objective would be met": ((0.04, 0.02, 1), "limited"),
    "late, and slower than that explains": ((0.04, 0.06, 1), "missed"),
    "late by less than a tenth": ((0.002, 0.049, 1), "missed"),
    "rarely late": ((0.06, 0.02, 200), "met"),
}


@pytest.mark.parametrize("case", BLAME)
def test_the_system_is_not_blamed_for_the_generator(case: str) -> None:
    numbers, outcome = BLAME[case]
    found, why = judged(*numbers)
    assert found == outcome and bool(why) == (outcome != "met"), why


def test_one_spoilt_window_does_not_end_the_climb() -> None:
    """A miss is never taken from one window: here the second is spoilt by a pause of the machine."""
    offered, asked = simulated(QUICK), []

    def once(window: Window) -> Load:
        load = offered(window)
        asked.append(window)
        if len(asked) != 2:
            return load
        late = np.where(load.intended > 0.98 * load.intended[-1], 0.06, 0.0)
        return dataclasses.replace(load, end=load.end + late)

    found = searched(Search(WITHIN, first=500.0, most=4_000.0, window_s=10.0), once)
    assert [one.judgement.outcome for one in found.asked].count("missed") == 1
    assert (found.bound, found.met) == ("at least", 4_000.0)


def test_a_system_that_died_has_no_capacity() -> None:
    """Else the last rate before its death would be given for one."""
    offered, asked = simulated(QUICK), []

    def until(window: Window) -> Load:
        asked.append(window)
        load = offered(window)
        lost = dict.fromkeys(range(len(load.end)), "reset") if len(asked) > 2 else {}
        return dataclasses.replace(load, end=np.full(len(load.end), np.nan), errors=lost) if lost else load

    with pytest.raises(InvalidRun, match=r"no request of a window of .*/s succeeded, the first: reset"):
        searched(Search(WITHIN, first=300.0, window_s=1.0), until)


def test_a_backlog_that_grows_is_a_miss_however_patient_the_objective() -> None:
    patient = Objective(seconds=30.0)
    found = searched(Search(patient, first=100.0, window_s=10.0), simulated(Queue(1, 0.002)))
    assert found.bound == "exact" and "no steady state" in found.why
    assert found.rate == pytest.approx(500, rel=0.1)


def test_every_window_is_kept_as_a_row_and_the_capacity_is_the_last() -> None:
    found = searched(Search(HURRIED, first=200.0, window_s=1.0), simulated(Queue(1, 0.002)))
    *windows, last = found.rows()
    assert [row["rate_per_s"] for row in windows] == [asked.window.rate for asked in found.asked]
    assert {row["shown"] for row in windows} == {"met", "missed"}
    assert all(bool(row["why"]) == (row["shown"] == "missed") for row in windows)
    assert (last["what"], last["shown"], last["rate_per_s"]) == ("capacity", "exact", found.rate)
    assert not set(RESERVED) & {name for row in (*windows, last) for name in row}


def test_stored_rows_give_the_interval_over_blocks() -> None:
    search = Search(HURRIED, first=300.0, most=1_000.0, window_s=1.0)
    systems = [Queue(1, 0.002)] * 5 + [QUICK]
    rows = [row for seed, system in enumerate(systems) for row in searched(search, simulated(system), seed).rows()]
    stored = pd.read_csv(io.StringIO(pd.DataFrame(rows).to_csv(index=False)), keep_default_na=False, na_values=[""])
    found = stored[stored["what"] == "capacity"]
    assert found["missed_per_s"].iloc[-1] == math.inf
    over = sustained(found["rate_per_s"], found["shown"].tolist())
    assert over.text() == f">= {found['rate_per_s'].min():,.4g}/s (1 of 6 blocks are bounds)"


def test_windows_last_until_the_quantile_has_enough_arrivals() -> None:
    search = Search(Objective(0.05, p=0.999), first=10.0, window_s=1.0, warm_up_s=0.5)
    for rate in (10.0, 500.0, 100_000.0):
        arrivals = Window(rate, search.seconds(rate), (1, 1)).arrivals()
        assert (arrivals >= 0.5).sum() >= 10_000 or search.seconds(rate) == 1.5


REFUSED: dict[str, Callable[[], object]] = {
    "no time": lambda: Objective(0.0),
    "no quantile": lambda: Objective(0.05, p=1.0),
    "a first above most": lambda: Search(WITHIN, first=10.0, most=5.0),
    "no climb": lambda: Search(WITHIN, first=10.0, growth=1.0),
    "a miss from one window": lambda: Search(WITHIN, first=10.0, windows=1),
    "too few arrivals": lambda: WITHIN.judge(on_time(np.arange(100.0), np.arange(100.0) + 0.01)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_searched_is_refused(case: str) -> None:
    with pytest.raises(UsageError):
        REFUSED[case]()


def test_the_first_window_is_known_before_any_load() -> None:
    assert next(steps(Search(WITHIN, first=100.0), seed=3)).rate <= 100.0


@pytest.mark.process
def test_the_capacity_of_a_real_server_is_found_through_the_real_generator() -> None:
    """M/M/1 of 2 ms: nine in ten within 25 ms up to 500/s - ln(10) / 25 ms = 408/s. Short windows: a factor of 1.25.

    A machine that stalls under the generator may turn the number into a bound; a bound too high is wrong all the same.
    """
    queue, cores = Queue(1, 0.002), share(available())
    search = Search(HURRIED, first=350.0, growth=1.5, resolution=0.15, window_s=1.0, warm_up_s=0.2, windows=2)

    def reached(trial: Trial) -> AbstractAsyncContextManager[Ask]:
        return connect(server.port)

    attempt = searching(reached, search)
    trial = plan(Experiment("q99_known", "How many?", "408/s.", attempt), "smoke").trials[0]
    with start(queue, cores=cores) as server, cores.borrowed():
        *windows, found = attempt(trial)
    truth = theory.capacity(queue, HURRIED.seconds, HURRIED.p)
    told = (
        f"{found['shown']} {found['rate_per_s']:.0f}/s, in truth {truth:.0f}/s; {len(windows)} windows {found['why']}"
    )
    tell(told)
    assert found["met_per_s"] < 1.25 * truth, told
    assert found["shown"] == "at least" or truth / 1.25 < found["rate_per_s"] < 1.25 * truth, told


@pytest.mark.process
def test_a_search_stays_light() -> None:
    """It runs in the generator's process."""
    code = "import imlab.lab.load.searching, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert "numpy" in loaded and not {"pandas", "scipy", "matplotlib"} & set(loaded)
