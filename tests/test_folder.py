"""A run's folder: every seed can be told from it, and what it is closed with is what was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imlab.errors import DoorError
from imlab.lab.machine.facts import facts
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Plan, Trial, plan
from imlab.lab.plan.factorial import Full
from imlab.lab.plan.fraction import Fraction
from imlab.lab.record.histogram import Histogram, merged
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run, trusted
from imlab.lab.running.closing import close
from imlab.lab.running.cores import Cores
from imlab.lab.running.folder import Folder, open_run


def attempt(trial: Trial) -> Iterator[dict[str, float]]:
    """Never run here: what it would give is kept by hand."""
    yield {"time_s": 1.0}


def drawn(**changes: Any) -> Plan:
    """Half of three changes, four blocks."""
    told: dict[str, Any] = {
        "factors": dict.fromkeys(("pool", "cache", "codec"), ("old", "new")), "design": Fraction(("C=AB",)),
        "blocks": {"smoke": 1, "quick": 4, "full": 4},
    }  # fmt: skip
    return plan(Experiment("q99_folder", "Is it kept?", "It is.", attempt, **(told | changes)), "quick")


def record(seconds: float, **changes: Any) -> dict[str, Any]:
    """What is kept of a trial that counted two times and took so long."""
    counted = Histogram("latency")
    counted.record_many([0.001, seconds])
    return {
        "rows": [{"time_s": seconds}], "histograms": list(counted.rows()), "outcome": "ok", "reason": "",
        "versions": {}, "started": "2026-01-02T03:04:05+00:00", "seconds": seconds, "cpu_s": 0.5, "leftovers": 0,
        "strain": {"steal": 0.0, "cpu": None}, **changes,
    }  # fmt: skip


def song(block: int, cpu: float, place: str = "before") -> dict[str, Any]:
    """A song of one canary."""
    heard = [{"name": "cpu", "fastest_s": cpu, "median_s": cpu, "p99_s": None, "n": 5}]
    return {"block": block, "place": place, "started": f"2026-01-02T03:0{block}:05+00:00", "canaries": heard}


def closed(folder: Folder, plan: Plan) -> Run:
    """The run, with a second more for each block and one song out of tune, after block 1."""
    for block in range(4):
        folder.sung(song(block, 1.5 if block == 2 else 1.0))
        for trial in plan.trials:
            if trial.block == block:
                folder.keep(trial, record(1.0 + block))
    folder.sung(song(3, 1.0, "after"))
    close(plan, folder, facts(), Cores((1,), (0,)))
    return Run(folder.path, read_manifest(folder.path))


def test_every_seed_is_in_the_folder_before_the_first_trial(tmp_path: Path) -> None:
    plan = drawn()
    told = json.loads((open_run(tmp_path, plan, {}).path / "plan.json").read_text())
    assert told["seed"] == plan.experiment.seed
    seeds = [[trial.block, trial.cell, trial.seed, trial.cell_seed] for trial in plan.trials]
    assert told["trials"] == seeds, "with the place and the order of each trial"


def test_a_closed_run_says_its_design_its_costs_and_its_canaries(tmp_path: Path) -> None:
    plan = drawn()
    run = closed(open_run(tmp_path, plan, {}), plan)
    told = run.manifest
    assert told.design["kind"] == "2^(3-1)" and told.design["defining relation"] == ["ABC"]
    assert [list(cell) for cell in told.cells] == plan.description["cells"] and len(told.cells) == 4
    assert told.block_s == [4.0, 8.0, 12.0, 16.0] and told.seconds == sum(told.block_s) and told.predicted_s == 40.0
    assert told.canaries == {"cpu": {"median_s": 1.0, "spread": 0.5, "songs": 5}}
    assert run.canaries()["median_s"].tolist() == [1.0, 1.0, 1.5, 1.0, 1.0]
    assert told.rejected == {} and sorted(path.name for path in run.path.iterdir()) == [
        "canaries.csv", "hist.csv.gz", "manifest.json", "plan.json", "rows.csv.gz", "trials.csv",
    ]  # fmt: skip


def test_a_full_factorial_says_nothing_of_a_design(tmp_path: Path) -> None:
    plan = drawn(design=Full())
    told = closed(open_run(tmp_path, plan, {}), plan).manifest
    assert told.design == {} and list(told.cells) == []


def test_blocks_on_both_sides_of_a_drift_are_rejected_where_the_plan_says_so(tmp_path: Path) -> None:
    plan = drawn(gates=Gates(drift={"cpu": 0.2}))
    run = closed(open_run(tmp_path, plan, {}), plan)
    assert run.manifest.rejected == {block: ["drift of cpu 0.5 > 0.2"] for block in ("1", "2")}
    assert run.manifest.gates["drift"] == {"cpu": 0.2}
    assert set(trusted(run.rows())["block"]) == {0, 3}
    blocks = next(iter(run.histograms()["latency"].values()))
    assert list(blocks) == [0, 3] and merged(blocks.values()).n == 4


def test_a_disk_that_takes_nothing_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DoorError, match="no run can be kept under file: Not a directory"):
        open_run(tmp_path / "file", drawn(), {})
    folder = open_run(tmp_path, drawn(), {})
    (folder.path / "manifest.json").mkdir()
    with pytest.raises(DoorError, match=r"manifest\.json cannot be written: Is a directory"):
        folder.close({}, {})


@pytest.mark.parametrize("names", [["rows.csv.gz", "trials.csv"], []], ids=str)
def test_a_folder_is_whole_once_its_manifest_is_there(tmp_path: Path, names: list[str]) -> None:
    folder = open_run(tmp_path, drawn(), {})
    assert open_run(tmp_path, drawn(), {}) == folder, "not whole yet: taken up again"
    folder.close({}, {name: [{"a": 1}] for name in names})
    found = {path.name for path in folder.path.iterdir()}
    assert found == {*names, "manifest.json", "plan.json"} and open_run(tmp_path, drawn(), {}) != folder
