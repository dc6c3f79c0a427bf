"""Capture: the same frames from a clip, a file, a corpus or any blocks, handed out when they are due."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.capture import Frame, clip_frames, clips_frames, cut_frames, file_frames, frame_size, pace
from imlab.audio.clip import Clip, Samples
from imlab.audio.files import write_clip
from imlab.audio.resample import resample
from imlab.audio.speech.corpus import Corpus
from imlab.errors import UsageError

MILLISECONDS = st.sampled_from([2.5, 10, 20, 40, 60])


def ramp(length: int, rate: int = 16_000) -> Clip:
    return Clip(np.arange(1, length + 1, dtype=np.float32), rate)


def sound(frames: list[Frame]) -> Samples:
    """What the frames hold, without the padding."""
    return np.concatenate([frame.samples[: frame.length] for frame in frames])


@given(length=st.integers(0, 5000), frame_ms=MILLISECONDS)
def test_frames_are_the_clip_and_only_the_last_is_padded(length: int, frame_ms: float) -> None:
    clip, size = ramp(length), frame_size(16_000, frame_ms)
    frames = list(clip_frames(clip, frame_ms))
    assert np.array_equal(sound(frames), clip.samples)
    assert [frame.last for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert all(len(frame.samples) == size for frame in frames)
    assert all(frame.length == size for frame in frames[:-1])
    assert not frames[-1].samples[frames[-1].length :].any()
    assert len(frames) == max(1, -(-length // size)), "no frame of padding alone, but for an empty capture"


@given(length=st.integers(1, 5000), frame_ms=MILLISECONDS)
def test_a_frame_is_due_when_its_last_sample_was_there(length: int, frame_ms: float) -> None:
    frames = list(clip_frames(ramp(length), frame_ms))
    heard = itertools.accumulate(frame.length for frame in frames)
    assert [frame.at for frame in frames] == [count / 16_000 for count in heard]


@given(length=st.integers(0, 3000), cuts=st.lists(st.integers(0, 3000), max_size=8), frame_ms=MILLISECONDS)
def test_blocks_of_any_size_give_the_same_frames(length: int, cuts: list[int], frame_ms: float) -> None:
    clip = ramp(length)
    blocks = np.split(clip.samples, sorted(min(cut, length) for cut in cuts))
    whole, pieces = list(clip_frames(clip, frame_ms)), list(cut_frames(blocks, 16_000, frame_ms))
    assert [(f.at, f.length, f.last) for f in pieces] == [(f.at, f.length, f.last) for f in whole]
    assert all(np.array_equal(piece.samples, frame.samples) for piece, frame in zip(pieces, whole, strict=True))


def test_a_frame_does_not_wait_for_more_than_the_next_block() -> None:
    blocks = iter([np.zeros(320, np.float32)] * 3)
    next(cut_frames(blocks, 16_000))
    assert len(list(blocks)) == 1


def test_a_file_is_captured_at_sixteen_kilohertz(speech: Clip, tmp_path: Path) -> None:
    recorded = resample(speech, 48_000)
    write_clip(tmp_path / "note.wav", recorded, exact=True)
    frames = list(file_frames(tmp_path / "note.wav", 60))
    assert {len(frame.samples) for frame in frames} == {960}
    assert frames[-1].at == pytest.approx(speech.seconds)
    assert np.array_equal(sound(frames), resample(recorded, 16_000).samples)


def test_a_corpus_is_one_long_capture(corpus: Corpus) -> None:
    clips = list(corpus.clips(limit=2))
    frames = list(clips_frames(corpus.clips(limit=2), 40))
    assert sum(frame.last for frame in frames) == 1
    assert frames[-1].at == pytest.approx(sum(clip.seconds for clip in clips))


@pytest.mark.parametrize(("rate", "frame_ms"), [(11_025, 20), (16_000, 0), (16_000, -20), (16_000, 0.01)])
def test_a_frame_is_a_whole_number_of_samples(rate: int, frame_ms: float) -> None:
    with pytest.raises(UsageError, match="whole number of samples"):
        frame_size(rate, frame_ms)


class Time:
    """A clock that only sleeping, and being busy, moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 25.0])
def test_paced_frames_come_when_they_are_due(speed: float) -> None:
    time = Time()
    for frame in pace(clip_frames(ramp(5000)), time.clock, time.sleep, speed):
        assert time.now == pytest.approx(100 + frame.at / speed)


def test_a_late_reader_gets_what_it_missed_at_once_and_nothing_drifts() -> None:
    time, seen = Time(), []
    for frame in pace(clip_frames(ramp(1600)), time.clock, time.sleep):
        seen.append(round(time.now - 100, 6))
        if frame.at == 0.02:
            time.now += 0.05
    assert seen == [0.02, 0.07, 0.07, 0.08, 0.1]


def test_sound_is_not_paced_backward() -> None:
    with pytest.raises(UsageError, match="not at speed 0"):
        next(pace(clip_frames(ramp(10)), Time().clock, Time().sleep, speed=0))
