"""Packets end to end and nothing else: G.722 as FFmpeg keeps it. Only the file's name tells what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.g722 import G722

SAMPLES_PER_BYTE = 2  # at 16 kHz, 64 kbit/s


class G722Writer:
    """Bytes as they come."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        if track.rate != G722().rate:
            raise CodecError(f"G.722 has {G722().rate} Hz, not {track.rate}")
        self._file, self._track, self._reach = file, track, 0

    def add(self, packet: Packet) -> None:
        """The next packet, of any length."""
        if packet.samples != SAMPLES_PER_BYTE * len(packet.data):
            raise CodecError(f"{len(packet.data)} bytes of G.722 do not last {packet.samples} samples")
        self._file.write(packet.data)
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The length is checked; there is no place to write it."""
        hold(self._track, self._reach, samples)


class G722Reader:
    """Packets of 20 ms."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.track = Track("g722", G722().rate, G722().delay)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        size = G722().frame // SAMPLES_PER_BYTE
        reach = 0
        while data := self._file.read(size):
            if len(data) < size:
                raise CodecError(f"truncated: the last G.722 packet of 20 ms has {len(data)} of {size} bytes")
            reach += SAMPLES_PER_BYTE * size
            yield Packet(data, SAMPLES_PER_BYTE * size)
        self.samples = max(0, reach - self.track.delay)
