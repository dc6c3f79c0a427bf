"""How many bits does a voice note need, and which codec makes the most of them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.speech.corpus import Corpus, open_corpus
from imlab.audio.speech.manifest import Entry
from imlab.codec import catalogue
from imlab.errors import DoorError
from imlab.lab.machine.gates import Gates
from imlab.lab.plan.ahead import Task
from imlab.lab.plan.design import Experiment, Row, Trial
from imlab.studies.bitrate.scores import panels, scores, tasks
from imlab.studies.bitrate.sent_clip import send, warm_up
from imlab.studies.bitrate.settings import RATE, Setting, settings

if TYPE_CHECKING:
    import pandas as pd

    from imlab.lab.claims.claim import Evidence
    from imlab.lab.plots.figure import Plot
    from imlab.lab.record.reading import Run

READING = "imlab.studies.bitrate.reading"  # pandas and matplotlib: not for a trial's process
EVIDENCE = "imlab.studies.bitrate.evidence"
BLOCKS = {"smoke": 1, "quick": 12, "full": 40}
LONGEST_S = {"smoke": 3.0, "quick": 6.0, "full": 10.0}  # of a recording; a score takes a tenth of its length
SEED = 20_260_202
SHORT = {"pesq_nb": "pesq", "pesq_wb": "pesq"}  # the panel says which


def attempt(trial: Trial) -> Iterator[Row]:
    """One clip, sent in every way, in an order drawn for this clip; a way that is not there is a row that says so."""
    entry = chosen(open_corpus(), trial.block)
    clip = heard_of(entry, trial.scale)
    told = {"clip": entry.name, "lang": entry.lang, "sex": entry.sex, "clip_s": round(clip.seconds, 4)}
    ways = settings(trial.scale)
    for place in trial.rng().permutation(len(ways)).tolist():
        yield from ({**told, **row} for row in _rows(ways[place], clip))


def _rows(setting: Setting, clip: Clip) -> Iterator[Row]:
    """One row for each scale that the setting is judged on."""
    about = describe(setting)
    try:
        warm_up(setting)
        sent = send(setting, clip)
    except DoorError as error:
        yield from (about | {"panel": panel.name, "lacks": str(error)} for panel in panels(setting))
        return
    for found in scores(clip, sent.heard, setting):
        numbers = {SHORT.get(name, name): round(value, 6) for name, value in found.values().items()}
        why = "; ".join(f"{name}: {reason}" for name, reason in found.reasons().items())
        yield about | sent.facts() | {"panel": found.panel, "lag_ms": round(found.delay.ms, 3),
                                      **numbers, "silent": why}  # fmt: skip


def describe(setting: Setting) -> dict[str, Any]:
    """A setting as columns; what a codec does not have is empty."""
    codec = setting.codec
    return {
        "curve": setting.curve,
        "codec": setting.label,
        "name": codec.name,
        "rate": codec.rate,
        "bitrate": getattr(codec, "bitrate", None),
        "frame_ms": 1000 * codec.frame / codec.rate,
        "complexity": getattr(codec, "complexity", None),
    }


def chosen(corpus: Corpus, block: int) -> Entry:
    """The recording of a block: all in an order drawn once, and from the beginning again where there are too few."""
    order = np.random.default_rng(SEED).permutation(len(corpus.entries))
    return corpus.entries[int(order[block % len(order)])]


def heard_of(entry: Entry, scale: str) -> Clip:
    """The beginning of a recording, as wide-band sound."""
    clip = resample(entry.load(), RATE)
    return Clip(clip.samples[: round(LONGEST_S[scale] * RATE)], RATE)


def ahead(scale: str) -> Sequence[Task]:
    """The scores, which are most of the work and depend on no clock."""
    corpus = open_corpus()
    clips = {entry.name: entry for entry in (chosen(corpus, block) for block in range(BLOCKS[scale]))}
    return tasks([heard_of(entry, scale) for entry in clips.values()], settings(scale))


def versions() -> Mapping[str, str]:
    """What the numbers depend on."""
    judges = {name: version(name) for name in ("visqol-python", "pystoi")}
    return {**catalogue.versions(), **judges, "corpus": str(open_corpus())}


def answer(rows: pd.DataFrame) -> pd.DataFrame:
    """Bytes, cost, delay and quality of each setting, with intervals over clips."""
    table: pd.DataFrame = import_module(READING).table(rows)
    return table


def figures(run: Run) -> dict[str, Plot]:
    """Bits and quality on both scales, then what it costs."""
    drawn: dict[str, Plot] = import_module(READING).figures(run)
    return drawn


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The settings that nobody should use, the groups of speakers, the knobs, the claims."""
    told: dict[str, pd.DataFrame] = import_module(READING).tables(run)
    return told


def evidence(run: Run) -> Mapping[str, Sequence[Evidence]]:
    """What the rows say of the published claims."""
    told: Mapping[str, Sequence[Evidence]] = import_module(EVIDENCE).evidence(run)
    return told


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed from the rows."""
    return str(import_module(READING).conclusion(run))


EXPERIMENT = Experiment(
    name="q02_bitrate",
    question=__doc__ or "",
    expectation=(
        "Opus needs fewer bits than any rival for the same quality: 12 kbit/s of it sound better than AMR-NB at any "
        "rate and at least as good as MP3 and AAC-LC at 32. Its knee lies near 16 kbit/s; above 24 nobody hears a "
        "difference. Complexity 3 costs half the CPU of 10 and less than 0.1 of ViSQOL's scale. Frames of 60 ms save "
        "container bytes, and no quality."
    ),
    attempt=attempt,
    answer=answer,
    ahead=ahead,
    blocks=BLOCKS,
    seed=SEED,
    limit_s=900.0,
    cost_s={"smoke": 20.0, "quick": 13.0, "full": 75.0},
    gates=Gates(cpu=1.0, switches=1e9),  # bytes and quality hang on no machine, and CPU time is the thread's own
    versions=versions,
)
