"""The runner's promises, kept by real processes: every end is a row, nothing is left behind, nothing is run twice."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from imlab.errors import UsageError
from imlab.lab.machine.canary import NAMES
from imlab.lab.plan.design import Plan, plan
from imlab.lab.plan.studies import load, sources
from imlab.lab.record.histogram import merged
from imlab.lab.record.reading import Run, latest, publish, read_run, trusted
from imlab.lab.running.cores import available
from imlab.lab.running.folder import open_run
from imlab.lab.running.run import begin, run

pytestmark = pytest.mark.process

STUDY = """
import os, signal, subprocess, sys, threading
from imlab.errors import InvalidRun
from imlab.lab.plan.design import Experiment
from imlab.lab.machine.gates import Gates
from imlab.lab.record.histogram import Histogram

PINNED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []  # as this is imported

def ordinary(trial):
    assert not list(trial.scratch.iterdir())
    (trial.scratch / "bytes").write_bytes(b"x")
    yield {"seed_s": trial.seed, "drawn_s": float(trial.rng().uniform()), "note": f"{trial.scratch.name}",
           "pinned": repr(PINNED), "hashed": hash("a word"), "warm_up": False}

def attempt(trial):
    kind = trial.settings["kind"]
    yield from ordinary(trial)
    if kind in ("counts", "strays"):
        for times in ([0.001, 0.002], [0.002, float("nan"), *[99.0] * (kind == "strays")]):  # two load generators
            counted = Histogram("latency", 50_000_000)
            counted.record_many(times)
            yield counted
        yield Histogram("lag")
    if kind == "two ranges":
        yield from (Histogram("latency", highest) for highest in (1_000, 2_000))
    if kind == "unlabelled":
        yield {"time_s": 1.0}
    if kind == "invalid":
        raise InvalidRun("the generator was late")
    if kind == "raises":
        raise ValueError("no such note")
    if kind == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind in ("hangs", "leaves"):
        words = [sys.executable, "-c", "import threading; threading.Event().wait()"]
        child = subprocess.Popen(words, start_new_session=True)
        open(os.environ["PIDS"], "a").write(f"{child.pid}\\n")
    if kind == "hangs":
        threading.Event().wait()

EXPERIMENT = Experiment(
    name="NAME", question="Does the runner keep its word?", expectation="Yes.", attempt=attempt,
    factors={"kind": KINDS}, limit_s=LIMIT, gates=Gates(switches=SWITCHES, drift={"cpu": DRIFT}), warm_up_s=WARM,
    blocks={"smoke": BLOCKS, "quick": BLOCKS, "full": 12}, versions=lambda: {"thing": "1.2"},
)
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    """A factory of study modules in a folder of their own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    yield Study(tmp_path)


class Study:
    """Writes a study's module and runs it."""

    def __init__(self, home: Path) -> None:
        self.home, self.results = home, home / "results"

    def write(self, name: str, *kinds: str, scale: str = "smoke", **changes: float) -> Plan:
        """A study whose only factor is what its trials do."""
        text = STUDY.replace("NAME", name).replace("KINDS", repr(kinds))
        for what, value in ({"limit": 30.0, "blocks": 1, "switches": 1e9, "drift": 1e9, "warm": 0.0} | changes).items():
            text = text.replace(what.upper(), repr(value))
        (self.home / f"{name}.py").write_text(text)
        return plan(load(name), scale)

    def run(self, drawn: Plan) -> Run:
        """All of it."""
        list(run(drawn, begin(drawn, self.results)))
        return latest(self.results, drawn.experiment.name)

    def left(self) -> list[int]:
        """Processes that trials started and that still live."""
        pids = [int(line) for line in (self.home / "pids").read_text().split()]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_every_end_of_a_trial_is_a_row_with_its_reason(study: Study) -> None:
    done = study.run(study.write("q90_ends", "ends", "invalid", "raises", "dies", "unlabelled", warm=1.0))
    manifest, rows = read_run(done.path)
    assert manifest.outcomes == {"ok": 1, "invalid": 1, "failed": 2, "crashed": 1}
    reasons = dict(zip(rows["kind"], rows["reason"].fillna(""), strict=True))
    assert reasons["ends"] == ""
    assert reasons["invalid"] == "the generator was late"
    assert reasons["raises"] == "ValueError: no such note"
    assert reasons["dies"] == f"killed by signal {int(signal.SIGSEGV)}"
    assert reasons["unlabelled"].endswith("the first 1 s are warm-up, but a row has no column warm_up")
    assert len(rows) == 5 and rows["drawn_s"].notna().all(), "rows yielded before the end are evidence and stay"
    assert set(trusted(rows)["kind"]) == {"ends"}
    assert manifest.versions == {"thing": "1.2"}
    assert str(study.home) not in (done.path / "manifest.json").read_text(), "a manifest names no place"


def test_histograms_are_kept_by_cell_and_block_and_merged(study: Study) -> None:
    done = study.run(study.write("q89_counts", "counts", "strays", "two ranges", blocks=2))
    assert done.manifest.outcomes == {"ok": 2, "invalid": 2, "failed": 2}
    reasons = done.trials().groupby("kind")["reason"].first()
    assert reasons["strays"] == "latency: 1 of 5 times outside 0 to 50 s"
    assert "one range" in reasons["two ranges"]
    found = done.histograms()
    assert list(found) == ["latency", "lag"] and list(found["latency"]) == [("counts",)]
    blocks = found["latency"]["counts",]
    assert list(blocks) == [0, 1] and found["lag"]["counts",][1].n == 0
    whole = merged(blocks.values())
    assert (whole.n, whole.failed, whole.highest) == (8, 2, 50_000_000)
    assert {int(place): int(whole.counts[place]) for place in whole.counts.nonzero()[0]} == {1000: 2, 2000: 4}
    stray = pd.read_csv(done.path / "hist.csv.gz").query("kind == 'strays' and what == 'outside' and name == 'latency'")
    assert stray["count"].tolist() == [1, 1], "what cannot be counted stays in the file as evidence"
    assert read_run(done.path)[0].block_s == pytest.approx(done.trials().groupby("block")["seconds"].sum(), abs=0.001)


def test_a_block_on_a_restless_machine_is_rejected_whole_and_kept(study: Study) -> None:
    done = study.run(study.write("q98_restless", "a", "b", scale="quick", switches=-1.0, drift=-1.0))
    assert done.manifest.void and list(done.manifest.rejected) == ["0"]
    assert done.manifest.rejected["0"][-2].startswith("involuntary switches/s")
    assert done.manifest.rejected["0"][-1].startswith("drift of cpu")
    assert len(done.rows()) == 2 and len(trusted(done.rows())) == 0


def test_a_study_that_changes_under_the_run_is_not_mixed_in(study: Study) -> None:
    drawn = study.write("q99_changes", "a")
    study.write("q99_changes", "a", limit=31.0)
    assert study.run(drawn).rows()["reason"][0].startswith("UsageError: q99_changes changed under the run")


def test_cells_of_a_block_share_their_draws_and_blocks_do_not(study: Study) -> None:
    done = study.run(study.write("q91_common", "a", "b", blocks=2))
    rows = done.rows()
    for drawn in ("drawn_s", "hashed"):
        assert (rows.groupby("block")[drawn].nunique() == 1).all() and rows[drawn].nunique() == 2, drawn
    assert set(rows["pinned"]) == {repr(done.manifest.cores["load"] or sorted(available()))}, "pinned before it imports"


def test_canaries_sing_before_each_block_and_after_the_last(study: Study) -> None:
    done = study.run(study.write("q87_sings", "a", blocks=2))
    songs = done.canaries().groupby("started", sort=False).first()
    assert list(zip(songs["block"], songs["place"], strict=True)) == [(0, "before"), (1, "before"), (1, "after")]
    assert set(done.canaries()["name"]) == set(NAMES) and done.canaries()["reason"].isna().all()
    assert set(done.manifest.canaries) == set(NAMES)
    assert {told["songs"] for told in done.manifest.canaries.values()} == {3}
    trials = done.trials()
    assert songs.index[0] < trials["started"][0] < songs.index[1] < trials["started"][1] < songs.index[2]
    assert not (done.path / "canaries").exists()
    assert done.histograms() == {} and not (done.path / "hist.csv.gz").exists(), "none without any"
    assert {"strain_thermal", "strain_quota", "strain_throttles", "strain_mhz"} <= set(trials.columns)


def test_a_trial_past_its_limit_is_killed(study: Study) -> None:
    done = study.run(study.write("q92_late", "hangs", limit=0.5))
    assert done.rows()["outcome"].tolist() == ["late"]
    assert done.rows()["reason"][0].startswith("killed at its limit, after 0.")


def test_what_a_trial_leaves_behind_is_ended_and_counted(study: Study) -> None:
    done = study.run(study.write("q93_leaves", "leaves"))
    assert set(done.rows()["outcome"]) == {"ok"}
    assert done.trials()["leftovers"].tolist() == [1]
    assert study.left() == []
    assert not (done.path / "scratch").exists()


def test_an_interrupted_run_is_taken_up_where_it_stopped(study: Study) -> None:
    drawn = study.write("q94_resume", "a", "b")
    origin = {"commit": "c0ffee00"}
    folder = open_run(study.results, drawn, origin)
    steps = run(drawn, folder)
    next(steps)
    steps.close()
    first = folder.kept(drawn.trials[0])
    stale = folder.path / "scratch" / drawn.trials[1].name / "stale"
    stale.parent.mkdir(parents=True)
    stale.touch()  # as a trial leaves it whose warden was killed
    assert open_run(study.results, drawn, {"commit": "0ddba11"}) != folder, "other code is another run"
    assert open_run(study.results, drawn, origin) == folder
    assert [step.done for step in run(drawn, folder)] == [1, 2]
    assert first is not None
    done = Run(folder.path, read_run(folder.path)[0])
    assert done.trials()["started"][0] == first["started"], "run once only"
    assert done.manifest.outcomes == {"ok": 2}, "scratch is empty again"
    assert done.canaries()["place"].unique().tolist() == ["before", "within", "after"], "and canaries sing again"
    assert open_run(study.results, drawn, origin) != folder, "a whole run is never added to"


def test_a_run_is_not_gone_on_with_by_another_text_of_its_study(study: Study) -> None:
    drawn = study.write("q97_text", "a")
    folder = begin(drawn, study.results)
    assert begin(drawn, study.results) == folder
    place = study.home / "q97_text.py"
    place.write_text(place.read_text().replace("ordinary", "usual"))
    assert begin(drawn, study.results) != folder, "no plan sees what an attempt does"
    assert sources("imlab.studies.q01_stop_to_play") == "", "of ours the commit speaks"


def test_a_run_closed_within_its_second_is_not_begun_again(study: Study) -> None:
    drawn = study.write("q96_quick", "a")
    folders = []
    for _ in range(5):
        folders.append(open_run(study.results, drawn, {}))
        folders[-1].close({}, {})
    assert len({folder.path for folder in folders}) == 5


def test_a_second_runner_is_kept_out(study: Study) -> None:
    drawn = study.write("q95_twice", "a")
    folder = begin(drawn, study.results)
    with folder.held(), pytest.raises(UsageError, match="another runner"):
        next(run(drawn, folder))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_a_runner_that_is_ended_leaves_no_process_behind(study: Study, how: signal.Signals) -> None:
    study.write("q97_hangs", "hangs", limit=60.0)
    pipe = study.home / "pipe"
    os.mkfifo(pipe)
    code = f"""
        import signal
        from pathlib import Path
        from imlab.lab.plan.design import plan
        from imlab.lab.running.run import begin, run
        from imlab.lab.plan.studies import load, sources
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have us ignore it
        drawn = plan(load("q97_hangs"), "smoke")
        list(run(drawn, begin(drawn, Path({str(study.results)!r}))))
    """
    environment = os.environ | {"PIDS": str(pipe), "PYTHONPATH": str(study.home)}
    runner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment, stderr=subprocess.DEVNULL)
    orphan = os.pidfd_open(int(pipe.read_text()))  # told by the trial once its own child runs
    runner.send_signal(how)
    assert runner.wait() == -how
    ended, _, _ = select.select([orphan], [], [], 30)
    os.close(orphan)
    assert ended == [orphan]
    assert not list(study.results.glob("*/*/manifest.json")), "and the run can be taken up again"


def test_smoke_is_watermarked_and_never_published(study: Study) -> None:
    done = study.run(study.write("q96_smoke", "a"))
    assert "not a measurement" in done.manifest.watermark and "not a measurement" in done.label
    with pytest.raises(UsageError, match="SMOKE"):
        publish(done)
