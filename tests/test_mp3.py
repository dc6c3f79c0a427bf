"""MP3: the rates and bitrates that the layer has, its delay to the sample, and what ffmpeg hears in our packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.contract import MOST_AHEAD, decode, encode
from imlab.codec.mp3 import BITRATES, DELAY, Mp3
from imlab.errors import UsageError
from tests.test_opus import lag
from tests.tools import need

EVERY_RATE = [Mp3(1000 * bitrates[at], rate) for rate, bitrates in BITRATES.items() for at in (0, 3, -1)]


@pytest.mark.parametrize(
    ("bitrate", "rate", "possible"),
    [
        (32_000, 11_000, "8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000 Hz"),
        (33_000, 16_000, "8000, 16000, 24000, 32000, 40000"),
        (80_000, 12_000, "48000, 56000, 64000 bit/s"),
        (8_000, 24_000, "one of 16000"),
        (24_000, 48_000, "one of 32000"),
    ],
)
def test_what_the_layer_does_not_have_is_refused_with_what_it_has(bitrate: int, rate: int, possible: str) -> None:
    with pytest.raises(UsageError) as error:
        Mp3(bitrate, rate)
    assert possible in str(error.value)


@pytest.mark.parametrize("codec", EVERY_RATE, ids=repr)
def test_speech_comes_back_in_its_place_at_every_rate(codec: Mp3, speech: Clip) -> None:
    clip = Clip(resample(speech, codec.rate).samples[: codec.rate // 2], codec.rate)
    coded = encode(codec, clip)
    assert lag(decode(codec, coded).samples, clip.samples, most=30) == 0
    frames = coded.packets[0].samples / codec.rate
    assert len(coded.packets[1].data) == pytest.approx(codec.bitrate / 8 * frames, abs=1), "a constant bitrate"


@pytest.mark.parametrize("codec", EVERY_RATE, ids=repr)
def test_no_encoder_holds_back_more_than_the_contract_lets_it(codec: Mp3) -> None:
    encoder, noise = codec.encoder(), np.random.default_rng(0).normal(0, 0.3, codec.frame).astype(np.float32)
    assert any(encoder.encode(noise) for _ in range(MOST_AHEAD))


def test_the_delay_is_what_lame_and_the_decoder_add() -> None:
    click = np.zeros(8_000, np.float32)
    click[3_000] = 0.9
    codec = Mp3(160_000)
    decoder = codec.decoder()
    heard = np.concatenate([decoder.decode(packet.data) for packet in encode(codec, Clip(click, 16_000)).packets])
    assert int(np.argmax(np.abs(heard))) - 3_000 == DELAY == codec.delay


@pytest.mark.outside
@pytest.mark.parametrize("codec", [Mp3(), Mp3(64_000, 48_000)], ids=repr)
def test_ffmpeg_hears_the_sound_in_the_packets_joined(codec: Mp3, speech: Clip, tmp_path: Path) -> None:
    need("ffmpeg")
    clip = Clip(resample(speech, codec.rate).samples[: 2 * codec.rate], codec.rate)
    file = tmp_path / "note.mp3"
    file.write_bytes(b"".join(packet.data for packet in encode(codec, clip).packets))
    command = ["ffmpeg", "-v", "error", "-i", str(file), "-f", "f32le", "-"]
    heard = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, np.float32)
    late = heard[codec.delay :][: len(clip.samples)]  # no Xing header: nothing tells ffmpeg of the delay
    assert len(late) == len(clip.samples)
    assert lag(late, clip.samples, most=30) == 0
    assert np.corrcoef(late, clip.samples)[0, 1] > 0.97
