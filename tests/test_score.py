"""./lab score: a user's files, a table or JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.files import write_clip
from imlab.audio.resample import resample
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from imlab.desk import dispatch
from tests.spoken import spoken

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, speech: Clip, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An original, two versions of it and silence; the cache beside them."""
    monkeypatch.setenv("IMLAB_CACHE", str(tmp_path / "cache"))
    original = spoken(speech, 0.8)
    heard = decode(Opus(8_000), encode(Opus(8_000), original))
    late = Clip(np.concatenate([np.zeros(160, np.float32), heard.samples]), heard.rate)
    silence = Clip(np.zeros(16_000, np.float32), 16_000)
    named = {"original.wav": original, "late.flac": late, "narrow.wav": resample(original, 8_000), "none.wav": silence}
    for name, clip in named.items():
        write_clip(tmp_path / name, clip)
    return [str(tmp_path / name) for name in named]


def test_a_table_of_both_scales(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["score", *files]) == 0
    shown = capsys.readouterr().out
    assert "wide: against 16 kHz original" in shown and "narrow: against 8 kHz original" in shown
    for head in ("delay ms", "gain dB", "visqol", "pesq_wb", "pesq_nb", "estoi", "si_sdr dB", "lsd dB"):
        assert head in shown
    assert shown.count("(itself)") == 2 and len(re.findall(r"late.flac +\+(?:9\.9|10\.[01]) ", shown)) == 2
    assert shown.count("none.wav: no visqol, pesq") == 2 and "the heard clip is silent" in shown


def test_json_for_programs(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["score", *files, "--panel", "wide", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reference"] == {"file": "original.wav", "seconds": 0.8, "rate": 16_000}
    [panel] = told["panels"]
    assert panel["panel"] == "wide" and panel["against"] == "against 16 kHz original"
    assert {"name", "unit", "rising", "version"} == set(panel["metrics"][0])
    itself, late, narrow, none = panel["files"]
    assert itself["scores"]["si_sdr"] == 100 and not itself["reasons"]
    assert late["delay_ms"] == pytest.approx(10, abs=0.1) and late["scores"]["estoi"] < itself["scores"]["estoi"]
    assert narrow["scores"]["lsd"] > 0
    assert none["gain_db"] is None and not none["scores"] and len(none["reasons"]) == len(panel["metrics"])


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nothing.wav", "nothing.wav"], 2, "there is no file"),
        (["{0}", "{0}.txt"], 1, "not a sound file"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    argv: list[str], code: int, said: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files[0] + ".txt").write_text("hello")
    assert dispatch.main(["score", *(word.format(*files) for word in argv)]) == code
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and not shown.out
