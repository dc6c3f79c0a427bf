"""The folder of one run while it is being written: append-only, each file whole or absent.

    results/<study>/<UTC time>-<plan>/plan.json        what was decided, and on which code and machine
                                      trials/NNN-NNN.json   one trial each, as it ends (until the run is closed)
                                      rows.csv.gz      every row of every trial, failures included
                                      trials.csv       one line per trial: outcome, cost, strain
                                      canaries/NNNN.json    one song of the canaries each (until the run is closed)
                                      canaries.csv     what they cost: before each block, and after the last
                                      hist.csv.gz      every counter in use of every histogram, where a study has any
                                      manifest.json    written last: its presence means the run is whole

A run that was cut short is taken up again where plan, code and machine are the same; otherwise a new one begins.
"""

from __future__ import annotations

import csv
import fcntl
import gzip
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from imlab.errors import DoorError, UsageError
from imlab.lab.plan.design import Plan, Trial

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Folder:
    """One run's folder."""

    path: Path

    @property
    def whole(self) -> bool:
        """Whether the run was closed."""
        return (self.path / "manifest.json").exists()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second runner out; the kernel lets go when we die."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"another runner is at work in {self.path.name}") from error
            yield

    def begun(self) -> dict[str, Any]:
        """What was decided and where, as stored at the beginning."""
        told: dict[str, Any] = json.loads((self.path / "plan.json").read_text())
        return told

    def kept(self, trial: Trial) -> Mapping[str, Any] | None:
        """What is stored of a trial; None when it has not ended yet."""
        place = self._place(trial)
        return json.loads(place.read_text()) if place.exists() else None

    def keep(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Store an ended trial."""
        write_whole(self._place(trial), (json.dumps(record) + "\n").encode())

    def songs(self) -> list[Mapping[str, Any]]:
        """What the canaries sang so far, in order of time."""
        return [json.loads(path.read_text()) for path in sorted((self.path / "canaries").glob("*.json"))]

    def sung(self, song: Mapping[str, Any]) -> None:
        """Store a song after those that are there."""
        place = self.path / "canaries" / f"{len(self.songs()):04d}.json"
        place.parent.mkdir(exist_ok=True)
        write_whole(place, (json.dumps(song) + "\n").encode())

    def close(self, manifest: Mapping[str, Any], tables: Mapping[str, Rows]) -> None:
        """Write the tables, by the names of their files, then the manifest, then drop what they replace."""
        for name, rows in tables.items():
            text = table(rows)
            write_whole(self.path / name, gzip.compress(text, mtime=0) if name.endswith(".gz") else text)
        write_whole(self.path / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
        for name in ("trials", "rows", "scratch", "canaries"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def _place(self, trial: Trial) -> Path:
        return self.path / "trials" / f"{trial.name}.json"


def open_run(results: Path, plan: Plan, origin: Mapping[str, Any]) -> Folder:
    """The unfinished run of this plan from this origin (code and machine), or a new one."""
    study = results / plan.experiment.name
    begin = {"hash": plan.hash, "origin": dict(origin), **plan.description}
    for path in sorted(study.glob(f"*-{plan.hash[:8]}"), reverse=True):
        folder = Folder(path)
        if not folder.whole and (path / "plan.json").exists() and folder.begun() == begin:
            return folder
    return _new(study, plan, begin)


def table(rows: Rows) -> bytes:
    """Rows as CSV, columns in the order they first appear; what a row lacks is empty, and so is NaN."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: "" if value is None or value != value else value for name, value in row.items()} for row in rows
    )
    return text.getvalue().encode()


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place in one step: a reader sees all of it or none."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise DoorError(f"{path.name} cannot be written: {error.strerror}") from error


def _new(study: Path, plan: Plan, begin: Mapping[str, Any]) -> Folder:
    """A fresh folder named after now and the plan; where that second is taken, the next one."""
    moment = datetime.now(UTC)
    try:
        study.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DoorError(f"no run can be kept under {study.parent.name}: {error.strerror}") from error
    while True:
        path = study / f"{moment:%Y%m%dT%H%M%SZ}-{plan.hash[:8]}"
        try:
            path.mkdir()
        except FileExistsError:
            moment += timedelta(seconds=1)
        else:
            (path / "trials").mkdir()
            write_whole(path / "plan.json", (json.dumps(begin, indent=1) + "\n").encode())
            return Folder(path)
