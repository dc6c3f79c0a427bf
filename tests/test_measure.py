"""What `measure` promises: it says what came of it, loses nothing when stopped, and believes nothing that is not so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imlab.desk import measure
from imlab.errors import UsageError
from imlab.lab.record.reading import latest
from tests.hashing import NAME, Bench, subprocess_environment


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path).use(monkeypatch)


def test_smoke_is_never_published_and_nothing_runs(bench: Bench) -> None:
    with pytest.raises(UsageError, match="SMOKE is not a measurement"):
        measure.main(["90", "--scale", "smoke", "--publish"])
    assert not bench.results.exists()


def test_a_corpus_is_a_directory(bench: Bench) -> None:
    with pytest.raises(UsageError, match="not a directory"):
        measure.main(["90", "--corpus", str(bench.home / "nowhere")])


def test_the_list_says_question_and_price(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.main([]) == 0
    assert capsys.readouterr().out.split("\n")[0].split() == [NAME, "smoke", "2s,", "quick", "2s,", "full", "4s"]


@pytest.mark.process
def test_a_run_is_accounted_for_and_published(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.main(["90", "--publish"]) == 0
    said = capsys.readouterr()
    assert "1 block of 2 cells, about 2s" in said.out
    for told in ("[2/2] block 1, kilobytes 10", "1 of 1 block kept; trials: 2 ok", "median_us", "changes the time by"):
        assert told in said.out
    assert f"stored in {bench.results / NAME}" in said.out and "SMOKE" not in said.out
    assert {path.name for path in (bench.results / NAME / "reference").iterdir()} >= {"rows.csv.gz", "manifest.json"}


@pytest.mark.process
def test_a_run_without_a_believable_trial_fails_and_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMLAB_TEST_REFUSE", "1")
    assert measure.main(["90", "--publish"]) == 1
    said = capsys.readouterr().out
    assert "No trial can be believed: 2 invalid" in said
    assert "invalid: 2 trials: the generator was late" in said
    rows = latest(bench.results, NAME).rows()
    assert rows["reason"].tolist() == ["the generator was late"] * 2
    assert not (bench.results / NAME / "reference").exists()


@pytest.mark.process
def test_interrupted_it_goes_on_where_it_stopped(bench: Bench) -> None:
    command = [sys.executable, "-m", "imlab", "measure", "90", "--scale", "full", "--json"]
    environment = subprocess_environment(bench)
    with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) as first:
        assert first.stdout and first.stderr
        events = [json.loads(first.stdout.readline()) for _ in range(2)]
        first.send_signal(signal.SIGINT)
        assert "./lab measure 90 --scale full" in first.stderr.read()
    assert first.returncode == 130
    assert [event["event"] for event in events] == ["begin", "trial"]
    assert events[0] == events[0] | {"study": NAME, "scale": "full", "trials": 4, "stored": 0, "predicted_s": 4.0}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    begin, *trials, end = map(json.loads, done.stdout.splitlines())
    assert begin["stored"] >= 1
    assert [trial["done"] for trial in trials] == [1, 2, 3, 4]
    assert set(trials[0]) == {"event", "done", "total", "block", "cell", "outcome", "reason", "seconds"}
    assert set(end) == {"event", "run", "trusted", "void", "rejected", "outcomes", "conclusion", "answer"}
    assert end["outcomes"] == {"ok": 4} and end["trusted"] == 800
    assert bench.trials.count(bench.trials[0]) == 1, "what had ended was not run again"
