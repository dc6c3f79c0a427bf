"""The first study: its moments, its simulated links against arithmetic, and its reading of made-up rows."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imlab.audio.speech.corpus import Corpus
from imlab.codec.pcm import Pcm
from imlab.errors import InvalidRun
from imlab.net.links import Link, Path
from imlab.studies.q01_stop_to_play import CODECS
from imlab.studies.stop_to_play import simulated_taps
from imlab.studies.stop_to_play.moments import COLUMNS, MOMENTS, STAGES, WHOLE, stages
from imlab.studies.stop_to_play.paths import PATHS
from imlab.studies.stop_to_play.reading import heard, parts, table
from imlab.wire.protobuf import Protobuf


def test_stages_lie_between_neighbouring_moments() -> None:
    moments = {name: 0.1 * place**2 for place, name in enumerate(MOMENTS)}
    row = stages(moments, 6.4)
    assert [row[column] for column in COLUMNS] == [round(1e5 * (2 * place + 1)) for place in range(len(STAGES))]
    assert sum(row[column] for column in COLUMNS) == row[WHOLE]


@pytest.mark.parametrize("rate", [8_000.0, 1e6])
@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_a_simulated_upload_takes_what_arithmetic_says(corpus: Corpus, rate: float, delay: float) -> None:
    path = Path("line", Link(delay, 0, rate), Link(delay, 0, rate))
    sealed = simulated_taps.notes(corpus, Pcm(), 1.0, 2, seed=3)
    for note, moments in simulated_taps.tap_all(sealed, path, seed=1):
        bytes_up = len(Protobuf().encode(note))
        assert moments["last_byte"] - moments["first_byte"] == pytest.approx(bytes_up / rate + delay, rel=1e-3)
        assert moments["committed"] - moments["last_byte"] == pytest.approx(simulated_taps.COMMIT_S)
        assert [moments[name] for name in MOMENTS] == sorted(moments[name] for name in MOMENTS)


def test_the_same_seed_taps_the_same_moments(corpus: Corpus) -> None:
    sealed = simulated_taps.notes(corpus, Pcm(), 1.0, 3, seed=3)
    runs = [[moments for _, moments in simulated_taps.tap_all(sealed, PATHS[1], seed)] for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]


def rows(blocks: int = 6, taps: int = 30) -> pd.DataFrame:
    """Made-up taps: loopback takes about 5 ms, each network ten times more; the upload is half of it."""
    rng = np.random.default_rng(1)
    made = []
    cases = product(range(blocks), ["8 kB/s uplink", "loopback"], [60, 3], map(repr, CODECS), range(taps))
    for block, path, note_s, codec, _ in cases:
        whole = rng.uniform(4500, 5500) * (1 if path == "loopback" else 10)
        split = dict(zip(COLUMNS, (whole * np.array([0, 1, 1, 10, 4, 2, 0, 2]) / 20).round(), strict=True))
        row = {"block": block, "path": path, "note_s": note_s, "codec": codec, "outcome": "ok", "kept": True}
        made.append(row | {"warm_up": False, "error": nan} | split | {WHOLE: sum(split.values())})
    return pd.DataFrame(made)


def test_the_table_has_a_line_per_case_near_to_far_short_to_long() -> None:
    told = table(rows())
    assert list(zip(told["path"], told["note_s"], strict=True)) == [
        (path, note_s) for path in ("loopback", "8 kB/s uplink") for note_s in (3, 3, 60, 60)
    ]
    assert set(told["heaviest stage at p50"]) == {"upload, 50%"}
    medians = [float(text.split()[0]) for text in told.iloc[:, 5]]
    assert medians == pytest.approx([5.0] * 4 + [0.050] * 4, rel=0.02), "ms on loopback, s beyond"


def test_a_tail_is_withheld_where_a_run_is_too_small_for_it() -> None:
    assert table(rows(taps=30))["p99"].str.contains("n too small").all()
    assert not table(rows(blocks=1, taps=1000))["p99"].str.contains("withheld").any()


@pytest.mark.parametrize("column", ["outcome", "kept", "warm_up", "error"])
def test_what_may_not_be_counted_is_not(column: str) -> None:
    all_rows = rows()
    bad: dict[str, Any] = {"outcome": "invalid", "kept": False, "warm_up": True, "error": "DoorError: gone"}
    values = zip(all_rows["block"], all_rows[column], strict=True)
    all_rows[column] = [bad[column] if block == 2 else value for block, value in values]
    assert set(heard(all_rows)["block"]) == {0, 1, 3, 4, 5}


def test_stages_that_miss_the_whole_are_not_drawn() -> None:
    off = rows()
    off[WHOLE] *= 1.05
    with pytest.raises(InvalidRun, match="2 % apart"):
        parts(off)
    with pytest.raises(InvalidRun, match="no tap"):
        parts(off.iloc[:0])


def test_a_trials_process_does_not_pay_for_tables_and_figures() -> None:
    code = (
        "import sys, imlab.studies.q01_stop_to_play, imlab.studies.stop_to_play.taps;"
        "print([name for name in ('pandas', 'scipy', 'matplotlib', 'locust') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
