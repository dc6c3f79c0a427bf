"""Files heard from end to end: lengths and pictures of analytic sounds, packets of every length, ends that are cut."""

from __future__ import annotations

import io

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.waveform import POINTS, thumbnail
from imlab.codec.container import oggopus
from imlab.codec.container.ogg import LAST, build, pages, paginate
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec, CodecError, Coded, Packet, encode
from imlab.codec.hearing import hear
from imlab.codec.lc3 import Lc3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import PeerError
from tests.tools import need_codec

FILES: list[tuple[Codec, str]] = [
    (Pcm(), "wav"),
    (Opus(64_000), "ogg"),
    (Opus(64_000, 2.5, rate=48_000), "ogg"),
    (Opus(64_000, rate=48_000), "webm"),
    (Opus(64_000), "mp4"),
    (Lc3(64_000), "lc3"),
]


def halves(rate: int, samples: int) -> Clip:
    """Silence, then a tone of -6 dB."""
    time = np.arange(samples) / rate
    return Clip((0.5 * np.sin(2 * np.pi * 440 * time) * (time > samples / rate / 2)).astype(np.float32), rate)


@pytest.mark.parametrize(("codec", "container"), FILES, ids=repr)
@pytest.mark.parametrize("length", [16_000, 16_001, 24_317])
def test_the_length_and_the_picture_are_the_sounds(codec: Codec, container: str, length: int) -> None:
    need_codec(codec)
    clip = halves(codec.rate, length)
    heard = hear(io.BytesIO(to_file(encode(codec, clip), container)[1]), codec.name)
    assert heard.seconds == pytest.approx(clip.seconds, abs=1e-9)
    drawn = np.frombuffer(heard.waveform, np.uint8)
    assert len(drawn) == POINTS
    loud = drawn[POINTS // 2 + 2 : -1]  # the last frame may be one sample long
    assert loud == pytest.approx(255 * (1 - 9.03 / 60), abs=3)  # 0.5 is -6 dB, a sine 3 dB below
    assert drawn[: POINTS // 2 - 2].max() < 40


def test_the_picture_is_one_of_frames() -> None:
    clip = Clip(np.random.default_rng(1).uniform(-0.5, 0.5, 12_345).astype(np.float32), 16_000)
    frames = [clip.samples[at : at + 320] for at in range(0, 12_345, 320)]
    loudness = np.array([np.sqrt(np.mean(np.square(np.rint(frame * 32_767) / 32_768))) for frame in frames], np.float32)
    heard = hear(io.BytesIO(to_file(encode(Pcm(), clip))[1]), "pcm").waveform
    apart = np.abs(np.frombuffer(heard, np.uint8).astype(int) - np.frombuffer(thumbnail(loudness, POINTS), np.uint8))
    assert apart.max() <= 1


def test_packets_of_25_ms_are_heard() -> None:
    single = encode(Opus(64_000, 2.5, 0, 48_000, application="lowdelay"), Clip(np.zeros(48_000, np.float32), 48_000))
    inside = single.packets[3].data
    assert inside[0] & 3 == 0
    packet = Packet(bytes((inside[0] | 3, 0x80 | 10)) + bytes((len(inside) - 1,)) * 9 + inside[1:] * 10, 1_200)
    data = oggopus.write(Coded("opus", 48_000, 1_200 * 40, 0, (packet,) * 40))
    assert hear(io.BytesIO(data), "opus").seconds == 1.0


def test_what_is_behind_the_end_is_not_heard() -> None:
    coded = encode(Opus(64_000), halves(16_000, 16_000))
    short = oggopus.write(Coded("opus", 16_000, 4_000, coded.delay, coded.packets))
    heard = hear(io.BytesIO(short), "opus")
    assert heard.seconds == 0.25
    assert max(heard.waveform) < 40


def test_what_cannot_be_decoded_is_the_files_fault() -> None:
    coded = encode(Opus(), halves(16_000, 8_000))
    first, second, _ = pages(oggopus.write(coded))
    broken = paginate([packet.data[:1] + b"\x03" for packet in coded.packets[:3]] + [b"\x4b"], 960, 1, 2, LAST)
    with pytest.raises(CodecError):
        hear(io.BytesIO(build(first) + build(second) + broken), "opus")
    with pytest.raises(PeerError):
        hear(io.BytesIO(b"RIFF" + bytes(60)), "pcm")
