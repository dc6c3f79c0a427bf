"""Which run decides a claim: one measured here, where it carries an interval; else the published reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from imlab.desk import ledger
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import ROOT, Places, here
from imlab.desk.measuring.study import open_study
from imlab.desk.measuring.verdicts import ELSEWHERE, Line
from imlab.desk.measuring.verdicts import ledger as judged
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run, latest, trusted

pytestmark = pytest.mark.slow

STUDY = "q02_bitrate"
PUBLISHED = ROOT / "results" / STUDY / "reference"
CLAIMS = ("C7", "C10", "C11")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Results with the published run of bits and quality, and nothing else."""
    shutil.copytree(PUBLISHED, tmp_path / STUDY / "reference", ignore=shutil.ignore_patterns("figures"))
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path))
    return here()


def run_here(places: Places, blocks: int, name: str = "20260101T000000Z-small") -> Run:
    """A run of this machine: some clips of the published one."""
    folder = places.results / STUDY / name
    folder.mkdir()
    rows, trials = Run(PUBLISHED, read_manifest(PUBLISHED)).rows(), pd.read_csv(PUBLISHED / "trials.csv")
    clips = trusted(rows)["block"].unique()[:blocks]
    rows[rows["block"].isin(clips)].to_csv(folder / "rows.csv.gz", index=False)
    trials[trials["block"].isin(clips)].to_csv(folder / "trials.csv", index=False)
    told = json.loads((PUBLISHED / "manifest.json").read_text()) | {"scale": "quick", "blocks": blocks}
    (folder / "manifest.json").write_text(json.dumps(told))
    return Run(folder, read_manifest(folder))


def lines(places: Places) -> dict[str, Line]:
    """The ledger by the run that stands."""
    answer = Answer(open_study(STUDY, places), latest(places.results, STUDY))
    return {line.claim.id: line for line in judged(places, [answer]) if line.claim.id in CLAIMS}


def test_a_run_without_intervals_leaves_the_verdicts_to_the_reference(places: Places) -> None:
    before = {claim: line.plain() for claim, line in lines(places).items()}
    small = run_here(places, blocks=4)
    assert latest(places.results, STUDY) == small, "it is the run that stands"
    after = lines(places)
    assert {claim: line.plain() for claim, line in after.items()} == before
    assert after["C7"].judged.verdict != "inconclusive" and after["C7"].why.endswith(f"({ELSEWHERE})")
    assert after["C7"].runs == [f"{STUDY}/reference"]


def test_alone_such_a_run_decides_nothing(places: Places) -> None:
    run_here(places, blocks=4)
    shutil.rmtree(places.results / STUDY / "reference")
    alone = lines(places)
    assert alone["C7"].judged.verdict == "inconclusive" and ELSEWHERE not in alone["C7"].why


def test_a_run_with_intervals_overrules_the_reference(places: Places) -> None:
    large = run_here(places, blocks=14)
    told = lines(places)
    assert {run for line in told.values() for run in line.runs} == {f"{STUDY}/{large.path.name}"}
    assert ELSEWHERE not in told["C7"].why


def test_a_void_run_overrules_nothing(places: Places) -> None:
    small = run_here(places, blocks=14)
    told = json.loads((small.path / "manifest.json").read_text()) | {"void": True}
    (small.path / "manifest.json").write_text(json.dumps(told))
    assert lines(places)["C7"].runs == [f"{STUDY}/reference"]


def test_what_only_one_endpoint_lacks_is_all_that_is_borrowed(places: Places) -> None:
    """The panel at 8 kHz was not scored here; the rest was."""
    large = run_here(places, blocks=14)
    rows = large.rows()
    rows[rows["panel"] != "narrow"].to_csv(large.path / "rows.csv.gz", index=False)
    line = lines(places)["C7"]
    parts = {part.endpoint.name: part for part in line.claim.parts(line.evidence)}
    borrowed = [name for name, part in parts.items() if part.evidence and part.evidence.run.endswith("/reference")]
    assert borrowed == ["AMR, narrow band"]
    assert line.runs == [f"{STUDY}/{large.path.name}", f"{STUDY}/reference"]


def test_the_ledger_marks_what_was_not_measured_here(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(places, blocks=4)
    assert ledger.main(["C7"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"({ELSEWHERE})" in said and "evidence q02_bitrate/reference" in said
