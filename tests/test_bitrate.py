"""How bits and quality are read, on rows whose answer is known; and the same rows whoever computed the scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import distributed
import numpy as np
import pandas as pd
import pytest

from imlab.audio.clip import Clip
from imlab.audio.low_pass import low_pass
from imlab.codec.contract import Codec
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import InvalidRun, UsageError
from imlab.lab.plan.ahead import do
from imlab.lab.running.pool import workers
from imlab.studies.bitrate import scores as bitrate_scores
from imlab.studies.bitrate.clips import Clips, knee
from imlab.studies.bitrate.reading import table
from imlab.studies.bitrate.sent_clip import send
from imlab.studies.bitrate.settings import ANCHORS, SCALES, Setting, settings
from imlab.studies.bitrate.tables import claims, delta_rate, dominated, knobs, lacking
from imlab.studies.q02_bitrate import _rows

pytestmark = pytest.mark.slow

BITRATES = (8_000, 12_000, 16_000, 24_000, 32_000)


def made(clips: int = 12, flat_from: int = 16_000) -> pd.DataFrame:
    """Rows in which quality is the logarithm of the bits up to ``flat_from`` and then stands still, but for a clip's
    own luck; MP3 needs twice the bits; complexity 3 costs half and loses a tenth.
    """
    rows = []
    for number in range(clips):
        luck = 0.1 * np.sin(number)
        for curve, factor in (("Opus", 1.0), ("MP3", 2.0)):
            for bits in BITRATES:
                rows.append(
                    row(
                        number,
                        curve,
                        bits * factor,
                        bits,
                        4 + np.log2(min(bits, flat_from) / 16_000) + luck,
                        10.0,
                    )
                )
        rows.append(row(number, "Opus", 12_000, 12_000, 3.9 + np.log2(12 / 16) + luck, 3.0, cpu=0.5))
        rows.append(row(number, "anchor", 256_000, None, 4.8 + luck, None))
    return pd.DataFrame(rows)


def row(
    clip: int, curve: str, bps: float, bitrate: float | None, visqol: float, complexity: float | None, cpu: float = 1.0
) -> dict[str, object]:
    """One row as a trial writes it."""
    label = "Pcm(rate=16000, frame_ms=20)" if curve == "anchor" else f"{curve}({bitrate}, {complexity})"
    return {
        "block": clip, "outcome": "ok", "kept": True, "clip": f"clip{clip}", "clip_s": 8.0, "lang": "en", "sex": "F?",
        "panel": "wide", "curve": curve, "codec": label, "name": curve.lower(), "rate": 16_000, "bitrate": bitrate,
        "frame_ms": 20.0, "complexity": complexity, "kbps": bps / 1000, "payload_bytes": bps, "container_bytes": 100,
        "framing_bytes": 50, "encode_cpu": cpu * 0.01, "decode_cpu": 0.001, "delay_ms": 6.5, "waiting_ms": 20.0,
        "lag_ms": 0.0, "visqol": visqol,
    }  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
def test_every_setting_is_there_once_and_is_a_codec(scale: str) -> None:
    chosen = settings(scale)
    assert len({setting.label for setting in chosen}) == len(chosen)
    assert set(ANCHORS) <= set(chosen)
    assert [setting for setting in chosen if not isinstance(setting.codec, Codec)] == []


def test_the_knee_is_where_doubling_stops_to_pay() -> None:
    clips = Clips.of(made())
    found = knee(clips, list(clips.curve("Opus", complexity=10.0).index))
    assert found is not None and found.n == 12
    # a doubling brings 1 up to 16 kbit/s: from 16 / 2 ** 0.2 on it brings less than 0.2
    assert found.low <= found.estimate <= found.high
    assert found.estimate == pytest.approx(16 / 2**0.2, rel=0.1)


def test_a_curve_that_still_rises_or_is_too_short_has_no_knee() -> None:
    clips = Clips.of(made())
    rising = list(clips.curve("Opus", complexity=10.0).index[:3])
    assert knee(clips, rising) is None
    assert knee(clips, rising[:2]) is None


def test_the_small_table_names_what_each_codec_needs() -> None:
    lines = table(made()).set_index("codec")
    assert lines.loc["Opus", "kbit/s"] == 16.0
    assert lines.loc["MP3", "kbit/s"] == 32.0
    assert set(lines["PESQ"]) == {"not scored"}
    assert str(lines.loc["Opus", "ViSQOL"]).startswith("4 [")


def test_twice_the_bits_are_a_hundred_percent_more() -> None:
    line = delta_rate(Clips.of(made(flat_from=32_000))).set_index("codec").loc["MP3"]
    assert line["more bits than Opus"].startswith("100 [100, 100] %")


def test_a_setting_is_dominated_only_by_one_that_is_better_and_no_dearer() -> None:
    beaten = dominated(Clips.of(made())).set_index("setting")["is beaten by"]
    assert beaten["MP3 12 kbit/s"] == "Opus 16 kbit/s"
    assert not [label for label in beaten.index if label.startswith("Opus 8 ")]
    assert "Opus 12 kbit/s, complexity 3" not in beaten, "it costs less CPU than what is better"
    assert dominated(Clips.of(made(clips=5))).empty, "too few clips for an interval"


def test_a_knob_is_told_clip_by_clip() -> None:
    (line,) = knobs(Clips.of(made()))
    assert line["change"] == "complexity 10 to 3, 12 kbit/s"
    assert str(line["ViSQOL"]).startswith("-0.1 [-0.1, -0.1]")
    assert str(line["encoder's CPU"]).startswith("-50.0 % [")


def test_pcm_is_as_many_bits_as_it_is() -> None:
    told = {line["claim"]: line["value"] for line in claims(Clips.of(made()), Clips.of(made()))}
    assert str(told["C10"]).startswith("256 [")


def test_what_was_missing_is_named() -> None:
    rows = pd.concat([made(), pd.DataFrame([row(0, "LC3", 1, 1, float("nan"), None) | {"lacks": "no lc3py"}])])
    assert lacking(rows).to_dict("records") == [{"codec": "LC3", "why": "no lc3py", "clips": 1}]
    with pytest.raises(InvalidRun, match="narrow"):
        Clips.of(rows, "narrow")


@pytest.mark.parametrize("hz", [200, 1000, 3000, 3900, 6000])
def test_the_low_pass_anchor_lets_through_what_lies_below_and_nothing_above(hz: int) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000).astype(np.float32)
    heard = low_pass(Clip(tone, 16_000), 3_400).samples[1000:-1000]
    expected = tone[1000:-1000] if hz < 3_400 else np.zeros_like(heard)
    np.testing.assert_allclose(heard, expected, atol=0.002)
    with pytest.raises(UsageError, match="between 0 and 8000 Hz"):
        low_pass(Clip(tone, 16_000), 8_000)


def test_bytes_are_those_that_travel(speech: Clip) -> None:
    clip = Clip(speech.samples[: 2 * speech.rate], speech.rate)
    pcm, opus = (send(Setting("x", codec), clip).facts() for codec in (Pcm(), Opus(24_000)))
    assert pcm["kbps"] == 256.0 and pcm["container_bytes"] == 44
    assert 15 < opus["kbps"] < 30 and 0 < opus["container_bytes"] < 1000 and opus["framing_bytes"] > 100
    assert opus["encode_cpu"] > pcm["encode_cpu"] > 0


@pytest.mark.process
def test_a_cluster_scores_as_this_machine_does(
    speech: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: str
) -> None:
    """The cluster's workers have a cache of their own, so what is found here came back over the wire."""
    clip = Clip(speech.samples[: 2 * 16_000], 16_000)
    ways = (*ANCHORS, Setting("Opus", Opus(8_000)), Setting("Opus", Opus(24_000)))
    seen = {}
    for place, address in (("ours", ""), ("theirs", cluster)):
        monkeypatch.setenv("IMLAB_CACHE", str(tmp_path / place))
        tasks = bitrate_scores.tasks([clip], ways)
        with workers(address) as pool:
            assert len(list(do(tasks, pool))) == len(tasks) == 1
        assert bitrate_scores.tasks([clip], ways) == [], "what is known is not done again"
        with monkeypatch.context() as no_more:
            no_more.setattr("imlab.audio.quality.cache.score", None)  # looking up is all that is left to do
            seen[place] = [rows for way in ways for rows in _rows(way, clip)]
    clocks = ("encode_cpu", "decode_cpu")
    ours, theirs = ([{k: v for k, v in one.items() if k not in clocks} for one in seen[place]] for place in seen)
    assert ours == theirs
    assert len(ours) == 2 * 3 + 2 and all(one["visqol"] > 1 for one in ours)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler with two workers on loopback."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=40,
        env={"IMLAB_CACHE": str(tmp_path / "workers")},
    ) as started:
        yield started.scheduler_address
