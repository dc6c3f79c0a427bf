"""Clips one after another: lengths add up, and every sample is one that was given or silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.audio.join import cut, extend, join
from imlab.errors import UsageError

LENGTHS = st.lists(st.integers(0, 200), min_size=1, max_size=6)


def clips(lengths: list[int], rate: int = 100) -> list[Clip]:
    """Each clip is its own number, from 1, over and over."""
    return [Clip(np.full(length, number, np.float32), rate) for number, length in enumerate(lengths, start=1)]


@given(lengths=LENGTHS, gap=st.integers(0, 50))
def test_joined_is_the_sum_and_gaps_are_silent(lengths: list[int], gap: int) -> None:
    joined = join(clips(lengths), gap_s=gap / 100)
    assert len(joined.samples) == sum(lengths) + gap * (len(lengths) - 1)
    assert np.count_nonzero(joined.samples == 0) == gap * (len(lengths) - 1)
    assert np.array_equal(joined.samples[joined.samples > 0], np.concatenate([c.samples for c in clips(lengths)]))


@given(lengths=LENGTHS.filter(any), seconds=st.floats(0, 30))
def test_a_note_has_the_length_that_was_asked_for(lengths: list[int], seconds: float) -> None:
    note = extend(clips(lengths), seconds)
    assert len(note.samples) == round(seconds * 100)
    once = np.concatenate([clip.samples for clip in clips(lengths)])
    assert np.array_equal(note.samples, np.resize(once, len(note.samples)))


def test_clips_are_taken_only_as_far_as_needed() -> None:
    source = iter(clips([100, 100, 100]))
    extend(source, 1.5)
    assert next(source).samples[0] == 3


def test_a_note_with_gaps_starts_over_after_a_gap() -> None:
    note = extend(clips([2]), seconds=0.07, gap_s=0.01)
    assert note.samples.tolist() == [1, 1, 0, 1, 1, 0, 1]


def test_a_cut_is_the_beginning() -> None:
    assert cut(clips([10])[0], 0.04).samples.tolist() == [1] * 4


def _different_rates() -> list[Clip]:
    return [*clips([5], rate=100), *clips([5], rate=200)]


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\[100, 200\]"):
        join(_different_rates())
    with pytest.raises(UsageError, match="none at all"):
        join([])
    with pytest.raises(UsageError, match="0 s or longer"):
        join(clips([5]), gap_s=-1)
    with pytest.raises(UsageError, match=r"3 s cannot be cut from a clip of 0.1 s"):
        cut(clips([10])[0], 3)
    with pytest.raises(UsageError, match="without sound"):
        extend(clips([0, 0]), 3)
