"""G.722: 64 kbit/s whatever the frame, its filters' delay, and what ffmpeg hears in our packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.contract import decode, encode
from imlab.codec.g722 import DELAY, G722
from imlab.errors import UsageError
from tests.test_opus import lag, snr
from tests.tools import need


@pytest.mark.parametrize("frame_ms", [0, -20, 0.0625, 20.1, 120.125])
def test_a_frame_is_an_even_number_of_samples(frame_ms: float) -> None:
    with pytest.raises(UsageError, match=r"multiples of 0\.125 ms"):
        G722(frame_ms)


@pytest.mark.parametrize("frame_ms", [0.125, 2.5, 10, 60, 120])
def test_the_sound_is_the_same_whatever_the_frame(frame_ms: float, speech: Clip) -> None:
    clip = Clip(resample(speech, 16_000).samples[:8_000], 16_000)
    coded = encode(G722(frame_ms), clip)
    assert {len(packet.data) for packet in coded.packets} == {G722(frame_ms).frame // 2}, "64 kbit/s"
    heard = decode(G722(frame_ms), coded).samples
    np.testing.assert_array_equal(heard, decode(G722(), encode(G722(), clip)).samples)
    assert lag(heard, clip.samples, most=30) == 0


def test_the_delay_is_that_of_two_mirror_filters() -> None:
    click = np.zeros(4_000, np.float32)
    click[2_000:2_004] = 0.2
    decoder = G722().decoder()
    heard = np.concatenate([decoder.decode(packet.data) for packet in encode(G722(), Clip(click, 16_000)).packets])
    assert lag(heard[: len(click)], click, most=60) == DELAY


def test_a_tone_of_either_band_stands_out_of_the_noise() -> None:
    at = np.arange(16_000) / 16_000
    for hertz, least in [(300, 25), (1_000, 25), (6_000, 12)]:  # dB; two bits a sample above 4 kHz
        tone = (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
        assert snr(decode(G722(), encode(G722(), Clip(tone, 16_000))).samples, tone) > least, hertz


@pytest.mark.outside
def test_ffmpeg_hears_the_same_samples(speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg")
    clip = Clip(resample(speech, 16_000).samples[:32_000], 16_000)
    coded = encode(G722(), clip)
    file = tmp_path / "note.g722"
    file.write_bytes(b"".join(packet.data for packet in coded.packets))
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(file), "-f", "s16le", "-"]
    heard = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, "<i2")
    ours = decode(G722(), coded).samples
    np.testing.assert_array_equal(heard[DELAY:][: len(ours)], np.rint(ours * 32_768).astype(np.int16))
