"""Loudness: the standard's own tone, one gain for all, and never a clipped sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.loudness import loudness, normalise
from imlab.errors import UsageError


def tone(amplitude: float, rate: int = 48_000, seconds: float = 2.0) -> Clip:
    time = np.arange(round(seconds * rate)) / rate
    return Clip((amplitude * np.sin(2 * np.pi * 997 * time)).astype(np.float32), rate)


@pytest.mark.parametrize(("rate", "allowed"), [(48_000, 0.1), (16_000, 0.1), (8000, 0.2)])
@pytest.mark.parametrize("seconds", [2.0, 0.4, 0.1], ids=["long", "one block", "short"])
def test_the_tone_of_the_standard(rate: int, allowed: float, seconds: float) -> None:
    """BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LUFS."""
    assert loudness(tone(1.0, rate, seconds)) == pytest.approx(-3.01, abs=allowed)


@settings(max_examples=20)
@given(gain_db=st.floats(-40, 0))
def test_a_decibel_is_a_loudness_unit(gain_db: float) -> None:
    assert loudness(tone(10 ** (gain_db / 20))) == pytest.approx(loudness(tone(1.0)) + gain_db, abs=0.01)


@settings(max_examples=20)
@given(lufs=st.floats(-45, -5), seconds=st.sampled_from([0.01, 0.2, 0.5, 2.0]))
def test_normal_is_the_target_or_the_ceiling_in_one_gain(lufs: float, seconds: float) -> None:
    rng = np.random.default_rng(5)
    clip = Clip((rng.standard_normal(round(seconds * 16_000)) ** 3 / 100).astype(np.float32), 16_000)
    normal = normalise(clip, lufs)
    peak = float(np.abs(normal.samples).max())
    assert peak <= 10 ** (-1 / 20) + 1e-6
    assert loudness(normal) == pytest.approx(lufs, abs=0.01) or (loudness(normal) < lufs and peak > 0.89)
    gains = normal.samples / clip.samples
    assert np.allclose(gains, gains[0], rtol=1e-5)


def test_speech_comes_to_the_target(speech: Clip) -> None:
    assert loudness(normalise(speech, -30)) == pytest.approx(-30, abs=0.01)


UNHEARD = [
    pytest.param(np.zeros(0), id="no samples"),
    pytest.param(np.zeros(16_000), id="silence"),
    pytest.param(np.zeros(100), id="short silence"),
    pytest.param(np.full(16_000, 1e-6), id="below the gate"),
]


@pytest.mark.parametrize("samples", UNHEARD)
def test_what_is_not_heard_stays_as_it_is(samples: np.ndarray) -> None:
    clip = Clip(samples.astype(np.float32), 16_000)
    assert loudness(clip) == -math.inf
    assert normalise(clip) is clip


def test_no_ceiling_above_full_scale(speech: Clip) -> None:
    with pytest.raises(UsageError, match="above full scale"):
        normalise(speech, ceiling=1.0)
