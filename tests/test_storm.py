"""Scenarios under Locust: each runs for real, and nothing fails; what must not be believed says so; figures agree."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from imlab.client.fetching.pool import Reuse
from imlab.desk import storm
from imlab.desk.storming.asked import SCENARIOS, scenario
from imlab.desk.storming.locust import Storm, believed, run
from imlab.desk.storming.storming import ignore, stormed
from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.closedloop import Constant, users
from imlab.net.fetching.origin import Origin
from tests.constant_host import constant

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[1]
ASKING = '''"""Closed workload: asks, waits, pauses."""

from locust import FastHttpUser, constant, events, task

from imlab.lab.load.locust_records import keep

records = keep(events)


class Asker(FastHttpUser):
    """Asks."""

    wait_time = constant(0.02)

    @task
    def ask(self):
        """Once."""
        self.client.get("/", name="/")
'''


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMLAB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("busy_hour", {"more": ["--acts", "120", "--rooms", "2"]}),
        ("group_storm", {"more": ["--within", "1"], "processes": 2}),
        ("reconnect_wave", {"more": ["--within", "2"]}),
        ("old_and_new", {"preset": "old", "more": ["--notes", "20", "--rooms", "4", "--lists", "0.1"]}),
        ("old_and_new", {"preset": "new", "more": ["--notes", "20", "--rooms", "4"]}),
    ],
    ids=lambda value: value.get("preset", "") if isinstance(value, dict) else value,
)
def test_every_scenario_runs_and_nothing_fails(name: str, more: dict[str, object], results: Path) -> None:
    passed = stormed(name, users=6, seconds=4.0, **more)  # type: ignore[arg-type]
    believed(passed)
    assert passed.summary["n"] > 20 and passed.summary["failed"] == 0
    assert passed.folder.parent == results / "storms" / name
    assert {"hist.csv", "locust.html", "locust.json", "locust.log", "records.json"} <= {
        file.name for file in passed.folder.iterdir()
    }
    assert passed.summary["workers"] == more.get("processes", 0)


def test_scenarios_say_what_they_are_and_are_short() -> None:
    files = sorted(SCENARIOS.glob("*.py"))
    assert [file.stem for file in files] == ["busy_hour", "group_storm", "old_and_new", "reconnect_wave"]
    for file in files:
        lines = file.read_text().splitlines()
        assert lines[0].startswith(('"""Open workload', '"""Closed workload')) and len(lines) < 80, file


def test_locust_ours_and_our_own_generator_agree(tmp_path: Path) -> None:
    delay_s, pause_s, count, seconds = 0.03, 0.02, 8, 3.0
    (tmp_path / "asking.py").write_text(ASKING)
    with constant(delay_s) as host:
        passed = run(Storm(tmp_path / "asking.py", host, count, count, seconds), tmp_path / "run", ignore)
        load = asyncio.run(_asked(host, count, pause_s, seconds))
    (ours,) = [row for row in passed.summary["times"] if row["name"] == "latency GET /"]
    ((theirs,),) = ([row for row in passed.theirs if row["name"] == "/"],)
    rounded = np.repeat([float(ms) for ms in theirs["response_times"]], list(theirs["response_times"].values()))
    own = float(np.nanmedian(load)) * 1e3
    assert ours["n"] == theirs["num_requests"] == len(rounded)
    assert ours["p50_ms"] == pytest.approx(float(np.median(rounded)), abs=1.0)  # what Locust rounds to
    assert own >= 30.0 and ours["p50_ms"] >= 30.0  # nothing is answered sooner
    assert ours["p50_ms"] == pytest.approx(own, abs=8.0)  # a turn of two event loops on a busy machine
    assert passed.summary["n"] == pytest.approx(count * seconds / (ours["p50_ms"] / 1e3 + pause_s), rel=0.25)  # Little


async def _asked(host: str, count: int, pause_s: float, seconds: float) -> np.ndarray:
    async with Origin(host, Reuse()) as origin:

        async def send(index: int) -> None:
            await origin.fetch("GET", "/")

        load = await users(count, Constant(pause_s), send, seconds, np.random.default_rng(1))
    return load.latency


def test_a_server_that_dies_spoils_the_run(tmp_path: Path) -> None:
    words = [sys.executable, "-P", "-m", "imlab", "serve", "--memory", "--ws", "0", "--http", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as server:
        assert server.stdout
        told = json.loads(server.stdout.readline())
        killing = threading.Timer(2.0, os.kill, (server.pid, signal.SIGKILL))
        killing.start()
        more = ["--ws", told["ws"], "--acts", "240", "--rooms", "1"]
        passed = stormed("busy_hour", users=4, seconds=4.0, host=told["media"], more=more)
        killing.join()
    assert passed.code == 1 and passed.summary["failed"] > 0
    with pytest.raises(InvalidRun, match="requests failed"):
        believed(passed)


def test_by_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert storm.main(["group_storm", "--users", "3", "--time", "3", "--", "--within", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "latency WS hear" in said and "kept in" in said
    assert storm.main(["group_storm", "--users", "3", "--time", "3", "--json", "--", "--within", "0.5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is True and Path(told["folder"]).is_dir()


def test_a_scenario_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="there are busy_hour, group_storm, old_and_new, reconnect_wave"):
        scenario("calm_hour")


def test_without_a_host_locust_is_told_what_to_start(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "locust", "-f", str(SCENARIOS / "old_and_new.py"), "--headless", "-t", "1s"]
    begun = time.monotonic()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "start ./lab serve --preset old" in done.stderr
    assert time.monotonic() > begun
