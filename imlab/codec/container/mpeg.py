"""The four bytes that begin a frame of MPEG audio layer III (ISO 11172-3, 13818-3, and the unofficial 2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec.contract import CodecError

SIZE = 4  # bytes of the header
KBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # by index 1 to 14
KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = (44_100, 48_000, 32_000)  # Hz of version 1; half and a quarter of it in 2 and 2.5
HALVINGS = {3: 0, 2: 1, 0: 2}  # of the rate, by the two bits of the version
MONO = 3


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """rate in Hz; bitrate in bits per second; samples: in the frame; size: its bytes, the header included.

    start: where the side information ends and, in an info frame, the tag begins.
    """

    rate: int
    bitrate: int
    samples: int
    size: int
    mono: bool
    start: int


def parse(data: bytes) -> FrameHeader:
    """The header at the beginning; CodecError when there is none that can be read."""
    if len(data) < SIZE or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        raise CodecError(f"no MP3 frame begins with {data[:SIZE].hex() or 'nothing'}")
    version, layer, plain = data[1] >> 3 & 3, data[1] >> 1 & 3, data[1] & 1
    index, pitch, padded = data[2] >> 4, data[2] >> 2 & 3, data[2] >> 1 & 1
    if layer != 1 or version not in HALVINGS or not 0 < index < 15 or pitch == 3:
        raise CodecError(f"MPEG audio that is not read here, or damage: {data[:SIZE].hex()}")
    first = version == 3
    rate = RATES[pitch] >> HALVINGS[version]
    bitrate = 1000 * (KBITS_1 if first else KBITS_2)[index - 1]
    mono = data[3] >> 6 == MONO
    side = (17 if mono else 32) if first else (9 if mono else 17)
    size = (144 if first else 72) * bitrate // rate + padded
    return FrameHeader(rate, bitrate, 1152 if first else 576, size, mono, SIZE + 2 * (1 - plain) + side)


def widened(data: bytes, room: int) -> bytes:
    """A header like the one in ``data``, unpadded and without checksum, of the smallest frame with ``room`` bytes."""
    for index in range(1, 15):
        head = bytes((data[0], data[1] | 1, index << 4 | data[2] & 0x0C, data[3]))
        if parse(head).size >= room:
            return head
    raise CodecError(f"no MP3 frame like {data[:SIZE].hex()} has {room} bytes")
