"""LC3: Google's own Python classes agree byte for byte, the delay is the library's, damage is named."""

from __future__ import annotations

import lc3 as theirs
import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.contract import CodecError, decode, encode
from imlab.codec.lc3 import LOOKAHEAD_MS, RATES, Lc3, library
from imlab.errors import UsageError

FORMS = [Lc3(64_000, frame_ms, rate) for frame_ms in LOOKAHEAD_MS for rate in RATES]


@pytest.mark.parametrize("codec", FORMS, ids=repr)
def test_googles_own_classes_give_the_same_bytes_and_hear_the_same(codec: Lc3, speech: Clip) -> None:
    clip = Clip(resample(speech, codec.rate).samples[: codec.rate // 2], codec.rate)
    encoder = theirs.Encoder(round(codec.frame_ms * 1000), codec.rate)
    decoder, ours = theirs.Decoder(round(codec.frame_ms * 1000), codec.rate), codec.decoder()
    padded = np.zeros((-(-(len(clip.samples) + codec.delay) // codec.frame), codec.frame))
    padded.flat[: len(clip.samples)] = clip.samples
    steps = np.rint(padded * 32_768).astype(np.int16)
    for packet, frame in zip(encode(codec, clip).packets, steps, strict=True):
        assert encoder.encode(frame.tobytes(), codec.bytes, 16) == packet.data
        heard = np.frombuffer(bytes(decoder.decode(packet.data, 16)), np.int16)
        np.testing.assert_array_equal(ours.decode(packet.data) * 32_768, heard)


@pytest.mark.parametrize("codec", FORMS, ids=repr)
def test_the_delay_is_the_librarys(codec: Lc3) -> None:
    assert codec.delay == library().calls.lc3_delay_samples(round(codec.frame_ms * 1000), codec.rate)
    assert codec.bytes == encoder_bytes(codec) == len(codec.encoder().encode(np.zeros(codec.frame, np.float32)))


def encoder_bytes(codec: Lc3) -> int:
    """What the library makes of the bitrate."""
    return int(library().calls.lc3_frame_bytes(round(codec.frame_ms * 1000), codec.bitrate))


def test_more_bits_are_nearer(speech: Clip) -> None:
    clip = Clip(speech.samples[:32_000], 16_000)
    scores = [np.corrcoef(decode(codec, encode(codec, clip)).samples, clip.samples)[0, 1] for codec in
              (Lc3(16_000), Lc3(24_000), Lc3(32_000), Lc3(64_000))]  # fmt: skip
    assert scores == sorted(scores) and scores[0] > 0.8 and scores[-1] > 0.99


def test_a_lost_packet_is_guessed(speech: Clip) -> None:
    codec = Lc3()
    packets = encode(codec, Clip(speech.samples[:32_000], 16_000)).packets
    decoder = codec.decoder()
    heard = [decoder.decode(packet.data).std() for packet in packets]
    loudest = int(np.argmax(heard))
    decoder = codec.decoder()
    for packet in packets[: loudest + 1]:
        decoder.decode(packet.data)
    first, later = decoder.conceal(codec.frame), [decoder.conceal(codec.frame) for _ in range(40)][-1]
    assert first.std() > 0.2 * heard[loudest] and later.std() < 0.1 * first.std()
    with pytest.raises(UsageError, match="one frame of 160 samples, not 320"):
        decoder.conceal(320)


@pytest.mark.parametrize("codec", [Lc3(), Lc3(64_000, 7.5, 48_000)], ids=repr)
def test_ten_thousand_damaged_packets_are_sound_or_a_named_error(codec: Lc3, speech: Clip) -> None:
    random = np.random.default_rng(3)
    clip = Clip(resample(speech, codec.rate).samples[: codec.rate], codec.rate)
    whole = [packet.data for packet in encode(codec, clip).packets]
    decoder, refused = codec.decoder(), 0
    for turn in range(5_000):  # of each
        data = bytearray(whole[turn % len(whole)])
        for _ in range(random.integers(4)):
            data[random.integers(len(data))] = random.integers(256)
        if turn % 5 == 0:
            data = (
                data[: random.integers(len(data))] if turn % 2 else bytearray(random.bytes(int(random.integers(450))))
            )
        try:
            heard = decoder.decode(bytes(data))
        except CodecError:
            refused += 1
        else:
            assert heard.shape == (codec.frame,) and np.abs(heard).max() <= 1
    assert 500 < refused < 4_500


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"rate": 44_100}, "one of 8000, 16000, 24000, 32000, 48000 Hz"),
        ({"frame_ms": 20}, "one of 7.5, 10 ms"),
        ({"bitrate": 15_999}, "16000 to 320000"),
        ({"bitrate": 330_000}, "16000 to 320000"),
        ({"bitrate": 21_000, "frame_ms": 7.5}, "21333 to 426667"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, int], seen: str) -> None:
    with pytest.raises(UsageError, match=seen):
        Lc3(**settings)
