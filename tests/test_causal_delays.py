"""The study of causal delays: its cases, its counts, slopes and predictions on rows whose answers are known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imlab.errors import InvalidRun
from imlab.lab.plan.design import plan
from imlab.lab.plan.factorial import label
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.stack.service.delays import Delays
from imlab.studies import q19_causal_delays as q19
from imlab.studies.causal_delays import drawn, factorial, reading
from imlab.studies.causal_delays.cases import CASES, COSTS, DELAYS_S, NEVER, SIDES, Case
from imlab.studies.causal_delays.predicted import FIRST, LAST, NOT_PREDICTED, Predictor
from imlab.studies.causal_delays.slopes import Measured
from imlab.studies.causal_delays.tried import ASKED, COST, PLACES, amiss, passed
from imlab.studies.who_earned_it.cells import CHANGES, OPEN

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
PASSES = {
    "old": {"accept": 1.0, "connect": 0.8, "Find": 0.4, "Get": 0.4, "Look": 0.0, "frame": 0.9},
    "new": {"Get": 0.1, "Look": 0.2, "frame": 0.9},
}
AMPLIFIED = {"frame": {"old": 8.0, "new": 2.0}}  # what is not named: once for each pass
MEAN_S = {"old": 0.065, "new": 0.020}
MISSES = {"old": 0.4, "new": 0.1}
PRICES_US = {"encode json": 80, "encode protobuf": 10, "decode json": 90, "decode protobuf": 10, "find, kept": 10,
             "find, fresh": 90, "get, kept": 100, "get, fresh": 220, "look, kept": 25, "look, fresh": 85,
             "accept": 100}  # fmt: skip
ASKS = {"old": (0.4, 0.4, 0.0), "new": (0.1, 0.1, 0.2)}  # of database, objects, cache


def worth(side: str, stage: str) -> float:
    """Seconds of the mean for each second of the stage, as the rows are made."""
    return PASSES[side][stage] * AMPLIFIED.get(stage, {}).get(side, 1.0)


def made(blocks: int = 6) -> Iterator[dict[str, Any]]:
    """Rows as trials give them: the mean is a straight line over each delay; each block is a little slower."""
    for block in range(blocks):
        told = {"block": block, "outcome": "ok", "kept": True}
        for case in CASES.values():
            base = MEAN_S[case.side] + 1e-4 * (block % 3)
            often = PASSES[case.side].get(case.stage, 0.0)
            held = 1.02 * case.delay_s if often else 0.0  # timers are late
            longer = worth(case.side, case.stage) * held if case.stage else 0.0
            asks = dict(zip((f"{place}_questions" for place in PLACES), ASKS[case.side], strict=True))
            yield {**told, "case": case.name, "what": ASKED, "side": case.side, "stage": case.stage,
                   "asked_s": case.delay_s, "passes": often, "delay_s": held, "mean_s": base + longer,
                   "p50_s": 0.002 + 0.001 * (block % 2), "misses": MISSES[case.side], **asks}  # fmt: skip
        for of, microseconds in PRICES_US.items():
            yield {**told, "case": COSTS, "what": COST, "of": of, "cost_s": microseconds * 1e-6}


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(made())


def test_every_stage_is_one_that_the_service_can_delay() -> None:
    for case in CASES.values():
        Delays(case.slowed)
        assert case.delay_s * 1e3 == int(case.delay_s * 1e3) or case.stage == "frame", "a loop's clock has whole ms"
    levels = q19.EXPERIMENT.factors["case"]
    assert [label(level) for level in levels] == [*CASES, COSTS]
    assert {Case(side) for side in SIDES} <= set(CASES.values())
    assert any((case.side, case.stage) == NEVER for case in CASES.values()), "a switch that cannot matter"


def test_what_is_counted_is_what_passed_in_the_window() -> None:
    before = {"imlab_delay_Get_total": 10.0, "imlab_delay_Get_seconds_total": 0.5}
    after = {"imlab_delay_Get_total": 60.0, "imlab_delay_Get_seconds_total": 1.55}
    assert passed(before, after, 200, "Get") == pytest.approx({"passes": 0.25, "delay_s": 0.021})
    assert passed(before, before, 200, "Get") == {"passes": 0.0, "delay_s": 0.0}
    assert passed({}, {}, 200, "") == {"passes": 0.0, "delay_s": 0.0}


@pytest.mark.parametrize(
    ("held_s", "passes", "wrong"), [(0.0201, 0.3, 0), (0.0192, 0.3, 0), (0.018, 0.3, 1), (0.03, 0.3, 1), (0.0, 0.0, 0)]
)
def test_a_delay_that_was_another_is_named(held_s: float, passes: float, wrong: int) -> None:
    assert len(list(amiss(Case("old", "Get", 0.020), {"passes": passes, "delay_s": held_s}))) == wrong


@pytest.mark.parametrize(("side", "stage"), [(side, stage) for side, stages in DELAYS_S.items() for stage in stages])
def test_the_slope_is_that_of_the_rows(side: str, stage: str, rows: pd.DataFrame) -> None:
    found = Measured(rows).slope("mean_s", side, stage)
    assert found.slopes == pytest.approx(np.full(6, worth(side, stage)), abs=1e-9)
    assert found.passes == pytest.approx(np.full(6, PASSES[side][stage]))
    assert found.found == ((side, stage) != NEVER)
    if found.passed:
        assert found.each.estimate == pytest.approx(worth(side, stage) / PASSES[side][stage])


def predicted(rows: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """By factor, place and the first word of how: seconds that the change takes away."""
    every = Predictor(Measured(rows), "mean_s").all()
    return {(one.factor, one.when, one.how.rpartition(" ")[2]): float((one.before - one.after)[0]) for one in every}


def test_predictions_are_slopes_times_costs(rows: pd.DataFrame) -> None:
    miss_s, look_s = 0.001 + 10e-6 + 0.150 + 100e-6, 0.2 * 25e-6
    opened_s = 0.4 * 80e-6 + 0.4 * 120e-6
    assert predicted(rows) == pytest.approx({
        ("cache", FIRST, "misses"): 0.4 * miss_s * 0.75 - look_s,
        ("cache", LAST, "it"): 0.1 * miss_s * 3 - look_s,
        ("reuse", FIRST, "waiting"): 0.8 * 100e-6 + 1.0 * 100e-6,
        ("reuse", FIRST, "time"): 8 * (opened_s + 100e-6),
        ("reuse", LAST, "time"): 2 * (0.1 * 80e-6 + 0.1 * 120e-6 + 0.2 * 60e-6 + 100e-6),
        ("framing", FIRST, "decoding"): 0.9 * 8 * 70e-6 + 0.9 * 80e-6,
        ("framing", LAST, "decoding"): 0.9 * 2 * 70e-6 + 0.9 * 80e-6,
    })  # fmt: skip


def factorial_rows(blocks: int = 6) -> Iterator[dict[str, Any]]:
    """Sixteen mixtures whose means are products: the cache halves, all else takes a tenth off."""
    for block, new in product(range(blocks), product((False, True), repeat=len(CHANGES))):
        cell = {name: label(levels[side]) for (name, levels), side in zip(CHANGES.items(), new, strict=True)}
        taken = [0.5 if name == "cache" else 0.9 for name, side in zip(CHANGES, new, strict=True) if side]
        value = 0.06 * float(np.prod(taken)) * (1 + 0.001 * (block % 3))
        yield {**cell, "block": block, "outcome": "ok", "kept": True, "loop": OPEN, "mean_s": value, "p50_s": value}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Beside a run of the factorial."""
    here = Run(tmp_path / "results" / "q19_causal_delays" / "now", read_manifest(REFERENCE))
    other = Run(tmp_path / "results" / factorial.STUDY / "now", read_manifest(REFERENCE))
    monkeypatch.setattr(Run, "rows", lambda run: pd.DataFrame(factorial_rows() if run == other else made()))
    monkeypatch.setattr(factorial, "latest", lambda results, study: {tmp_path / "results": other}[results])
    return here


def test_predictions_stand_beside_what_the_factorial_measured(run: Run) -> None:
    told = reading.tables(run)["predictions"].reset_index()
    lines = {(row["change"], row["place"]): row for row in told[told["measure"] == "mean"].to_dict("records")}
    cache, asynchrony = lines[("cache", FIRST)], lines[("asynchrony", LAST)]
    assert cache["measured"].startswith("-50.0 %")
    fall = -0.4 * 0.15111 * 0.75 / 0.0651 * 100
    assert float(cache["off by (points)"]) == pytest.approx(fall + 50, abs=0.2)
    assert asynchrony["by"] == NOT_PREDICTED and asynchrony["predicted"] == ""
    assert asynchrony["measured"].startswith("-10.0 %")


def test_without_a_factorial_the_table_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "rows", lambda _: pd.DataFrame(made()))
    run = Run(tmp_path / "q19_causal_delays" / "now", read_manifest(REFERENCE))
    assert factorial.earned(run) is None
    table = reading.tables(run)["predictions"]
    assert set(table["measured"]) == {reading.UNMEASURED} and set(table["off by (points)"]) == {""}
    assert "not measured" in reading.conclusion(run)


def test_the_sentence_counts_what_was_found(run: Run) -> None:
    told = reading.conclusion(run)
    stages = sum(map(len, DELAYS_S.values())) - 1
    assert f"Delays are seen in {stages} of {stages} stages" in told
    assert "8 [8, 8] ms in the old architecture, 2 [2, 2] in the new" in told
    table = reading.table(run.rows())
    assert table.loc[NEVER, "for each time it is passed"] == "never passed" and table.loc[NEVER, "seen"] == "no"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda rows: rows.assign(outcome="failed"), "every trial failed"),
        (lambda rows: rows[rows["what"] == ASKED], "has not both"),
        (lambda rows: rows[rows["case"] != "old"], "1 cases ended well in no block"),
        (lambda rows: rows[(rows["what"] == COST) == (rows["block"] > 2)], "no block has every case"),
    ],
)
def test_what_cannot_be_read_is_said(broken: Any, said: str, rows: pd.DataFrame) -> None:
    with pytest.raises(InvalidRun, match=said):
        Measured(broken(rows))


def test_without_medians_the_means_are_told(rows: pd.DataFrame) -> None:
    some = rows.assign(p50_s=rows["p50_s"].where(rows["case"] != "new"))
    assert set(reading.table(some)["p50, ms per ms"]) == {""}


@pytest.mark.slow
def test_figures_of_delays_passes_and_predictions(run: Run) -> None:
    figures = drawn.figures(run)
    assert set(figures) == {"delays", "passes", "predicted"}
    assert "old: framing the answer: 8 [8, 8] ms" in figures["passes"].alt
    assert "cache, first in: measured: -50.0 %" in figures["predicted"].alt


def test_a_trial_needs_no_pandas() -> None:
    code = (
        "import sys, imlab.studies.q19_causal_delays; print(*({'pandas', 'scipy', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.process
@pytest.mark.parametrize("case", ["old, connect + 5 ms", "new", COSTS])
def test_a_case_is_tried_for_real(case: str, tmp_path: Path) -> None:
    trial = next(trial for trial in plan(q19.EXPERIMENT, "smoke").trials if trial.settings["case"] == case)
    rows = list(q19.attempt(replace(trial, scratch=tmp_path)))
    prices = {row["of"] for row in rows if row["what"] == COST}
    assert prices == ({"accept"} if case == "new" else set(PRICES_US) - {"accept"} if case == COSTS else set())
    if case in CASES and CASES[case].stage:
        (row,) = rows
        assert row["passes"] > 0.3 and row["delay_s"] >= 0.005
