"""Metrics: known answers, ceilings, and a reason where there is no number."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imlab.audio.clip import Clip
from imlab.audio.quality.log_spectral import LSD
from imlab.audio.quality.metric import Metric, NoScore
from imlab.audio.quality.panels import NARROW, PANELS, WIDE, Panel, score
from imlab.audio.quality.pesq import LONGEST, PESQ_NB, PESQ_WB
from imlab.audio.quality.si_sdr import CAP, SI_SDR
from imlab.audio.quality.stoi import ESTOI, STOI
from imlab.audio.quality.visqol import VISQOL
from imlab.codec.contract import decode, encode
from imlab.codec.opus import Opus
from tests.spoken import spoken

pytestmark = pytest.mark.slow

METRICS = list(dict.fromkeys([*WIDE.metrics, *NARROW.metrics]))
Floats = NDArray[np.float64]


def clip(samples: Floats, rate: int = 16_000) -> Clip:
    return Clip(np.asarray(samples, np.float32), rate)


def noise(count: int, seed: int = 0) -> Floats:
    return 0.1 * np.random.default_rng(seed).standard_normal(count)


@pytest.mark.parametrize("panel", PANELS.values(), ids=lambda panel: panel.name)
def test_a_clip_against_itself_is_at_the_ceiling(panel: Panel, speech: Clip) -> None:
    original = spoken(speech, 1.2)
    scores = score(original, original, panel)
    assert not scores.reasons() and scores.delay.samples == 0 and scores.gain_db == 0
    for metric in panel.metrics:
        value = scores.values()[metric.name]
        assert metric.lowest <= value <= metric.highest + 1e-9
        if metric.ceiling is not None:
            assert value == pytest.approx(metric.ceiling, abs=1e-3), metric.name
    assert scores.values()["visqol"] > 4.0  # its ceiling is the clip's own: 4.2 to 4.9 over 23 clips


def test_pesqs_ceilings_are_what_its_two_mappings_make_of_a_perfect_raw_score() -> None:
    """P.862.1 and P.862.2 at 4.5, the raw score of an identity."""
    assert PESQ_NB.ceiling == pytest.approx(0.999 + 4 / (1 + np.exp(-1.4945 * 4.5 + 4.6607)), abs=5e-4)
    assert PESQ_WB.ceiling == pytest.approx(0.999 + 4 / (1 + np.exp(-1.3669 * 4.5 + 3.8224)), abs=5e-4)


@pytest.mark.parametrize("snr", [-20.0, 0.0, 12.5, 40.0])
def test_si_sdr_of_orthogonal_noise_is_its_ratio_at_any_gain(snr: float) -> None:
    true, rest = noise(8_000, 1), noise(8_000, 2)
    true, rest = true - true.mean(), rest - rest.mean()
    rest -= true * (rest @ true) / (true @ true)
    rest *= np.sqrt((true @ true) / (rest @ rest)) * 10 ** (-snr / 20)
    for gain in (1.0, 0.1, -3.0):
        assert SI_SDR(clip(true), clip(gain * (true + rest))) == pytest.approx(snr, abs=1e-3)


def test_si_sdr_is_capped_either_way() -> None:
    wave = np.tile([0.5, -0.5], 400)
    assert SI_SDR(clip(wave), clip(wave)) == CAP
    with pytest.raises(NoScore, match="minus infinity"):
        SI_SDR(clip(wave), clip(np.tile([0.25, 0.25, -0.25, -0.25], 200)))


@given(gain_db=st.floats(-20, 20))
def test_a_gain_of_x_db_is_a_log_spectral_distance_of_x_db(gain_db: float) -> None:
    """Of a sound whose every bin is far above the floor: one impulse in each frame, whose spectrum is flat."""
    wave = np.zeros(4_000)
    wave[100::512] = 0.01
    assert LSD(clip(wave), clip(wave * 10 ** (gain_db / 20))) == pytest.approx(abs(gain_db), abs=1e-3)


def test_what_lies_under_the_floor_has_no_distance() -> None:
    wave = np.zeros(4_000)
    wave[100::128] = 1.0
    assert LSD(clip(wave), clip(wave + 1e-5 * noise(4_000))) < 0.01


def stoi_by_the_paper(true: Floats, seen: Floats, extended: bool) -> float:
    """Taal et al. 2011, eq. 1 to 6, and Jensen and Taal 2016, eq. 1 to 6, of sound at 10 kHz without silent frames."""
    window = np.hanning(258)[1:-1]
    bands = []
    for side in (true, seen):
        starts = range(0, len(side) - 256, 128)  # framed once to drop what is silent (nothing here), once to transform
        whole = np.zeros(starts[-1] + 256)
        for start in starts:
            whole[start : start + 256] += window * side[start : start + 256]
        frames = [whole[start : start + 256] * window for start in starts[:-1]]
        power = np.abs(np.fft.rfft(frames, 512)) ** 2
        bins = np.linspace(0, 10_000, 513)[:257]
        edges = [[int(np.argmin((bins - 150 * 2 ** ((2 * k + s) / 6)) ** 2)) for s in (-1, 1)] for k in range(15)]
        bands.append(np.sqrt([power[:, low:high].sum(axis=1) for low, high in edges]))
    x, y = bands
    parts = []
    for end in range(30, x.shape[1] + 1):
        a, b = x[:, end - 30 : end], y[:, end - 30 : end]
        if extended:
            a, b = (_unit(_unit(side, 1), 0) for side in (a, b))
            parts.append((a * b).sum() / 30)
            continue
        b = np.minimum(
            b * np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True), a * (1 + 10**0.75)
        )
        parts.append((_unit(a, 1) * _unit(b, 1)).sum() / 15)
    return float(np.mean(parts))


def _unit(side: Floats, axis: int) -> Floats:
    centred = side - side.mean(axis=axis, keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=axis, keepdims=True))


@pytest.mark.parametrize("metric", [STOI, ESTOI], ids=lambda metric: metric.name)
def test_stoi_is_what_the_papers_say(metric: Metric) -> None:
    loud = 1 + 0.8 * np.sin(2 * np.pi * 3 * np.arange(12_000) / 10_000)
    true = noise(12_000, 3) * loud
    for level in (0.2, 1.0):
        seen = true + level * noise(12_000, 4)
        expected = stoi_by_the_paper(true, seen, metric is ESTOI)
        assert metric(clip(true, 10_000), clip(seen, 10_000)) == pytest.approx(expected, abs=1e-6)


def test_estoi_says_the_same_twice_and_draws_nothing_from_others() -> None:
    """Half of what is heard is digital silence, where pystoi compares with its own dither."""
    true, seen = clip(noise(16_000)), clip(np.append(noise(8_000, 1), np.zeros(8_000)))
    before = np.random.get_state(legacy=False)["state"]
    assert ESTOI(true, seen) == ESTOI(true, seen)
    after = np.random.get_state(legacy=False)["state"]
    assert after["pos"] == before["pos"] and np.array_equal(after["key"], before["key"])


NOTHING = {
    "no samples": np.zeros(0),
    "silent": np.zeros(16_000),
    "constant": np.full(16_000, 0.1),
    "not finite": np.full(16_000, np.nan),
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("why", NOTHING)
def test_nothing_to_hear_is_a_reason(why: str, metric: Metric) -> None:
    bad = clip(NOTHING[why])
    sound = clip(noise(len(bad.samples)))
    metric = replace(metric, shortest=0.0)
    rate = metric.rates[-1] if metric.rates else 16_000
    for pair in ((sound, bad), (bad, sound)):
        with pytest.raises(NoScore, match=why):
            metric(*(Clip(side.samples, rate) for side in pair))


@pytest.mark.parametrize(
    ("metric", "reference", "heard", "why"),
    [
        (VISQOL, clip(noise(800)), clip(noise(800)), "visqol needs 0.64 s, the clip has 0.05 s"),
        (VISQOL, clip(noise(8_000), 8_000), clip(noise(8_000), 8_000), "defined at"),
        (VISQOL, clip(noise(301 * 16_000)), clip(noise(301 * 16_000)), "up to 300 s"),
        (PESQ_WB, clip(noise(800)), clip(noise(800)), "needs 0.25 s"),
        (PESQ_WB, clip(noise(8_000), 8_000), clip(noise(8_000), 8_000), "defined at"),
        (PESQ_NB, clip(noise(168_000), 8_000), clip(noise(168_000), 8_000), "up to 20 s"),
        (STOI, clip(noise(800)), clip(noise(800)), "needs 0.397 s"),
        (ESTOI, clip(np.append(noise(3_000), 1e-9 * noise(13_000))), clip(noise(16_000)), "not silent"),
        (LSD, clip(noise(100)), clip(noise(100)), "needs 0.032 s"),
        (SI_SDR, clip(noise(100)), clip(noise(101)), "one rate and length"),
        (SI_SDR, clip(noise(100)), clip(noise(100), 8_000), "one rate and length"),
        (replace(STOI, package="no-such-package"), clip(noise(9_999)), clip(noise(9_999)), "is not installed: pip"),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else None,
)  # fmt: skip
def test_no_number_has_a_reason(metric: Metric, reference: Clip, heard: Clip, why: str) -> None:
    with pytest.raises(NoScore, match=why):
        metric(reference, heard)


def test_the_longest_clip_with_the_most_utterances_does_not_bring_pesq_down() -> None:
    """Its arrays for 50 are not guarded: at 30 s these bursts abort the process."""
    rate = 8_000
    time = np.arange(int(LONGEST * rate)) / rate
    bursts = noise(len(time)) * (time % 0.42 < 0.21)
    assert 1 < PESQ_NB(clip(bursts, rate), clip(bursts + 0.001 * noise(len(time), 1), rate)) < PESQ_NB.highest


def test_more_bits_sound_better(speech: Clip) -> None:
    """By every metric, within what a step may lose on one clip; the means over 23 clips rise at every step."""
    original = spoken(speech, 1.2)
    heard = [decode(codec, encode(codec, original)) for codec in (Opus(6_000), Opus(16_000))]
    steps = [score(original, clip, WIDE).values() for clip in (*heard, original)]
    for metric in WIDE.metrics:
        values = [step[metric.name] * (1 if metric.rising else -1) for step in steps]
        assert values[0] < values[1] < values[2] + 0.3, metric.name  # 0.3: ViSQOL's lattice, on one clip of 23


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_travels_to_a_worker(metric: Metric) -> None:
    copy = pickle.loads(pickle.dumps(metric))
    assert copy.version == metric.version and metric.name in repr(metric)
    assert len({(one.name, one.version) for one in METRICS}) == len(METRICS)
