"""The two scales: what is done to a pair before it is scored, and that it changes nothing it should not."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.quality.panels import LEVEL, NARROW, WIDE, Panel, Scores, active_level, at_level, score
from imlab.audio.resample import resample
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from tests.spoken import spoken

pytestmark = pytest.mark.slow

RATE = 16_000


@pytest.fixture(scope="module")
def pair(speech: Clip) -> tuple[Clip, Clip]:
    """A clip, and what Opus at 10 kbit/s makes of it, with 50 ms of silence behind both."""
    samples = np.concatenate([spoken(speech, 1.0).samples, np.zeros(800, np.float32)])
    original = Clip(samples, RATE)
    return original, decode(Opus(10_000), encode(Opus(10_000), original))


@pytest.fixture(scope="module")
def straight(pair: tuple[Clip, Clip]) -> Scores:
    """What they score as they are."""
    return score(*pair, WIDE)


def test_a_lag_that_was_left_in_changes_no_score(pair: tuple[Clip, Clip], straight: Scores) -> None:
    """6.5 ms: the lookahead of Opus, untrimmed."""
    original, heard = pair
    late = score(original, Clip(np.concatenate([np.zeros(104, np.float32), heard.samples]), RATE), WIDE)
    assert late.scores == straight.scores and not late.reasons()
    assert late.delay.samples - straight.delay.samples == 104
    assert late.delay.ms - straight.delay.ms == pytest.approx(6.5)


def test_neither_sides_level_changes_a_score(pair: tuple[Clip, Clip], straight: Scores) -> None:
    """AISHELL lies at -39 dB; ViSQOL alone would call the same packets better there."""
    original, heard = pair
    quiet = Clip(original.samples * np.float32(0.02), RATE), Clip(heard.samples * np.float32(0.5), RATE)
    other = score(*quiet, WIDE)
    assert other.gain_db is not None and straight.gain_db is not None
    assert other.gain_db - straight.gain_db == pytest.approx(20 * np.log10(0.5 / 0.02), abs=1e-3)
    assert other.values() == pytest.approx(straight.values(), abs=2e-3)


def test_narrow_band_is_forgiven_on_the_narrow_scale_only(pair: tuple[Clip, Clip]) -> None:
    original, _ = pair
    narrow = resample(original, 8_000)
    kept, lost = score(original, narrow, NARROW).values(), score(original, narrow, WIDE).values()
    assert kept["si_sdr"] == 100 and kept["pesq_nb"] > 4.5
    assert lost["visqol"] < kept["visqol"] - 0.5 and lost["pesq_wb"] < 4.4
    assert (NARROW.against, WIDE.against) == ("against 8 kHz original", "against 16 kHz original")


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_any_rate_is_taken(rate: int, pair: tuple[Clip, Clip]) -> None:
    cheap = Panel("cheap", 8_000, NARROW.metrics[2:])
    scores = score(pair[0], resample(pair[0], rate), cheap)
    assert scores.delay.samples == 0 and scores.values()["estoi"] > 0.99


def test_a_narrow_original_is_none_for_the_wide_scale(pair: tuple[Clip, Clip]) -> None:
    reasons = score(resample(pair[0], 8_000), pair[1], WIDE).reasons()
    assert set(reasons.values()) == {"the reference has 8000 Hz: it is no original for the wide scale"}
    assert len(reasons) == len(WIDE.metrics)


SAMPLES = {
    "no samples": np.zeros(0),
    "50 ms": np.random.default_rng(0).normal(0, 0.1, 800),
    "silence": np.zeros(12_000),
    "constant": np.full(12_000, 0.1),
    "not finite": np.full(12_000, np.inf),
    "clipped": np.clip(np.random.default_rng(1).normal(0, 9, 12_000), -1, 1),
    "nearly nothing": np.random.default_rng(2).normal(0, 1e-30, 12_000),
    "a click": np.eye(1, 12_000, 9_000)[0],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_metric_answers_whatever_it_is_given(name: str) -> None:
    """With a number on its scale or with a reason: beside itself, beside another and as another's original."""
    clip = Clip(SAMPLES[name].astype(np.float32), RATE)
    other = Clip(np.random.default_rng(3).normal(0, 0.1, 12_000).astype(np.float32), RATE)
    for reference, heard, panel in ((clip, clip, WIDE), (clip, other, NARROW), (other, clip, WIDE)):
        scores = score(reference, heard, panel)
        assert [one.metric for one in scores.scores] == [metric.name for metric in panel.metrics]
        for metric, one in zip(panel.metrics, scores.scores, strict=True):
            assert (one.value is None) == bool(one.reason), one
            assert one.value is None or metric.lowest - 1e-9 <= one.value <= metric.highest + 1e-3, one
        assert pickle.loads(pickle.dumps(scores)) == scores


@pytest.mark.parametrize("pause", [0.0, 0.5, 4.0])
def test_the_active_level_hears_past_pauses(pause: float) -> None:
    """A quarter of full scale is -12 dB, however long nobody speaks."""
    rng = np.random.default_rng(0)
    voice = np.sign(rng.standard_normal(RATE)) * 0.25
    clip = Clip(np.concatenate([voice, np.zeros(round(pause * RATE))]).astype(np.float32), RATE)
    assert active_level(clip) == pytest.approx(20 * np.log10(0.25), abs=0.01)
    assert active_level(at_level(clip)) == pytest.approx(LEVEL, abs=0.01)
