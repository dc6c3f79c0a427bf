"""A note becomes a file that anyone's player opens."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.audio.clip import Clip
from imlab.codec.container import oggopus
from imlab.codec.container.writing import to_file
from imlab.codec.contract import CodecError, Coded, Packet, decode, encode
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError

SIZES = st.sampled_from((160, 320, 960, 0))
STEPS = Clip((np.arange(-500, 500) * 60 / 32_768).astype(np.float32), 16_000)


def test_opus_becomes_ogg() -> None:
    coded = encode(Opus(), STEPS)
    assert to_file(coded) == ("ogg", oggopus.write(coded))


@pytest.mark.parametrize("length", [0, 1, 320, 1_000])
def test_pcm_becomes_a_wav_of_every_sample_and_no_more(length: int) -> None:
    clip = Clip(STEPS.samples[:length], 16_000)
    extension, data = to_file(encode(Pcm(), clip))
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert (extension, rate) == ("wav", 16_000)
    np.testing.assert_array_equal(samples, clip.samples)


def test_what_no_file_holds_is_refused() -> None:
    coded = encode(Pcm(), STEPS)
    with pytest.raises(CodecError, match="no file holds codec 'speex': opus, pcm, "):
        to_file(replace(coded, codec="speex"))
    with pytest.raises(UsageError, match="a ogg file holds opus, not pcm"):
        to_file(coded, "ogg")
    with pytest.raises(UsageError, match="no container 'avi'"):
        to_file(coded, "avi")


@settings(max_examples=300)
@given(
    st.builds(
        Coded,
        st.sampled_from(("opus", "pcm")),
        st.sampled_from((8_000, 16_000, 48_000, 0, -1, 44_100, 2**40)),
        st.integers(-1, 3_000) | st.integers(-(2**64), 2**64),
        st.integers(-1, 1_000) | st.integers(-(2**64), 2**64),
        st.lists(st.builds(Packet, st.sampled_from((b"", b"\x48", b"\x48ab", b"\x03\x00")) | st.binary(), SIZES)).map(
            tuple
        ),
    )
)
def test_any_note_of_a_peer_becomes_a_file_or_a_codec_error(coded: Coded) -> None:
    try:
        extension, data = to_file(coded)
    except CodecError:
        return
    if extension == "ogg":
        assert decode(Opus(rate=coded.rate), oggopus.read(data, coded.rate)).samples.shape == (coded.samples,)
    else:
        samples, rate = soundfile.read(io.BytesIO(data))
        assert (len(samples), rate) == (coded.samples, coded.rate)


def test_a_note_that_holds_less_than_it_says_is_no_file() -> None:
    for codec, held in ((Pcm(), 1_280), (Opus(), 1_280 - Opus().delay)):
        with pytest.raises(CodecError, match=str(held + 1)):
            to_file(replace(encode(codec, STEPS), samples=held + 1))
