"""What makes up the time from the sender's tap to the first sound at the recipient?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imlab.audio.speech.corpus import open_corpus
from imlab.codec.libopus import load
from imlab.codec.opus import Opus
from imlab.errors import DoorError, InvalidRun
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.stack.marks import read_marks
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.studies.stop_to_play.moments import stages
from imlab.studies.stop_to_play.paths import PATHS
from imlab.studies.stop_to_play.simulated_taps import notes, tap_all
from imlab.studies.stop_to_play.taps import Request

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.stop_to_play.reading"  # pandas and matplotlib: not for a trial's process

CODECS = (Opus(bitrate=24_000, frame_ms=20), Opus(bitrate=16_000, frame_ms=60))
RATE = 80.0  # taps per second on loopback, evenly: a light load, so that the stages are those of one note
WINDOW_S = {"smoke": 1.0, "quick": 1.5, "full": 14.0}  # 1,120 taps at full scale: enough for a p99 in every run
SIMULATED = {"smoke": 3, "quick": 30, "full": 100}  # notes per path


def attempt(trial: Trial) -> Iterator[Row]:
    """Taps on loopback against a real server and its disk, or the same notes over simulated links."""
    if trial.settings["network"] == "loopback":
        yield from _loopback(trial)
    else:
        yield from _simulated(trial)


def _loopback(trial: Trial) -> Iterator[Row]:
    assert trial.scratch is not None
    marks, out = trial.scratch / "marks.jsonl", trial.scratch / "taps.json"
    codec, seconds = trial.settings["codec"], WINDOW_S[trial.scale]
    with trial.cores.lent():
        server = start(ServerPlan(data=trial.scratch / "data", marks=marks))
    with server:
        request = Request(server.ws, trial.settings["note_s"], codec.bitrate, codec.frame_ms, RATE, seconds,
                          trial.experiment.warm_up_s, trial.seed, str(out))  # fmt: skip
        _generate(request)
    told = json.loads(out.read_text())
    if told["reasons"] and trial.scale != "smoke":
        raise InvalidRun("; ".join(told["reasons"]))
    seen: dict[str, dict[str, float]] = {}
    for mark in read_marks(marks):
        seen.setdefault(mark.note, {}).setdefault(mark.what, mark.at)
    for note in told["notes"]:
        yield from _row("loopback", note, note["moments"] | seen.get(note["id"], {}), note["whole_s"])


def _generate(request: Request) -> None:
    """The generator in its own process: no pandas, one core."""
    done = subprocess.run(
        [sys.executable, "-m", "imlab.studies.stop_to_play.taps", request.text()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DoorError(f"the generator failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")


def _simulated(trial: Trial) -> Iterator[Row]:
    codec = trial.settings["codec"]
    sealed = notes(open_corpus(), codec, trial.settings["note_s"], SIMULATED[trial.scale], trial.seed)
    for path in PATHS:
        for note, moments in tap_all(sealed, path, trial.seed):
            told = {"warm_up": False, "bytes": note.size, "error": ""}
            yield from _row(path.name, told, moments, moments["audible"] - moments["intended"])


def _row(path: str, told: Mapping[str, Any], moments: Mapping[str, float], whole_s: float) -> Iterator[Row]:
    row = {"path": path, "warm_up": told["warm_up"], "bytes": told["bytes"], "error": told["error"]}
    yield row if told["error"] else row | stages(moments, whole_s)


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    libopus = load().version.removeprefix("libopus ")
    return {"libopus": libopus, "websockets": version("websockets"), "corpus": str(open_corpus())}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Median and tail of stop-to-play per network, length and codec, and the stage that weighs most."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """The stages on loopback and over the simulated links, and the distributions on loopback."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q01_stop_to_play",
    question=__doc__ or "",
    expectation=(
        "On loopback a note can be heard within 20 ms of the tap whatever its length, and the commit to disk is the "
        "largest part. Over a real network the upload decides: a 60 s note at 24 kbit/s needs over 20 s on an "
        "8 kB/s uplink, while coding and decoding stay under 1 % of the wait."
    ),
    attempt=attempt,
    answer=answer,
    factors={"network": ("loopback", "simulated"), "note_s": (3, 15, 60), "codec": CODECS},
    blocks={"smoke": 1, "quick": 7, "full": 6},  # quick: one may be rejected, and six are left for an interval
    seed=20_260_101,
    warm_up_s=1.0,
    limit_s=120.0,
    cost_s={"smoke": 30.0, "quick": 36.0, "full": 120.0},
    gates=Gates(cpu=0.35),  # a trial of half a second is mostly its own start, and that is not a neighbour
    versions=versions,
)
