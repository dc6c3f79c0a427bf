"""The study of voice activity: its notes, its savings, one trial of it, and its reading of made-up rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imlab.audio.clip import Clip
from imlab.audio.join import cut
from imlab.audio.speech.corpus import Corpus
from imlab.audio.voice.activity import Activity
from imlab.audio.voice.cutting import Cut
from imlab.audio.voice.energy import Energy
from imlab.codec.contract import Coded, Packet, encode
from imlab.errors import DoorError, InvalidRun
from imlab.lab.plan.design import plan
from imlab.lab.record.manifest import read_manifest
from imlab.lab.record.reading import Run
from imlab.studies import q13_voice_activity as q13
from imlab.studies.voice_activity import reading
from imlab.studies.voice_activity.contenders import CONTENDERS, PLAIN, QUIET, TRUTH
from imlab.studies.voice_activity.paused_notes import PAUSES, paused_note
from imlab.studies.voice_activity.savings import by_coder, by_cutting, constant

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "q01_stop_to_play" / "reference"


def test_a_block_has_its_own_note_and_a_crowd_of_others(corpus: Corpus) -> None:
    made = [paused_note(corpus, block, 4, 3.0, seed) for block, seed in ((0, 1), (0, 1), (1, 2))]
    notes = [one.note.clip.samples for one in made]
    assert notes[0].shape == notes[1].shape and (notes[0] == notes[1]).all()
    assert notes[0].shape != notes[2].shape or (notes[0] != notes[2]).any()
    assert all(PAUSES - 0.01 <= one.note.pauses < 0.6 and one.voices for one in made)


def test_no_clean_recording_is_no_truth(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imlab.studies.voice_activity.paused_notes.clean", lambda clip: False)
    with pytest.raises(InvalidRun, match="quiet enough"):
        paused_note(replace(corpus, entries=corpus.entries[:2]), 0, 2, 3.0, 1)


def packets(*sizes: int) -> Coded:
    return Coded("opus", 16_000, 320 * len(sizes), 0, tuple(Packet(bytes(size), 320) for size in sizes))


def test_what_cutting_saves_is_what_the_packets_between_weigh() -> None:
    truth = Activity(np.repeat([False, True, False], [100, 40, 100]))
    saving = by_cutting(truth, truth, PLAIN, packets(*[10] * 120))
    kept = 6 + 40 + 20
    assert saving.time_saved == pytest.approx(1 - kept / 240)
    assert saving.bytes_saved == pytest.approx(1 - (kept / 2) / 120) and saving.speech_cut == 0
    deaf = by_cutting(Activity(np.zeros(240, np.bool_)), truth, PLAIN, packets(*[10] * 120))
    assert (deaf.bytes_saved, deaf.time_saved, deaf.speech_cut) == (1, 1, 1)


def test_what_a_coder_saves_is_against_itself() -> None:
    coded, told = packets(32, 6, 1, 1), Activity(np.array([True, False]))
    assert constant(coded) == 128
    saving = by_coder(coded, 128, told, Activity(np.array([True, True])))
    assert (saving.bytes_saved, saving.time_saved, saving.speech_cut) == (1 - 40 / 128, 0, 0.5)


def test_counting_packets_tells_what_coding_the_cut_note_would(speech: Clip) -> None:
    """Savings are counted from the packets of the whole note; coding what is left anew comes to nearly the same."""
    room = np.random.default_rng(1).normal(0, 3e-4, 16_000 * 3).astype(np.float32)
    clip = Clip(np.concatenate([room, cut(speech, 4.0).samples, room]), 16_000)
    told, plain = Energy()(clip), encode(PLAIN, clip)
    counted = by_cutting(told, told, PLAIN, plain).bytes_saved
    assert counted > 0.1 and counted == pytest.approx(1 - encode(PLAIN, Cut()(clip, told)).size / plain.size, abs=0.04)


def test_a_trial_asks_everyone_and_names_who_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(clip: Clip) -> Activity:
        raise DoorError("not installed: `pip install it`")

    asked = {name: CONTENDERS[name] for name in ("energy", "WebRTC 2", "AMR DTX", "always")}
    monkeypatch.setattr(q13, "CONTENDERS", asked | {"absent": absent})
    monkeypatch.setattr(q13, "CASES", (q13.CASES[0],))
    rows = [dict(row) for row in q13.attempt(plan(q13.EXPERIMENT, "smoke").trials[0])]
    assert rows[0] == {"detector": "absent", "missing": "not installed: `pip install it`"}
    told = {row["detector"]: row for row in rows[1:]}
    assert list(told) == [TRUTH, *asked]
    assert told[TRUTH]["accuracy"] == 1 and told["always"]["false_alarm"] == 1 and told["always"]["bytes_saved"] == 0
    assert all(told[name]["accuracy"] > 0.8 for name in ("energy", "WebRTC 2")), "in a quiet room"
    again = [dict(row) for row in q13.attempt(plan(q13.EXPERIMENT, "smoke").trials[0])]
    assert [row | {"cpu_ms_per_s": 0} for row in again] == [row | {"cpu_ms_per_s": 0} for row in rows]


def rows(blocks: int = 10) -> pd.DataFrame:
    """Made-up notes: Silero is right on 90 %, everyone else on 80; Opus saves a tenth, cutting a fifth."""
    rng = np.random.default_rng(1)
    made: list[dict[str, object]] = []
    for block, (noise, level), name in product(range(blocks), q13.CASES, (TRUTH, *CONTENDERS)):
        near = float(rng.uniform(-0.01, 0.01))
        said = {"accuracy": (0.9 if name == "Silero" else 0.8) + near, "missed": 0.1, "false_alarm": 0.3}
        said |= {"bytes_saved": (0.1 if name == "Opus DTX" else 0.2) + near, "time_saved": 0.25, "speech_cut": 0.01}
        case = {"block": block, "outcome": "ok", "kept": True, "noise": repr(noise), "snr_db": level, "note_s": 10.0}
        cost = {"pauses": 0.28, "doubt": 0.01, "onset_lost_ms": 20.0, "cpu_ms_per_s": 4.0}
        made.append(case | cost | said | {"detector": name, "missing": nan})
    lacking = {"block": 0, "outcome": "ok", "kept": True, "detector": "absent", "missing": "not installed"}
    return pd.DataFrame([*made, lacking])


def stored(monkeypatch: pytest.MonkeyPatch, table: pd.DataFrame) -> Run:
    """Some run, with these rows in place of its own."""
    monkeypatch.setattr(Run, "rows", lambda self: table)
    return Run(REFERENCE, read_manifest(REFERENCE))


def test_the_table_goes_from_quiet_to_loud_and_knows_the_cost() -> None:
    told = reading.table(rows())
    assert told["snr_db"].drop_duplicates().tolist() == [QUIET, 20, 10, 5]
    assert told["detector"].tolist()[:10] == [*CONTENDERS, TRUTH]
    assert set(told["x real time"]) == {"250"} and told["right, %"].str.contains("[", regex=False).all()


def test_the_sentence_has_its_intervals_and_the_difference_note_by_note(monkeypatch: pytest.MonkeyPatch) -> None:
    told = reading.conclusion(stored(monkeypatch, rows()))
    assert "at 10 dB Silero is right on 89.9 [89.5, 90.2] %" in told and "points more than Opus DTX in quiet" in told
    difference = reading.more(reading.heard(rows()), "Silero", "Opus DTX", 10)
    assert difference.low < 10 < difference.high and difference.n == 10


def test_figures_and_tables_tell_who_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored(monkeypatch, rows())
    drawn = reading.figures(run)
    assert set(drawn) == {"accuracy", "errors", "savings"} and "Silero" in drawn["accuracy"].alt
    told = reading.tables(run)
    assert told["detectors"].set_index("detector")["asked"].to_dict() == dict.fromkeys(CONTENDERS, "yes") | {
        "absent": "no: not installed"
    }
    assert len(told["noises"]) == len(q13.CASES)


def test_without_silero_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    some = rows()
    told = reading.conclusion(stored(monkeypatch, some[~some["detector"].isin(["Silero", "Opus DTX"])]))
    assert "cutting by WebRTC 3" in told and "Silero" not in told and "Opus" not in told


def test_nothing_measured_is_nothing_said() -> None:
    with pytest.raises(InvalidRun, match="no note"):
        reading.heard(rows().assign(kept=False))


def test_a_trials_process_does_not_pay_for_tables_and_figures() -> None:
    code = (
        "import sys, imlab.studies.q13_voice_activity;"
        "print([name for name in ('pandas', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
