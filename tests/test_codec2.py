"""Codec 2: the wheel's own class gives the same packets, the sound is in its place by its envelope."""

from __future__ import annotations

import numpy as np
import pycodec2
import pytest

from imlab.audio.clip import Clip, Samples
from imlab.audio.resample import resample
from imlab.codec.codec2 import MODES, RATE, Codec2
from imlab.codec.contract import CodecError, decode, encode
from imlab.errors import UsageError

every_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(scope="module")
def said(speech: Clip) -> Clip:
    """Speech at 8 kHz."""
    return resample(speech, RATE)


def loudness(samples: Samples) -> Samples:
    """The envelope over 20 ms, without its mean."""
    envelope = np.sqrt(np.convolve(samples**2, np.hanning(160), "same"))
    centred: Samples = (envelope - envelope.mean()).astype(np.float32)
    return centred


@every_mode
def test_the_wheels_own_class_gives_the_same_packets(mode: str, said: Clip) -> None:
    codec, theirs = Codec2(mode), pycodec2.Codec2(int(mode.removesuffix("c")))
    assert theirs.samples_per_frame() == codec.frame
    frames = np.rint(said.samples[: 40 * codec.frame].reshape(-1, codec.frame) * 32_768).astype(np.int16)
    ours = codec.encoder()
    for frame in frames:
        assert ours.encode(frame / np.float32(32_768)) == theirs.encode(frame)


@every_mode
def test_the_bitrate_is_in_its_name(mode: str) -> None:
    seconds = MODES[mode].frame / RATE
    assert 0 <= 8 * MODES[mode].size / seconds - int(mode.removesuffix("c")) <= 100  # filled up to whole bytes


@every_mode
def test_the_sound_is_in_its_place_by_its_envelope(mode: str, said: Clip) -> None:
    heard = loudness(decode(Codec2(mode), encode(Codec2(mode), said)).samples)
    inside = loudness(said.samples)[200:-200]
    scores = [float(heard[200 + by : len(heard) - 200 + by] @ inside) for by in range(-200, 201)]
    best = int(np.argmax(scores)) - 200
    assert abs(best) <= 40, "5 ms: an envelope is no sharper, and no wave is kept"
    assert max(scores) > 0.5 * np.linalg.norm(inside) * np.linalg.norm(heard)


@every_mode
def test_any_bytes_of_the_right_number_are_sound_and_others_a_named_error(mode: str) -> None:
    random, decoder, size = np.random.default_rng(700), Codec2(mode).decoder(), MODES[mode].size
    for turn in range(1_500):  # of each mode: over ten thousand
        data = random.bytes(size)
        heard = decoder.decode(data if turn % 10 else bytes([turn // 10 % 2 * 255]) * size)
        assert heard.shape == (MODES[mode].frame,) and np.abs(heard).max() <= 1
    for wrong in {*range(12)} - {size}:
        with pytest.raises(CodecError, match=f"has {size} bytes, not {wrong}"):
            decoder.decode(bytes(wrong))


@pytest.mark.parametrize("wrong", ["700", "700C", "450", "", "3200 "])
def test_other_modes_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="one of 3200, 2400"):
        Codec2(wrong)
