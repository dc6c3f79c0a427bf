"""The study of two load models: its loads are alike by algebra, a trial of it, and its reading of simulated windows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from imlab.errors import InvalidRun
from imlab.lab.load.openloop import Load
from imlab.lab.load.schedule import Uniform
from imlab.lab.load.validity import Validity
from imlab.lab.plan.design import plan
from imlab.lab.plan.factorial import label
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.studies import q20_two_load_models as q20
from imlab.studies.published.speed import AFTER, BEFORE
from imlab.studies.two_load_models import reading
from imlab.studies.two_load_models.scenes import NEW, OLD, STALL, published
from imlab.studies.two_load_models.windows import CLOSED, OPEN, Window

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
Floats = NDArray[np.float64]


def a_load(intended: Floats, end: Floats) -> Load:
    """Of a generator that is never late and never busy."""
    return Load(intended, intended, end, {}, {}, 0.0, float(end.max()), 0.0, 0.0)


def opened(window_s: float, seed: int) -> Load:
    """The open loop of the stall, without a network."""
    arrivals = Uniform(STALL.rate, window_s).draw(np.random.default_rng(seed))
    system = STALL.system(window_s)
    return a_load(arrivals, system.ends(arrivals, system.services(len(arrivals), seed)))


def closed(window_s: float, seed: int) -> Load:
    """Its closed loop: each user for himself, for the server makes nobody wait for anybody."""
    shut = STALL.gap(window_s).system.at_s
    asked: list[tuple[float, float]] = []
    for now in np.random.default_rng(seed).uniform(0, STALL.think_s, STALL.users).tolist():
        while now < window_s:
            due = now + STALL.delay_s
            end = max(due, shut + STALL.stall_s) if due >= shut and due < shut + STALL.stall_s else due
            asked.append((now, end))
            now = end + STALL.think_s
    intended, end = np.array(sorted(asked)).T
    return a_load(intended, end)


@pytest.mark.parametrize("scene", [OLD, NEW, STALL], ids=repr)
def test_both_loads_of_a_server_are_in_the_plan(scene: object) -> None:
    described = plan(q20.EXPERIMENT, "quick").description
    assert repr(scene) in described["factors"]["scene"] and described["factors"]["loop"] == [OPEN, CLOSED]


def test_the_users_are_those_of_the_published_table() -> None:
    loop = published()
    assert OLD.users == int(loop.clients) and OLD.think_s == pytest.approx(loop.think, abs=1e-4)
    for scene, row in ((OLD, BEFORE), (NEW, AFTER)):
        rate = scene.users / (scene.delay_s + scene.think_s)
        assert rate == pytest.approx(row.rate, rel=0.005), "part of a user is missing"
    assert NEW.rate == OLD.rate == BEFORE.rate and NEW.users == OLD.users, "the same loads: only the server changes"


def test_two_loads_of_the_stall_have_one_rate() -> None:
    gap = STALL.gap(8.0)
    assert gap.rate == STALL.rate == 200.0
    assert STALL.system(8.0) == gap.system


@pytest.mark.parametrize("scale", q20.STALL_S)
@pytest.mark.parametrize("loop", [opened, closed])
def test_a_stall_is_no_growing_backlog(scale: str, loop: object) -> None:
    assert callable(loop)
    for seed in range(20):
        assert Validity().reasons(loop(q20.STALL_S[scale], seed)) == []


def test_a_window_counts_answers_after_the_warm_up() -> None:
    load = a_load(np.array([0.1, 0.9, 1.2, 1.4]), np.array([0.2, 1.1, 1.3, 2.5]))
    window = Window(2.0, 1.0)
    assert window.rate(load) == 2.0, "of the one second that counts; the last answer came after it"
    assert window.mean_s(load) == pytest.approx((0.1 + 1.1) / 2)


def rows(window_s: float = 8.0, blocks: int = 6) -> pd.DataFrame:
    """Simulated windows of the stall; of the table's rows, Little's law with some noise."""
    rng = np.random.default_rng(1)
    made: list[dict[str, object]] = []
    for block, (loop, run) in product(range(blocks), ((OPEN, opened), (CLOSED, closed))):
        head = {"block": block, "outcome": "ok", "kept": True, "loop": loop}
        stall, load = head | {"scene": label(STALL)}, run(window_s, block)
        made.append(stall | {"what": "window", "window_s": window_s, "rate_per_s": 200.0, "mean_s": 0.1})
        made += [stall | {"what": "request"} | row for row in _requests(load)]
        for scene in (OLD, NEW):
            rate = scene.rate if loop == OPEN else scene.users / (scene.delay_s + scene.think_s)
            noisy = rate * (1 + rng.normal(0, 0.01 * (loop == CLOSED)))
            seen = {"what": "window", "window_s": 2.0, "rate_per_s": noisy, "mean_s": scene.delay_s}
            made.append(head | {"scene": label(scene)} | seen)
    return pd.DataFrame(made)


def _requests(load: Load) -> Iterator[dict[str, float]]:
    for intended, latency in zip(load.intended, load.latency, strict=True):
        yield {"intended_s": intended, "latency_s": latency, "lag_s": 0.0}


def stored(monkeypatch: pytest.MonkeyPatch, table: pd.DataFrame) -> Run:
    """Some run, with these rows in place of its own."""
    monkeypatch.setattr(Run, "rows", lambda self: table)
    return Run(REFERENCE, read_manifest(REFERENCE))


@pytest.mark.parametrize("window_s", [2.6, 8.0])
def test_what_is_told_of_the_stall_is_what_algebra_expects(window_s: float) -> None:
    told = reading.table(rows(window_s))
    measured = told["measured [95 % interval over blocks]"]
    assert told["load"].nunique() == 2 and len(told) == 2 * (len(reading.QUANTILES) + 1)
    for expected, seen in zip(told["by algebra"].astype(float), measured, strict=True):
        if not seen.startswith("withheld: n too small"):
            assert float(seen.split(" ")[0]) == pytest.approx(expected, rel=0.01, abs=1)
    assert measured.str.startswith("withheld").sum() == (2 if window_s < 8 else 0), "a short window has no p99"


def test_the_sentence_tells_both_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    told = reading.conclusion(stored(monkeypatch, rows()))
    assert "p99 of 92" in told and "180 requests held up" in told and "same server 10 [10, 10] ms and 4;" in told
    assert "by -80.0 % [-80.0, -80.0] and nothing else" in told and "open loop +0.0 % [+0.0, +0.0]." in told
    change = reading.effect(rows(), "rate_per_s", CLOSED).change
    assert change.low < AFTER.rate / BEFORE.rate - 1 < change.high


def test_short_windows_are_told_by_the_percentile_they_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "shows a p95 of " in reading.conclusion(stored(monkeypatch, rows(2.6)))
    with pytest.raises(InvalidRun, match=r"p50 is withheld: n too small \(\d+, needs 20\)"):
        few = rows(2.6, 1)
        reading.conclusion(stored(monkeypatch, few[~few["intended_s"].between(0.04, 2.56)]))


def test_figures_and_tables_are_drawn_from_one_block_too(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored(monkeypatch, rows(1.5, 1))
    drawn = reading.figures(run)
    assert set(drawn) == {"stall", "percentiles", "reenacted"}
    assert "closed loop, 4 users" in drawn["stall"].alt and "expected p50" in drawn["percentiles"].alt
    told = reading.tables(run)
    assert told["reenacted"]["change of rate"].tolist()[0] == "+79.2%" and len(told["reenacted"]) == 3
    assert "182.5 clients" in told["audit"].to_string() and len(told["loads"]) == 3


def test_blocks_are_of_one_window() -> None:
    both = pd.concat([rows(2.6, 1), rows(8.0, 1)])
    with pytest.raises(InvalidRun, match=r"one window in all blocks, not \["):
        reading.table(both)


def test_nothing_measured_is_nothing_said() -> None:
    failed = rows(2.6, 1).assign(outcome="failed")
    with pytest.raises(InvalidRun, match="no request of the open loop"):
        reading.stalled(failed, OPEN)
    with pytest.raises(InvalidRun, match="no window can be counted"):
        reading.stalled(pd.DataFrame({"outcome": ["failed"], "kept": [True]}), OPEN)


def test_a_trial_needs_nothing_heavy() -> None:
    said = "import sys, imlab.studies.q20_two_load_models; print({'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.process
def test_a_stall_is_asked_about_by_the_clock_and_by_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(q20.STALL_S, "smoke", 1.2)
    trials = {
        trial.settings["loop"]: trial
        for trial in plan(q20.EXPERIMENT, "smoke").trials
        if trial.settings["scene"] == STALL
    }
    seen = {loop: pd.DataFrame(list(q20.attempt(trial))) for loop, trial in trials.items()}
    asked = {loop: some[some["what"] == "request"] for loop, some in seen.items()}
    assert [len(some[some["what"] == "window"]) for some in seen.values()] == [1, 1]
    assert len(asked[OPEN]) == 240, "whatever the server does"
    assert len(asked[CLOSED]) <= STALL.users * (1 + 0.2 / (STALL.delay_s + STALL.think_s)) + STALL.users
    for some in asked.values():
        assert (some["latency_s"] >= STALL.delay_s).all(), "a server that answers early is no clock"
    assert (asked[CLOSED]["latency_s"] > 0.5).sum() == STALL.users
    assert (asked[OPEN]["latency_s"] > 0.5).sum() >= 90, (
        "half of those due while it was shut, less those of a late start"
    )
