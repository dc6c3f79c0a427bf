"""The study of cache hits: a replay in which reads take time, the proof of a cell, and its reading of made rows."""

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
from imlab.lab.load.hits import MISS, NONE
from imlab.lab.load.popularity import Recency
from imlab.lab.load.script import FETCH, SEND, Mix, Script
from imlab.lab.plan.design import plan
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.server.service.caching import Caching
from imlab.stack.presets import NEW
from imlab.studies import q17_cache_hits as q17
from imlab.studies.architectures.manipulation import Treatment
from imlab.studies.architectures.shelf import Shelf
from imlab.studies.architectures.timed import Caches, evenly
from imlab.studies.architectures.workload import Asked
from imlab.studies.cache_hits import drawn, reading
from imlab.studies.cache_hits.cells import BOTH_SIZE, OLD_SIZE, PARTS, RATES, USUALLY, WORKLOADS, architecture, caching
from imlab.studies.cache_hits.evidence import evidence
from imlab.studies.cache_hits.tried import BY_RATE, MEASURED, REPLAYED, WITHIN, doubts

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"
EACH = 2_000  # bytes of each note of these tests
CELLS = [dict(zip(PARTS, levels, strict=True)) for levels in product(*PARTS.values())]


def asked(script: Script, past: int) -> Asked:
    """A script whose notes all weigh the same."""
    notes = script.total
    shelf = Shelf(Path("nowhere"), notes, ("id",) * notes, ("sum",) * notes, np.full(notes, EACH),
                  np.arange(notes), (b"",) * notes)  # fmt: skip
    return Asked(script, past, np.arange(notes), shelf)


def scripted(requests: str) -> Asked:
    """``a`` fetches the first note, ``b`` the second; ``+`` sends a third, which ``c`` fetches. Nothing in the past."""
    kinds = np.array([SEND if request == "+" else FETCH for request in requests], dtype=np.int8)
    items = np.array([{"a": 0, "b": 1, "+": 2, "c": 2}[request] for request in requests])
    return asked(Script(kinds, items, 2), 0)


@pytest.mark.parametrize(
    ("requests", "parts", "hits", "shared", "misses"),
    [
        ("aa", {}, 0, 0, 2),
        ("aa", {"single_flight": True}, 0, 1, 1),
        ("ab", {"single_flight": True}, 0, 0, 2),
        ("aaa", {}, 1, 0, 2),  # the third comes when the first read has ended
        ("aaa", {"single_flight": True}, 1, 1, 1),
        ("+bbc", {}, 0, 0, 3),
        ("+c", {"at_upload": True}, 0, 0, 1),  # it is not stored yet
        ("+bc", {"at_upload": True}, 1, 0, 1),
        ("+bc", {}, 0, 0, 2),
    ],
)
def test_what_is_being_read_is_not_there_yet(
    requests: str, parts: dict[str, bool], hits: int, shared: int, misses: int
) -> None:
    fetches = len(requests) - requests.count("+")
    found = Caches(scripted(requests), Caching(10 * EACH, **parts)).found(evenly(1.0, len(requests)), away_s=1.5)
    assert (found.hits, found.shared, found.misses) == pytest.approx(
        (hits / fetches, shared / fetches, misses / fetches)
    )


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: ", ".join(cell.values()))
def test_where_nobody_asks_meanwhile_time_changes_nothing(cell: dict[str, str]) -> None:
    script = Mix(0.9, 0.1).draw(600, Recency(0.8, 5.0, 1.0, 100), np.random.default_rng(3))
    small = replace(caching(cell), limit={OLD_SIZE: 20 * EACH, BOTH_SIZE: 1 << 30}[cell["limit"]])
    here = asked(script, past=200)
    places = here.expected(small).places[200:]
    found = Caches(here, small).found(evenly(1.0, 400), away_s=0.5)
    assert found.misses == pytest.approx((places == MISS).sum() / (places != NONE).sum())
    assert found.hits == pytest.approx(1 - found.misses)
    assert found.shared == 0


def test_a_replay_begins_each_time_where_the_past_ended() -> None:
    caches = Caches(scripted("abab"), Caching(10 * EACH))
    assert caches.found(evenly(1.0, 4), 0.5) == caches.found(evenly(1.0, 4), 0.5)


def test_cells_differ_in_their_caching_alone() -> None:
    assert len({caching(cell) for cell in CELLS}) == 16
    assert {replace(architecture(cell), caching=NEW.caching) for cell in CELLS} == {NEW}
    assert len(plan(q17.EXPERIMENT, "quick").trials) == 6 * 16


COUNTED = Treatment(0.8, 0.2, 0.01, 0.19, 0.05, 0.05, 2e4, 9.0, 1e-5, 3e-4, 0.8)


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        (COUNTED, []),
        (replace(COUNTED, misses=0.19 + 2 * WITHIN), ["misses of the fetches: 22.0% counted, 19.0% replayed"]),
        (replace(COUNTED, shared=0.0, second_hits=0.0), ["second_hits"]),
    ],
)
def test_a_window_that_had_another_treatment_is_named(counted: Treatment, words: list[str]) -> None:
    found = Caches(scripted("a"), Caching(EACH)).found(evenly(1.0, 1), 0.1)
    said = replace(found, hits=0.8, second_hits=0.2, shared=0.01, misses=0.19)
    doubted = list(doubts(counted, said))
    assert len(doubted) == len(words) and all(word in doubt for word, doubt in zip(words, doubted, strict=True))


def hits_of(cell: dict[str, str]) -> float:
    """Limit and second level find the same; filling adds to either."""
    large = cell["limit"] == BOTH_SIZE or cell["second level"] == "yes"
    return 0.60 + 0.20 * large + 0.08 * (cell["filled at upload"] == "yes")


def made(blocks: int = 6, workloads: tuple[str, ...] = (USUALLY,)) -> Iterator[dict[str, Any]]:
    """Rows as trials give them: a read takes 200 ms, a hit 1 ms."""
    for block, cell in product(range(blocks), CELLS):
        off = 0.002 * (block % 3)
        hits, shared = hits_of(cell) - off, 0.02 * (cell["single flight"] == "yes")
        reads = 1 - hits - shared
        told = {**cell, "block": block, "outcome": "ok", "kept": True}
        said = {"said_hits": hits, "said_second_hits": 0.0, "said_shared": shared, "said_misses": reads}
        times = {"mean_s": 0.001 + 0.2 * reads, "p50_s": 0.001 + off / 10, "p90_s": 0.2}
        counted = {"hits": hits, "second_hits": 0.0, "shared": shared, "misses": reads}
        for workload in workloads:
            yield {**told, "what": MEASURED, "workload": workload, **counted, **said, **times}
        yield from ({**told, "what": REPLAYED, "workload": name, "sent": 0.05, **said} for name in WORKLOADS)
        yield from ({**told, "what": BY_RATE, "rate": rate, **said} for rate in RATES)


def test_points_are_shared_out_as_they_were_made() -> None:
    rows = pd.DataFrame(made())
    values = reading.points(rows)
    assert values is not None and values.shape == (6, 16)
    shares = {part: found.estimate for part, found in reading.parted(values, "Shapley").items()}
    expected = {"limit": 10.0, "second level": 10.0, "filled at upload": 8.0, "single flight": 0.0}
    assert shares == pytest.approx(expected, abs=1e-9)
    alone = {part: found.estimate for part, found in reading.parted(values, "alone, first in").items()}
    assert alone == pytest.approx(expected | {"limit": 20.0, "second level": 20.0}, abs=1e-9)
    last = {part: found.estimate for part, found in reading.parted(values, "last in").items()}
    assert last == pytest.approx(expected | {"limit": 0.0, "second level": 0.0}, abs=1e-9)


def test_single_flight_is_told_beside_each_set_of_the_others() -> None:
    table = reading.flight(pd.DataFrame(made()))
    assert len(table) == 8
    assert set(table["saved (points)"]) == {"2 [2, 2]"}
    assert set(table["waited for another's (%)"]) == {"2 [2, 2]"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Run, "rows", lambda _: pd.DataFrame(made()))
    return Run(REFERENCE, read_manifest(REFERENCE))


def test_the_evidence_is_the_second_level_alone(run: Run) -> None:
    ((claim, (found,)),) = evidence(run).items()
    assert (claim, found.endpoint) == ("C3", "hits")
    assert found.effect.estimate == pytest.approx(20.0) and found.effect.given
    assert found.narrow.level == 0.90


def test_the_sentence_says_parts_bound_and_workloads(run: Run) -> None:
    told = reading.conclusion(run)
    assert "second level 10 [10, 10] (alone 20 [20, 20])" in told
    assert "5 [5, 5] % of the fetches" in told
    for workload in list(WORKLOADS)[1:]:
        assert f"8 [8, 8] with {workload}" in told
    assert len(reading.every_cell(run.rows())) == 16
    assert "p99 (ms)" not in reading.every_cell(run.rows()), "no window was long enough"


def test_a_workload_that_was_asked_stands_beside_its_replay() -> None:
    table = reading.workloads(pd.DataFrame(made(workloads=tuple(WORKLOADS))))
    assert len(table) == 2 * len(WORKLOADS) * len(PARTS)


@pytest.mark.parametrize("broken", ["no trial ended well", "a cell is missing"])
def test_what_cannot_be_shared_out_is_said(broken: str, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    rows = pd.DataFrame(made())
    if broken == "no trial ended well":
        monkeypatch.setattr(Run, "rows", lambda _: rows.assign(outcome="failed"))
        with pytest.raises(InvalidRun, match="nothing measured can be counted"):
            reading.conclusion(run)
        return
    monkeypatch.setattr(Run, "rows", lambda _: rows[(rows[list(PARTS)] != list(CELLS[5].values())).any(axis=1)])
    assert "nothing can be shared out" in reading.conclusion(run)
    assert evidence(run) == {}


@pytest.mark.slow
def test_figures_of_all_that_was_measured_and_replayed(run: Run) -> None:
    figures = drawn.figures(run)
    assert set(figures) == {"reads", "mean", "p50", "hits", "workloads", "rates"}
    assert "second level, filled at upload: " in figures["hits"].alt
    assert "second level, filled at upload: 12.2 [12, 12.4] at 10" in figures["rates"].alt


def test_a_trial_needs_no_pandas() -> None:
    code = "import sys, imlab.studies.q17_cache_hits; print(*({'pandas', 'scipy', 'matplotlib'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.process
def test_a_cell_is_asked_for_real(tmp_path: Path) -> None:
    cell = {"limit": OLD_SIZE, "second level": "yes", "filled at upload": "no", "single flight": "yes"}
    trial = next(trial for trial in plan(q17.EXPERIMENT, "smoke").trials if trial.settings == cell)
    rows = list(q17.attempt(replace(trial, scratch=tmp_path)))
    first = rows[0]
    assert first["what"] == MEASURED and first["n"] > 100
    assert abs(first["misses"] - first["said_misses"]) < 5 * WITHIN and first["second_hits"] > 0
    assert sum(row["what"] == REPLAYED for row in rows) == len(WORKLOADS)
    assert sum(row["what"] == BY_RATE for row in rows) == len(RATES)
