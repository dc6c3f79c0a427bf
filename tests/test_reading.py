"""Runs on disk: which one stands for a study, what of it may be believed, what may be published."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from imlab.errors import DoorError, UsageError
from imlab.lab.record.histogram import Histogram, merged
from imlab.lab.record.manifest import Manifest, read_manifest
from imlab.lab.record.reading import Run, by_block, latest, publish, read_run, runs, trusted
from imlab.lab.running.folder import table

FACTS = {"cores": 2, "cpu": "Some CPU", "system": "Linux", "kernel": "6.1", "python": "CPython 3.11.7"}
SOUND: dict[str, Any] = {
    "study": "q99_sound", "question": "Is it?", "expectation": "It is.", "scale": "quick", "hash": "ab" * 32,
    "factors": {"size": ["1", "2"]}, "seed": 1, "blocks": 6, "rejected": {}, "void": False, "outcomes": {"ok": 12},
    "margin": 0.03, "warm_up_s": 0.0, "limit_s": 60.0, "gates": {}, "cores": {"load": [1], "system": [0]},
    "started": "2026-01-02T03:04:05+00:00", "finished": "2026-01-02T03:05:05+00:00", "seconds": 60.0,
    "predicted_s": 60.0, "facts": FACTS | {"optimised": True, "commit": "c0ffee00", "dirty": False},
    "fingerprint": "12345678", "versions": {"libopus": "1.6.1"},
}  # fmt: skip
ROWS = [
    {"block": 0, "size": 1, "outcome": "ok", "reason": "", "kept": True, "warm_up": False, "time_s": 1.0},
    {"block": 0, "size": 2, "outcome": "ok", "reason": "", "kept": True, "warm_up": False, "time_s": 2.0},
    {"block": 0, "size": 2, "outcome": "ok", "reason": "", "kept": True, "warm_up": True, "time_s": 9.0},
    {"block": 1, "size": 1, "outcome": "ok", "reason": "", "kept": False, "warm_up": False, "time_s": 9.0},
    {"block": 2, "size": 1, "outcome": "invalid", "reason": "late", "kept": True, "warm_up": False, "time_s": 9.0},
    {"block": 2, "size": 2, "outcome": "ok", "reason": "", "kept": True, "warm_up": False, "time_s": 4.0},
    {"block": 3, "size": 1, "outcome": "crashed", "reason": "killed by signal 11", "kept": True},
]


def stored(results: Path, name: str, **changes: Any) -> Path:
    """A whole run in a folder."""
    path = results / "q99_sound" / name
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps(SOUND | changes))
    (path / "rows.csv.gz").write_bytes(gzip.compress(table(ROWS)))
    (path / "trials.csv").write_bytes(table([{"block": 0, "seconds": 1.0}]))
    (path / "plan.json").write_text("{}")
    return path


def test_only_sound_rows_are_trusted(tmp_path: Path) -> None:
    manifest, rows = read_run(stored(tmp_path, "20260102T030405Z-abababab"))
    assert len(rows) == len(ROWS) and manifest.outcomes == {"ok": 12}
    assert trusted(rows)["time_s"].tolist() == [1.0, 2.0, 4.0]


def test_a_block_without_its_partner_is_left_out(tmp_path: Path) -> None:
    _, rows = read_run(stored(tmp_path, "run"))
    table = by_block(trusted(rows), "time_s", "size")
    assert table.index.tolist() == [0] and table.loc[0].to_dict() == {1: 1.0, 2: 2.0}


def test_the_newest_sound_run_here_stands_for_the_study(tmp_path: Path) -> None:
    stories: dict[str, dict[str, Any]] = {
        "20260101T000000Z-abababab": {"void": True},
        "20260105T000000Z-abababab": {"scale": "smoke"},
        "reference": {},
        "20260102T000000Z-abababab": {},
        "20260103T000000Z-abababab": {},
        "20260104T000000Z-abababab": {"void": True},
    }
    names = {}
    for name, changes in stories.items():
        stored(tmp_path, name, **changes)
        found = latest(tmp_path, "q99_sound")
        names[name] = found.path.name
    assert list(names.values()) == [
        "20260101T000000Z-abababab", "20260105T000000Z-abababab", "reference",
        "20260102T000000Z-abababab", "20260103T000000Z-abababab", "20260103T000000Z-abababab",
    ]  # fmt: skip
    assert runs(tmp_path, "q99_sound")[0].reference and len(runs(tmp_path, "q99_sound")) == 6


@pytest.mark.parametrize(
    ("name", "changes", "label"),
    [
        ("reference", {}, "reference machine, not measured here, 2026-01-02, quick"),
        ("20260102T000000Z-ab", {}, "measured on this machine, 2026-01-02, quick"),
        ("20260102T000000Z-ab", {"void": True}, "measured on this machine, 2026-01-02, quick, VOID"),
        ("20260102T000000Z-ab", {"scale": "smoke"}, "SMOKE: not a measurement"),
    ],
)
def test_where_numbers_come_from_is_said(tmp_path: Path, name: str, changes: dict[str, Any], label: str) -> None:
    path = stored(tmp_path, name, **changes)
    assert Run(path, read_manifest(path)).label == label


def test_publishing_takes_histograms_and_canaries_along(tmp_path: Path) -> None:
    path = stored(tmp_path, "20260102T000000Z-ab")
    for name in ("hist.csv.gz", "canaries.csv"):
        (path / name).write_bytes(name.encode())
    published = publish(Run(path, read_manifest(path)))
    assert {(published.path / name).read_text() for name in ("hist.csv.gz", "canaries.csv")} == {
        "hist.csv.gz", "canaries.csv",
    }  # fmt: skip


def test_histograms_of_rejected_blocks_and_bad_trials_do_not_count(tmp_path: Path) -> None:
    path, lines = stored(tmp_path, "run", factors={"size": ["1", "None"], "codec": ["a"]}), []
    told: list[tuple[int, str, str, bool]] = [
        (0, "1", "ok", True), (0, "None", "ok", True), (1, "1", "ok", True), (2, "1", "ok", False),
        (3, "1", "invalid", True),
    ]  # fmt: skip
    for block, size, outcome, kept in told:
        counted = Histogram("latency")
        counted.record_many([0.001 * (block + 1)] * 3)
        place = {"block": block, "cell": 0, "size": size, "codec": "a", "outcome": outcome, "kept": kept}
        lines += [place | row for row in counted.rows()]
    (path / "hist.csv.gz").write_bytes(gzip.compress(table(lines)))
    found = Run(path, read_manifest(path)).histograms()
    assert {labels: list(blocks) for labels, blocks in found["latency"].items()} == {
        ("1", "a"): [0, 1], ("None", "a"): [0],
    }  # fmt: skip
    whole = merged(found["latency"]["1", "a"].values())
    assert {int(place): int(whole.counts[place]) for place in whole.counts.nonzero()[0]} == {1000: 3, 2000: 3}


@pytest.mark.parametrize("name", ["rows.csv.gz", "trials.csv"])
def test_a_table_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    path = stored(tmp_path, "run")
    (path / name).unlink()
    with pytest.raises(DoorError, match=rf"{name} of run run is missing"):
        _ = (Run(path, read_manifest(path)).rows(), Run(path, read_manifest(path)).trials())


@pytest.mark.parametrize(
    "data", [b"not gzip", gzip.compress(b"block,kept\n" * 1000)[:-12], gzip.compress(b"")], ids=len
)
def test_a_table_that_was_damaged_is_named(tmp_path: Path, data: bytes) -> None:
    path = stored(tmp_path, "run")
    (path / "hist.csv.gz").write_bytes(data)
    with pytest.raises(DoorError, match=r"hist\.csv\.gz of run run cannot be read"):
        Run(path, read_manifest(path)).histograms()


def test_an_older_manifest_reads_and_a_newer_one_is_refused_by_name(tmp_path: Path) -> None:
    older = read_manifest(stored(tmp_path, "older"))
    assert (older.design, older.cells, older.block_s, older.canaries) == ({}, (), (), {})
    assert Run(tmp_path / "q99_sound" / "older", older).histograms() == {}
    assert Run(tmp_path / "q99_sound" / "older", older).canaries().empty
    path = stored(tmp_path, "newer", phase_of_moon="full")
    with pytest.raises(DoorError, match="newer was written by a newer imlab: its manifest says phase_of_moon"):
        read_manifest(path)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    later: dict[str, Any] = {"design": {"kind": "2^(4-1)"}, "cells": [["1"], ["2"]], "block_s": [1.5, 2.5],
             "canaries": {"cpu": {"median_s": 0.001, "spread": 0.1, "songs": 7}}}  # fmt: skip
    path = stored(tmp_path, "run", **later)
    (path / "manifest.json").write_text(json.dumps(read_manifest(path).plain()))
    assert read_manifest(path) == Manifest(**SOUND, **later)


def test_publishing_copies_the_run_and_nothing_else(tmp_path: Path) -> None:
    for name in ("20260102T000000Z-ab", "20260103T000000Z-ab"):
        path = stored(tmp_path, name, hash=name)
        (path / "logs").mkdir()
        published = publish(Run(path, read_manifest(path)))
        assert published.reference and read_manifest(published.path).hash == name
        assert sorted(file.name for file in published.path.iterdir()) == [
            "manifest.json", "plan.json", "rows.csv.gz", "trials.csv",
        ]  # fmt: skip


@pytest.mark.parametrize("changes", [{"scale": "smoke"}, {"void": True}], ids=str)
def test_what_measured_nothing_is_not_published(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = stored(tmp_path, "run", **changes)
    with pytest.raises(UsageError, match="not published"):
        publish(Run(path, read_manifest(path)))


def test_a_study_that_never_ran_says_so(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match="never run"):
        latest(tmp_path, "q99_sound")
    with pytest.raises(DoorError, match="no whole run"):
        read_manifest(tmp_path)


def test_the_caption_tells_design_machine_and_versions() -> None:
    caption = Manifest(**(SOUND | {"rejected": {"3": ["steal"]}})).caption
    assert caption.split("\n") == [
        "q99_sound, 6 blocks, 1 rejected, plan abababab",
        "2 cores Some CPU, Linux 6.1, CPython 3.11.7, c0ffee0",
        "libopus 1.6.1",
    ]


def test_a_table_keeps_every_column_and_only_emptiness_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(table([{"level": "None", "a": math.nan}, {"b": 'quoted, "text"', "a": 0.1 + 0.2}]))
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    assert rows["level"][0] == "None" and rows["a"].isna().tolist() == [True, False]
    assert rows["a"][1] == 0.1 + 0.2 and rows["b"][1] == 'quoted, "text"'
