"""Runs found again: whatever lies under results is listed, whole or not, and each has a name of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imlab.desk import runs
from imlab.desk.measuring.naming import find, shorts
from imlab.errors import UsageError
from imlab.lab.record.index import Entry, index
from tests.test_reading import stored

KEYS = [
    "study", "run", "path", "state", "reason", "started", "scale", "hash", "commit", "dirty", "fingerprint", "machine",
    "blocks", "rejected", "void", "outcomes", "seconds", "reference", "name",
]  # fmt: skip
STUDY = "q99_sound"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with runs of every kind, and what is no run."""
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    stored(tmp_path, "20260103T000000Z-abababab")
    stored(tmp_path, "20260102T101112Z-abababab", void=True)
    stored(tmp_path, "20260102T101112Z-cdcdcdcd", rejected={"3": ["steal"]}, outcomes={"ok": 11, "late": 1})
    stored(tmp_path, "reference")
    (tmp_path / "report" / "notebooks").mkdir(parents=True)
    unfinished = tmp_path / STUDY / "20260104T050607Z-abababab"
    (unfinished / "trials").mkdir(parents=True)
    plan = {"hash": "ab" * 32, "scale": "full", "blocks": 2, "trials": [[0, 0, 1, 2]] * 4}
    plan["origin"] = {"commit": "c0ffee00", "diff": "12", "fingerprint": "12345678"}
    (unfinished / "plan.json").write_text(json.dumps(plan))
    (unfinished / "trials" / "000-000.json").write_text("{}")
    return tmp_path


def by_name(results: Path) -> dict[str, Entry]:
    return {entry.run: entry for entry in index(results)}


def test_every_run_is_there_and_nothing_else(results: Path) -> None:
    entries = index(results)
    assert [(entry.study, entry.run, entry.state) for entry in entries] == [
        (STUDY, "reference", "whole"),
        (STUDY, "20260102T101112Z-abababab", "whole"),
        (STUDY, "20260102T101112Z-cdcdcdcd", "whole"),
        (STUDY, "20260103T000000Z-abababab", "whole"),
        (STUDY, "20260104T050607Z-abababab", "unfinished"),
    ]
    rejected, unfinished = entries[2], entries[4]
    assert (rejected.blocks, rejected.rejected, rejected.outcomes) == (6, 1, {"ok": 11, "late": 1})
    assert rejected.machine == "2 cores Some CPU, 6.1, CPython 3.11.7" and rejected.seconds == 60.0
    assert unfinished.reason == "1 of 4 trials ended" and unfinished.started == "2026-01-04T05:06:07+00:00"
    assert (unfinished.commit, unfinished.dirty, unfinished.scale) == ("c0ffee00", True, "full")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda at: (at / "manifest.json").write_text("{"), "JSONDecodeError at its manifest"),
        (lambda at: (at / "manifest.json").write_text('{"study": "q99_sound"}'), "TypeError at its manifest"),
        (lambda at: (at / "rows.csv.gz").unlink(), "rows.csv.gz is missing"),
        (lambda at: at.rename(at.with_name("reference.part")), "a publication that was cut short"),
        (lambda at: [file.unlink() for file in at.iterdir()], "neither a plan nor a manifest"),
        (lambda at: (at / "manifest.json").unlink(), "no plan can be read: KeyError"),
    ],
    ids=["torn", "foreign", "no rows", "half published", "empty", "no plan"],
)
def test_a_broken_folder_is_named_with_the_reason(results: Path, spoil: object, reason: str) -> None:
    assert callable(spoil)
    spoil(results / STUDY / "20260103T000000Z-abababab")
    broken = [entry for entry in index(results) if entry.state == "broken"]
    assert len(broken) == 1 and reason in broken[0].reason, broken
    assert len(index(results)) == 5, "and the others are still found"


def test_a_run_that_was_moved_to_another_study_is_broken(results: Path) -> None:
    (results / STUDY).rename(results / "q98_other")
    assert {entry.reason for entry in index(results) if entry.state == "broken"} == {"its manifest is of q99_sound"}


def test_the_index_forgets_what_is_gone(results: Path) -> None:
    (results / STUDY / "20260103T000000Z-abababab").rename(results / "elsewhere")
    assert "20260103T000000Z-abababab" not in by_name(results)


def test_short_names_are_unique_and_found(results: Path) -> None:
    entries = index(results)
    names = shorts(entries)
    assert list(names.values()) == [
        "q99/reference", "q99/20260102T101112Z-abababab", "q99/20260102T101112Z-cdcdcdcd", "q99/20260103",
        "q99/20260104",
    ]  # fmt: skip
    assert all(find(name, results) == by_name(results)[path.name] for path, name in names.items())


@pytest.mark.parametrize(
    ("word", "run"),
    [
        (STUDY, "20260103T000000Z-abababab"),
        ("q99", "20260103T000000Z-abababab"),
        ("99/ref", "reference"),
        ("20260104", "20260104T050607Z-abababab"),
        (f"{STUDY}/20260103", "20260103T000000Z-abababab"),
        ("./q99_sound/reference", "reference"),
    ],
)
def test_a_word_means_a_run(results: Path, word: str, run: str) -> None:
    assert find(word, results).run == run


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("q99/20260102", "may mean q99/20260102T101112Z-abababab or q99/20260102T101112Z-cdcdcdcd"),
        ("q99/2027", "no run q99/2027; there are q99/reference, q99/20260102T"),
        ("q98", "no study 'q98'"),
        ("2026010", "may mean"),
    ],
)
def test_a_word_that_means_none_or_several(results: Path, word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find(word, results)


def test_the_table_for_people(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / STUDY / "20260103T000000Z-abababab" / "trials.csv").unlink()
    assert runs.main([]) == 0
    said = capsys.readouterr().out
    lines = {line.split()[0]: line for line in said.splitlines() if line}
    assert lines["q99/20260102T101112Z-cdcdcdcd"].endswith("1 late") and " 5/6 " in said
    assert lines["q99/20260102T101112Z-abababab"].endswith("VOID")
    assert lines["q99/20260104"].endswith("unfinished: 1 of 4 trials ended") and " c0ffee0+ " in said
    assert lines["q99/20260103"].endswith("broken: trials.csv is missing")
    assert said.endswith("5 runs, 1 unfinished, 1 broken, from 1 machine\n")


def test_the_table_for_programs(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.main(["q99", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 5 and all(sorted(entry) == sorted(KEYS) for entry in found)
    assert [entry["reference"] for entry in found] == [True, False, False, False, False]
    with pytest.raises(UsageError, match="no study"):
        runs.main(["q55"])


def test_without_runs_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path / "nowhere"))
    assert runs.main([]) == 0
    assert capsys.readouterr().out == "no run is stored; ./lab measure STUDY makes one\n"
