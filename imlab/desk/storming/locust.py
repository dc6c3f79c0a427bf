"""Locust as a subprocess, which is the only way in which it runs here: importing it patches the process that does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlab.errors import DoorError, InvalidRun

LOOK_S = 0.2  # between two looks at whether it has ended
LATE_S = 60.0  # after its time: then it is ended
LOG, PAGE, THEIRS, OURS = "locust.log", "locust.html", "locust", "records.json"


@dataclass(frozen=True, slots=True)
class Storm:
    """A scenario and how it is run. rate: users that begin in a second. processes: workers beside the master; 0: one

    process for all. more: options of the scenario's own.
    """

    scenario: Path
    host: str
    users: int
    rate: float
    seconds: float
    processes: int = 0
    more: Sequence[str] = ()

    def command(self, folder: Path) -> list[str]:
        """What is run; all that it writes goes into the folder."""
        words = [sys.executable, "-m", "locust", "-f", str(self.scenario), "--headless", "--host", self.host]
        words += ["--users", str(self.users), "--spawn-rate", f"{self.rate:g}", "--run-time", f"{self.seconds:g}s"]
        words += ["--only-summary", "--logfile", str(folder / LOG), "--html", str(folder / PAGE)]
        words += ["--json-file", str(folder / THEIRS), "--records", str(folder)]
        words += ["--processes", str(self.processes)] if self.processes else []
        return [*words, *self.more]


@dataclass(frozen=True, slots=True)
class Passed:
    """A storm that is over. summary: records.json (lab/load/locust_verdict.py); theirs: Locust's rounded figures."""

    folder: Path
    code: int
    summary: dict[str, Any]
    theirs: list[dict[str, Any]]

    @property
    def reasons(self) -> list[str]:
        """Why it may not be believed."""
        return list(self.summary["reasons"])


def run(storm: Storm, folder: Path, passed: Callable[[float], None]) -> Passed:
    """Until it is over; ``passed`` is told the seconds now and then. DoorError: it told nothing."""
    folder.mkdir(parents=True)
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(storm.command(folder), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _await(process, storm.seconds, passed)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return _told(folder, process.returncode)


def believed(passed: Passed) -> Passed:
    """It; InvalidRun where its numbers must not be believed."""
    if passed.reasons or passed.code:
        raise InvalidRun("; ".join(passed.reasons) or f"Locust ended with {passed.code}: see {passed.folder / LOG}")
    return passed


def _await(process: subprocess.Popen[bytes], seconds: float, passed: Callable[[float], None]) -> None:
    begun = time.monotonic()
    while process.poll() is None:
        elapsed = time.monotonic() - begun
        if elapsed > seconds + LATE_S:
            raise DoorError(f"Locust has not ended {LATE_S:g} s after its time")
        passed(min(elapsed, seconds))
        time.sleep(LOOK_S)


def _told(folder: Path, code: int) -> Passed:
    try:
        summary = json.loads((folder / OURS).read_text())
        file = folder / f"{THEIRS}.json"
        return Passed(folder, code, summary, json.loads(file.read_text()) if file.exists() else [])
    except (OSError, ValueError) as error:
        raise DoorError(f"Locust ended with {code} and told nothing: {_last_words(folder)}") from error


def _last_words(folder: Path) -> str:
    """The end of its log, or else of what it printed, in one line."""
    texts = [path.read_text(errors="replace") for path in (folder / LOG, folder / "output.txt") if path.exists()]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-500:] or "nothing in its log"
