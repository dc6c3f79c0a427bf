"""The ledger: every published claim with its verdict, from stored rows alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from imlab.desk import ledger, run
from imlab.desk.measuring import verdicts
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import Places, here
from imlab.desk.measuring.study import Study, open_study
from imlab.errors import InvalidRun, UsageError
from imlab.lab.claims.claim import exact
from imlab.lab.record.manifest import Manifest
from imlab.lab.record.reading import Run
from imlab.studies.bitrate.evidence import evidence
from imlab.studies.claims import CLAIMS
from tests.test_bitrate import made

KEYS = ["id", "verdict", "effect", "low", "high", "unit", "margin", "study", "evidence"]
JUDGES = {
    "C1": ("q15_eighty_percent",),
    "C2": ("q15_eighty_percent",),
    "C3": ("q17_cache_hits",),
    "C4": ("q16_who_earned_it",),
    "C16": ("q18_where_the_80_percent_lives",),
    "C17": ("q14_upload",),  # claim -> the studies whose turn it is
    "C5": ("q08_pools",), "C6": ("q07_copies",), "C7": ("q02_bitrate",), "C8": ("q10_chunks", "q11_resume"),
    "C9": ("q09_formats",), "C10": ("q02_bitrate",), "C11": ("q02_bitrate", "q03_links", "q13_voice_activity"),
    "C12": ("q04_heartbeat",),
}  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results in which nothing is stored."""
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IMLAB_NOTEBOOKS", str(tmp_path / "notebooks"))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert ledger.main(list(argv)) == 0
    return capsys.readouterr().out


def rows(clips: int = 12, light_loss: float = 0.1) -> pd.DataFrame:
    """Rows of bits and quality in which complexity 3 loses this much, and half the CPU."""
    frame = made(clips).assign(outcome="ok", kept=True, block=0)
    light = frame["complexity"] == 3.0
    frame.loc[light, "visqol"] += 0.1 - light_loss
    return frame


def stored(folder: Path, frame: pd.DataFrame, **manifest: Any) -> Run:
    """A run of q02 with these rows."""
    path = folder / "20260101T000000Z-made"
    path.mkdir(parents=True)
    frame.to_csv(path / "rows.csv.gz", index=False)
    pd.DataFrame({"outcome": ["ok"], "kept": [True], "reason": [""]}).to_csv(path / "trials.csv", index=False)
    facts: dict[str, Any] = dict.fromkeys(Manifest.__dataclass_fields__, "")
    facts |= {"scale": "quick", "void": False, "blocks": 12, "rejected": {}, "outcomes": {"ok": 12}}
    return Run(path, Manifest(**(facts | manifest)))


def lines(places: Places, answer: Answer) -> dict[str, verdicts.Line]:
    """As told by this run alone: no reference lies beside it."""
    bare = replace(places, results=answer.run.path)
    return {line.claim.id: line for line in verdicts.ledger(bare, [answer])}


def test_the_seventeen_are_declared_in_order() -> None:
    assert [claim.id for claim in CLAIMS] == [f"C{number}" for number in range(1, 18)]
    for claim in CLAIMS:
        assert claim.source.startswith("the published article's"), claim.id
        assert all((claim.statement, claim.doubt, claim.design, claim.controls)), claim.id
        assert claim.studies == JUDGES.get(claim.id, ()), claim.id


def test_without_runs_only_arithmetic_is_judged(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "--json"))
    assert all(list(line) == KEYS for line in found)
    assert [line["id"] for line in found] == [claim.id for claim in CLAIMS]
    judged = {line["id"]: line for line in found if line["verdict"] != "not yet tried"}
    assert judged == {
        "C10": {"id": "C10", "verdict": "refuted", "effect": 256.0, "low": 256.0, "high": 256.0, "unit": "kbit/s",
                "margin": 19.2, "study": "q02_bitrate", "evidence": []}
    }  # fmt: skip
    others = [line for line in found if line["id"] != "C10"]
    assert all(line["effect"] is line["low"] is line["high"] is None for line in others)
    assert {line["study"] for line in others if line["id"] in ("C13", "C14")} == {None}


def test_on_a_terminal(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys)
    assert "C10  refuted        PCM at 16 kHz" in said and "256 kbit/s, by arithmetic; claimed 640 kbit/s" in said
    assert "no study judges it yet" in said and "no run of q08_pools speaks of it" in said
    assert said.endswith("17 claims: 1 refuted, 16 not yet tried\n")
    assert max(map(len, said.splitlines())) <= 100


def test_one_claim_whole(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(told(capsys, "c2").split())
    for part in (
        "182.5 clients with 170 ms",
        "highest rate with p99 <= 100 ms",
        "A/A",
        "no run of q15_eighty_percent speaks of it",
        "evidence none",
    ):
        assert part in said, part
    with pytest.raises(UsageError, match="no claim 'C18'; there are C1, C2"):
        ledger.main(["C18"])


def test_rows_are_heard_by_their_claims(tmp_path: Path) -> None:
    study = open_study("q02", here())
    answer = Answer(study, stored(tmp_path, rows(light_loss=0.3)))
    found = lines(here(), answer)
    heard, cpu = found["C11"].claim.parts(found["C11"].evidence)[1:3]
    assert (heard.verdict, cpu.verdict) == ("refuted", "supported"), (heard.text(), cpu.text())
    assert found["C11"].judged == heard and heard.evidence is not None
    assert heard.evidence.effect.estimate == pytest.approx(-0.3) and heard.evidence.effect.n == 12
    assert cpu.evidence is not None and cpu.evidence.effect.estimate == pytest.approx(-50)
    assert found["C11"].runs == ["q02_bitrate/20260101T000000Z-made"]
    bits = found["C7"].claim.parts(found["C7"].evidence)[2]
    assert bits.verdict == "supported" and bits.evidence is not None
    assert bits.evidence.effect.estimate == pytest.approx(100 * (12 / 256 - 1))
    assert [part.verdict for part in found["C10"].claim.parts(found["C10"].evidence)] == ["refuted", "refuted"]


def test_a_small_loss_leaves_the_claim_standing(tmp_path: Path) -> None:
    told = {one.endpoint: one for one in evidence(stored(tmp_path, rows(light_loss=0.05)))["C11"]}
    claim = next(claim for claim in CLAIMS if claim.id == "C11")
    assert [part.verdict for part in claim.parts(list(told.values()))][1:3] == ["supported", "supported"]
    assert claim.judge(list(told.values())).verdict == "inconclusive"  # what needs other studies is not tried


def test_few_clips_decide_nothing(tmp_path: Path) -> None:
    line = lines(here(), Answer(open_study("q02", here()), stored(tmp_path, rows(clips=9, light_loss=0.3))))["C11"]
    assert line.judged.verdict == "inconclusive" and "n=9 clips: no interval" in line.judged.text()
    assert line.plain()["effect"] == pytest.approx(-0.3) and line.plain()["low"] is None


def test_smoke_is_not_heard(tmp_path: Path) -> None:
    answer = Answer(open_study("q02", here()), stored(tmp_path, rows(), scale="smoke"))
    assert lines(here(), answer)["C11"].plain()["verdict"] == "not yet tried"


def unbelievable(run: Run) -> Any:
    raise InvalidRun("no clip was scored")


def test_what_must_not_be_believed_is_void(tmp_path: Path) -> None:
    study = open_study("q02", here())
    gates = {"0": ["steal share 0.3 > 0.02"]}
    void = lines(here(), Answer(study, stored(tmp_path / "a", rows(), void=True, rejected=gates)))
    assert void["C7"].judged.verdict == "void" and "1 of 12 blocks were rejected for steal" in void["C7"].judged.text()
    assert void["C7"].plain()["evidence"] == ["q02_bitrate/20260101T000000Z-made"] and void["C7"].plain()["low"] is None
    assert void["C10"].judged.verdict == "refuted"  # arithmetic does not hang on a machine
    assert void["C5"].judged.verdict == "not yet tried"
    silent = lines(here(), Answer(study, stored(tmp_path / "b", rows().assign(outcome="failed"))))
    assert silent["C7"].judged.verdict == "void" and "No trial can be believed" in silent["C7"].judged.text()
    mute = lines(here(), Answer(replace(study, evidence=unbelievable), stored(tmp_path / "c", rows())))
    assert mute["C7"].judged.verdict == "void" and "no clip was scored" in mute["C7"].judged.text()


@pytest.mark.parametrize("claim", ["C99", "C5"])
def test_evidence_that_a_study_is_not_named_to_give_is_refused(tmp_path: Path, claim: str) -> None:
    study = replace(open_study("q02", here()), evidence=lambda run: {claim: [exact("pauses", -50.0)]})
    with pytest.raises(UsageError, match=f"q02_bitrate offers evidence on {claim} that it is not named to judge"):
        lines(here(), Answer(study, stored(tmp_path, rows())))


def test_a_study_that_judges_nothing_is_silent(tmp_path: Path) -> None:
    study = open_study("q02", here())
    other = Study(study.experiment, study.figures, study.conclusion)
    assert not any(line.evidence for line in lines(here(), Answer(other, stored(tmp_path, rows()))).values())


def test_run_and_report_end_with_the_ledger(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--budget", "0s", "--no-notebooks"]) == 0
    said = capsys.readouterr().out
    assert "17 claims: 1 refuted, 16 not yet tried" in said and "C17  not yet tried" in said
    page = (empty / "results" / "report" / "index.html").read_text()
    assert "17 claims: 1 refuted, 16 not yet tried." in page and "182.5 clients with 170 ms" in page


def test_studies_without_claims_have_no_ledger(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMLAB_STUDIES", "tests.studies")
    assert "tests.studies declares no claims" in told(capsys)
    assert json.loads(told(capsys, "--json")) == []
    assert run.main(["--budget", "0s", "--no-notebooks"]) == 0
    assert "./lab ledger CLAIM" not in capsys.readouterr().out
    assert 'id="claims"' not in (empty / "results" / "report" / "index.html").read_text()
