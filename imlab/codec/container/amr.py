"""AMR and AMR-WB storage format (RFC 4867, section 5): a magic word, then frames, each a byte of type and its bits.

Our packets are those frames, so the file is them end to end: nothing says where the sound ends, or how much of its
beginning is the encoder's delay. Read again, a clip has its whole last frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.container.track import Track, hold
from imlab.codec.contract import CodecError, Packet
from imlab.codec.named import open_codec

FRAMES_PER_SECOND = 50
TYPE, PADDING = 0x78, 0x83  # bits of the first byte: the frame's type, and those that must be 0


@dataclass(frozen=True, slots=True)
class Band:
    """One of the two codecs. rate in Hz; sizes: bytes of a frame by its type, the first byte included."""

    magic: bytes
    rate: int
    sizes: dict[int, int]

    @property
    def frame(self) -> int:
        """Samples in 20 ms."""
        return self.rate // FRAMES_PER_SECOND


BANDS = {  # 8 (NB) and 9 (WB) are comfort noise, 14 a lost frame, 15 silence that was not sent
    "amr": Band(b"#!AMR\n", 8_000, dict(enumerate((13, 14, 16, 18, 20, 21, 27, 32, 6))) | {15: 1}),
    "amr-wb": Band(b"#!AMR-WB\n", 16_000, dict(enumerate((18, 24, 33, 37, 41, 47, 51, 59, 61, 6))) | {14: 1, 15: 1}),
}


class AmrWriter:
    """Frames end to end."""

    def __init__(self, file: BinaryIO, track: Track) -> None:
        self._file, self._track, self._band = file, track, BANDS[track.codec]
        if track.rate != self._band.rate:
            raise CodecError(f"{track.codec} has {self._band.rate} Hz, not {track.rate}")
        self._reach = 0
        file.write(self._band.magic)

    def add(self, packet: Packet) -> None:
        """The next frame."""
        if packet.samples != self._band.frame or len(packet.data) != _size(packet.data[:1], self._band):
            raise CodecError(f"no {self._track.codec} frame of {packet.samples} samples: {packet.data[:16].hex()}")
        self._file.write(packet.data)
        self._reach += packet.samples

    def finish(self, samples: int) -> None:
        """The length is checked; there is no place to write it."""
        hold(self._track, self._reach, samples)


class AmrReader:
    """Frames one by one."""

    def __init__(self, file: BinaryIO) -> None:
        line = file.readline(16)
        codec = next((name for name, band in BANDS.items() if band.magic == line), None)
        if codec is None:
            raise CodecError(f"not an AMR file of one channel: {line!r}")
        self._file, self._band = file, BANDS[codec]
        delay = open_codec(codec, self._band.rate, self._band.frame).delay  # every encoder of the standard has it
        self.track = Track(codec, self._band.rate, delay)
        self.samples = 0

    def __iter__(self) -> Iterator[Packet]:
        reach = 0
        while first := self._file.read(1):
            size = _size(first, self._band)
            data = first + self._file.read(size - 1)
            if len(data) < size:
                raise CodecError(f"truncated: the last AMR frame has {len(data)} of {size} bytes")
            reach += self._band.frame
            yield Packet(data, self._band.frame)
        self.samples = max(0, reach - self.track.delay)


def _size(first: bytes, band: Band) -> int:
    """Bytes in the frame that begins with this byte."""
    kind = first[0] if first else PADDING
    size = band.sizes.get((kind & TYPE) >> 3)
    if size is None or kind & PADDING:
        raise CodecError(f"no AMR frame begins with byte {first.hex() or 'nothing'}")
    return size
