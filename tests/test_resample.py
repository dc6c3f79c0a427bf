"""Another rate: the length that arithmetic says, the tone that was there, and a stream equal to the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip, Samples
from imlab.audio.resample import Resampler, resample
from imlab.errors import UsageError

RATES = st.sampled_from([8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])


def tone(hz: float, rate: int, seconds: float) -> Clip:
    time = np.arange(round(seconds * rate)) / rate
    return Clip((0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32), rate)


@given(length=st.integers(0, 5000), before=RATES, after=RATES)
def test_length_is_rounded_half_up(length: int, before: int, after: int) -> None:
    clip = resample(Clip(np.zeros(length, np.float32), before), after)
    assert clip.rate == after
    assert len(clip.samples) == (2 * length * after + before) // (2 * before)


def test_the_same_rate_is_the_same_clip(speech: Clip) -> None:
    assert resample(speech, speech.rate) is speech


@pytest.mark.parametrize("before", [8000, 16_000, 44_100])
@pytest.mark.parametrize("after", [8000, 24_000, 48_000])
def test_a_tone_stays_where_and_when_it_was(before: int, after: int) -> None:
    was, expected = resample(tone(1000, before, 0.5), after), tone(1000, after, 0.5)
    inner = slice(after // 20, -after // 20)
    assert np.abs(was.samples[inner] - expected.samples[inner]).max() < 1e-4


def test_what_the_new_rate_cannot_hold_is_removed() -> None:
    inner = resample(tone(6000, 48_000, 0.5), 8000).samples[400:-400]
    assert np.abs(inner).max() < 1e-4


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 4000), max_size=12), rates=st.tuples(RATES, RATES))
def test_a_stream_in_pieces_is_the_whole(cuts: list[int], rates: tuple[int, int]) -> None:
    sound = tone(440, rates[0], 4000 / rates[0]).samples
    pieces = np.split(sound, sorted(cuts))
    whole = resample(Clip(sound, rates[0]), rates[1]).samples
    assert np.allclose(_streamed(pieces, *rates), whole, atol=1e-6)


def _streamed(pieces: list[Samples], before: int, after: int) -> Samples:
    stream = Resampler(before, after)
    return np.concatenate([*(stream.push(piece) for piece in pieces), stream.finish()])


@pytest.mark.parametrize("rate", [0, -16_000])
def test_a_rate_is_positive(rate: int, speech: Clip) -> None:
    with pytest.raises(UsageError, match="positive"):
        resample(speech, rate)
