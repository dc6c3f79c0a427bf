"""Two runs side by side: known changes are found, runs that must not be compared are refused, and doubts are named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imlab.desk import compare, dispatch, measure
from imlab.desk.measuring.blocks_needed import needed
from imlab.desk.measuring.cells import labelled
from imlab.desk.measuring.comparing import Comparison, way
from imlab.desk.measuring.comparing import compare as held
from imlab.desk.measuring.doubts import doubted
from imlab.desk.measuring.portrait import portrait
from imlab.errors import UsageError
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.lab.running.folder import table
from tests.hashing import Bench
from tests.test_reading import FACTS, SOUND

pytestmark = pytest.mark.slow

STUDY = "q99_sound"
KEYS = [
    "study", "old", "new", "warning", "paired", "differences", "margin", "changes", "left_out", "identical",
]  # fmt: skip
CHANGE = {
    "measure", "percentile", "cell", "old", "new", "change", "low", "high", "method", "better", "verdict",
    "verdict_alone", "among", "floor", "blocks", "blocks_needed", "notes",
}  # fmt: skip
TWICE, SAME = {"1": 2.0, "2": 1.0}, {"1": 1.0, "2": 1.0}


@dataclass(frozen=True)
class Story:
    """What a made run holds: the factor on each cell's times, and how many blocks and rows."""

    times: Mapping[str, float]
    blocks: int = 8
    rows: int = 30
    spread: float = 0.01
    seed: int = 1

    def told(self) -> Iterator[dict[str, Any]]:
        """Blocks have moods of their own, the same in all runs; what is left is noise."""
        rng = np.random.default_rng(self.seed)
        moods = np.exp(np.random.default_rng(0).normal(0, 0.3, self.blocks))
        for block in range(self.blocks):
            for size, factor in self.times.items():
                middle = factor * moods[block] * np.exp(rng.normal(0, self.spread))
                for at, noise in enumerate(np.exp(rng.normal(0, 0.02, self.rows))):
                    place = {"block": block, "cell": int(size) - 1, "size": size, "outcome": "ok", "reason": ""}
                    moment = {"kept": True, "kind": at % 2, "at_s": at / 10, "body_bytes": 100 * int(size)}
                    yield place | moment | {"time_s": middle * noise, "late_s": 0.0}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path))
    return tmp_path


def stored(results: Path, day: int, story: Story, rows: list[dict[str, Any]] | None = None, **changes: Any) -> Run:
    """A whole run of that day."""
    folder = results / STUDY / f"202601{day:02d}T000000Z-abababab"
    folder.mkdir(parents=True)
    moment = {"started": f"2026-01-{day:02d}T00:00:00+00:00", "blocks": story.blocks}
    (folder / "manifest.json").write_text(json.dumps(SOUND | moment | changes))
    (folder / "rows.csv.gz").write_bytes(gzip.compress(table(list(story.told()) if rows is None else rows)))
    (folder / "trials.csv").write_bytes(table([{"block": 0, "outcome": "ok"}]))
    return Run(folder, read_manifest(folder))


def other_code(commit: str = "0ddba110") -> dict[str, Any]:
    return {"facts": SOUND["facts"] | {"commit": commit}}


def verdicts(found: Comparison) -> dict[tuple[str, str], str]:
    """Measure and size -> verdict on the median."""
    return {(one.measure, dict(one.cell)["size"]): one.found.verdict for one in found.changes}


def test_a_known_change_is_found_in_its_cell_alone(results: Path) -> None:
    found = held(stored(results, 1, Story(SAME)), stored(results, 2, Story(TWICE, seed=2), **other_code()))
    assert found.likeness.paired
    assert verdicts(found) == {("time_s", "1"): "slower", ("time_s", "2"): "equivalent"}
    doubled = found.changes[0]
    assert doubled.found.effect.change.estimate == pytest.approx(1.0, abs=0.03) and doubled.found.among == 2
    assert doubled.new / doubled.old == pytest.approx(1 + doubled.found.effect.change.estimate)
    assert found.same == ("body_bytes", "late_s"), "a measure in which nothing differs is named, not tested"
    assert {(left.measure, left.percentile) for left in found.left} == {("time_s", "p99")}


def test_other_plans_are_not_paired_and_that_is_said(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = stored(results, 1, Story(SAME))
    new = stored(results, 2, Story(TWICE | {"3": 1.0}, seed=2), hash="cd" * 32, factors={"size": ["1", "2", "3"]})
    found = held(old, new)
    assert not found.likeness.paired and found.apart == (0, 1)
    assert verdicts(found)["time_s", "1"] == "slower", "twice as long is seen through the moods of blocks"
    assert verdicts(found)["time_s", "2"] == "inconclusive", "but nothing small is"
    assert all(one.found.effect.change.method == "Welch t, 8 and 8 blocks" for one in found.changes)
    assert compare.main([str(old.path), str(new.path)]) == 0
    said = capsys.readouterr().out
    assert "plan: levels of size 1, 2 -> 1, 2, 3; unpaired (Welch): the plans differ" in said
    assert "0 cells only in the old run, 1 only in the new one: not compared" in said


def test_only_blocks_that_both_runs_kept_are_paired(results: Path) -> None:
    rows = [row | {"kept": row["block"] != 3} for row in Story(SAME, seed=2).told()]
    found = held(stored(results, 1, Story(SAME, blocks=7)), stored(results, 2, Story(SAME), rows))
    assert {one.blocks for one in found.changes} == {(6, 6)}


def test_several_cells_are_judged_together(results: Path) -> None:
    """Of forty cells in which nothing changed some look as if; together none does."""
    sizes = {str(size): 1.0 for size in range(1, 41)}
    factors: Any = {"factors": {"size": list(sizes)}}
    old = stored(results, 1, Story(sizes, blocks=6, rows=4, spread=0.1), **factors)
    found = held(old, stored(results, 2, Story(sizes, blocks=6, rows=4, spread=0.1, seed=5), **factors), ["time_s"])
    alone = [one.found.effect.verdict for one in found.changes]
    assert alone.count("faster") + alone.count("slower") > 0
    assert {one.found.verdict for one in found.changes} == {"inconclusive"}
    assert [dict(one.cell)["size"] for one in found.changes] == list(sizes), "in the order of the plan"


def test_the_tail_is_compared_where_it_may_be_printed(results: Path) -> None:
    old, new = (stored(results, day, Story({"1": 1.0}, blocks=6, rows=1_000, seed=day)) for day in (1, 2))
    found = held(old, new)
    assert [(one.measure, one.percentile) for one in found.changes] == [("time_s", "p50"), ("time_s", "p99")]
    assert all(one.found.among == 1 for one in found.changes)


def test_what_has_no_ratio_is_left_out_with_the_reason(results: Path) -> None:
    def missing(story: Story) -> list[dict[str, Any]]:
        return [
            row | {"time_s": None if row["block"] == 2 and row["kind"] < 2 else row["time_s"]} for row in story.told()
        ]

    rows = [row | {"late_s": 0.1} for row in Story(SAME).told()]
    found = held(stored(results, 1, Story(SAME)), stored(results, 2, Story(SAME), rows), ["late_s"])
    assert {left.reason for left in found.left if left.percentile == "p50"} == {
        "0 or less in some block: a ratio needs more"
    }
    gone = held(
        stored(results, 3, Story(SAME)), stored(results, 4, Story(SAME), missing(Story(SAME, seed=2))), ["time_s"]
    )
    assert {one.blocks for one in gone.changes} == {(7, 7)}, "a block without one value has no number"


def test_rows_of_a_trial_can_be_told_apart(results: Path) -> None:
    rows = [row | {"time_s": row["time_s"] * (1 + row["kind"])} for row in Story(SAME, seed=2).told()]
    found = held(stored(results, 1, Story(SAME)), stored(results, 2, Story(SAME), rows), ["time_s"], by=["kind"])
    assert [(dict(one.cell)["kind"], one.found.verdict) for one in found.changes] == [
        ("0", "equivalent"), ("1", "slower"), ("0", "equivalent"), ("1", "slower"),
    ]  # fmt: skip


def test_hills_and_drift_are_named(results: Path) -> None:
    hills = [row | {"time_s": row["time_s"] * (1 + row["kind"])} for row in Story(SAME).told()]
    drift = [row | {"time_s": row["time_s"] * (1 + row["at_s"] / 10)} for row in Story(SAME, seed=2).told()]
    found = doubted(held(stored(results, 1, Story(SAME), hills), stored(results, 2, Story(SAME), drift), ["time_s"]))
    for hill, drifting in (change.notes for change in found.changes):
        assert hill == "old: more than one hill: --by COLUMN may tell them apart"
        assert drifting.startswith("new: drifting: second half +")
    calm = doubted(held(stored(results, 3, Story(SAME)), stored(results, 4, Story(SAME, seed=2)), ["time_s"]))
    assert [change.notes for change in calm.changes] == [(), ()]


def test_without_an_answer_it_is_said_how_many_blocks_would_give_one(results: Path) -> None:
    few = held(stored(results, 1, Story(SAME, blocks=4)), stored(results, 2, Story(SAME, blocks=4, seed=2)), ["time_s"])
    told = needed(few.changes[0])
    assert few.changes[0].found.verdict == "inconclusive" and "6 are the least" in told.text()
    wide = held(
        stored(results, 3, Story(SAME, spread=0.1)), stored(results, 4, Story(SAME, spread=0.1, seed=2)), ["time_s"]
    )
    wider = needed(wide.changes[0])
    assert wider.spread == pytest.approx(0.14, rel=0.6) and wider.find and wider.find > 50
    one = held(stored(results, 5, Story(SAME, blocks=1)), stored(results, 6, Story(SAME, blocks=1, seed=2)), ["time_s"])
    assert (
        needed(one.changes[0]).plain() is None
        and needed(one.changes[0]).text() == "6 blocks are the least for an interval"
    )


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    assert compare.main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_differs_by_less_than_one_code_does_is_noise(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(results, 1, Story(SAME, seed=1))
    stored(results, 2, Story({"1": 1.08, "2": 1.0}, seed=2))
    stored(results, 3, Story({"1": 1.05, "2": 1.2}, seed=3), **other_code())
    found = told(capsys, "q99/20260101", "q99/20260103", "--measure", "time_s")
    small, large = found["changes"]
    assert small["verdict"] == "slower" and small["floor"] > 0.07 > abs(small["change"])
    assert large["verdict"] == "slower" and 0 < large["floor"] < large["change"]
    assert compare.main(["q99/20260101", "q99/20260103", "--measure", "time_s"]) == 0
    said = capsys.readouterr().out
    assert said.count("; below the noise floor (") == 1 and "time_s: 2 slower; 1 below the noise floor" in said
    assert "code: commit c0ffee0 -> 0ddba11" in said
    own = told(capsys, "q99/20260101", "q99/20260102", "--measure", "time_s")
    assert {change["floor"] for change in own["changes"]} == {None}, "no pair is its own floor"


def test_keys_for_programs(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(results, 1, Story(SAME, blocks=4))
    stored(results, 2, Story(TWICE, blocks=4, seed=2))
    found = told(capsys, "20260101", "q99")
    assert list(found) == KEYS and {frozenset(change) for change in found["changes"]} == {frozenset(CHANGE)}
    assert found["changes"][0]["low"] is None and found["changes"][0]["cell"] == {"size": "1"}
    assert found["identical"] == ["body_bytes", "late_s"] and found["differences"]["machine"] == {}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "machine": (
        {"fingerprint": "87654321", "facts": SOUND["facts"] | FACTS | {"kernel": "6.2", "python": "CPython 3.12.1"}},
        "not the same machine: kernel 6.1 -> 6.2, python CPython 3.11.7 -> CPython 3.12.1",
    ),
    "pinning": ({"cores": {"load": [0], "system": [0]}}, "pinning load 1, system 0 -> load 0, system 0"),
    "smoke": ({"scale": "smoke"}, "the new run is SMOKE: not a measurement"),
    "void": ({"void": True}, "the new run is VOID"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_should_not_be_compared_is_refused(results: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes, said = REFUSED[name]
    stored(results, 1, Story(SAME))
    stored(results, 2, Story(TWICE, seed=2), **changes)
    argv = ["compare", "q99/20260101", "q99/20260102"]
    assert dispatch.main(argv) == 2
    refusal = capsys.readouterr().err
    assert said in refusal and "--anyway" in refusal and refusal.count("\n") == 1
    figure = results / "forest.svg"
    assert dispatch.main([*argv, "--anyway", "--measure", "time_s", "--figure", str(figure)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("COMPARED ANYWAY: ") and said in first
    assert "<title>q99_sound" in figure.read_text()


def test_a_figure_says_what_must_not_be_overlooked(results: Path) -> None:
    old, new = stored(results, 1, Story(SAME)), stored(results, 2, Story(TWICE, seed=2), scale="smoke")
    plot = portrait(held(old, new, ["time_s"]), "COMPARED ANYWAY: it is smoke")
    caption = " ".join(plot.figure.get_supxlabel().split())
    assert caption.startswith(
        "COMPARED ANYWAY: it is smoke each line by itself; with all in mind (Holm) time_s: 1 slower"
    )
    assert "old q99_sound/20260101T000000Z-abababab, 2026-01-01, quick, 8 of 8 blocks kept" in caption
    assert plot.alt.startswith("SMOKE: not a measurement")


def test_other_questions_and_other_misuse(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored(results, 1, Story(SAME))
    stored(results, 2, Story(TWICE))
    foreign = results / "q98_other" / "20260101T000000Z-abababab"
    foreign.parent.mkdir()
    stored(results, 3, Story(SAME)).path.rename(foreign)
    (foreign / "manifest.json").write_text(json.dumps(SOUND | {"study": "q98_other"}))
    misuse = {
        ("q99/20260101", "q98"): "q99_sound and q98_other ask different questions",
        ("q99/20260101", str(run.path)): "a run is compared with another",
        ("q99/20260101", "q99", "--measure", "time_ms"): "no numbers time_ms in both runs",
        ("q99/20260101", "q99", "--by", "colour"): "no column colour",
        ("q99/20260101", "q99", "--cell", "size"): "--cell takes COLUMN=LABEL",
        ("q99/20260101", "q99", "--cell", "size=7"): "both runs have no cell with size=7",
        ("q99/20260101", "q99", "--figure", "a.txt", "--measure", "time_s"): ".svg or .png",
        ("q99/2027", "q99"): "no run q99/2027",
    }
    for argv, said in misuse.items():
        assert dispatch.main(["compare", *argv]) == 2, argv
        shown = capsys.readouterr()
        assert said in shown.err and shown.err.count("\n") == 1 and not shown.out, argv


def test_exit_code_1_where_nothing_can_be_compared(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(results, 1, Story(SAME))
    stored(results, 2, Story(SAME), [row | {"outcome": "failed"} for row in Story(SAME).told()])
    broken = stored(results, 3, Story(SAME))
    (broken.path / "trials.csv").unlink()
    assert dispatch.main(["compare", "q99/20260101", "q99/20260102"]) == 1
    assert "not one change could be told" in capsys.readouterr().out
    assert dispatch.main(["compare", "q99/20260101", "q99/20260103"]) == 1
    assert "is broken: trials.csv is missing" in capsys.readouterr().err


def test_pictures(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(results, 1, Story(SAME, rows=60))
    stored(results, 2, Story(TWICE, rows=60, seed=2))
    argv = ["q99/20260101", "q99/20260102", "--measure", "time_s", "--figure"]
    forest, again, curve = (results / name for name in ("forest.svg", "again.svg", "curve.svg"))
    for figure in (forest, again):
        assert compare.main([*argv, str(figure)]) == 0
    assert forest.read_bytes() == again.read_bytes()
    assert "size 1, p50" in forest.read_text() and "slower" in forest.read_text()
    assert compare.main([*argv, str(curve), "--cell", "size=1"]) == 0
    assert "at each quantile, new over old" in curve.read_text() and "at 0.5," in curve.read_text()


@pytest.mark.parametrize(
    ("level", "label"),
    [
        (10, "10"),
        (10.0, "10"),
        (0.5, "0.5"),
        ("None", "None"),
        (True, "True"),
        (np.float64(3), "3"),
        (np.True_, "True"),
    ],
)
def test_a_level_has_one_label_however_it_was_read(level: Any, label: str) -> None:
    assert labelled(level) == label


@pytest.mark.parametrize(
    ("measure", "better"),
    [
        ("time_s", "lower"),
        ("upload_us", "lower"),
        ("bytes", "lower"),
        ("notes_per_s", "higher"),
        ("net_mb_s", "higher"),
    ],
)
def test_which_way_is_good(measure: str, better: str) -> None:
    assert way(measure) == better


@pytest.mark.process
def test_two_real_runs_of_one_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path).use(monkeypatch)
    assert measure.main(["90", "--json"]) == 0 and measure.main(["90", "--json"]) == 0
    old, new = sorted(path.name for path in (bench.results / "q90_hashing").iterdir())
    capsys.readouterr()
    found = told(capsys, f"q90/{old}", f"q90/{new}")
    assert found["paired"] and found["differences"]["machine"] == {} == found["differences"]["plan"]
    assert [change["cell"] for change in found["changes"]] == [{"kilobytes": "10"}, {"kilobytes": "100"}]
    assert {change["verdict"] for change in found["changes"]} == {"inconclusive"}, "one block has no interval"
    assert all(0 < change["old"] < 1 for change in found["changes"])
    assert dispatch.main(["compare", "q90/2", "q90"]) == 2
    with pytest.raises(UsageError, match="may mean"):
        compare.main(["q90/2", "q90"])
