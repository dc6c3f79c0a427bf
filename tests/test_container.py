"""A note becomes a file that anyone's player opens."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from imlab.audio.clip import Clip
from imlab.codec import oggopus
from imlab.codec.container import to_file
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError

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
    with pytest.raises(UsageError, match="no file holds codec 'amr': opus, pcm have one"):
        to_file(replace(coded, codec="amr"))
    with pytest.raises(UsageError, match="1280 samples of the 1281"):
        to_file(replace(coded, samples=1_281))
