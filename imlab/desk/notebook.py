"""What a cell of a notebook may say: one verb to a cell, nothing measured in the kernel itself.

The one seam between reading and measuring is ``SCALE``, which the environment variable IMLAB_SCALE sets:

    stored      (where nothing is set) the rows that stand for the study on this disk
    reference   the published rows only: what ./lab render asks for, so that what git keeps is the same everywhere
    smoke, quick, full    measure at that scale, now, in a subprocess
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from tqdm.notebook import tqdm

from imlab.audio.files import write_clip
from imlab.audio.speech.corpus import open_corpus
from imlab.codec.container.writing import to_file
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.desk.measuring.account import rejected
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.places import ROOT, Places, here, shown
from imlab.desk.measuring.study import Study, open_study
from imlab.desk.report.page import table
from imlab.desk.storming.locust import believed
from imlab.desk.storming.storming import advance, stormed
from imlab.errors import DoorError, UsageError
from imlab.lab.plan.design import SCALES
from imlab.lab.plots.figure import Plot
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import REFERENCE, Run, latest, runs
from imlab.studies.stop_to_play import one_note as note

SCALE = os.environ.get("IMLAB_SCALE") or "stored"
T = TypeVar("T")


class Prose(str):
    """Words that a notebook shows as words."""

    def _repr_markdown_(self) -> str:
        return str(self)


class Markings(str):
    """HTML that a notebook shows as such."""

    def _repr_html_(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Letter:
    """What a notebook may quote from a study: everything here is computed from the rows of one run."""

    answer: Answer

    def _repr_markdown_(self) -> str:
        return f"**{self.answer.run.label}** · {self.answer.run.manifest.study} · run {self.answer.run.path.name}"

    @property
    def expectation(self) -> Prose:
        """What we expected, as the plan of this run had it before the data."""
        return Prose(f"> {self.answer.run.manifest.expectation}")

    @property
    def table(self) -> Markings:
        """The study's small table, as the report has it; ``answer.table`` is the frame behind it."""
        return Markings(table(self.answer.table))

    @property
    def conclusion(self) -> Prose:
        """One sentence with its interval."""
        return Prose(f"**{self.answer.conclusion}**")

    @property
    def rejected(self) -> Prose:
        """What does not count, and why."""
        lines = list(rejected(self.answer))
        return Prose("\n".join(f"- {line}" for line in lines) or "Nothing was rejected.")

    @property
    def design(self) -> Prose:
        """How often, on what, with which versions."""
        return Prose("  \n".join(self.answer.run.manifest.caption.split("\n")))

    def figure(self, name: str) -> Plot:
        """One of the study's figures."""
        return _named("figure", name, self.answer.figures)

    def more(self, name: str) -> Markings:
        """One of the study's further tables."""
        return Markings(table(_named("table", name, self.answer.tables)))


def _named(what: str, name: str, there: Mapping[str, T]) -> T:
    if name not in there:
        raise UsageError(f"no {what} {name!r}: there are {', '.join(there) or 'none'}")
    return there[name]


def study(word: str, scale: str = SCALE) -> Letter:
    """A study by name or number, told by stored rows or by rows measured now, as ``scale`` says."""
    places = here()
    known = open_study(word, places)
    return Letter(_measured(known, scale) if scale in SCALES else _stored(known, scale, places))


def storm(scenario: str, seconds: float = 10.0, **more: Any) -> Markings:
    """A scenario under Locust, in processes of its own: exact percentiles, in milliseconds, and where it all is kept.

    more: users, preset, host, processes (see ./lab storm --help). InvalidRun: it must not be believed.
    """
    with tqdm(total=seconds, unit="s", disable="IMLAB_SCALE" in os.environ, leave=False) as bar:
        passed = believed(stormed(scenario, seconds=seconds, told=partial(advance, bar), **more))
    rows = pd.DataFrame(passed.summary["times"]).set_index("name").fillna("")
    return Markings(f"{table(rows)}<p>kept in {shown(passed.folder)}</p>")


def one_note(scale: str = SCALE) -> Plot:
    """The stages of one note: sent now through a real server, or, for ``reference``, out of the published rows."""
    if scale != REFERENCE:
        return note.live()
    return note.stored(study("q01_stop_to_play", scale).answer.run)


def hear(seconds: float = 6.0) -> Markings:
    """Some speech as spoken and as it would be sent: files in results/heard, and players for them. The sound itself
    is never in an output.
    """
    folder = here().results / "heard"
    folder.mkdir(parents=True, exist_ok=True)
    spoken = open_corpus(download=False, say=lambda line: None).note(seconds)
    write_clip(folder / "spoken.wav", spoken, overwrite=True)
    ending, coded = to_file(encode(Opus(), spoken))
    (folder / f"note.{ending}").write_bytes(coded)
    return Markings(
        "\n".join([_player("as spoken", folder / "spoken.wav"), _player("as sent", folder / f"note.{ending}")])
    )


def _player(what: str, path: Path) -> str:
    place = os.path.relpath(path, ROOT / "notebooks")
    return f'<p>{what}: <audio controls preload="none" src="{place}"></audio> <a href="{place}">{path.name}</a></p>'


def _stored(known: Study, scale: str, places: Places) -> Answer:
    """The published run, or the one that stands for the study here."""
    if scale not in ("stored", REFERENCE):
        raise UsageError(f"no scale {scale!r}: choose from stored, {REFERENCE}, {', '.join(SCALES)}")
    found = runs(places.results, known.name)
    if scale == REFERENCE and not (found and found[0].reference):
        raise DoorError(f"{known.name} has no published run: ./lab measure {known.name} --publish")
    return Answer(known, found[0] if scale == REFERENCE else latest(places.results, known.name))


def _measured(known: Study, scale: str) -> Answer:
    """A new run by ./lab measure, in a process of its own; interrupting the kernel interrupts it, and loses nothing."""
    command = [sys.executable, "-P", "-m", "imlab", "measure", known.name, "--scale", scale, "--json"]
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        told = {event["event"]: event for event in _watched(process)}
        complaints.seek(0)
        if "end" not in told:
            raise DoorError(complaints.read().strip().split("\n")[-1] or f"measuring {known.name} ended early")
    path = Path(told["end"]["run"])
    return Answer(known, Run(path, read_manifest(path)))


def _watched(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """The events of a measurement until it ends, as a bar where a reader looks on and nothing where none does."""
    assert process.stdout is not None
    with process, tqdm(unit="trial", disable="IMLAB_SCALE" in os.environ, leave=False) as bar:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "begin":
                bar.reset(event["trials"])
            elif event["event"] == "trial":
                bar.update(event["done"] - bar.n)
                bar.set_postfix(event["cell"])
            yield event
