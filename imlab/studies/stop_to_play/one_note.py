"""One note on its way, live or stored: what the tour shows before anything is asked. One note is no measurement."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plan.design import Trial
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.record.reading import Run
from imlab.studies.q01_stop_to_play import CODECS, EXPERIMENT
from imlab.studies.stop_to_play.moments import WHOLE
from imlab.studies.stop_to_play.reading import LOOPBACK, heard, parts

SECONDS = 3


def live() -> Plot:
    """A server, a sender and a recipient in processes of their own exchange notes for a second; one of those notes."""
    settings = {"network": LOOPBACK, "note_s": SECONDS, "codec": CODECS[0]}
    with tempfile.TemporaryDirectory() as scratch:
        taps = pd.DataFrame([*EXPERIMENT.attempt(Trial(EXPERIMENT, settings, scratch=Path(scratch)))])
    return _draw(taps[(taps["error"] == "") & ~taps["warm_up"]], Imprint("just now, on this machine"))


def stored(run: Run) -> Plot:
    """One of the notes that a run has stored."""
    taps = heard(run.rows())
    ours = (taps["path"] == LOOPBACK) & (taps["note_s"] == SECONDS) & (taps["codec"] == repr(CODECS[0]))
    return _draw(taps[ours], imprint(run))


def _draw(taps: pd.DataFrame, stamp: Imprint) -> Plot:
    """The stages of the note in the middle: as many took longer as were faster."""
    if taps.empty:
        raise InvalidRun("no note was heard")
    middle = taps.sort_values(WHOLE, kind="stable").iloc[[len(taps) // 2]]
    return stage_bars(
        {f"{SECONDS} s of speech": parts(middle).item(0)},
        title="From the tap to the first sound: one note through a real server",
        subtitle="one note shows the stages; it measures nothing",
        imprint=stamp,
    )
