"""The thumbnail: one byte a point, silence is 0, louder is never lower."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.clip import Clip, Samples
from imlab.audio.waveform import thumbnail
from imlab.errors import UsageError

POINTS = st.integers(1, 120)


def noise(length: int) -> Samples:
    return np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)


@given(length=st.integers(0, 3000), points=POINTS)
def test_as_many_points_as_asked_for(length: int, points: int) -> None:
    assert len(thumbnail(noise(length), points)) == points


@given(length=st.integers(0, 3000), points=POINTS)
def test_silence_is_nothing(length: int, points: int) -> None:
    assert thumbnail(np.zeros(length, np.float32), points) == bytes(points)


@given(length=st.integers(1, 3000), points=POINTS, gain=st.floats(1, 10))
def test_louder_is_never_lower(length: int, points: int, gain: float) -> None:
    quiet = 0.1 * noise(length)
    pairs = zip(thumbnail(quiet, points), thumbnail(quiet * np.float32(gain), points), strict=True)
    assert all(low <= high for low, high in pairs)


LEVELS = [(1.0, 255), (10 ** (-12 / 20), 204), (0.1, 170), (0.01, 85), (0.001, 0), (1e-6, 0), (4.0, 255)]


@pytest.mark.parametrize(("amplitude", "point"), LEVELS)
def test_the_scale_is_decibels_from_minus_sixty(amplitude: float, point: int) -> None:
    square = amplitude * np.tile(np.array([1, -1], np.float32), 500)
    assert set(thumbnail(square.astype(np.float32), 10)) == {point}


def test_each_point_is_its_own_stretch() -> None:
    sound = np.concatenate([np.full(100, level, np.float32) for level in (1, 0, 0.1)])
    assert list(thumbnail(sound, 3)) == [255, 0, 170]


def test_speech_rises_and_falls(speech: Clip) -> None:
    points = thumbnail(speech.samples)
    assert max(points) - min(points) > 60
    assert 60 < np.median(list(points)) < 240


def test_no_points_are_refused() -> None:
    with pytest.raises(UsageError, match="one point or more"):
        thumbnail(noise(10), 0)
