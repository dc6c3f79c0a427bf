"""One trial from its request to its record: its rows, how it ended, what it cost and what the machine suffered.

The process is started on the load's cores, so that every thread that its imports make is there too, and with the
block's seed for the order of Python's sets: all cells of a block are alike in that as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imlab.errors import DoorError
from imlab.lab.machine import facts as machine
from imlab.lab.machine import gates
from imlab.lab.plan.design import Plan
from imlab.lab.record.histogram import Histogram, merged, stored
from imlab.lab.running import warden
from imlab.lab.running.cell import Request
from imlab.lab.running.cores import Cores
from imlab.lab.running.folder import Folder

Record = Mapping[str, Any]


def run_trial(plan: Plan, index: int, folder: Folder, cores: Cores) -> Record:
    """Run one trial of a plan in its own process."""
    trial = plan.trials[index]
    scratch, rows, log = (folder.path / kind / trial.name for kind in ("scratch", "rows", "logs"))
    shutil.rmtree(scratch, ignore_errors=True)  # of a trial whose warden was killed
    scratch.mkdir(parents=True)
    for place in (rows, log):
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
    module = plan.experiment.attempt.__module__
    request = Request(
        module, plan.scale, index, plan.hash, str(rows), str(scratch), tuple(sys.path), cores.load, cores.system
    )
    command = [sys.executable, "-m", "imlab.lab.running.cell", request.text()]
    started, before = datetime.now(UTC), gates.look()
    with cores.borrowed():
        fate = _guard(command, plan.experiment.limit_s, scratch, log, {"PYTHONHASHSEED": str(trial.seed % 2**32)})
    strain = gates.strain(before, gates.look(), fate["switches"])
    said = _read(rows, fate, log)
    rows.unlink(missing_ok=True)
    if log.stat().st_size == 0:
        log.unlink()
    return said | {
        "started": started.isoformat(timespec="milliseconds"),
        "seconds": fate["seconds"],
        "cpu_s": fate["cpu_s"],
        "leftovers": fate["leftovers"],
        "strain": asdict(strain),
    }


def _guard(command: list[str], limit_s: float, scratch: Path, log: Path, more: Mapping[str, str]) -> Record:
    """Run the command under a warden; what the warden says of its end. Our death or interruption is its signal.

    ``more`` is added to the environment.
    """
    words = [sys.executable, "-I", "-S", warden.__file__, str(limit_s), str(scratch), *command]
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True,
            env={**os.environ, **more},
        )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    with process.stdout:
        try:
            told = process.stdout.read()
        finally:
            process.stdin.close()
            process.wait()
    if process.returncode != 0:
        raise DoorError(f"the warden of a trial failed: {_last_line(log)}")
    fate: Record = json.loads(told)
    return fate


def _read(rows: Path, fate: Record, log: Path) -> dict[str, Any]:
    """What the trial wrote, and its end: its own word where it ended well, the warden's where not."""
    lines = rows.read_bytes().split(b"\n") if rows.exists() else []
    told = [json.loads(line) for line in lines[:-1]]  # what follows the last newline was torn by a crash
    end: dict[str, Any] = {"outcome": "crashed", "reason": _cause(fate, log), "versions": {}}
    if fate["why"] == "late":
        end |= {"outcome": "late"}
    elif told and "end" in told[-1]:
        end = told[-1]["end"]
    return {
        "rows": [line["row"] for line in told if "row" in line],
        "histograms": _added(line["histogram"] for line in told if "histogram" in line),
        **end,
        "reason": _portable(end["reason"]),
    }


def _added(told: Iterable[list[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Histograms of one name, from several load generators, say, added into one; as rows."""
    named: dict[str, list[Histogram]] = {}
    for rows in told:
        for name, histogram in stored(rows).items():
            named.setdefault(name, []).append(histogram)
    return [row for parts in named.values() for row in merged(parts).rows()]


def _cause(fate: Record, log: Path) -> str:
    """Why a trial has no word of its own."""
    if fate["why"] == "late":
        return f"killed at its limit, after {fate['seconds']:.1f} s"
    how = f"killed by signal {-fate['code']}" if fate["code"] < 0 else f"exit status {fate['code']}"
    return ": ".join(part for part in (how, _last_line(log)) if part)


def _last_line(log: Path) -> str:
    """The last thing that a process said; tracebacks end with the error."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return _portable(lines[-1].strip()) if lines else ""


def _portable(text: str) -> str:
    """Without the places of this machine: a reason travels with the results."""
    for place, name in ((Path.cwd(), "."), (machine.ROOT, "."), (Path(sys.prefix), "<python>"), (Path.home(), "~")):
        if place != Path("/"):
            text = text.replace(str(place), name)
    return text
