"""ADTS (ISO 13818-7): seven bytes before each AAC packet, by which a stream without any container explains itself.

It is what our AAC packets pass through on their way into a file of boxes; FFmpeg reads the settings from it.
"""

from __future__ import annotations

from typing import BinaryIO

from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet

RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)  # Hz, by index
HEADER = 7  # bytes
LARGEST = (1 << 13) - 1 - HEADER  # bytes of a packet
FRAME = 1024  # samples
LOW_COMPLEXITY, ONE_CHANNEL = 1, 1


class AdtsWriter:
    """Packets, each behind its header."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        if track.rate not in RATES or track.delay < 0:
            raise CodecError(f"no AAC at {track.rate} Hz with a delay of {track.delay} samples")
        self._file, self._track, self._index = file, track, RATES.index(track.rate)
        self._reach = 0

    def add(self, packet: Packet) -> None:
        """The next packet."""
        if packet.samples != FRAME or not 0 < len(packet.data) <= LARGEST:
            raise CodecError(f"no AAC packet: {packet.samples} samples in {len(packet.data)} bytes")
        self._file.write(header(len(packet.data), self._index) + packet.data)
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The length is checked; there is no place to write it."""
        hold(self._track, self._reach, samples)
        if not self._reach:
            raise CodecError("no packets: an AAC stream has one at least")


def header(size: int, index: int) -> bytes:
    """Sync, MPEG-4 without checksum, AAC-LC, the rate's index, mono, the size with this header, a full buffer."""
    whole = size + HEADER
    bits = 0xFFF1 << 40 | LOW_COMPLEXITY << 38 | index << 34 | ONE_CHANNEL << 30 | whole << 13 | 0x7FF << 2
    return bits.to_bytes(HEADER, "big")
