"""AMR narrow band: PyAV's packets over the same library, FFmpeg's own decoder, pauses, packets held to their type."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec.amr import BITRATES, FRAME, RATE, Amr
from imlab.codec.amr_packet import GOOD, LOST, NARROW, NO_DATA
from imlab.codec.contract import CodecError, decode, encode
from imlab.errors import UsageError

LIBRARY = "libopencore_amrnb"


@pytest.fixture(scope="module")
def said(speech: Clip) -> Clip:
    """Three seconds of speech at 8 kHz."""
    return Clip(resample(speech, RATE).samples[: 3 * RATE], RATE)


@pytest.mark.parametrize("bitrate", BITRATES)
def test_every_mode_has_its_size_and_its_place(bitrate: int, said: Clip) -> None:
    coded = encode(Amr(bitrate), said)
    size = 1 + -(-bitrate * 20 // 8000)
    assert {len(packet.data) for packet in coded.packets} == {size} == {NARROW[BITRATES.index(bitrate)]}
    heard = decode(Amr(), coded).samples
    inside = said.samples[40:-40]
    scores = [float(heard[40 + by : len(heard) - 40 + by] @ inside) for by in range(-40, 41)]
    assert abs(int(np.argmax(scores)) - 40) <= 1  # recorded speech: 0; the synthesiser's low voice: 1


def test_our_packets_are_those_of_pyav(said: Clip) -> None:
    import av

    context: Any = av.CodecContext.create(LIBRARY, "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = RATE, "mono", "s16", 12_200
    theirs = []
    steps = np.clip(np.rint(said.samples * 32_768), -32_768, 32_767).astype(np.int16)
    for frame in steps.reshape(-1, FRAME):
        sound = av.AudioFrame.from_ndarray(frame[None], format="s16", layout="mono")
        sound.sample_rate = RATE
        theirs += [bytes(packet) for packet in context.encode(sound)]
    ours = [packet.data for packet in encode(Amr(), said).packets]
    assert len(theirs) >= 140 and ours[: len(theirs)] == theirs


def test_ffmpegs_own_decoder_hears_the_same(said: Clip) -> None:
    import av

    context: Any = av.CodecContext.create("amrnb", "r")
    context.sample_rate, context.layout = RATE, "mono"
    coded, decoder = encode(Amr(), said), Amr().decoder()
    theirs = [
        frame.to_ndarray().ravel() for packet in coded.packets for frame in context.decode(av.Packet(packet.data))
    ]
    ours = np.concatenate([decoder.decode(packet.data) for packet in coded.packets])
    assert np.corrcoef(np.concatenate(theirs), ours)[0, 1] > 0.98  # it computes in floating point, the other in 16 bits


def test_a_pause_is_sent_as_a_description_now_and_then(said: Clip) -> None:
    hiss = np.random.default_rng(2).normal(0, 1e-3, 3 * RATE).astype(np.float32)
    coded = encode(Amr(dtx=True), Clip(np.concatenate([said.samples, hiss]), RATE))
    sizes = Counter(len(packet.data) for packet in coded.packets)
    assert set(sizes) == {NARROW[7], NARROW[8], NARROW[NO_DATA]}
    assert sizes[NARROW[NO_DATA]] > 80 and sizes[NARROW[8]] > 10
    assert {packet.data for packet in coded.packets if len(packet.data) == 1} == {LOST} == {b"\x7c"}
    pause = decode(Amr(), coded).samples[-RATE:]
    assert 1e-4 < pause.std() < 1e-2, "comfort noise as loud as the pause"


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", "this one has nothing"),
        (bytes([8 << 3 | GOOD]), "type 8 has 6 bytes, this one 1"),
        (bytes([7 << 3 | GOOD]) + bytes(30), "type 7 has 32 bytes, this one 31"),
        (bytes([GOOD]) + bytes(13), "type 0 has 13 bytes, this one 14"),
        (LOST + b"\0", "type 15 has 1 bytes, this one 2"),
        *((bytes([kind << 3 | GOOD]) + bytes(12), "not an AMR packet") for kind in range(9, 15)),
        (bytes([0x80 | GOOD]) + bytes(12), "not an AMR packet: header 84, 13 bytes"),
    ],
)
def test_a_packet_is_held_to_its_type_before_the_library_sees_it(data: bytes, seen: str) -> None:
    with pytest.raises(CodecError, match=seen):
        Amr().decoder().decode(data)


def test_a_packet_that_calls_itself_damaged_is_a_lost_one(said: Clip) -> None:
    packets = [packet.data for packet in encode(Amr(), said).packets[:30]]
    one, other = Amr().decoder(), Amr().decoder()
    for data in packets:
        one.decode(data), other.decode(data)
    marked = bytes([packets[-1][0] & ~GOOD]) + packets[-1][1:]
    np.testing.assert_array_equal(one.decode(marked), other.conceal(FRAME))


def test_a_lost_packet_is_guessed_and_fades(said: Clip) -> None:
    packets = [packet.data for packet in encode(Amr(), said).packets]
    decoder, frames = Amr().decoder(), said.samples[: len(said.samples) // FRAME * FRAME].reshape(-1, FRAME)
    for data in packets[: int(frames.std(axis=1).argmax()) + 2]:
        before = decoder.decode(data)
    first, later = decoder.conceal(FRAME), decoder.conceal(20 * FRAME)[-FRAME:]
    assert first.std() > 0.2 * before.std() and later.std() < 0.2 * first.std()
    with pytest.raises(UsageError, match="a multiple of 160 samples, not 100"):
        decoder.conceal(100)


def test_ten_thousand_damaged_packets_are_sound_or_a_named_error(said: Clip) -> None:
    random = np.random.default_rng(26_071)
    whole = [packet.data for packet in encode(Amr(dtx=True), said).packets]
    decoder, refused = Amr().decoder(), 0
    for turn in range(10_000):
        data = damaged(random, whole[turn % len(whole)])
        try:
            heard = decoder.decode(data)
        except CodecError:
            refused += 1
        else:
            assert len(data) == NARROW[data[0] >> 3] and heard.shape == (FRAME,) and np.abs(heard).max() <= 1
    assert 2_000 < refused < 8_000


def damaged(random: np.random.Generator, whole: bytes) -> bytes:
    """A packet with some bits changed, cut or made longer; or noise under the header of any type."""
    data = bytearray(whole)
    match random.integers(4):
        case 0:
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        case 1:
            del data[random.integers(len(data)) :]
        case 2:
            data += random.bytes(int(random.integers(4)))
        case _:
            kind = int(random.integers(16))
            data = bytearray([kind << 3 | GOOD, *random.bytes(NARROW.get(kind, 30) - 1)])
    return bytes(data)


@pytest.mark.parametrize("wrong", [0, 12.2, 12_201])
def test_other_bitrates_are_refused(wrong: int) -> None:
    with pytest.raises(UsageError, match="one of 4750, 5150"):
        Amr(wrong)
