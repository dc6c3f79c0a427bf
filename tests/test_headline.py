"""The studies of the headline read rows that are known: shares that were put in come out, words say what is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from imlab.stack.presets import NEW, OLD, mixtures
from imlab.studies import q15_eighty_percent as q15
from imlab.studies import q16_who_earned_it as q16
from imlab.studies.eighty_percent import evidence as headline_evidence
from imlab.studies.eighty_percent import reading as headline
from imlab.studies.eighty_percent.cases import LOADS, SCALES, search
from imlab.studies.who_earned_it import evidence as shares_evidence
from imlab.studies.who_earned_it import reading as shares
from imlab.studies.who_earned_it.cells import CHANGES, CLOSED, OPEN, architecture

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
STEPS = {"asynchrony": 0.5, "cache": 0.25, "reuse": 0.8, "framing": 1.0}  # what each multiplies the response by
COUNTED = {
    "hits": 0.63, "second_hits": 0.0, "connections": 1.0, "answer_bytes": 24_000.0, "at_once": 9.0, "busy": 0.2
}  # fmt: skip


def row(block: int, **values: Any) -> dict[str, Any]:
    """One that may be counted."""
    return {"block": block, "outcome": "ok", "kept": True, **COUNTED, **values}


def mixed(blocks: int = 6, drop: tuple[str, ...] = ()) -> pd.DataFrame:
    """All sixteen cells, whose changes multiply."""
    rows = []
    for block, sides, loop in product(range(blocks), product((0, 1), repeat=4), (OPEN, CLOSED)):
        factor = math.prod(step for step, side in zip(STEPS.values(), sides, strict=True) if side)
        mean = 0.1 * factor * (1 + 0.02 * math.sin(block))
        cell = {name: label(levels[side]) for (name, levels), side in zip(CHANGES.items(), sides, strict=True)}
        times = {"mean_s": mean, "p50_s": mean / 2, "p99_s": 3 * mean, "cpu_s": mean / 100}
        rows.append(row(block, loop=loop, **cell, **{name: time for name, time in times.items() if name not in drop}))
    return pd.DataFrame(rows)


def tried(blocks: int = 6, fall: float = 0.8, bound: str = "exact") -> pd.DataFrame:
    """Both sides at every load, in both loops, and their capacities."""
    rows = []
    for block in range(blocks):
        for side, factor in (("old", 1.0), ("new", (1 - fall) * (1 + 0.02 * math.sin(block)))):
            rows += [row(block, what="open", side=side, load=load, **opened(load, factor)) for load in LOADS]
            closed = {"mean_s": 0.21 * factor, "rate_per_s": 182 / (0.17 + 0.21 * factor)}
            rows += [row(block, what="closed", loop=loop, side=side, **closed) for loop in ("usual", "article")]
            sought = {"objective": "p99 at most 100 ms", "objective_s": 0.1, "why": ""}
            shown = bound if side == "new" else "exact"
            for store, rate in (("far", 480.0), ("near", 800.0 / factor)):
                found = {"store": store, "rate_per_s": rate, "shown": shown, **sought}
                rows.append(row(block, what="capacity", side=side, **found))
    return pd.DataFrame(rows)


def opened(load: int, factor: float) -> dict[str, float]:
    """A window by the clock."""
    mean = 0.07 * factor * load / 30
    times = {"mean_s": mean, "p50_s": mean / 9, "p99_s": 2 * mean, "cpu_s": 0.001 * factor}
    return {"offered_per_s": 5.0 * load, "rate_per_s": 5.0 * load, **times}


@pytest.fixture
def run() -> Run:
    return Run(REFERENCE, read_manifest(REFERENCE))


def told(monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame) -> None:
    monkeypatch.setattr(Run, "rows", lambda _: rows)


@pytest.mark.parametrize("measure", shares.MEASURED)
def test_shares_that_were_put_in_come_out(measure: str) -> None:
    found = shares.shared(mixed(), measure)
    assert found is not None
    for name, part in found.parts.items():
        assert part.shapley.ratio.estimate == pytest.approx(STEPS[name])
        assert part.first.ratio.estimate == pytest.approx(STEPS[name])
        assert part.last.ratio.estimate == pytest.approx(STEPS[name])
        assert part.shapley.share.estimate == pytest.approx(math.log(STEPS[name]) / math.log(0.1), abs=1e-9)


def test_what_is_shared_out_is_drawn_tabled_and_said(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    told(monkeypatch, mixed())
    assert set(shares.figures(run)) == {"p50", "p99", "mean", "cpu", "p50_users", "mean_users", "mean_first",
                                        "mean_reversed"}  # fmt: skip
    assert len(shares.table(run.rows())) == len(shares.MEASURED) * len(CHANGES)
    found = shares.tables(run)
    assert list(found["cells"].index[[0, -1]]) == ["nothing", "asynchrony, cache, reuse, framing"]
    assert len(found["treatments"]) == 16 and len(found["interactions"]) == 6
    assert "cache 60 % of the change [60, 60]" in shares.conclusion(run)
    (one,) = shares_evidence.evidence(run)["C4"]
    assert one.effect.estimate == pytest.approx(100 * math.log(0.5) / math.log(0.1) - 25)


def test_a_run_without_tails_tells_the_rest(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    told(monkeypatch, mixed(1, drop=("p99_s",)))
    assert "p99" not in shares.figures(run)
    assert "p99" not in shares.conclusion(run)
    told(
        monkeypatch,
        mixed().query("reuse != @label(@CHANGES['reuse'][1])", local_dict={"label": label, "CHANGES": CHANGES}),
    )
    assert shares_evidence.evidence(run) == {}
    with pytest.raises(InvalidRun, match="sixteen"):
        shares.table(run.rows())


def test_cells_are_the_mixtures() -> None:
    cells: list[Mapping[str, Any]] = list(q16.EXPERIMENT.cells)
    assert [architecture(cell) for cell in cells] == list(mixtures())
    assert architecture(cells[0]) == OLD and architecture(cells[-1]) == NEW


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_the_plans_stand(scale: str) -> None:
    assert len(plan(q16.EXPERIMENT, scale).trials) == 16 * q16.EXPERIMENT.blocks[scale]
    assert q16.EXPERIMENT.predicted_s("quick") <= 12 * 60
    assert len(plan(q15.EXPERIMENT, scale).trials) == 3 * q15.EXPERIMENT.blocks[scale]


def test_falls_at_every_load_and_in_both_loops(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    told(monkeypatch, tried())
    for load in LOADS:
        found = headline.fall(run.rows(), "mean_s", load)
        assert found is not None and found.change.estimate == pytest.approx(-0.8, abs=0.01)
    assert set(headline.figures(run)) == {"falls", "loads", "loop"}
    assert {"capacity", "hits", "audit"} == set(headline.tables(run))
    said = headline.conclusion(run)
    assert "from 210 ms and 479/s to 42 ms" in said and "Published: -80 %" in said
    told_of = headline_evidence.evidence(run)
    assert [one.endpoint for one in told_of["C1"]] == [f"at {load} %" for load in LOADS]
    assert told_of["C2"][0].effect.estimate == pytest.approx(400, abs=15)


def test_a_capacity_that_is_only_a_bound_is_one_sided(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    told(monkeypatch, tried(bound="at least"))
    (one,) = headline_evidence.evidence(run)["C2"]
    assert one.effect.low > 100 and math.isinf(one.effect.high)
    assert ">=" in headline.tables(run)["capacity"]["sustained"].loc[("near", "new")]


def test_a_run_without_medians_or_tails_is_drawn(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    rows = tried(1)
    rows["p99_s"] = np.nan
    told(monkeypatch, rows)
    assert "old, p50" in headline.figures(run)["loads"].alt
    told(monkeypatch, rows[rows["what"] != "open"])
    with pytest.raises(InvalidRun, match="open"):
        headline.conclusion(run)


@pytest.mark.parametrize("scale", SCALES)
def test_a_search_ends(scale: str) -> None:
    wanted = search(scale, SCALES[scale].objective)
    assert wanted.first <= wanted.most and wanted.window_s > 0
