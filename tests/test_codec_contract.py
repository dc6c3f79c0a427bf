"""What every codec promises, asked of every codec."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.amr_wb import AmrWb
from imlab.codec.av_opus import AvOpus
from imlab.codec.codec2 import Codec2
from imlab.codec.contract import Codec, CodecError, decode, drain, encode
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.lc3 import Lc3
from imlab.codec.mp3 import Mp3
from imlab.codec.named import open_codec
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError
from tests.tools import marked, need_codec

COPIED: list[Codec] = [
    Pcm(),
    Pcm(44_100, 10),
    Opus(),
    Opus(frame_ms=60, dtx=True),
    Opus(64_000, 2.5, 3, 48_000, application="lowdelay"),
    Opus(rate=8_000, bitrate=8_000, frame_ms=120, vbr=False),
    G711(),
    G711("mu", 12.5),
    Lc3(),
    Lc3(64_000, 7.5, 48_000),
]
UNCOPIED: list[Codec] = [  # their libraries have no call that copies an encoder: copy() is refused by name
    Mp3(),
    Mp3(64_000, 48_000),
    Mp3(8_000, 16_000),
    Aac(),
    Aac(64_000, 44_100),
    G722(),
    G722(2.5),
    AvOpus(rate=48_000),
    Amr(),
    Amr(4_750, dtx=True),
    AmrWb(),
    AmrWb(6_600, dtx=True),
    Codec2(),
    Codec2("1300"),
    Codec2("700c"),
]
CODECS = [*COPIED, *UNCOPIED]
PARAMETRIC = Codec2  # keeps the sound and not the wave, and draws phases as it decodes: tests/test_codec2.py
every_codec = pytest.mark.parametrize("codec", marked(CODECS), ids=repr)


@pytest.fixture(autouse=True)
def here(request: pytest.FixtureRequest) -> None:
    """A codec whose library is missing is skipped by name."""
    if "codec" in request.fixturenames:
        need_codec(request.getfixturevalue("codec"))


@pytest.fixture
def clip(codec: Codec, speech: Clip) -> Clip:
    """Two seconds and a bit of speech at the codec's rate."""
    whole = resample(speech, codec.rate)
    return Clip(whole.samples[: 2 * codec.rate + 77], codec.rate)


@every_codec
def test_it_keeps_the_contract(codec: Codec) -> None:
    assert isinstance(codec, Codec)
    assert codec == eval(repr(codec))
    assert hash(codec) == hash(eval(repr(codec)))
    assert codec.delay >= 0
    assert 0 < codec.frame <= 0.12 * codec.rate


@pytest.mark.parametrize("codec", marked([each for each in CODECS if not isinstance(each, PARAMETRIC)]), ids=repr)
def test_a_clip_comes_back_with_its_own_length_and_in_its_own_place(codec: Codec, clip: Clip) -> None:
    heard = decode(codec, encode(codec, clip))
    assert (heard.rate, len(heard.samples)) == (clip.rate, len(clip.samples))
    score = np.corrcoef(heard.samples, clip.samples)[0, 1]
    moved = np.corrcoef(heard.samples[codec.rate // 200 :], clip.samples[: -(codec.rate // 200)])[0, 1]  # by 5 ms
    assert score > 0.7
    assert score > moved + 0.2


@every_codec
def test_frame_by_frame_is_the_whole(codec: Codec, clip: Clip) -> None:
    coded = encode(codec, clip)
    encoder, decoder = codec.encoder(), codec.decoder()
    padded = np.zeros(len(coded.packets) * codec.frame, np.float32)
    padded[: len(clip.samples)] = clip.samples
    packets = [data for frame in padded.reshape(-1, codec.frame) if (data := encoder.encode(frame))]
    packets += drain(codec, encoder, len(coded.packets) - len(packets))
    assert packets == [packet.data for packet in coded.packets]
    heard = [decoder.decode(data) for data in packets]
    assert {len(part) for part in heard} == {codec.frame}
    if not isinstance(codec, PARAMETRIC):
        whole = np.concatenate(heard)[codec.delay : codec.delay + len(clip.samples)]
        np.testing.assert_array_equal(whole, decode(codec, coded).samples)


@every_codec
def test_streams_do_not_know_of_each_other(codec: Codec, clip: Clip) -> None:
    frames = clip.samples[: 2 * codec.rate // codec.frame * codec.frame].reshape(-1, codec.frame)
    alone, one, other = codec.encoder(), codec.encoder(), codec.encoder()
    for frame in frames[:20]:
        expected = alone.encode(frame)
        assert one.encode(frame) == expected
        other.encode(frame[::-1].copy())


@pytest.mark.parametrize("codec", COPIED, ids=repr)
def test_a_copy_has_the_same_past_and_its_own_future(codec: Codec, clip: Clip) -> None:
    frames = clip.samples[: len(clip.samples) // codec.frame * codec.frame].reshape(-1, codec.frame)
    encoder, alone = codec.encoder(), codec.encoder()
    for frame in frames[:8]:
        assert encoder.encode(frame) == alone.encode(frame)
    copy = encoder.copy()
    strayed = [encoder.encode(frame[::-1].copy()) for frame in frames[8:12]]
    assert [copy.encode(frame) for frame in frames[8:12]] == [alone.encode(frame) for frame in frames[8:12]] != strayed


@pytest.mark.parametrize("codec", marked(UNCOPIED), ids=repr)
def test_what_cannot_be_copied_says_whose_state_it_is(codec: Codec) -> None:
    with pytest.raises(UsageError, match=r"cannot (be copied|copy the state of)"):
        codec.encoder().copy()


@every_codec
def test_a_lost_packet_leaves_no_hole(codec: Codec, clip: Clip) -> None:
    decoder = codec.decoder()
    for packet in encode(codec, clip).packets[:5]:
        decoder.decode(packet.data)
    assert decoder.conceal(codec.frame).shape == (codec.frame,)
    assert decoder.conceal(codec.frame).dtype == np.float32


@every_codec
@pytest.mark.parametrize("level", [0.0, 1.0], ids=["silence", "clipping"])
def test_silence_and_what_is_too_loud_are_coded(codec: Codec, level: float) -> None:
    noise = np.random.default_rng(3).normal(0, level, codec.rate // 20).astype(np.float32)  # 0.05 s
    heard = decode(codec, encode(codec, Clip(noise, codec.rate))).samples
    assert heard.shape == noise.shape and np.isfinite(heard).all()
    loudest = float(np.abs(heard).max())
    assert loudest < 0.01 if level == 0 else 0.05 < loudest < 2 * np.abs(noise).max()


@every_codec
@pytest.mark.parametrize("length", [0, 1])
def test_the_shortest_clips(codec: Codec, length: int) -> None:
    clip = Clip(np.zeros(length, np.float32), codec.rate)
    coded = encode(codec, clip)
    assert len(coded.packets) == math.ceil((length + codec.delay) / codec.frame)
    assert len(decode(codec, coded).samples) == length


@every_codec
def test_a_clip_of_another_rate_is_refused(codec: Codec) -> None:
    with pytest.raises(UsageError, match="resample it first"):
        encode(codec, Clip(np.zeros(100, np.float32), 11_025))


@every_codec
def test_the_receiver_opens_it_by_name(codec: Codec, clip: Clip) -> None:
    coded = encode(codec, clip)
    opened = open_codec(coded.codec, coded.rate, coded.packets[0].samples)
    assert (opened.name, opened.rate, opened.frame) == (codec.name, codec.rate, codec.frame)
    if not isinstance(codec, PARAMETRIC):
        np.testing.assert_array_equal(decode(opened, coded).samples, decode(codec, coded).samples)


@pytest.mark.parametrize(
    ("name", "rate", "packet_samples", "seen"),
    [
        ("flac", 16_000, 320, "'flac' is unknown"),
        ("codec2-450", 8_000, 320, "'codec2-450' is unknown"),
        ("", 16_000, 320, "'' is unknown"),
        ("OPUS", 16_000, 320, "'OPUS' is unknown"),
        ("opus", 44_100, 882, "opus has no packets of 882 samples at 44100 Hz"),
        ("opus", 16_000, 321, "opus has no packets of 321 samples"),
        ("pcma", 16_000, 320, "pcma has no packets of 320 samples at 16000 Hz: 160 at 8000 Hz"),
        ("pcmu", 44_100, 441, "pcmu has no packets of 441 samples at 44100 Hz"),
        ("amr", 16_000, 320, "amr has no packets of 320 samples at 16000 Hz: 160 at 8000 Hz"),
        ("amr-wb", 16_000, 640, "amr-wb has no packets of 640 samples"),
        ("g722", 16_000, 321, "g722 has no packets of 321 samples"),
        ("mp3", 16_000, 1_152, "mp3 has no packets of 1152 samples at 16000 Hz: 576 at 16000 Hz"),
        ("mp3", 96_000, 1_152, "MP3 has no rate 96000"),
        ("aac", 16_000, 960, "aac has no packets of 960 samples"),
        ("lc3", 44_100, 441, "LC3 has no rate 44100"),
        ("lc3", 16_000, 320, "LC3 has no frame_ms 20.0"),
        ("codec2-1300", 8_000, 160, "codec2-1300 has no packets of 160 samples"),
        ("opus", 16_000, 0, "outside 0 to 120 ms"),
        ("opus", 16_000, 1_921, "outside 0 to 120 ms"),
        ("opus", 0, 0, "a rate of 0 Hz"),
        ("pcm", 2**32 - 1, 2**32 - 1, "a rate of 4294967295 Hz"),
        ("pcm", 192_000, 2**32 - 1, "outside 0 to 120 ms"),
        ("pcm", 16_000, 0, "outside 0 to 120 ms"),
    ],
)
def test_what_a_peer_declares_is_checked(name: str, rate: int, packet_samples: int, seen: str) -> None:
    with pytest.raises(CodecError, match=seen):
        open_codec(name, rate, packet_samples)


@every_codec
def test_a_coded_clip_that_promises_more_than_it_has_is_refused(codec: Codec, clip: Clip) -> None:
    with pytest.raises(CodecError, match="came out of the packets"):
        decode(codec, replace(encode(codec, clip), samples=2**63))
