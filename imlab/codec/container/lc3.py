"""The file of LC3's reference tools (liblc3's elc3 and dlc3; FFmpeg reads it too): a header, then sized packets.

The header in 16-bit words: 0xCC1C, its size, Hz / 100, bit/s / 100, channels, frame in 10 us, 0, samples (two words).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.named import open_codec

MAGIC = 0xCC1C
HEADER = struct.Struct("<HHHHHHHI")
SIZE = struct.Struct("<H")
MOST_RATE, MOST_FRAME = 65_535 * 100, 65_535  # what 16 bits hold


class Lc3Writer:
    """The header is written twice: first blank, at the end with frame, bitrate and length."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        if not 0 < track.rate <= MOST_RATE or track.rate % 100:
            raise CodecError(f"no LC3 at {track.rate} Hz")
        self._file, self._track = file, track
        self._frame = self._reach = self._bytes = 0
        file.write(bytes(HEADER.size))

    def add(self, packet: Packet) -> None:
        """The next packet: all last equally long."""
        self._frame = self._frame or packet.samples
        if packet.samples != self._frame or not 0 < len(packet.data) < 1 << 16:
            raise CodecError(f"an LC3 packet of {packet.samples} samples, {len(packet.data)} bytes among {self._frame}")
        self._file.write(SIZE.pack(len(packet.data)) + packet.data)
        self._reach += packet.samples
        self._bytes += len(packet.data)

    def finish(self, samples: int) -> None:
        """Go back to the header."""
        hold(self._track, self._reach, samples)
        rate, frame = self._track.rate, self._frame
        frame_10us, rest = divmod(frame * 100_000, rate)
        bitrate = self._bytes * 8 * rate // (self._reach or 1)
        if not 0 < frame_10us <= MOST_FRAME or rest or bitrate // 100 >= 1 << 16 or samples >= 1 << 32:
            raise CodecError(f"no LC3 file of packets of {frame} samples at {rate} Hz, {bitrate} bit/s")
        self._file.seek(0)
        self._file.write(HEADER.pack(MAGIC, HEADER.size, rate // 100, bitrate // 100, 1, frame_10us, 0, samples))
        self._file.seek(0, 2)


class Lc3Reader:
    """Packets one by one."""

    def __init__(self, file: BinaryIO) -> None:
        head = file.read(HEADER.size)
        if len(head) < HEADER.size:
            raise CodecError(f"truncated: an LC3 header has {HEADER.size} bytes, not {len(head)}")
        magic, size, hecto_hz, _, channels, frame_10us, _, samples = HEADER.unpack(head)
        if (magic, size, channels) != (MAGIC, HEADER.size, 1):
            raise CodecError(f"not an LC3 file of one channel: {head[:12].hex()}")
        rate = hecto_hz * 100
        self._file, self._frame = file, rate * frame_10us // 100_000
        self.track = Track("lc3", rate, open_codec("lc3", rate, self._frame).delay)
        self.samples = int(samples)

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        while head := self._file.read(SIZE.size):
            size = int.from_bytes(head, "little")
            data = self._file.read(size)
            if len(head) < SIZE.size or len(data) < size or not size:
                raise CodecError(f"truncated: the LC3 packet at sample {reach} has {len(data)} of {size} bytes")
            reach += self._frame
            yield Packet(data, self._frame)
        hold(self.track, reach, self.samples)
