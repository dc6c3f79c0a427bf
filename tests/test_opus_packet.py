"""What an Opus packet says about itself agrees with what libopus makes of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.codec.contract import CodecError
from imlab.codec.opus import OpusDecoder
from imlab.codec.opus_packet import FRAME_48K, packet_samples

SOUND = {  # packet, samples at 48 kHz
    "one SILK frame of 20 ms": ("08 01", 960),
    "a frame of no bytes": ("08", 960),
    "two equal CELT frames of 2.5 ms": ("81 01 02", 240),
    "two frames, the first of 1 byte": ("82 01 aa bb cc", 240),
    "three frames of variable size": ("83 83 01 02 aa bb cc dd", 360),
    "48 frames of 2.5 ms": ("83 30" + "01" * 48, 5760),
    "two bytes of padding": ("83 41 02 aa 00 00", 120),
    "a size in two bytes": ("82 fc 00" + "01" * 253, 240),
}
BROKEN = {
    "no bytes": "",
    "an odd half": "81 01 02 03",
    "no size": "82",
    "half a size": "82 fc",
    "a first frame beyond the end": "82 05 aa",
    "no count": "83",
    "no frames": "83 00",
    "49 frames": "83 31" + "01" * 49,
    "three frames of 60 ms": "1b 03" + "01" * 3,
    "padding beyond the end": "83 41 09 aa",
    "padding without an end": "83 41 ff ff",
    "a frame of 1276 bytes": "08" + "01" * 1276,
}


@pytest.mark.parametrize("case", SOUND)
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_sound_packet_says_how_long_it_is(case: str, rate: int) -> None:
    text, samples = SOUND[case]
    assert packet_samples(bytes.fromhex(text), rate) == samples * rate // 48_000, case


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_packet_is_refused_with_what_was_seen(case: str) -> None:
    with pytest.raises(CodecError, match="Opus packet") as error:
        packet_samples(bytes.fromhex(BROKEN[case]), 48_000)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_every_configuration_has_its_length() -> None:
    decoder = OpusDecoder(48_000)
    lengths = tuple(len(decoder.decode(bytes((config << 3, 0)))) for config in range(32))
    assert lengths == FRAME_48K


def by_libopus(decoder: OpusDecoder, data: bytes) -> int | None:
    try:
        return len(decoder.decode(data))
    except CodecError:
        return None


def by_us(data: bytes) -> int | None:
    try:
        return packet_samples(data, 16_000)
    except CodecError:
        return None


packets = st.builds(  # random bytes alone rarely reach the deep end of packing 3
    lambda first, second, rest, zeros: bytes((first, second)) + rest + bytes(zeros),
    st.integers(0, 255) | st.sampled_from([config << 3 | 3 for config in range(32)]),
    st.integers(0, 255) | st.integers(1, 4),
    st.binary(max_size=40),
    st.sampled_from((0, 0, 0, 1, 2, 250, 1_240, 1_275, 2_500)),
)


def test_we_accept_exactly_what_libopus_decodes_of_ten_thousand_packets() -> None:
    decoder = OpusDecoder(16_000)  # one for all: whatever came before, the next packet must not hurt
    drawn = random.Random(6716)
    accepted = 0
    for _ in range(10_000):
        head = bytes((drawn.randrange(256) | drawn.choice((0, 3)), drawn.randrange(256) & drawn.choice((0xFF, 0xC7))))
        data = head + drawn.randbytes(drawn.choice((0, 1, 3, 20, 60, 300, 1_300)))
        accepted += by_us(data) is not None
        assert by_us(data) == by_libopus(decoder, data), data.hex()
    assert 2_000 < accepted < 8_000  # both answers were given often


def test_we_accept_exactly_what_libopus_decodes_down_to_the_smallest_case() -> None:
    decoder = OpusDecoder(16_000)

    @settings(max_examples=800)
    @given(packets | st.binary(min_size=1, max_size=3))
    def agree(data: bytes) -> None:
        assert by_us(data) == by_libopus(decoder, data)

    agree()
