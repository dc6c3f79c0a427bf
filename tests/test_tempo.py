"""Speech faster or slower: its length, its pitch, its smoothness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip, Samples
from imlab.audio.tempo import Tempo
from imlab.errors import UsageError

SPEEDS = [0.5, 0.8, 1.0, 1.25, 1.5, 2.0]


def at_speed(samples: Samples, rate: int, speed: float, block: int = 10_000) -> Samples:
    tempo = Tempo(rate, speed)
    parts = [tempo.push(samples[start : start + block]) for start in range(0, len(samples), block)]
    return np.concatenate([*parts, tempo.finish()])


def sine(frequency: float, rate: int, seconds: float) -> Samples:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def pitch(samples: Samples, rate: int) -> float:
    """The strongest frequency in Hz, by a parabola through the peak of the spectrum."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-9)
    peak = int(np.argmax(spectrum))
    left, middle, right = spectrum[peak - 1 : peak + 2]
    return float((peak + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / len(samples))


@settings(max_examples=40)
@given(st.integers(0, 9000), st.sampled_from(SPEEDS), st.integers(1, 5000), st.sampled_from([8000, 16_000, 48_000]))
def test_the_length_is_that_of_the_speed_however_it_is_cut(length: int, speed: float, block: int, rate: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32) * np.float32(0.1)
    out = at_speed(samples, rate, speed, block)
    assert len(out) == round(length / speed)
    assert np.array_equal(out, at_speed(samples, rate, speed, 10_000))


def test_at_its_own_speed_it_is_itself(speech: Clip) -> None:
    assert np.allclose(at_speed(speech.samples, speech.rate, 1.0), speech.samples, atol=1e-6)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("frequency", [90.0, 220.0, 1000.0])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_tone_keeps_its_pitch_its_loudness_and_does_not_click(speed: float, frequency: float, rate: int) -> None:
    tone = sine(frequency, rate, 1.0)
    out = at_speed(tone, rate, speed)
    inner = out[rate // 20 : -rate // 20]
    assert pitch(inner, rate) == pytest.approx(frequency, rel=0.003)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(np.sqrt(0.125), rel=0.03)
    assert np.abs(np.diff(inner)).max() < 1.1 * np.abs(np.diff(tone)).max()


def test_speech_has_its_loudness_where_it_had_it(speech: Clip) -> None:
    for speed in (0.5, 1.5, 2.0):
        out = at_speed(speech.samples, speech.rate, speed)
        for share in np.arange(0.0, 0.9, 0.1):
            old = speech.samples[int(share * len(speech.samples)) :][: speech.rate // 2]
            new = out[int(share * len(out)) :][: int(speech.rate / 2 / speed)]
            assert np.sqrt(np.mean(new**2)) == pytest.approx(np.sqrt(np.mean(old**2)), rel=0.5, abs=0.005)
        assert np.abs(np.diff(out)).max() < 1.5 * np.abs(np.diff(speech.samples)).max()


@pytest.mark.parametrize("speed", [0.0, 0.49, 2.01, -1.0, float("nan")])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(UsageError, match=r"0\.5 to 2 times"):
        Tempo(16_000, speed)
