"""AAC-LC: the rates and bitrates that it has, its delay to the sample, and what ffmpeg hears in our packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec import libav
from imlab.codec.aac import DELAY, RATES, Aac, audio_specific_config
from imlab.codec.contract import decode, encode
from imlab.errors import UsageError
from tests.test_opus import lag
from tests.tools import need


@pytest.mark.parametrize(
    ("bitrate", "rate", "possible"),
    [
        (32_000, 8_000, "one of 96000, 88200"),  # a packet of 128 ms
        (7_999, 16_000, "from 8000 to 96000 bit/s"),
        (96_001, 16_000, "from 8000 to 96000 bit/s"),
    ],
)
def test_what_it_does_not_have_is_refused_with_what_it_has(bitrate: int, rate: int, possible: str) -> None:
    with pytest.raises(UsageError) as error:
        Aac(bitrate, rate)
    assert possible in str(error.value)


@pytest.mark.parametrize("rate", RATES)
def test_the_config_is_the_one_that_the_encoder_writes(rate: int) -> None:
    assert audio_specific_config(rate) == libav.open_encoder("aac", rate, libav.FLOAT_PLANES, 32_000).extradata


def test_there_is_no_config_of_a_rate_that_it_does_not_have() -> None:
    with pytest.raises(UsageError, match="AAC has no rate 16001"):
        audio_specific_config(16_001)


@pytest.mark.parametrize("rate", RATES)
def test_speech_comes_back_in_its_place_at_every_rate(rate: int, speech: Clip) -> None:
    clip = Clip(resample(speech, rate).samples[: rate // 3], rate)
    codec = Aac(48_000, rate)
    assert abs(lag(decode(codec, encode(codec, clip)).samples, clip.samples, most=30)) <= rate // 44_000


@pytest.mark.parametrize("bitrate", [16_000, 32_000, 64_000])
def test_the_bitrate_is_an_average(bitrate: int, speech: Clip) -> None:
    clip = resample(speech, 16_000)
    size = encode(Aac(bitrate), clip).size
    assert size * 8 / clip.seconds == pytest.approx(bitrate, rel=0.15)


def test_the_delay_is_half_of_the_first_window() -> None:
    click = np.zeros(8_000, np.float32)
    click[3_000] = 0.9
    codec = Aac(96_000)
    decoder = codec.decoder()
    heard = np.concatenate([decoder.decode(packet.data) for packet in encode(codec, Clip(click, 16_000)).packets])
    assert int(np.argmax(np.abs(heard))) - 3_000 == DELAY == codec.delay


def adts(packet: bytes, rate: int) -> bytes:
    """A packet with the header that lets it be played without a container (ISO/IEC 14496-3, 1.A.2.2)."""
    fields = [(0xFFF, 12), (0, 1), (0, 2), (1, 1), (1, 2), (RATES.index(rate), 4), (0, 1), (1, 3), (0, 4)]
    fields += [(len(packet) + 7, 13), (0x7FF, 11), (0, 2)]
    header = 0
    for value, bits in fields:
        header = header << bits | value
    return header.to_bytes(7, "big") + packet


@pytest.mark.outside
@pytest.mark.parametrize("codec", [Aac(), Aac(64_000, 44_100)], ids=repr)
def test_ffmpeg_hears_the_sound_in_adts(codec: Aac, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg")
    clip = Clip(resample(speech, codec.rate).samples[: 2 * codec.rate], codec.rate)
    file = tmp_path / "note.aac"
    file.write_bytes(b"".join(adts(packet.data, codec.rate) for packet in encode(codec, clip).packets))
    command = ["ffmpeg", "-v", "error", "-i", str(file), "-f", "f32le", "-"]
    heard = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, np.float32)
    late = heard[codec.delay :][: len(clip.samples)]
    assert len(late) == len(clip.samples)
    assert lag(late, clip.samples, most=30) == 0
    assert np.corrcoef(late, clip.samples)[0, 1] > 0.97
