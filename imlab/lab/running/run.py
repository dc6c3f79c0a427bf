"""Run a plan: every trial in a fresh process with a hard limit, under a warden that leaves nothing behind.

``run`` yields one Progress as each trial ends, and closes the folder after the last. It prints nothing and
decides nothing but the gates, which the plan already holds. Trials that the folder keeps are not run again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imlab.errors import DoorError, UsageError
from imlab.lab.machine import facts as machine
from imlab.lab.machine import gates
from imlab.lab.plan.design import Plan, Trial
from imlab.lab.record.manifest import Manifest
from imlab.lab.running import cores as here
from imlab.lab.running import warden
from imlab.lab.running.cell import Request
from imlab.lab.running.cores import Cores
from imlab.lab.running.folder import Folder, open_run

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """A trial ended. outcome is ok, invalid, failed, crashed or late; breaches are gates it passed."""

    trial: Trial
    outcome: str
    reason: str
    seconds: float
    breaches: tuple[str, ...]
    done: int
    total: int


def begin(plan: Plan, results: Path) -> Folder:
    """The folder to run a plan in: an interrupted run of the same plan, code and machine, or a new one."""
    if not hasattr(os, "pidfd_open") or sys.platform != "linux":
        raise DoorError("measuring needs Linux: trials are guarded by its pidfd and subreaper; stored runs can be read")
    facts = machine.facts()
    origin = {name: facts[name] for name in ("commit", "diff", "lock")}
    return open_run(results, plan, origin | {"fingerprint": machine.fingerprint(facts)})


def run(plan: Plan, folder: Folder) -> Generator[Progress, None, None]:
    """Run what is missing, yield each trial as it ends, and close the folder."""
    if plan.experiment.attempt.__module__ == "__main__":
        raise UsageError(f"{plan.experiment.name} lives in __main__, which no fresh process can import")
    facts, cores = machine.facts(), here.share(here.available() or (0,))
    with folder.held():
        for index, trial in enumerate(plan.trials):
            record = folder.kept(trial)
            if record is None:
                record = _run_trial(plan, index, folder, cores)
                folder.keep(trial, record)
            yield _progress(plan, index, record)
        _close(plan, folder, facts, cores)


def _run_trial(plan: Plan, index: int, folder: Folder, cores: Cores) -> Record:
    """One trial in its own process: its rows, how it ended, what it cost and what the machine suffered."""
    trial = plan.trials[index]
    scratch, rows, log = (folder.path / kind / trial.name for kind in ("scratch", "rows", "logs"))
    scratch.mkdir(parents=True, exist_ok=True)
    for place in (rows, log):
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
    module = plan.experiment.attempt.__module__
    request = Request(
        module, plan.scale, index, plan.hash, str(rows), str(scratch), tuple(sys.path), cores.load, cores.system
    )
    started, before = datetime.now(UTC), gates.look()
    fate = _guard(
        [sys.executable, "-m", "imlab.lab.running.cell", request.text()], plan.experiment.limit_s, scratch, log
    )
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


def _guard(command: list[str], limit_s: float, scratch: Path, log: Path) -> Record:
    """Run the command under a warden; what the warden says of its end. Our death or interruption is its signal."""
    words = [sys.executable, "-I", "-S", warden.__file__, str(limit_s), str(scratch), *command]
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True
        )
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
    return {"rows": [line["row"] for line in told if "row" in line], **end, "reason": _portable(end["reason"])}


def _cause(fate: Record, log: Path) -> str:
    """Why a trial has no word of its own."""
    if fate["why"] == "late":
        return f"killed at its limit, after {fate['seconds']:.1f} s"
    how = f"killed by signal {-fate['code']}" if fate["code"] < 0 else f"exit status {fate['code']}"
    return ": ".join(part for part in (how, _last_line(log)) if part)


def _close(plan: Plan, folder: Folder, facts: Mapping[str, Any], cores: Cores) -> None:
    """Judge the blocks and write what the run has to say."""
    records = [(trial, record) for trial in plan.trials if (record := folder.kept(trial)) is not None]
    breached = _breached(plan, records)
    rejected = {} if plan.scale == "smoke" else breached  # smoke measures nothing, so nothing is rejected
    lines = [_line(trial, record, str(trial.block) not in rejected) for trial, record in records]
    rows = [line | row for line, (_, record) in zip(lines, records, strict=True) for row in record["rows"] or [{}]]
    trials = [line | _cost(record) for line, (_, record) in zip(lines, records, strict=True)]
    versions = {name: text for _, record in records for name, text in record["versions"].items()}
    seconds = sum(record["seconds"] for _, record in records)
    manifest = Manifest(
        **{name: plan.description[name] for name in _DECIDED},
        hash=plan.hash,
        rejected=rejected,
        void=gates.void(len(rejected), plan.description["blocks"]),
        outcomes=dict(Counter(record["outcome"] for _, record in records)),
        cores={"load": list(cores.load), "system": list(cores.system)},
        started=min(record["started"] for _, record in records),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(seconds, 3),
        predicted_s=plan.experiment.predicted_s(plan.scale),
        facts=facts,
        fingerprint=machine.fingerprint(facts),
        versions=versions,
    )
    folder.close(manifest.plain(), rows, trials)


_DECIDED = (
    "study",
    "question",
    "expectation",
    "scale",
    "factors",
    "seed",
    "blocks",
    "margin",
    "warm_up_s",
    "limit_s",
    "gates",
)


def _breached(plan: Plan, records: Sequence[tuple[Trial, Record]]) -> dict[str, list[str]]:
    """The blocks in which some trial passed a gate, with the worst reading of each gate passed."""
    blocks: dict[int, list[gates.Strain]] = {}
    for trial, record in records:
        blocks.setdefault(trial.block, []).append(gates.Strain(**record["strain"]))
    judged = {str(block): plan.experiment.gates.breaches(gates.worst(seen)) for block, seen in blocks.items()}
    return {block: reasons for block, reasons in judged.items() if reasons}


def _line(trial: Trial, record: Record, kept: bool) -> dict[str, Any]:
    """The columns that every row of a trial begins with."""
    place = {"block": trial.block, "cell": trial.cell, "order": trial.order, "seed": trial.seed}
    return place | trial.labels | {"outcome": record["outcome"], "reason": record["reason"], "kept": kept}


def _cost(record: Record) -> dict[str, Any]:
    """A trial's cost and strain, as columns."""
    own = {name: record[name] for name in ("started", "seconds", "cpu_s", "leftovers")}
    return own | {f"strain_{name}": value for name, value in record["strain"].items()}


def _progress(plan: Plan, index: int, record: Record) -> Progress:
    breaches = tuple(plan.experiment.gates.breaches(gates.Strain(**record["strain"])))
    told = record["outcome"], record["reason"], record["seconds"], breaches
    return Progress(plan.trials[index], *told, index + 1, len(plan.trials))


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
